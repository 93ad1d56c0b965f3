"""Spelling: a text as words, each word as the longest known pieces, and where they stand in the text.

    "Unaffable, eh?" -> clean up and lower -> split into words -> split words into known pieces -> numbers
                        unaffable, eh?        unaffable | , | eh | ?     una ##ffa ##ble | , | eh | ?
Source: Wu et al. 2016 (WordPiece), Devlin et al. 2019 (BERT)."""

from itertools import chain

from ..errors import VocabularyError
from .special import Finder
from .text import clean, find_words, list_words

LONGEST_WORD = 100  # characters; a longer word is [UNK]
CACHED_BYTES = 32 << 20  # of all known words together
WORD_BYTES, PIECE_BYTES, CHARACTER_BYTES = 400, 40, 4  # what one takes in the cache, at most


class Speller:
    """Texts to Spelled. ids: {piece: number}; unknown: the number of [UNK]; cleaning: (lower, strip_accents, chinese);
    added: {number: AddedToken}."""

    def __init__(self, ids, unknown, cleaning, added):
        self.cleaning, self.known_words = cleaning, KnownWords(ids, unknown)
        raw, cleaned = ({n: t for n, t in added.items() if t.normalized is on} for on in (False, True))
        ordinary = {number: token for number, token in raw.items() if not token.special}
        self.raw = {False: Finder(raw), True: Finder(ordinary)}  # by whether special tokens are split like words
        self.cleaned = Finder(cleaned, lambda token: clean(str(token), *cleaning)[0])

    def __call__(self, text, split_special=False):
        """The Spelled of one text. Raises VocabularyError."""
        if not isinstance(text, str):
            raise VocabularyError(f"tokenizer: expected a text, found {type(text).__name__}")
        chunks, finder = [], self.raw[split_special]
        if not finder.anywhere(text):
            return Spelled(self.plain(text, 0))
        for number, start, end in finder.parts(text):
            if number is None:
                chunks += self.plain(text[start:end], start)
            else:
                chunks.append(Chunk([number], start, end, None))
        return Spelled(chunks)

    def plain(self, text, shift):
        """The Chunks of a text without raw added tokens; `shift` is where it begins in the whole text."""
        cleaned, places = clean(text, *self.cleaning)
        if places is not None and shift:
            places = [shift + place for place in places]
        chunks = []
        if places is None and not self.cleaned.anywhere(cleaned):
            return [Words(self.known_words, cleaned, shift, None)]
        for number, start, end in self.cleaned.parts(cleaned):
            where = None if places is None else places[start:end]
            first, last = (shift + start, shift + end) if where is None else (0, len(where))
            if number is None:
                chunks.append(Words(self.known_words, cleaned[start:end], first, where))
            else:
                chunks.append(Chunk([number], first, last, where))
        return chunks


class KnownWords(dict):
    """{word: the numbers of its pieces}, made when a word is first met and forgotten when they take too much room."""

    def __init__(self, ids, unknown):
        self.ids, self.unknown, self.bytes = ids, unknown, 0

    def __missing__(self, word):
        found = tuple(number for number, _, _ in longest_matches(word, self.ids, self.unknown))
        if len(word) <= LONGEST_WORD:
            if self.bytes > CACHED_BYTES:
                self.clear()
                self.bytes = 0
            self[word] = found
            self.bytes += WORD_BYTES + CHARACTER_BYTES * len(word) + PIECE_BYTES * len(found)
        return found


def longest_matches(word, ids, unknown):
    """[(number, first character, end)] of a word's pieces: the longest known beginning, again and again; `unknown` for
    the whole of it if it cannot be spelled."""
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


class Chunk:
    """One added token in a text. numbers: its number; first, end: its characters, or if `where` is a list, their
    places in that."""

    __slots__ = ("numbers", "span", "where")

    def __init__(self, numbers, first, end, where):
        self.numbers, self.span, self.where = numbers, (first, end), where

    def spans(self):
        return [self.span]

    def counts(self):
        """How many tokens each word has"""
        return [1]

    def places(self):
        """[(first character, end)] in the whole text, one a token"""
        if self.where is None:
            return self.spans()
        return [(self.where[start], self.where[end - 1] + 1) for start, end in self.spans()]


class Words(Chunk):
    """Words between added tokens. text: the cleaned text in which they stand, from character `first` on."""

    __slots__ = ("first", "known", "text", "words")

    def __init__(self, known, text, first, where):
        self.known, self.text, self.first, self.where = known, text, first, where
        self.words = list_words(text)
        self.numbers = list(chain.from_iterable(map(known.__getitem__, self.words)))

    def counts(self):
        return [len(self.known[word]) for word in self.words]

    def spans(self):
        spans = []
        for word, match in zip(self.words, find_words(self.text), strict=True):
            first, pieces = self.first + match.start(), longest_matches(word, self.known.ids, self.known.unknown)
            spans += [(first + start, first + end) for _, start, end in pieces]
        return spans


class Spelled:
    """A text as numbers; the place and the word of every one of them are looked up when they are asked for.

    groups: for words that were split before: the number of the given word that each chunk stands in."""

    __slots__ = ("chunks", "groups", "numbers")

    def __init__(self, chunks, groups=None):
        self.chunks, self.groups = chunks, groups
        if len(chunks) == 1:
            self.numbers = chunks[0].numbers
        else:
            self.numbers = [number for chunk in chunks for number in chunk.numbers]

    def places(self):
        return [place for chunk in self.chunks for place in chunk.places()]

    def word_ids(self):
        """The number of the word that each token stands in; an added token counts as a word."""
        if self.groups is not None:
            pairs = zip(self.groups, self.chunks, strict=True)
            return [group for group, chunk in pairs for _ in chunk.numbers]
        counts = [count for chunk in self.chunks for count in chunk.counts()]
        return [word for word, count in enumerate(counts) for _ in range(count)]


def join(parts):
    """The Spelled of a text that was split into words before, from one Spelled a word; places count in each word."""
    chunks = [chunk for part in parts for chunk in part.chunks]
    return Spelled(chunks, [number for number, part in enumerate(parts) for _ in part.chunks])
