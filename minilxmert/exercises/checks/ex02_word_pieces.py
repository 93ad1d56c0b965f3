"""WordPiece: a word as the longest known pieces, from left to right."""

from ...words.spelling import LONGEST_WORD, longest_matches
from ..checking import Exercise


def solution(word, vocabulary):
    tokens = sorted(vocabulary)
    ids = {token: i for i, token in enumerate(tokens)}
    return [tokens[i] for i, _, _ in longest_matches(word, ids, ids["[UNK]"])]


def draws(rng):
    """Random vocabularies over three letters, a classic, and words as long as is allowed and longer."""
    classic = {"[UNK]", "una", "un", "##ffa", "##ff", "##ble", "##able", "a", "##a"}
    yield "unaffable", classic
    yield "abcd", {"[UNK]", "abc", "ab", "##cd", "##c"}  # greedy takes abc and is stuck: it never goes back
    for number in range(40):
        vocabulary = {"[UNK]"}
        for mark in ("", "##"):
            for _ in range(5):
                vocabulary.add(mark + "".join(rng.choice(list("abc"), rng.integers(1, 4))))
        if number % 2:  # every word can be spelled
            vocabulary |= {"a", "b", "c", "##a", "##b", "##c"}
        yield "".join(rng.choice(list("abc"), 1 + number % 8)), vocabulary
    yield "a" * LONGEST_WORD, {"[UNK]", "a", "##a", "##aaa"}
    yield "a" * (LONGEST_WORD + 1), {"[UNK]", "a", "##a", "##aaa"}


def matched(word, vocabulary, longest=True, marks=True, whole=True, limit=LONGEST_WORD):
    """WordPiece with one rule changed."""
    pieces, start = [], 0
    while start < len(word) <= limit:
        ends = range(start + 1, len(word) + 1)
        named = {end: ("##" if start and marks else "") + word[start:end] for end in ends}
        known = [end for end in (reversed(ends) if longest else ends) if named[end] in vocabulary]
        if not known and whole:
            return ["[UNK]"]
        pieces.append(named[known[0]] if known else "[UNK]")
        start = known[0] if known else start + 1
    return pieces or ["[UNK]"]


def somewhere(word, vocabulary):
    """The pieces of any way to spell the word, going back where greedy is stuck."""

    def spell(start):
        if start == len(word):
            return []
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            rest = spell(end) if piece in vocabulary else None
            if rest is not None:
                return [piece, *rest]
        return None

    return (spell(0) if len(word) <= LONGEST_WORD else None) or ["[UNK]"]


EXERCISE = Exercise(
    title="A word in pieces",
    minutes=30,
    chapter=2,
    teaches="WordPiece: the longest known beginning, again and again; what [UNK] stands for",
    solution=solution,
    draws=draws,
    solved=(longest_matches,),
    mistakes=(
        ("it takes the shortest known piece; take the longest", lambda w, v: matched(w, v, longest=False)),
        ("are pieces inside a word looked up without their ##?", lambda w, v: matched(w, v, marks=False)),
        ("a piece that is not known makes the whole word [UNK], once", lambda w, v: matched(w, v, whole=False)),
        ("words of more than 100 characters are [UNK]", lambda w, v: matched(w, v, limit=10**6)),
        ("words of 100 characters are still spelled, those of 101 are not", lambda w, v: matched(w, v, limit=99)),
        ("WordPiece is greedy: it never goes back to try a shorter piece", somewhere),
    ),
)
