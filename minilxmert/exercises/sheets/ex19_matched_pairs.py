"""Pairs that match, and pairs that do not: negatives that are really negative; which label means a match; which losses
a swap switches off.

30 minutes; chapter 9."""

import numpy as np

from ...training.masking import by_picture, mismatch
from ..student import Wrong

IGNORED = -1


def matched_pairs(pictures, answers, rng):
    """Give about half of the pictures a sentence of another picture, for the model to find out.

    pictures (B,) of whole numbers: sentence b was written about picture number pictures[b] (several sentences may be
    about one picture; there are at least two pictures), answers (B,) the answer to each, rng a numpy random generator
    -> sentences (B,) which sentence to show with picture b: b itself, or one of a different picture
       matched (B,)   1 where the sentence belongs to the picture, 0 where it was swapped
       answers (B,)   the same, but -1 where the sentence was swapped

    Each picture keeps its sentence with probability 1/2, independently of the others; otherwise all sentences of
    different pictures are equally likely.

    Hints
    - Swapped for another sentence is not enough: it could be about the same picture.
    - rng.choice(array) draws one value; np.flatnonzero(condition) gives the places where it holds.
    """
    source, own = mismatch(by_picture(pictures), np.arange(len(pictures)), rng)
    return source, own.astype(np.int64), np.where(own, answers, IGNORED)


def draws(rng):
    """Batches with several sentences of one picture, and the smallest one that there is."""
    for number in range(20):
        pictures = rng.integers(0, 3, 2 + number % 6)
        pictures[:2] = 0, 1
        yield pictures, rng.integers(0, 9, len(pictures)), np.random.default_rng(number)


def extra(answer, rng):
    """Four thousand sentences about five pictures, so that another sentence is often one of the same picture."""
    pictures, given = rng.integers(0, 5, 4000), rng.integers(0, 9, 4000)
    sentences, matched, answers = answer(pictures, given, np.random.default_rng(1))
    own = sentences == np.arange(4000)
    if not np.isin(matched, (0, 1)).all():
        raise Wrong("matched must be 1 (the sentence belongs to the picture) or 0")
    if own.any() and not matched[own].any():
        raise Wrong("is matched inverted? 1 means that the sentence belongs to the picture")
    if (pictures[sentences] == pictures)[matched == 0].any():
        raise Wrong("some swapped sentences belong to the same picture after all: take one of a different picture")
    if not own[matched == 1].all():
        raise Wrong("matched is 1 where the sentence is not the picture's own: a label for a swap that was made")
    if abs(matched.mean() - 0.5) > 0.05:
        raise Wrong(f"{matched.mean():.0%} keep their sentence, expected 50 %, decided for each picture on its own")
    if (answers[matched == 1] != given[matched == 1]).any():
        raise Wrong("the answers of matching pairs must stay as they are")
    if (answers[matched == 0] != IGNORED).any():
        raise Wrong("a question about another picture has no answer: -1 where the pair does not match")
    again = answer(pictures, given, np.random.default_rng(1)), answer(pictures, given, np.random.default_rng(2))
    if (again[0][0] != sentences).any() or (again[1][0] == sentences).all():
        raise Wrong("it must draw from rng, and from nothing else: the same rng, the same result")
    if len(np.unique((sentences - np.arange(4000))[matched == 0])) < 400:
        raise Wrong("the other sentence is always found at the same distance: draw it from all others")


SOLVED = (mismatch,)
OUTPUTS = ("sentences", "matched", "answers")
RANDOM = True
