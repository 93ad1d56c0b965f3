"""Layer normalisation, with the residual added on the way: one pass over rows that stay in the first cache."""

import math

import numpy as np
from numba import types

from .compiling import part
from .memory import empty
from .shared import add
from .threads import kernel
from .vectors import row, widest

SMALL = 16384  # values: below, starting other threads takes longer than the work
STRIP = 8  # rows of one task

MATRIX, VECTOR = types.Array(types.float32, 2, "A", readonly=True), types.Array(types.float32, 1, "C", readonly=True)


@part(fastmath={"reassoc", "contract"})  # lets LLVM add many lanes side by side; NaN and infinities keep their meaning
def normalise(y, w, b, eps):
    """y (E,) -> mean 0 and variance 1, times w plus b, in place. Centred twice, see ops.centre."""
    widest()
    size, mean, rest, square = np.float32(len(y)), np.float32(0), np.float32(0), np.float32(0)
    for j in range(len(y)):
        mean += y[j]
    mean /= size
    for j in range(len(y)):
        y[j] -= mean
        rest += y[j]
    rest /= size
    for j in range(len(y)):
        y[j] -= rest
        square += y[j] * y[j]
    scale = np.float32(1) / np.float32(math.sqrt(square / size + np.float32(eps)))
    for j in range(len(y)):
        y[j] = y[j] * scale * w[j] + b[j]


@part(fastmath={"contract"})
def add_norm_strip(n, residual, both, w, b, eps, y):
    """STRIP rows of y = layer_norm(y + residual), or of layer_norm(y) unless both, in place"""
    for i in range(n * STRIP, min((n + 1) * STRIP, len(y))):
        other, result = row(residual, i), row(y, i)
        if both:
            for j in range(len(result)):
                result[j] += other[j]
        normalise(result, w, b, eps)


@kernel(MATRIX, MATRIX, types.int64, VECTOR, VECTOR, types.float64, types.float32[:, ::1])
def normalise_all(counter, x, residual, both, w, b, eps, y):
    """y = layer_norm(x + residual), or layer_norm(x) unless both; all (R, E). A task is STRIP rows."""
    n = add(counter, 1)
    while n * STRIP < len(x):
        for i in range(n * STRIP, min((n + 1) * STRIP, len(x))):
            source, result = row(x, i), row(y, i)
            for j in range(len(result)):
                result[j] = source[j]
        add_norm_strip(n, residual, both, w, b, eps, y)
        n = add(counter, 1)


def normalised(x, residual, w, b, eps):
    """layer_norm of x (R, E) + residual (R, E) or None, whose rows have neighbouring values -> (R, E), new"""
    y = empty(x.shape)
    both = int(residual is not None)
    w, b = np.ascontiguousarray(w), np.ascontiguousarray(b)
    normalise_all(x, residual if both else x, both, w, b, eps, y, small=y.size <= SMALL)
    return y
