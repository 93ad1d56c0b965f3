"""The backward of layer normalisation: the chain rule through a mean and a variance; gradients of parameters are sums
over all rows.

60 minutes; chapter 8."""

import numpy as np

from ...core import ops
from . import sized


def layer_norm_backward(dy, x, w, eps):
    """The gradients of a loss with respect to x, w and b, from its gradient dy with respect to y.

    dy (..., E), x (..., E), w (E,), eps as in exercise 6 -> dx (..., E), dw (E,), db (E,)

        unit = (x - mean) / sqrt(variance + eps)
        y = w · unit + b

    Hints
    - w and b serve every row, so that their gradients are sums over all rows (all axes but the last).
    - x acts on y in three ways: directly, through the mean of its row, and through the variance of its row. Write
      d = dy · w first; the second and third way each take one mean over the row away from it.
    - On paper with E = 2 first; then compare with (loss(x + h) - loss(x - h)) / 2h.
    """
    rows = tuple(range(dy.ndim - 1))
    root = np.sqrt(x.var(-1, keepdims=True) + eps)
    unit, d = (x - x.mean(-1, keepdims=True)) / root, dy * w
    through_mean = d.mean(-1, keepdims=True)
    through_variance = unit * (d * unit).mean(-1, keepdims=True)
    return (d - through_mean - through_variance) / root, (dy * unit).sum(rows), dy.sum(rows)


@sized((2, 3, 8), (4, 5), (1, 1, 7), (3, 3), (1, 2))
def draws(rng, *shape):
    return *rng.standard_normal((2, *shape)), rng.standard_normal(shape[-1]), 0.1


def differentiated(dy, x, w, eps):
    """The forward, written out once more: y = w · (x - mean) / sqrt(variance + eps) + b, and the number sum(dy · y)."""

    def loss(x, w, b):
        y = w * (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + eps) + b
        return float((dy * y).sum())

    zero = np.zeros_like(w)
    return (lambda x: loss(x, w, zero), x), (lambda w: loss(x, w, zero), w), (lambda b: loss(x, w, b), zero)


VARIES = (
    "dy * k",
    "the loss was multiplied by {k}, as in training with float16: dy is {k} times too large, the gradients must not be",
)
SOLVED = (ops.layer_norm_backward,)
OUTPUTS = ("dx", "dw", "db")
SLIPS = """
both mean terms are missing: the row's mean and variance depend on x, too
    - through_mean =>
    - through_variance =>
the term of the mean is missing: subtract the mean of dy · w over the row
    - through_mean =>
the term of the variance is missing: subtract unit · mean(dy · w · unit)
    - through_variance =>
w is forgotten: dy is multiplied by w before anything else
    dy * w => dy
it is not divided by sqrt(variance + eps)
    ) / root, ( => ), (
it is multiplied by x instead of the normalised x
    (dy * unit) => (dy * x)
"""
