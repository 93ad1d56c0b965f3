"""The Numba twin of detector/arithmetic.py: add_relu, one way through memory."""

import numpy as np
from numba import types

from .shared import add
from .threads import kernel

TASK = 1 << 14  # numbers


@kernel(types.float32[::1], types.Array(types.float32, 1, "C", readonly=True))
def add_positive(counter, y, shortcut):
    """y = max(y + shortcut, 0), in place. A task is TASK numbers."""
    n = add(counter, 1)
    while n * TASK < len(y):
        for i in range(n * TASK, min((n + 1) * TASK, len(y))):
            value = y[i] + shortcut[i]
            y[i] = np.float32(0) if value < np.float32(0) else value
        n = add(counter, 1)


def add_relu(y, shortcut):
    y = np.ascontiguousarray(y, np.float32)
    add_positive(y.reshape(-1), np.ascontiguousarray(shortcut, np.float32).reshape(-1))
    return y
