"""Softmax with a mask, which no score can make overflow."""

import numpy as np

from ...core import ops
from ..checking import Exercise
from ..student import Wrong

HIDDEN = -10_000.0  # what the stub says; the model adds the lowest float (inputs.added_mask)


def solution(scores, visible):
    return ops.softmax(scores + ((1 - visible) * HIDDEN).astype(scores.dtype))


def draws(rng):
    """Every row has something to see; the last draws have huge scores and a single place."""
    for number in range(24):
        shape = [(2, 3, 5), (4, 4), (1, 2, 3, 4), (3, 1)][number % 4]
        scores = rng.standard_normal(shape) * (3 if number < 16 else 400)
        visible = (rng.random(shape) < 0.6).astype(float)
        np.put_along_axis(visible, rng.integers(0, shape[-1], (*shape[:-1], 1)), 1, -1)
        dtype = np.float32 if number < 4 else np.float64
        yield scores.astype(dtype), visible.astype(dtype)


def blind_row(answer, rng):
    """A row that sees nothing must not become NaN."""
    row = answer(rng.standard_normal((2, 3)), np.array([[1.0, 0, 1], [0, 0, 0]]))
    if not np.isfinite(row).all():
        raise Wrong("a row with nothing visible becomes NaN: add a large negative number (-10,000), not minus infinity")
    if not np.allclose(row.sum(-1), 1):
        raise Wrong(f"a row with nothing visible sums to {row[1].sum():.3g}; every row must sum to 1")


def softmax(s, axis=-1):
    e = np.exp(s - s.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def unshifted(scores, visible):
    e = np.exp(scores + (1 - visible) * HIDDEN)
    return e / e.sum(-1, keepdims=True)


def after(scores, visible):
    return softmax(scores) * visible


AXIS = "it is summed over the wrong axis: each row (last axis) sums to 1"
OVERFLOW = "large scores overflow: subtract the row's largest score before exp"
EXERCISE = Exercise(
    title="Softmax with a mask",
    minutes=20,
    chapter=4,
    teaches="softmax that cannot overflow; why a mask is added to the scores, before the softmax",
    solution=solution,
    draws=draws,
    solved=(ops.softmax,),
    not_finite=OVERFLOW,
    extra=blind_row,
    mistakes=(
        ("the rows do not sum to 1: is the mask applied after the softmax? Add it to the scores, before", after),
        ("the mask is inverted: 1 means visible", lambda s, visible: solution(s, 1 - visible)),
        ("the mask is not used", lambda s, visible: softmax(s)),
        (OVERFLOW, unshifted),
        ("hidden scores are set to 0, but exp(0) is 1: make them very negative", lambda s, v: softmax(s * v)),
        ("the mask is added as 1 and 0, which hides nothing", lambda s, v: softmax(s + v)),
        ("the mask is added as 0 and 1, which hides nothing", lambda s, v: softmax(s + 1 - v)),
        (AXIS, lambda s, v: softmax(s + (1 - v) * HIDDEN, 0)),
        (AXIS, lambda s, v: softmax(s + (1 - v) * HIDDEN, -2)),
        ("the exponentials are not divided by their sum", lambda s, v: np.exp(s - s.max(-1, keepdims=True)) * v),
    ),
)
