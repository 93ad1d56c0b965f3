"""The Numba twins of detector/arithmetic.py."""

import numpy as np
from numba import types

from . import looped
from .compiling import part
from .packing import in_rows
from .shared import add
from .threads import kernel
from .vectors import row

ROWS = 16  # of a task
READ = types.Array(types.float32, 2, "A", readonly=True)
MAP = types.Array(types.float32, 3, "C", readonly=True)
EDGES = types.Array(types.int64, 3, "A", readonly=True)
F = np.float32


@kernel(types.Array(types.float32, 2, "A"), READ)
def add_positive(counter, y, shortcut):
    """y = max(y + shortcut, 0), both (R, C), in place. A task is ROWS rows."""
    n = add(counter, 1)
    while n * ROWS < len(y):
        for r in range(n * ROWS, min((n + 1) * ROWS, len(y))):
            values, others = row(y, r), row(shortcut, r)
            for i in range(len(values)):
                value = values[i] + others[i]
                values[i] = F(0) if value < F(0) else value
        n = add(counter, 1)


def add_relu(y, shortcut):
    shape = y.shape
    y, shortcut = (in_rows(x.astype(np.float32, copy=False).reshape(-1, shape[-1])) for x in (y, shortcut))
    add_positive(y, shortcut)
    return y.reshape(shape)


@part
def largest(x, top, bottom, left, right, out):
    """The largest value in rows top … bottom and columns left … right of x (H, W, C), by channel; (C,) is written"""
    for c in range(len(out)):
        out[c] = x[top, left, c]
    for y in range(top, bottom):
        for z in range(left, right):
            pixel = x[y, z]
            for c in range(len(out)):
                out[c] = max(out[c], pixel[c])


@kernel(MAP, EDGES, EDGES, types.float32[:, :, :, ::1])
def largest_in_bins(counter, x, rows, columns, out):
    """A task is a row of bins of a box."""
    high, wide = out.shape[1:3]
    n = add(counter, 1)
    while n < len(out) * high:
        box, i = n // high, n % high
        top, bottom = rows[box, i]
        for j in range(wide):
            left, right = columns[box, j]
            cell = row(out[box, i], j)
            if bottom > top and right > left:
                largest(x, top, bottom, left, right, cell)
            else:
                cell[:] = F(0)
        n = add(counter, 1)


def pool_bins(x, rows, columns):
    out = np.empty((len(rows), rows.shape[1], columns.shape[1], x.shape[2]), np.float32)
    largest_in_bins(np.ascontiguousarray(x, np.float32), rows, columns, out)
    return out


@looped(lambda t: (t.Array(t.float32, 2, "C", readonly=True), t.float64, t.int64[::1]))
def keep_best(boxes, threshold, kept):
    """Write the numbers of the boxes (N, 4) that stay into kept (most,); the rest of it stays as it was."""
    count = 0
    for i in range(len(boxes)):
        stays, area = True, (boxes[i, 2] - boxes[i, 0]) * (boxes[i, 3] - boxes[i, 1])
        for k in range(count):
            j = kept[k]
            w = min(boxes[i, 2], boxes[j, 2]) - max(boxes[i, 0], boxes[j, 0])
            h = min(boxes[i, 3], boxes[j, 3]) - max(boxes[i, 1], boxes[j, 1])
            shared = max(w, F(0)) * max(h, F(0))
            union = (boxes[j, 2] - boxes[j, 0]) * (boxes[j, 3] - boxes[j, 1]) + area - shared
            if union > F(0) and np.float64(shared / union) > threshold:
                stays = False
                break
        if stays:
            kept[count] = i
            count += 1
            if count == len(kept):
                break


def suppress(boxes, threshold, most):
    kept = np.full(min(most, len(boxes)), -1)
    keep_best(np.ascontiguousarray(boxes, np.float32), threshold, kept)
    return kept[kept >= 0]
