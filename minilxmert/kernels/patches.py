"""The Numba twin of detector/arithmetic.py: patches, a row for each output pixel of a convolution."""

import numpy as np
from numba import types

from .shared import add
from .threads import kernel
from .tiles import row

TASK = 32  # rows


@kernel(types.Array(types.float32, 4, "C", readonly=True), types.float32[:, ::1], *(types.int64,) * 7)
def gather(counter, x, out, h, w, start, size, stride, padding, dilation):
    """out (R, size · size · C), for the output pixels start … start + R, numbered over pictures of h × w. A task is
    TASK rows."""
    _, height, width, channels = x.shape
    n = add(counter, 1)
    while n * TASK < len(out):
        for r in range(n * TASK, min((n + 1) * TASK, len(out))):
            picture, y, z = (start + r) // (h * w), (start + r) // w % h, (start + r) % w
            line, at = row(out, r), 0
            for i in range(size):
                v = y * stride - padding + i * dilation
                for j in range(size):
                    u = z * stride - padding + j * dilation
                    if 0 <= v < height and 0 <= u < width:
                        pixel = x[picture, v, u]
                        for c in range(channels):
                            line[at + c] = pixel[c]
                    else:
                        for c in range(channels):
                            line[at + c] = np.float32(0)
                    at += channels
        n = add(counter, 1)


def patches(x, outputs, first, last, size, stride, padding, dilation):
    out = np.empty((last - first, size * size * x.shape[3]), np.float32)
    gather(np.ascontiguousarray(x, np.float32), out, *outputs, first, size, stride, padding, dilation)
    return out
