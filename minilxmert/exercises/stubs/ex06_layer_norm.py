"""Exercise 6: layer normalisation. About 15 minutes; chapter 5."""

import numpy as np


def layer_norm(x, w, b, eps):
    """Give every row mean 0 and variance 1, then scale it by w and move it by b.

    x (..., E), w (E,), b (E,), eps a small number -> (..., E), in the dtype of x

        y = w · (x - mean) / sqrt(variance + eps) + b

    mean and variance are those of each row, that is, over the last axis; the variance is the mean of the squared
    distances from the mean.

    Hints
    - x.mean(-1, keepdims=True) keeps an axis of length 1, so that it can be subtracted from x.
    - eps keeps a row of equal numbers finite: where must it stand for that?
    - The mean is rounded: of 768 numbers 3.3 it is not quite 3.3, and a small eps makes much of what is left. The
      result for a row of equal numbers is b, whatever eps. Subtract the mean of what is left once more.
    """
    raise NotImplementedError("exercise 6")
