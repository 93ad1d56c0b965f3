"""Softmax with a mask: softmax that cannot overflow; why a mask is added to the scores, before the softmax.

20 minutes; chapter 4."""

import numpy as np

from ...core import ops
from ..student import Wrong

HIDDEN = -10_000.0  # what the text says; the model adds the lowest float (inputs.added_mask)


def masked_softmax(scores, visible):
    """Turn each row of scores into shares that sum to 1, with a share of 0 for every hidden place.

    scores (..., M), visible (..., M) of 1 (visible) and 0 (hidden) -> (..., M), in the dtype of scores

        share = exp(score) / sum of exp(score) over the row

    Hints
    - exp(1000) is infinite. Subtracting the same number from a whole row changes no share: which number is safe?
    - A hidden place gets -10,000 added to its score, before the softmax. Why not after it? Why not minus infinity?
      (Try a row in which nothing is visible. The model adds the lowest number that the dtype has: what becomes of
      such a row then?)
    """
    scores = scores + (1 - visible) * HIDDEN
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def draws(rng):
    """Every row has something to see; the last draws have huge scores and a single place."""
    for number in range(24):
        shape = [(2, 3, 5), (4, 4), (1, 2, 3, 4), (3, 1)][number % 4]
        scores = rng.standard_normal(shape) * (3 if number < 16 else 400)
        visible = (rng.random(shape) < 0.6).astype(float)
        np.put_along_axis(visible, rng.integers(0, shape[-1], (*shape[:-1], 1)), 1, -1)
        dtype = np.float32 if number < 4 else np.float64
        yield scores.astype(dtype), visible.astype(dtype)


def extra(answer, rng):
    """A row that sees nothing must not become NaN."""
    row = answer(rng.standard_normal((2, 3)), np.array([[1.0, 0, 1], [0, 0, 0]]))
    if not np.isfinite(row).all():
        raise Wrong("a row with nothing visible becomes NaN: add a large negative number (-10,000), not minus infinity")
    if not np.allclose(row.sum(-1), 1):
        raise Wrong(f"a row with nothing visible sums to {row[1].sum():.3g}; every row must sum to 1")


VARIES = "scores * k", "every score is divided by {k}, the temperature, before anything else"
SOLVED = (ops.softmax,)
KEEPS_DTYPE = True
NOT_FINITE = "large scores overflow: subtract the row's largest score before exp"
SLIPS = """
the rows do not sum to 1: is the mask applied after the softmax? Add it to the scores, before
    + (1 - visible) * HIDDEN =>
    / e.sum(-1, keepdims=True) => / e.sum(-1, keepdims=True) * visible
the mask is inverted: 1 means visible
    (1 - visible) => visible
the mask is not used
    + (1 - visible) * HIDDEN =>
large scores overflow: subtract the row's largest score before exp
    - scores.max(-1, keepdims=True) =>
hidden scores are set to 0, but exp(0) is 1: make them very negative
    + (1 - visible) * HIDDEN => * visible
the mask is added as 1 and 0, which hides nothing
    + (1 - visible) * HIDDEN => + visible
the mask is added as 0 and 1, which hides nothing
    * HIDDEN =>
it is summed over the wrong axis: each row (last axis) sums to 1
    -1 => 0
it is summed over the wrong axis: each row (last axis) sums to 1
    -1 => -2
the exponentials are not divided by their sum
    + (1 - visible) * HIDDEN =>
    / e.sum(-1, keepdims=True) => * visible
"""
