"""What a call of the tokenizer is given, put in order: texts in their forms, options in their spellings."""

import difflib
import inspect
import warnings

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
