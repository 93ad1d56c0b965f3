"""Cross-entropy with rows that do not count, and its gradient."""

import numpy as np

from ...core import losses as objectives
from ..checking import Exercise


def solution(logits, labels):
    return objectives.cross_entropy(logits, labels)


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


def changed(count=lambda counted, labels: max(counted.sum(), 1), last=False, safe=True, quiet=True):
    """Cross-entropy with one piece changed."""

    def cross_entropy(logits, labels):
        counted = labels >= (-1 if last else 0)
        shift = logits.max(-1, keepdims=True) if safe else 0
        e = np.exp(logits - shift)
        p = e / e.sum(-1, keepdims=True)
        rows, n = np.flatnonzero(counted), count(counted, labels)
        terms = (logits - shift - np.log(e.sum(-1, keepdims=True)))[rows, labels[rows]]
        gradient = p.copy()
        gradient[rows, labels[rows]] -= 1
        if quiet:
            gradient[~counted] = 0
        return -np.divide(terms.sum(), n), (gradient / n).astype(logits.dtype)

    return cross_entropy


OVERFLOW = "large scores overflow, or a share of 0 has its logarithm taken: x - max - log(sum(exp(x - max)))"
EXERCISE = Exercise(
    title="Cross-entropy and its gradient",
    minutes=40,
    chapter=9,
    teaches="log-softmax that cannot overflow; a mean over the rows that have a label; p - onehot",
    solution=solution,
    draws=draws,
    solved=(objectives.cross_entropy,),
    outputs=("loss", "gradient"),
    differentiated=differentiated,
    not_finite=OVERFLOW,
    mistakes=(
        ("the mean is taken over all rows; only those with a label count", changed(lambda c, labels: len(labels))),
        ("it is NaN when no row has a label; the loss is 0 then", changed(lambda c, labels: c.sum())),
        ("it is the sum over the rows; take the mean of those with a label", changed(lambda c, labels: 1)),
        ('-1 means "no label", but logits[-1] is the last class', changed(last=True)),
        (OVERFLOW, changed(safe=False)),
        ("rows without a label must have the gradient 0", changed(quiet=False)),
        ("the sign is wrong: the loss is minus the logarithm of the share", lambda x, y: (-solution(x, y)[0], x)),
    ),
)
