"""The exact GELU together with its slope, for training: one pass over the values, where NumPy needs thirty."""

import numpy as np
from numba import types

from .compiling import part
from .math import F, exp32, gelu32
from .shared import add
from .threads import SMALL, kernel

STRIP = 4096  # values of one task
BELL = F(0.3989422804014327)  # 1/√(2π)

VECTOR = types.Array(types.float32, 1, "C", readonly=True)


@part(fastmath={"contract"})
def both(x, y, slope):
    """gelu_all for one strip"""
    for i in range(len(x)):
        v = x[i]
        value = gelu32(v)
        share = value / v if abs(v) > F(1e-3) else F(0.5) + v * BELL
        y[i] = value
        slope[i] = share + v * BELL * exp32(F(-0.5) * v * v)


@kernel(VECTOR, types.float32[::1], types.float32[::1])
def gelu_all(counter, x, y, slope):
    """y = x·Φ(x) and slope = Φ(x) + x·φ(x), all (S,). A task is STRIP values."""
    n = add(counter, 1)
    while n * STRIP < len(x):
        strip = slice(n * STRIP, min((n + 1) * STRIP, len(x)))
        both(x[strip], y[strip], slope[strip])
        n = add(counter, 1)


def gelu_and_slope(x):
    """x (…) float32 -> x·Φ(x) and its derivative, both in the shape of x"""
    x = np.ascontiguousarray(x)
    y, slope = np.empty_like(x), np.empty_like(x)
    gelu_all(x.reshape(-1), y.reshape(-1), slope.reshape(-1), small=x.size <= SMALL)
    return y, slope
