"""A word in pieces: WordPiece: the longest known beginning, again and again; what [UNK] stands for.

30 minutes; chapter 2."""

from ...words.spelling import LONGEST_WORD, longest_matches


def word_pieces(word, vocabulary):
    """Split a word into known pieces, WordPiece's way: the longest known beginning, then the same with what is left.

    word: a text of one or more characters, vocabulary: a set of pieces -> a list of pieces

    Inside a word, pieces are written with ## in front: "unaffable" -> ["una", "##ffa", "##ble"].
    When no beginning of what is left is known, the whole word is ["[UNK]"], even if some pieces were found before.
    A word of more than 100 characters is ["[UNK]"], too.

    Hints
    - Two loops: one over where a piece starts, one over where it ends, the farthest end first.
    - Python's `for … else` runs the else when the loop was not left by `break`.
    """
    pieces, start = [], 0
    while start < len(word) <= LONGEST_WORD:
        ends = range(start + 1, len(word) + 1)
        known = [end for end in reversed(ends) if "##" * (start > 0) + word[start:end] in vocabulary]
        if not known:
            return ["[UNK]"]
        pieces.append("##" * (start > 0) + word[start : known[0]])
        start = known[0]
    return pieces or ["[UNK]"]


def draws(rng):
    """Random vocabularies over three letters, a classic, and words as long as is allowed and longer."""
    yield "unaffable", {"[UNK]", "una", "un", "##ffa", "##ff", "##ble", "##able", "a", "##a"}
    yield "abcd", {"[UNK]", "abc", "ab", "##cd", "##c"}  # greedy takes abc and is stuck: it never goes back
    for number in range(40):
        vocabulary = {"[UNK]"}
        for mark in ["", "##"] * 5:
            vocabulary.add(mark + "".join(rng.choice(list("abc"), rng.integers(1, 4))))
        if number % 2:  # every word can be spelled
            vocabulary |= {"a", "b", "c", "##a", "##b", "##c"}
        yield "".join(rng.choice(list("abc"), 1 + number % 8)), vocabulary
    yield "a" * LONGEST_WORD, {"[UNK]", "a", "##a", "##aaa"}
    yield "a" * (LONGEST_WORD + 1), {"[UNK]", "a", "##a", "##aaa"}


def somewhere(word, vocabulary):
    """The pieces of any way to spell the word, going back where greedy is stuck."""

    def spell(start):
        if start == len(word):
            return []
        for end in range(len(word), start, -1):
            piece = "##" * (start > 0) + word[start:end]
            rest = spell(end) if piece in vocabulary else None
            if rest is not None:
                return [piece, *rest]
        return None

    return (spell(0) if len(word) <= LONGEST_WORD else None) or ["[UNK]"]


VARIES = "vocabulary * k -> the result * k", "pieces inside a word are written with {mark} in front instead of ##"
IMPORTS = ""
SOLVED = (longest_matches,)
SLIPS = """
it takes the shortest known piece; take the longest
    in reversed(ends) => in ends
are pieces inside a word looked up without their ##?
    "##" * (start > 0) => ""
a piece that is not known makes the whole word [UNK], once
    return ["[UNK]"] => pieces, start = [*pieces, "[UNK]"], start + 1; continue
words of more than 100 characters are [UNK]
    LONGEST_WORD => 10**6
words of 100 characters are still spelled, those of 101 are not
    <= LONGEST_WORD => < LONGEST_WORD
"""
MISTAKES = (("WordPiece is greedy: it never goes back to try a shorter piece", somewhere),)
