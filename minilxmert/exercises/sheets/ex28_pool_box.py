"""RoI pooling: boxes of any size become maps of one size; how corners and bins are rounded, and what an edge does.

40 minutes; chapter 14."""

import numpy as np

from ...detector import arithmetic


def pool_box(x, box, size):
    """Cut a box out of a map, divide it into size × size bins, and take the largest value of each, channel by channel.

    x (H, W, C), box (4,) of x0 y0 x1 y1 in cells, whole or not, size 1, 2 or 4 -> (size, size, C); an empty bin is 0

    1. Round the four corners to whole cells, halves away from zero: 2.5 becomes 3, -0.5 becomes -1.
    2. The box takes the cells x0 … x1, the last one included: x1 - x0 + 1 of them, and at least 1. So with y.
    3. Row i of the bins begins at y0 + ⌊i · height / size⌋ and ends before y0 + ⌈(i + 1) · height / size⌉: bins may
       share cells. So with columns.
    4. What lies outside the map does not count.

    Hints
    - np.rint(2.5) is 2. np.floor(abs(v) + 0.5) with the sign of v is what is wanted.
    - The first axis of x is y.
    - x[-1] is the last row, not the one before the first.
    """
    x0, y0, x1, y1 = (np.sign(box) * np.floor(np.abs(box) + 0.5)).astype(int)
    out = np.zeros((size, size, x.shape[2]))
    height, width = max(y1 - y0 + 1, 1) / size, max(x1 - x0 + 1, 1) / size
    for i in range(size):
        top, bottom = y0 + int(np.floor(i * height)), y0 + int(np.ceil((i + 1) * height))
        for j in range(size):
            left, right = x0 + int(np.floor(j * width)), x0 + int(np.ceil((j + 1) * width))
            part = x[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
            if part.size:
                out[i, j] = part.max((0, 1))
    return out


def draws(rng):
    """Halves, boxes of one cell, beyond the map on each side, outside it, and others at random places."""
    x = rng.standard_normal((6, 9, 2))
    for box in (
        [0.5, 1.5, 5.5, 4.5],
        [2, 3, 2, 3],
        [-3, -2, 3.2, 2.4],
        [-0.5, -1.5, 2, 1],
        [4, 2, 12, 9],
        [20, 1, 22, 3],
        [3, 3, 1, 2],
    ):
        yield x, np.array(box, float), 2
    for number in range(18):
        x = rng.standard_normal((5 + number % 4, 8, 1 + number % 3)) - number % 2
        corners = np.sort(rng.random((2, 2)) * (8, 6), 0)
        yield x, corners.ravel().round(1), (1, 2, 4)[number % 3]


VARIES = "box * k", "the box is in pixels, of which {k} are one cell: divide it by {k} before it is rounded"
SOLVED = (arithmetic.roi_pool,)
SLIPS = """
rows and columns are swapped: x0 and x1 are columns, the second axis of the map
    x0, y0, x1, y1 = => y0, x0, y1, x1 =
the bins come out as columns and rows; the first axis of the result is y
    out[i, j] => out[j, i]
the corners are rounded up; round them to the nearest cell
    np.sign(box) * np.floor(np.abs(box) + 0.5) => np.ceil(box)
the corners are rounded down; round them to the nearest cell
    np.sign(box) * np.floor(np.abs(box) + 0.5) => np.floor(box)
halves are rounded to the even cell; away from zero is wanted
    np.sign(box) * np.floor(np.abs(box) + 0.5) => np.rint(box)
halves below zero are rounded up; away from zero is wanted
    np.sign(box) * np.floor(np.abs(box) + 0.5) => np.floor(box + 0.5)
the last row and column of the box are left out: it has x1 - x0 + 1 cells across
    x1 - x0 + 1 => x1 - x0
    y1 - y0 + 1 => y1 - y0
bins end at ⌊…⌋, so that cells between two bins are in the second alone; end them at ⌈…⌉
    np.ceil((i + 1) * height) => np.floor((i + 1) * height)
    np.ceil((j + 1) * width) => np.floor((j + 1) * width)
bins begin at ⌈…⌉, so that cells between two bins are in the first alone; begin them at ⌊…⌋
    np.floor(i * height) => np.ceil(i * height)
    np.floor(j * width) => np.ceil(j * width)
it takes the mean of each bin; the largest value is wanted
    part.max((0, 1)) => part.mean((0, 1))
it takes the largest value of all channels together
    part.max((0, 1)) => part.max()
a negative row or column counts from the other end of the map; cut the bin at 0
    max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0) => top:bottom, left:right
"""
