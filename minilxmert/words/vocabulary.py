"""Vocabularies: one WordPiece token a line; a token's number is its line. Read, written, learned from a text; and from
numbers back to tokens and text."""

import itertools
import operator
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import ShapeError, VocabularyError
from ..files import expecting, read_text, write_file
from .text import split_words

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
FILES = ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
LONGEST_TOKEN, LARGEST_FILE = 512, 64 << 20  # characters; bytes


def read_vocabulary(path, special_tokens=SPECIAL_TOKENS):
    """The tokens of a vocab.txt, in order. Raises VocabularyError, naming the line.

    Lines end at \\n alone (tokens may hold other separators), with an optional \\r before it."""
    what = "a vocabulary, one token a line"
    with expecting(what, path):
        lines = read_text(path, what, VocabularyError, LARGEST_FILE).removesuffix("\n").split("\n")
        return check_tokens([line.removesuffix("\r") for line in lines], path, special_tokens)


def tokens_of(vocabulary, special_tokens=SPECIAL_TOKENS):
    """The tokens of a vocabulary that is a file, a list, or {token: number}. Raises VocabularyError."""
    if vocabulary is None:
        raise VocabularyError("tokenizer: no vocabulary; give vocab_file=, a vocab.txt, or use from_pretrained")
    if isinstance(vocabulary, dict):
        vocabulary = order_tokens(vocabulary, "vocabulary")
    if isinstance(vocabulary, list | tuple):
        return check_tokens(list(vocabulary), special_tokens=special_tokens)
    return read_vocabulary(vocabulary, special_tokens)


def order_tokens(numbers, source):
    """The tokens of {token: number}, by number; every number from 0 on once. Raises VocabularyError."""
    tokens = dict(zip(numbers.values(), numbers.keys(), strict=True))
    missing = next((number for number in range(len(numbers)) if number not in tokens), None)
    if missing is not None:
        raise VocabularyError.at(source, "vocab", f"a token with the number {missing}", "none")
    return [tokens[number] for number in range(len(numbers))]


def check_tokens(tokens, source="tokens", special_tokens=SPECIAL_TOKENS):
    """A list of tokens, if they can be a vocabulary. Raises VocabularyError, naming the line (of `source`)."""
    refuse = partial(VocabularyError.at, source)
    seen = {}
    for number, token in enumerate(tokens, 1):
        if not token or len(token) > LONGEST_TOKEN or "\0" in token or token.startswith("\ufeff"):
            raise refuse(f"line {number}", f"a token of 1 … {LONGEST_TOKEN} characters", repr(token[:20]))
        if seen.setdefault(token, number) != number:
            raise refuse(f"line {number}", "every token once", f"{token!r} again, first on line {seen[token]}")
    missing = [token for token in special_tokens if token not in seen]
    if missing:
        raise refuse(None, f"the special tokens {', '.join(special_tokens)}", f"none called {missing[0]}")
    return tokens


def write_vocabulary(path, tokens):
    """Write tokens as a vocab.txt."""
    write_file(Path(path), "".join(f"{token}\n" for token in tokens))


def build_vocabulary(texts, size):
    """At most `size` tokens that spell every word of the texts: special tokens, characters, then joined pieces.

    The pair of neighbouring pieces that occurs most often is joined, again and again, as in byte-pair encoding
    (Sennrich et al. 2016) with WordPiece's ## marks. Equal counts go by the alphabet: the result is always the same."""
    words = Counter(word for text in texts for word in split_words(text))
    spelled = {word: [word[0], *(f"##{c}" for c in word[1:])] for word in words}
    tokens = [*SPECIAL_TOKENS, *sorted({piece for pieces in spelled.values() for piece in pieces})]
    known, counts, places = set(tokens), Counter(), defaultdict(set)
    for word in words:
        count_pairs(word, spelled[word], words[word], counts, places)
    while len(tokens) < size and counts:
        pair, count = max(counts.items(), key=lambda item: (item[1], item[0]))
        if count <= 0:
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


JOINED = ((" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"))
JOINED_LAST = ((" 's", "'s"), (" 've", "'ve"), (" 're", "'re"))


def text_of(tokens):
    """The text of tokens: "##" joins a piece to the one before; no space before marks such as . and n't"""
    glued = [t.removeprefix("##") if t.startswith("##") else f" {t}" for t in tokens[1:]]
    return "".join(t if t[1:].isalnum() else tidy(t, ((" do not", " don't"),)) for t in tokens[:1] + glued)


def tidy(text, more=()):
    """A text without the spaces that splitting it into words put before its marks"""
    for spaced, close in (*JOINED, *more, *JOINED_LAST):
        text = text.replace(spaced, close)
    return text


class Reading:
    """The part of a tokenizer that reads numbers. It stands on `ids`, `tokens` and the special tokens (special.py)."""

    clean_up_tokenization = staticmethod(tidy)
    convert_tokens_to_string = staticmethod(text_of)

    def convert_tokens_to_ids(self, tokens):
        """Numbers of tokens (a text or a list); unknown ones are [UNK]."""
        if isinstance(tokens, str):
            return self.ids.get(tokens, self.unk_token_id)
        return [self.ids.get(token, self.unk_token_id) for token in tokens]

    def convert_ids_to_tokens(self, ids, skip_special_tokens=False):
        """Tokens of numbers (one or a list). Raises VocabularyError for a number out of range, ShapeError."""
        if not isinstance(ids, list | tuple) and np.ndim(ids) == 0:
            return self.token(ids)
        skipped = self.skipped_ids() if skip_special_tokens else ()
        return [self.token(number) for number in ids if number_of(number) not in skipped]

    def token(self, number):
        number = number_of(number)
        if not 0 <= number < len(self.tokens):
            raise VocabularyError(f"tokenizer: token {number} is out of range, there are {len(self.tokens)}")
        return self.tokens[number]

    def decode(self, token_ids, skip_special_tokens=False, clean_up_tokenization_spaces=None):
        """Text of numbers (one or a list): pieces joined, no space before . ? ! ,

        clean_up_tokenization_spaces: also none around an apostrophe, as in don't. Raises as convert_ids_to_tokens."""
        numbers = [token_ids] if not isinstance(token_ids, list | tuple) and np.ndim(token_ids) == 0 else token_ids
        text = text_of(self.convert_ids_to_tokens(numbers, skip_special_tokens))
        wanted = clean_up_tokenization_spaces
        return tidy(text) if (self.clean_up_tokenization_spaces if wanted is None else wanted) else text

    def batch_decode(self, sequences, skip_special_tokens=False, clean_up_tokenization_spaces=None):
        """decode for each of several rows"""
        return [self.decode(row, skip_special_tokens, clean_up_tokenization_spaces) for row in sequences]


def number_of(value):
    """A token's number as an int, NumPy's too. Raises ShapeError."""
    try:
        return operator.index(value)
    except TypeError:
        found = "a row; batch_decode takes several" if np.ndim(value) else repr(value)
        raise ShapeError(f"tokenizer: expected the number of a token, found {found}") from None
