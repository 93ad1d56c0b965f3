"""Spelling: a text as words, each word as the longest known pieces, and where they stand in the text.

    "Unaffable, eh?" -> clean up and lower -> split into words -> split words into known pieces -> numbers
                        unaffable, eh?        unaffable | , | eh | ?     una ##ffa ##ble | , | eh | ?
Source: Wu et al. 2016 (WordPiece), Devlin et al. 2019 (BERT)."""

from typing import NamedTuple

from ..errors import VocabularyError
from ..text import clean, find_words
from .added import Finder

LONGEST_WORD = 100  # characters; a longer word is [UNK]
CACHED_BYTES = 32 << 20  # of all known words together
WORD_BYTES, PIECE_BYTES, CHARACTER_BYTES = 250, 150, 4  # what one takes in the cache, at most


class Speller:
    """Texts to Spelled. ids: {piece: number}; unknown: the number of [UNK]; cleaning: (lower, strip_accents, chinese);
    added: {number: AddedToken}; all: whether special tokens in a text are found, too."""

    def __init__(self, ids, unknown, cleaning, added):
        self.ids, self.unknown, self.cleaning = ids, unknown, cleaning
        raw, cleaned = ({n: t for n, t in added.items() if t.normalized is on} for on in (False, True))
        ordinary = {number: token for number, token in raw.items() if not token.special}
        self.raw = {False: Finder(raw), True: Finder(ordinary)}  # by whether special tokens are split like words
        self.cleaned = Finder(cleaned, lambda token: clean(str(token), *cleaning)[0])
        self.known_words, self.cached = {}, 0  # {word: ((number, first character, end), …)}, bytes

    def __call__(self, text, split_special=False):
        """The Spelled of one text. Raises VocabularyError."""
        if not isinstance(text, str):
            raise VocabularyError(f"tokenizer: expected a text, found {type(text).__name__}")
        chunks = []
        for number, start, end in self.raw[split_special].parts(text):
            if number is None:
                self.spell_plain(text[start:end], start, chunks)
            else:
                chunks.append(Chunk([((number, 0, end - start),)], None, start, None))
        return Spelled(chunks)

    def spell_plain(self, text, shift, chunks):
        """Append the Chunks of a text without raw added tokens; `shift` is where it begins in the whole text."""
        cleaned, places = clean(text, *self.cleaning)
        for number, start, end in self.cleaned.parts(cleaned):
            if number is None:
                part, words = cleaned[start:end], find_words(cleaned[start:end])
                pieces = [self.pieces(match[0]) for match in words]
            else:
                part, pieces = None, [((number, 0, end - start),)]
            if places is None:
                chunks.append(Chunk(pieces, part, shift + start, None))
            else:
                chunks.append(Chunk(pieces, part, shift, places[start:end]))

    def pieces(self, word):
        """A word's tokens: ((number, first character, end), …); the longest known beginning, again and again."""
        found = self.known_words.get(word)
        if found is None:
            found = tuple(longest_matches(word, self.ids, self.unknown))
            if len(word) <= LONGEST_WORD:
                self.remember(word, found)
        return found

    def remember(self, word, found):
        if self.cached > CACHED_BYTES:
            self.known_words, self.cached = {}, 0
        self.known_words[word] = found
        self.cached += WORD_BYTES + CHARACTER_BYTES * len(word) + PIECE_BYTES * len(found)


def longest_matches(word, ids, unknown):
    """[(number, first character, end)] of a word, or `unknown` for the whole of it if it cannot be spelled."""
    if len(word) > LONGEST_WORD:
        return [(unknown, 0, len(word))]
    found, start = [], 0
    while start < len(word):
        mark = "##" if start else ""
        for end in range(len(word), start, -1):
            number = ids.get(mark + word[start:end])
            if number is not None:
                break
        else:
            return [(unknown, 0, len(word))]
        found.append((number, start, end))
        start = end
    return found


class Chunk(NamedTuple):
    """A stretch of a text: the pieces of each of its words, and what tells where they stand."""

    words: list
    text: str | None  # the cleaned text in which the words are found, in order; None: one added token
    shift: int  # where the stretch begins in the whole text
    where: list | None  # the place of every cleaned character, from `shift`; None: they follow one another

    def places(self):
        """[(first character, end)] in the whole text, one a piece; looked up only when asked for."""
        firsts = [0] if self.text is None else [match.start() for match in find_words(self.text)]
        spans = [(f + a, f + b) for f, pieces in zip(firsts, self.words, strict=True) for _, a, b in pieces]
        if self.where is not None:
            spans = [(self.where[a], self.where[b - 1] + 1) for a, b in spans]
        return [(self.shift + a, self.shift + b) for a, b in spans]


class Spelled:
    """A text as numbers, with the place and the word of every one of them.

    groups: for words that were split before: the number of the given word that each chunk stands in."""

    def __init__(self, chunks, groups=None):
        self.chunks, self.groups = chunks, groups
        self.numbers = [number for chunk in chunks for pieces in chunk.words for number, _, _ in pieces]

    def places(self):
        return [place for chunk in self.chunks for place in chunk.places()]

    def word_ids(self):
        """The number of the word that each token stands in; an added token counts as a word."""
        words = [pieces for chunk in self.chunks for pieces in chunk.words]
        if self.groups is None:
            return [number for number, pieces in enumerate(words) for _ in pieces]
        numbers = [group for group, chunk in zip(self.groups, self.chunks, strict=True) for _ in chunk.words]
        return [number for number, pieces in zip(numbers, words, strict=True) for _ in pieces]


def joined(parts):
    """The Spelled of a text that was split into words before, from one Spelled a word; places count in each word."""
    chunks = [chunk for part in parts for chunk in part.chunks]
    return Spelled(chunks, [number for number, part in enumerate(parts) for _ in part.chunks])
