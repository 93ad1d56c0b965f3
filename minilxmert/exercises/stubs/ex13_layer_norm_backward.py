"""Exercise 13: the backward of layer normalisation. About 60 minutes; chapter 8."""

import numpy as np


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
    raise NotImplementedError("exercise 13")
