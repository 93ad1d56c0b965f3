"""The Numba twins of detector/arithmetic.py: max_pool and roi_pool."""

import math

import numpy as np
from numba import types

from .compiling import part
from .shared import add
from .threads import kernel
from .vectors import row

MAP = types.Array(types.float32, 4, "C", readonly=True)
F = np.float32


@part
def largest(x, top, bottom, left, right, out):
    """The largest value in rows top … bottom and columns left … right of x (H, W, C), by channel; (C,) is written"""
    channels = x.shape[2]
    for c in range(channels):
        out[c] = x[top, left, c]
    for y in range(top, bottom):
        for z in range(left, right):
            pixel = x[y, z]
            for c in range(channels):
                out[c] = max(out[c], pixel[c])


@kernel(MAP, types.float32[:, :, :, ::1])
def pool_threes(counter, x, out):
    """A task is a row of the output."""
    height, width = x.shape[1:3]
    n = add(counter, 1)
    while n < len(out) * out.shape[1]:
        picture, y = n // out.shape[1], n % out.shape[1]
        for z in range(out.shape[2]):
            bottom, right = min(2 * y + 3, height), min(2 * z + 3, width)
            largest(x[picture], 2 * y, bottom, 2 * z, right, row(out[picture, y], z))
        n = add(counter, 1)


def max_pool(x):
    n, h, w, c = x.shape
    out = np.empty((n, *(max(-(-(side - 3) // 2) + 1, 1) for side in (h, w)), c), np.float32)
    pool_threes(np.ascontiguousarray(x, np.float32), out)
    return out


@part
def whole(value, scale):
    """A corner in cells, halves away from zero"""
    scaled = F(value * scale)
    cells = np.int64(math.floor(abs(scaled) + F(0.5)))
    return cells if scaled >= 0 else -cells


@part
def bin_of(number, first, last, size, limit):
    """Where a bin of first … last begins and ends, within 0 … limit; in float32"""
    step = F(max(last - first + 1, 1)) / F(size)
    begin, end = np.int64(math.floor(F(number) * step)), np.int64(math.ceil(F(number + 1) * step))
    return min(max(begin + first, 0), limit), min(max(end + first, 0), limit)


@kernel(MAP, types.Array(types.float32, 2, "C", readonly=True), types.float32, types.float32[:, :, :, ::1])
def pool_boxes(counter, x, boxes, scale, out):
    """A task is a row of bins of a box."""
    height, width, channels = x.shape[1:]
    size = out.shape[1]
    n = add(counter, 1)
    while n < len(boxes) * size:
        box, i = n // size, n % size
        x0, y0, x1, y1 = (
            whole(boxes[box, 0], scale), whole(boxes[box, 1], scale),
            whole(boxes[box, 2], scale), whole(boxes[box, 3], scale),
        )  # fmt: skip
        top, bottom = bin_of(i, y0, y1, size, height)
        for j in range(size):
            left, right = bin_of(j, x0, x1, size, width)
            cell = row(out[box, i], j)
            if bottom > top and right > left:
                largest(x[0], top, bottom, left, right, cell)
            else:
                for c in range(channels):
                    cell[c] = F(0)
        n = add(counter, 1)


def roi_pool(x, boxes, size, scale):
    out = np.empty((len(boxes), size, size, x.shape[2]), np.float32)
    pool_boxes(np.ascontiguousarray(x[None], np.float32), np.ascontiguousarray(boxes, np.float32), F(scale), out)
    return out
