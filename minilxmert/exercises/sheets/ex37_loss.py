"""Project 7, the loss: cross-entropy with its way back, which is where every gradient begins.

20 minutes; chapter 9."""

import numpy as np

from ...core import losses
from . import sized


def loss(scores, labels):
    """How surprised the softmax of the scores is by the right answers: the mean of -log(softmax(scores)[label]).

    scores (B, A), labels (B,) whole numbers 0 … A - 1; rows with a label below 0 do not count
    -> the loss, one number, and the way back: back(d) -> dscores (B, A), d being one number

    Hints
    - Your answer to exercise 12 is most of it.
    - The gradient of the whole training begins as back(1.0).
    """
    rows = np.flatnonzero(labels >= 0)
    count = max(len(rows), 1)
    shifted = scores - scores.max(-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))

    def back(d):
        dscores = np.zeros_like(scores)
        dscores[rows] = np.exp(log_p[rows])
        dscores[rows, labels[rows]] -= 1
        return dscores * (d / count)

    return -log_p[rows, labels[rows]].sum() / count, back


@sized((6, 4), (1, 2), (4, 4), (3, 5))
def draws(rng, b, answers):
    labels = rng.integers(0, answers, b)
    labels[1:][rng.random(b - 1) < 0.3] = -100
    return (float(rng.uniform(0.5, 2)),), rng.standard_normal((b, answers)) * 9, labels


SOLVED = (losses.cross_entropy,)
OUTPUTS = ("loss", "dscores")
WAY_BACK = True
SLIPS = """
the mean is taken over all rows; only those with a label count
    max(len(rows), 1) => len(labels)
1 is subtracted at the right answer: softmax - onehot
    dscores[rows, labels[rows]] -= 1 =>
the mean is missing on the way back
    (d / count) => d
it is the sum over the rows; take the mean of those with a label
    max(len(rows), 1) => 1
the gradient d of the loss is not used
    (d / count) => (1 / count)
"""
