"""Cross-entropy and its gradient: log-softmax that cannot overflow; a mean over the rows that have a label; p - onehot.

40 minutes; chapter 9."""

import numpy as np

from ...core import losses as objectives


def cross_entropy(logits, labels):
    """How surprised a softmax over the scores is by the right classes, and the gradient with respect to the scores.

    logits (R, C) scores, labels (R,) whole numbers: a class 0 … C - 1, or -100 or -1 for "this row does not count"
    -> loss, one number, and gradient (R, C), in the dtype of logits

        loss = mean of -log(softmax(logits)[row, labels[row]]) over the rows that have a label; 0 when there is none

    Hints
    - log(softmax(x)) = x - max - log(sum(exp(x - max))): no division, no overflow, no log of 0.
    - For one row the gradient is the softmax, minus 1 at the right class. What does the mean do to it?
    - rows = np.flatnonzero(labels >= 0); array[rows, labels[rows]] picks one value of each of these rows.
    """
    counted = labels >= 0
    rows = np.flatnonzero(counted)
    n = max(len(rows), 1)
    shifted = logits - logits.max(-1, keepdims=True)
    e = np.exp(shifted)
    loss = -(shifted - np.log(e.sum(-1, keepdims=True)))[rows, labels[rows]].sum() / n
    gradient = e / e.sum(-1, keepdims=True)
    gradient[rows, labels[rows]] -= 1
    gradient[~counted] = 0
    return loss, gradient / n


def draws(rng):
    """Both published marks for "does not count", batches without any label, scores as large as they come."""
    for number in range(25):
        rows, classes = [(6, 4), (5, 3), (1, 2), (3, 5), (4, 4)][number % 5]
        labels = rng.integers(0, classes, rows)
        labels[rng.random(rows) < 0.4] = (-100, -1)[number % 2]
        if number in (3, 12):
            labels[:] = -100
        elif (labels < 0).all():
            labels[0] = 0
        logits = rng.standard_normal((rows, classes)) * (500 if number > 20 else 2)
        yield logits.astype(np.float32 if number < 4 else np.float64), labels


def differentiated(logits, labels):
    def loss(x):
        terms = [np.log(np.exp(r - r.max()).sum()) + r.max() - r[y] for r, y in zip(x, labels, strict=True) if y >= 0]
        return float(sum(terms) / max(len(terms), 1))

    return None, (loss, logits)


VARIES = (
    "logits * k -> gradient / k",
    "the softmax is that of logits / {k}, a temperature; the gradient is with respect to logits as they come",
)
NOT_FINITE = "large scores overflow, or a share of 0 has its logarithm taken: x - max - log(sum(exp(x - max)))"
SOLVED = (objectives.cross_entropy,)
OUTPUTS = ("loss", "gradient")
KEEPS_DTYPE = True
SLIPS = """
the mean is taken over all rows; only those with a label count
    max(len(rows), 1) => len(labels)
it is NaN when no row has a label; the loss is 0 then
    max(len(rows), 1) => np.float64(len(rows))
it is the sum over the rows; take the mean of those with a label
    max(len(rows), 1) => 1
-1 means "no label", but logits[-1] is the last class
    >= 0 => >= -1
large scores overflow, or a share of 0 has its logarithm taken: x - max - log(sum(exp(x - max)))
    - logits.max(-1, keepdims=True) =>
rows without a label must have the gradient 0
    gradient[~counted] = 0 =>
the sign is wrong: the loss is minus the logarithm of the share
    loss = - => loss =
"""
