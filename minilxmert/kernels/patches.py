"""The Numba twin of detector/arithmetic.py: patches, a row for each output pixel of a convolution."""

import numpy as np
from numba import types

from .packing import in_rows
from .shared import add
from .threads import kernel
from .vectors import row

TASK = 32  # rows


@kernel(types.Array(types.float32, 2, "A", readonly=True), types.float32[:, ::1], *(types.int64,) * 9)
def gather(counter, x, out, height, width, h, w, start, size, stride, padding, dilation):
    """x (N · height · width, C) -> out (R, size · size · C), for the output pixels start … start + R, numbered over
    pictures of h × w. A task is TASK rows.

    Each pixel is copied as a row into a row: LLVM moves whole vectors only where no index is added to another."""
    channels = x.shape[1]
    n = add(counter, 1)
    while n * TASK < len(out):
        for r in range(n * TASK, min((n + 1) * TASK, len(out))):
            first, y, z = (start + r) // (h * w) * height, (start + r) // w % h, (start + r) % w
            line, at = row(out, r), 0
            for i in range(size):
                v = y * stride - padding + i * dilation
                for j in range(size):
                    u = z * stride - padding + j * dilation
                    target = line[at : at + channels]
                    if 0 <= v < height and 0 <= u < width:
                        pixel = row(x, (first + v) * width + u)
                        for c in range(len(target)):
                            target[c] = pixel[c]
                    else:
                        target[:] = np.float32(0)
                    at += channels
        n = add(counter, 1)


def patches(x, outputs, first, last, size, stride, padding, dilation):
    out = np.empty((last - first, size * size * x.shape[3]), np.float32)
    rows = in_rows(x.astype(np.float32, copy=False).reshape(-1, x.shape[3]))
    gather(rows, out, *x.shape[1:3], *outputs, first, size, stride, padding, dilation)
    return out
