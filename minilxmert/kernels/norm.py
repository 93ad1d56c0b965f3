"""Layer normalisation, with the residual added on the way: one pass over rows that stay in the first cache."""

import math

import numpy as np
from numba import types

from ..core.ops import as_rows
from .compiling import part
from .memory import empty
from .shared import add
from .threads import SMALL, kernel
from .vectors import row, widest

STRIP = 8  # rows of one task

FILLED = types.float32[:, ::1]
MATRIX, VECTOR = types.Array(types.float32, 2, "A", readonly=True), types.Array(types.float32, 1, "C", readonly=True)


@part(fastmath={"reassoc", "contract"})  # lets LLVM add many lanes side by side; NaN and infinities keep their meaning
def centre(y):
    """y (E,) minus its mean, twice, in place (see ops.centre) -> the mean of the squares"""
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
    return square / size


@part(error_model="numpy")  # 1/0 is infinity; an error of one thread would leave the other's rows unwritten
def inverse_root(square, eps):
    """What a row of this mean square is divided by, as a factor"""
    return np.float32(1) / np.float32(math.sqrt(square + np.float32(eps)))


@part(fastmath={"contract"})
def normalise(y, w, b, eps):
    """y (E,) -> mean 0 and variance 1, times w plus b, in place"""
    widest()
    scale = inverse_root(centre(y), eps)
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


@kernel(MATRIX, MATRIX, types.int64, VECTOR, VECTOR, types.float64, FILLED)
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


# --- training ---------------------------------------------------------------------------------------------------------


@part(fastmath={"contract"})
def normalise_and_keep(unit, w, b, eps, y):
    """unit (E,) -> mean 0 and variance 1, in place; y = unit·w + b -> scale"""
    widest()
    scale = inverse_root(centre(unit), eps)
    for j in range(len(y)):
        unit[j] *= scale
        y[j] = unit[j] * w[j] + b[j]
    return scale


@part(fastmath={"reassoc", "contract"})
def norm_row_backward(dy, unit, scale, w, dx):
    """ops.layer_norm_backward for one row: dy, unit, w (E,) and the number scale -> dx (E,)"""
    widest()
    along = np.float32(0)  # the mean of d·unit
    for j in range(len(dx)):
        dx[j] = dy[j] * w[j]
        along += dx[j] * unit[j]
    along /= np.float32(len(dx))
    centre(dx)
    for j in range(len(dx)):
        dx[j] = scale * (dx[j] - unit[j] * along)


@kernel(VECTOR, VECTOR, types.float64, FILLED, FILLED, types.float32[::1])
def normalise_and_keep_all(counter, w, b, eps, y, unit, scale):
    """y = layer_norm(unit) and, for its backward, unit in place (R, E) and scale (R,). A task is STRIP rows."""
    n = add(counter, 1)
    while n * STRIP < len(y):
        for i in range(n * STRIP, min((n + 1) * STRIP, len(y))):
            scale[i] = normalise_and_keep(row(unit, i), w, b, eps, row(y, i))
        n = add(counter, 1)


@kernel(MATRIX, MATRIX, VECTOR, VECTOR, FILLED)
def norm_backward_all(counter, dy, unit, scale, w, dx):
    """dx (R, E) of ops.layer_norm_backward for dy, unit (R, E), scale (R,) and w (E,). A task is STRIP rows."""
    n = add(counter, 1)
    while n * STRIP < len(dy):
        for i in range(n * STRIP, min((n + 1) * STRIP, len(dy))):
            norm_row_backward(row(dy, i), row(unit, i), scale[i], w, row(dx, i))
        n = add(counter, 1)


def normalised_and_kept(x, w, b, eps):
    """x (..., E) -> layer_norm(x) and what its backward needs: the unit (..., E) and the scale (..., 1) of its rows"""
    unit, w, b = x.copy(), np.ascontiguousarray(w), np.ascontiguousarray(b)
    y, scale = np.empty_like(unit), np.empty((*x.shape[:-1], 1), np.float32)
    normalise_and_keep_all(w, b, eps, as_rows(y), as_rows(unit), scale.reshape(-1), small=y.size <= SMALL)
    return y, unit, scale


def norm_backward(dy, unit, scale, w):
    """dy, unit (..., E), scale (..., 1) as normalised_and_kept gives them, w (E,) -> dx (..., E)"""
    dy, unit, w = (np.ascontiguousarray(array) for array in (dy, unit, w))
    dx = np.empty_like(dy)
    norm_backward_all(as_rows(dy), as_rows(unit), scale.reshape(-1), w, as_rows(dx), small=dx.size <= SMALL)
    return dx
