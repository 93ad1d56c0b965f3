"""What a call of the tokenizer is given: texts in their forms, options in their spellings, how long a row may be."""

import difflib
import inspect
import operator
import warnings
from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError, ShapeError, VocabularyError

LISTS = list | tuple | np.ndarray


def refuse_unknown(where, unknown, function):
    """Options that a function does not have: a ConfigError names the nearest that it has."""
    for name in unknown:
        known = [p.name for p in inspect.signature(function).parameters.values() if p.kind != p.VAR_KEYWORD]
        near = difflib.get_close_matches(name, known, 1) or known[1:]
        raise ConfigError(f"{where}: there is no option {name}; the nearest: {', '.join(near)}")


def as_pairs(text, text_pair, split):
    """([(text,) or (text, its pair)], whether a list was given); split: texts are lists of words.

    Raises ShapeError, VocabularyError."""
    batch = isinstance(text, LISTS) and (not split or (len(text) > 0 and isinstance(text[0], LISTS)))
    if not batch:
        if isinstance(text_pair, LISTS) and not split:
            raise ShapeError(f"tokenizer: one text, but a list of {len(text_pair)} pairs")
        return [(checked(side, split) for side in (text, text_pair)[: 1 + (text_pair is not None)])], False
    if text_pair is None:
        return [[checked(side, split) for side in sides_of(item, split)] for item in text], True
    if isinstance(text_pair, str) or len(text_pair) != len(text):
        found = "one text" if isinstance(text_pair, str) else f"{len(text_pair)} pairs"
        raise ShapeError(f"tokenizer: {len(text)} texts, but {found}")
    return [[checked(side, split) for side in pair] for pair in zip(text, text_pair, strict=True)], True


def sides_of(item, split):
    """The one or two texts of an item of a list"""
    pair = isinstance(item, LISTS) and len(item) == 2 and (not split or isinstance(item[0], LISTS))
    return item if pair else (item,)


def checked(side, split):
    """A text, or a list of words. Raises VocabularyError."""
    if isinstance(side, LISTS if split else str):
        return side
    expected = "a list of words" if split else "a text (a list of words needs is_split_into_words=True)"
    raise VocabularyError(f"tokenizer: expected {expected}, found {type(side).__name__}")


def truncation_meant(padding, truncation, max_length, verbose):
    """What `truncation` means where it was not said: a max_length alone truncates. Warns as long as `verbose`."""
    if truncation is None and max_length is not None and padding is False:
        say(verbose, "max_length alone truncates; say truncation=True to mean it, or truncation=False")
        return True
    off = truncation is None or truncation is False or truncation == "do_not_truncate"
    if padding is True and max_length is not None and off:
        say(verbose, "max_length does nothing with padding=True alone; say truncation=True, or padding='max_length'")
    return False if truncation is None else truncation


def say(verbose, text):
    if verbose:
        warnings.warn(f"tokenizer: {text}", stacklevel=4)


PADDING = ("longest", "max_length", "do_not_pad")
TRUNCATION = ("longest_first", "only_first", "only_second", "do_not_truncate")
SIDES = ("right", "left")
LONGEST_ROW = 1 << 20  # tokens; a larger limit is none


@dataclass(frozen=True)
class Fit:
    """What a call asks for, checked. limit: tokens a row; stride: tokens that overflowing parts share;
    multiple: rows are filled up to a multiple of it; the sides are where tokens are added and taken away."""

    padding: str
    truncation: str
    limit: int
    stride: int
    multiple: int
    padding_side: str
    truncation_side: str

    def length(self, rows):
        """The length that rows are filled up to; 0 if they stay as they are."""
        if self.padding == "do_not_pad":
            return 0
        longest = self.limit if self.padding == "max_length" else max(map(len, rows), default=0)
        return -(-longest // self.multiple) * self.multiple

    def windows(self, counts, added):
        """For sides of a row with so many tokens each, and `added` special tokens: the parts of each side that fit.

        -> [[(start, end), …] a side]: what stays, then what flows over. Raises ShapeError."""
        kept = truncated(counts, self.limit - added, self.truncation)
        return [self.parts(count, size) for count, size in zip(counts, kept, strict=True)]

    def parts(self, count, size):
        """`count` tokens as overlapping parts of at most `size`, from the side that is kept."""
        if size >= count:
            return [(0, count)]
        if size == 0:
            return [(0, 0), (0, count)]
        if self.stride >= size:
            raise ShapeError(f"tokenizer: stride={self.stride} leaves no step; expected less than {size} tokens a part")
        parts = [(0, size)]
        while parts[-1][1] < count:
            start = parts[-1][0] + size - self.stride
            parts.append((start, min(start + size, count)))
        return parts if self.truncation_side == "right" else [(count - end, count - start) for start, end in parts]


def fit_of(
    padding, truncation, max_length, stride, pad_to_multiple_of, padding_side, truncation_side, model_max_length
):
    """The Fit of a call's options. Raises ShapeError."""
    padding, truncation = strategy("padding", padding, PADDING), strategy("truncation", truncation, TRUNCATION)
    limit = model_max_length if max_length is None else whole("max_length", max_length)
    if limit > LONGEST_ROW:  # files say 10³⁰ for "not known"
        padding, truncation = "do_not_pad" if padding == "max_length" else padding, "do_not_truncate"
    multiple = 1 if pad_to_multiple_of is None else whole("pad_to_multiple_of", pad_to_multiple_of, 1)
    if padding != "do_not_pad" and truncation != "do_not_truncate" and limit % multiple:
        raise ShapeError(f"tokenizer: max_length={limit} is not a multiple of pad_to_multiple_of={multiple}")
    sides = named("padding_side", padding_side, SIDES), named("truncation_side", truncation_side, SIDES)
    return Fit(padding, truncation, limit, whole("stride", stride), multiple, *sides)


def strategy(option, value, names):
    """One of the names; True is the first of them, False the last."""
    return names[0 if value else -1] if isinstance(value, bool) else named(option, value, names)


def named(option, value, names):
    """One of the names (an Enum of them, too). Raises ShapeError."""
    if isinstance(value, str) and value in names:
        return names[names.index(value)]
    raise ShapeError(f"tokenizer: {option} is {', '.join(map(repr, names))}, not {value!r}")


def whole(option, value, least=0):
    """A whole number, NumPy's too. Raises ShapeError."""
    try:
        number = operator.index(value)
    except TypeError:
        raise ShapeError(f"tokenizer: {option} is a whole number, not {value!r}") from None
    if number < least:
        raise ShapeError(f"tokenizer: {option} is at least {least}, not {number}")
    return number


def truncated(counts, limit, how):
    """How many tokens of each side remain so that they fit into `limit`; the longer side gives way first."""
    limit = max(limit, 0)
    excess = sum(counts) - limit
    if excess <= 0:
        return counts
    if limit and how in ("only_first", "only_second"):
        side = 0 if how == "only_first" else 1
        if side >= len(counts) or counts[side] <= excess:
            raise ShapeError(f"tokenizer: {how} cannot take away {excess} tokens; use truncation='longest_first'")
        return [count - excess * (side == i) for i, count in enumerate(counts)]
    if len(counts) == 1:
        return [limit]
    short, long = sorted(counts)
    long = long if short > limit else max(short, limit - short)
    if short + long > limit:
        short, long = limit // 2, limit // 2 + limit % 2
    return [short, long] if counts[0] <= counts[1] else [long, short]
