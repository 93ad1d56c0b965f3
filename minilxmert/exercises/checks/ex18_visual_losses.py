"""The losses of masked objects: what it was, weighted by the detector's confidence, and how it looked."""

import numpy as np

from ...core import losses as objectives
from ...core import ops
from ..checking import Exercise


def solution(scores, labels, confidence, guess, feats, masked):
    return objectives.cross_entropy(scores, labels, confidence)[0], objectives.smooth_l1(guess, feats, masked)[0]


def draws(rng):
    """Distances on both sides of 1, no masked object in some draws, a single one in others."""
    for number in range(24):
        rows, classes, f = [(6, 4, 5), (1, 2, 3), (4, 4, 4)][number % 3]
        dtype = np.float32 if number < 3 else np.float64
        masked = (rng.random(rows) < 0.5) * (number % 8 != 7)
        labels, confidence = rng.integers(0, classes, rows), rng.uniform(0.2, 0.9, rows)
        guess, feats = rng.standard_normal((2, rows, f)) * 2
        given = rng.standard_normal((rows, classes)), confidence, guess, feats, masked
        scores, confidence, guess, feats, masked = (x.astype(dtype) for x in given)
        yield scores, labels, confidence, guess, feats, masked


def changed(
    weigh=lambda terms, confidence, masked: (terms * confidence).mean(),
    distance=lambda d: np.where(abs(d) < 1, d * d / 2, abs(d) - 0.5),
    average=lambda terms, masked: (terms.mean(-1) * masked).mean(),
):
    """Both losses with one piece changed."""

    def losses(scores, labels, confidence, guess, feats, masked):
        terms = -np.log(ops.softmax(scores))[np.arange(len(labels)), labels]
        return weigh(terms, confidence, masked), average(distance(guess - feats), masked)

    return losses


BEYOND = "beyond 1, smooth L1 grows like |d| - 1/2"
OF_MASKED = "the mean is taken over the masked objects; divide by the number of all"
EXERCISE = Exercise(
    title="The losses of masked objects",
    minutes=30,
    chapter=9,
    teaches="smooth L1, weights by confidence, and what exactly a mean is taken over",
    solution=solution,
    draws=draws,
    solved=(objectives.cross_entropy, objectives.smooth_l1),
    outputs=("label_loss", "feature_loss"),
    mistakes=(
        ("it is not weighted by the detector's confidence", changed(lambda t, c, m: t.mean())),
        ("the labels of all objects count, masked or not", changed(lambda t, c, m: (t * c * m).mean())),
        (
            "divide by the number of objects, not the sum of weights",
            changed(lambda t, c, m: (t * c).sum() / c.sum()),
        ),
        ("it is the sum; divide by the number of objects", changed(lambda t, c, m: (t * c).sum())),
        (f"it is the squared distance; {BEYOND}", changed(distance=lambda d: d * d)),
        (f"it is half the squared distance; {BEYOND}", changed(distance=lambda d: d * d / 2)),
        ("it is the absolute distance; below 1, smooth L1 is d² / 2", changed(distance=abs)),
        ("it is the sum over the features; take their mean", changed(average=lambda t, m: (t.sum(-1) * m).mean())),
        (OF_MASKED, changed(average=lambda t, m: (t.mean(-1) * m).sum() / m.sum())),
        (OF_MASKED, changed(average=lambda t, m: (t.mean(-1) * m).sum() / max(m.sum(), 1))),
        ("the features of all objects count; only the masked ones do", changed(average=lambda t, m: t.mean())),
    ),
)
