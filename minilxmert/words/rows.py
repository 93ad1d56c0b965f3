"""A text, or a pair, as the model reads it: [CLS] A [SEP] B [SEP], cut and filled up; and what stands where."""

from typing import NamedTuple

from .spelling import Spelled


class Part(NamedTuple):
    """Neighbouring tokens of a row that have one origin: a text, or the tokenizer itself (special, filling)."""

    numbers: list
    type_id: int = 0
    seen: int = 1  # the attention mask
    sequence: int | None = None  # 0 or 1: the text that the tokens are from
    spelled: Spelled | None = None
    start: int = 0  # the number of its first token in `spelled`

    def of_text(self, values, nothing):
        """The values of these tokens, from those of the whole text; `nothing` where there is no text."""
        count = len(self.numbers)
        return [nothing] * count if self.spelled is None else values(self.spelled)[self.start : self.start + count]


def each(place):
    """A property of a TokenRow: the field at a place in Part, once for every token."""

    def column(row):
        values = []
        for part in row.parts:
            values += [part[place]] * len(part[0])
        return values

    return property(column)


class TokenRow:
    """One row of tokens. The names are those of the published fast tokenizer's Encoding.

    tokens_of: the vocabulary's tokens. overflowing: TokenRows of what did not fit."""

    __slots__ = ("overflowing", "parts", "tokens_of")

    def __init__(self, parts, tokens_of, overflowing=()):
        self.parts, self.tokens_of, self.overflowing = parts, tokens_of, overflowing

    def __len__(self):
        return sum(len(part.numbers) for part in self.parts)

    def __repr__(self):
        return f"<TokenRow: {' '.join(self.tokens)}>"

    @property
    def ids(self):
        values = []
        for part in self.parts:
            values += part[0]
        return values

    type_ids, attention_mask, sequence_ids = each(1), each(2), each(3)

    @property
    def special_tokens_mask(self):
        return [int(sequence is None) for sequence in self.sequence_ids]

    @property
    def tokens(self):
        return [self.tokens_of[number] for number in self.ids]

    @property
    def offsets(self):
        """[(first character, end)]: where each token stands in its text; (0, 0) where there is none."""
        return [place for part in self.parts for place in part.of_text(Spelled.places, (0, 0))]

    @property
    def word_ids(self):
        return [word for part in self.parts for word in part.of_text(Spelled.word_ids, None)]

    words = word_ids

    @property
    def n_sequences(self):
        return len({part.sequence for part in self.parts} - {None})

    def pad(self, length, side, number):
        """This row and its overflowing ones, filled up to a length with the number of [PAD]."""
        filling = [Part([number] * max(length - len(self), 0), seen=0)]
        parts = self.parts + filling if side == "right" else filling + self.parts
        return TokenRow(parts, self.tokens_of, [row.pad(length, side, number) for row in self.overflowing])

    # --- from tokens to words and characters, and back; None where there is no text

    def token_to_sequence(self, token):
        return self.sequence_ids[token]

    def token_to_word(self, token):
        return self.word_ids[token]

    def token_to_chars(self, token):
        return None if self.sequence_ids[token] is None else self.offsets[token]

    def word_to_tokens(self, word, sequence=0):
        """(first token, end) of a word"""
        where = list(zip(self.word_ids, self.sequence_ids, strict=True))
        found = [token for token, place in enumerate(where) if place == (word, sequence)]
        return (found[0], found[-1] + 1) if found else None

    def word_to_chars(self, word, sequence=0):
        """(first character, end) of a word"""
        span = self.word_to_tokens(word, sequence)
        return span and (self.offsets[span[0]][0], self.offsets[span[1] - 1][1])

    def char_to_token(self, character, sequence=0):
        """The number of the token in which a character stands"""
        places = zip(self.sequence_ids, self.offsets, strict=True)
        found = (t for t, (side, (start, end)) in enumerate(places) if side == sequence and start <= character < end)
        return next(found, None)

    def char_to_word(self, character, sequence=0):
        token = self.char_to_token(character, sequence)
        return None if token is None else self.token_to_word(token)


def row_of(sides, fit, around, tokens_of):
    """The TokenRow of one or two Spelled texts. around: the Parts of [CLS], and of [SEP] after either text; or None."""
    counts = [len(side.numbers) for side in sides]
    if fit.truncation == "do_not_truncate":
        return TokenRow(parts_of(sides, [(0, count) for count in counts], around), tokens_of)
    windows = fit.windows(counts, 1 + len(sides) if around else 0)
    rows = [TokenRow(parts_of(sides, spans, around), tokens_of) for spans in combinations(windows)]
    rows[0].overflowing = rows[1:]
    return rows[0]


def combinations(windows):
    """The spans of each row, one a side: what stays, then each overflowing part of one side with all of the other."""
    if len(windows) == 1:
        return [(span,) for span in windows[0]]
    first, second = windows
    overflowing = [(a, b) for a in first[1:] for b in second]
    return [(first[0], second[0]), *overflowing, *((first[0], b) for b in second[1:])]


def parts_of(sides, spans, around):
    """[CLS] A [SEP] B [SEP], of each text the tokens of its span; without `around` the texts alone"""
    parts = [around[0]] if around else []
    for number, (side, (start, end)) in enumerate(zip(sides, spans, strict=True)):
        parts.append(Part(side.numbers[start:end], number, 1, number, side, start))
        if around:
            parts.append(around[1 + number])
    return parts
