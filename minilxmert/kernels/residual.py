"""The Numba twin of detector/arithmetic.py: add_relu, one way through memory."""

import numpy as np
from numba import types

from .packing import in_rows
from .shared import add
from .threads import kernel
from .tiles import row

TASK = 16  # rows


@kernel(types.Array(types.float32, 2, "A"), types.Array(types.float32, 2, "A", readonly=True))
def add_positive(counter, y, shortcut):
    """y = max(y + shortcut, 0), both (R, C), in place. A task is TASK rows."""
    n = add(counter, 1)
    while n * TASK < len(y):
        for r in range(n * TASK, min((n + 1) * TASK, len(y))):
            values, others = row(y, r), row(shortcut, r)
            for i in range(len(values)):
                value = values[i] + others[i]
                values[i] = np.float32(0) if value < np.float32(0) else value
        n = add(counter, 1)


def add_relu(y, shortcut):
    shape = y.shape
    y, shortcut = (in_rows(x.astype(np.float32, copy=False).reshape(-1, shape[-1])) for x in (y, shortcut))
    add_positive(y, shortcut)
    return y.reshape(shape)
