"""Vocabularies: one WordPiece token a line; a token's number is its line. Read, written, and learned from a text."""

import itertools
from collections import Counter, defaultdict
from pathlib import Path

from ..errors import VocabularyError
from ..files import expecting, read_text, write_file
from .text import split_words

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
FILES = ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
LONGEST_TOKEN, LARGEST_FILE = 512, 64 << 20  # characters; bytes


def read_vocabulary(path, special_tokens=SPECIAL_TOKENS, expected_size=None):
    """The tokens of a vocab.txt, in order. Raises VocabularyError, naming the line.

    Lines end at \\n alone (tokens may hold other separators), with an optional \\r before it."""
    what = "a vocabulary, one token a line"
    with expecting(what, path):
        lines = read_text(path, what, VocabularyError, LARGEST_FILE).removesuffix("\n").split("\n")
        return checked_tokens([line.removesuffix("\r") for line in lines], path, special_tokens, expected_size)


def tokens_of(vocabulary, special_tokens=SPECIAL_TOKENS):
    """The tokens of a vocabulary that is a file, a list, or {token: number}. Raises VocabularyError."""
    if vocabulary is None:
        raise VocabularyError("tokenizer: no vocabulary; give vocab_file=, a vocab.txt, or use from_pretrained")
    if isinstance(vocabulary, dict):
        vocabulary = in_order(vocabulary, "vocabulary")
    if isinstance(vocabulary, list | tuple):
        return checked_tokens(list(vocabulary), special_tokens=special_tokens)
    return read_vocabulary(vocabulary, special_tokens)


def in_order(numbers, source):
    """The tokens of {token: number}, by number; every number from 0 on once. Raises VocabularyError."""
    tokens = dict(zip(numbers.values(), numbers.keys(), strict=True))
    missing = next((number for number in range(len(numbers)) if number not in tokens), None)
    if missing is not None:
        raise VocabularyError.at(source, "vocab", f"a token with the number {missing}", "none")
    return [tokens[number] for number in range(len(numbers))]


def checked_tokens(tokens, source="tokens", special_tokens=SPECIAL_TOKENS, expected_size=None):
    """A list of tokens, if they can be a vocabulary. Raises VocabularyError, naming the line (of `source`)."""

    def refuse(entry, expected, found):
        return VocabularyError.at(source, entry, expected, found)

    seen = {}
    for number, token in enumerate(tokens, 1):
        if not token or len(token) > LONGEST_TOKEN or "\0" in token or token.startswith("\ufeff"):
            raise refuse(f"line {number}", f"a token of 1 … {LONGEST_TOKEN} characters", repr(token[:20]))
        if seen.setdefault(token, number) != number:
            raise refuse(f"line {number}", "every token once", f"{token!r} again, first on line {seen[token]}")
    missing = [token for token in special_tokens if token not in seen]
    if missing:
        raise refuse(None, f"the special tokens {', '.join(special_tokens)}", f"none called {missing[0]}")
    if expected_size is not None and len(tokens) != expected_size:
        raise refuse(None, f"{expected_size} tokens, as the model has", len(tokens))
    return tokens


def write_vocabulary(path, tokens):
    """Write tokens as a vocab.txt."""
    write_file(Path(path), "".join(f"{token}\n" for token in tokens))


def build_vocabulary(texts, size, min_count=1):
    """At most `size` tokens that spell every word of the texts: special tokens, characters, then joined pieces.

    The pair of neighbouring pieces that occurs most often is joined, again and again, as in byte-pair encoding
    (Sennrich et al. 2016) with WordPiece's ## marks; equal counts go by the alphabet, so the result is always the same.
    min_count: pairs seen less often are not joined."""
    words = Counter(word for text in texts for word in split_words(text))
    spelled = {word: [word[0], *(f"##{c}" for c in word[1:])] for word in words}
    tokens = [*SPECIAL_TOKENS, *sorted({piece for pieces in spelled.values() for piece in pieces})]
    known, counts, places = set(tokens), Counter(), defaultdict(set)
    for word in words:
        count_pairs(word, spelled[word], words[word], counts, places)
    while len(tokens) < size and counts:
        pair, count = max(counts.items(), key=lambda item: (item[1], item[0]))
        if count < min_count or count <= 0:
            break
        joined = pair[0] + pair[1].removeprefix("##")
        if joined not in known:
            known.add(joined)
            tokens.append(joined)
        for word in sorted(places.pop(pair)):
            count_pairs(word, spelled[word], -words[word], counts, places)
            spelled[word] = join(spelled[word], pair, joined)
            count_pairs(word, spelled[word], words[word], counts, places)
        counts.pop(pair, None)
    return tokens


def count_pairs(word, pieces, times, counts, places):
    """Add `times` to the count of every pair of neighbours in a word, and note where the pair occurs."""
    for pair in itertools.pairwise(pieces):
        counts[pair] += times
        places[pair].add(word)


def join(pieces, pair, joined):
    """pieces with every occurrence of the pair replaced by the joined piece."""
    result, i = [], 0
    while i < len(pieces):
        found = tuple(pieces[i : i + 2]) == pair
        result.append(joined if found else pieces[i])
        i += 2 if found else 1
    return result
