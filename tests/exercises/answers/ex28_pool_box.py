"""Typical answers to exercise 28. The docstring of a wrong one: words that the verdict on it must hold."""

import math

import numpy as np

from minilxmert import kernels
from minilxmert.detector import arithmetic


def nearest(value):
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def bins(first, last, size, limit):
    cells = max(last - first + 1, 1)
    ends = [(first + i * cells // size, first - (-(i + 1) * cells // size)) for i in range(size)]
    return [[n for n in range(begin, end) if 0 <= n < limit] for begin, end in ends]


def right_cell_by_cell(x, box, size, corner=nearest, best=max):
    x0, y0, x1, y1 = map(corner, box)
    out = np.zeros((size, size, x.shape[2]))
    for i, rows in enumerate(bins(y0, y1, size, x.shape[0])):
        for j, columns in enumerate(bins(x0, x1, size, x.shape[1])):
            for c in range(x.shape[2]):
                values = [x[y, z, c] for y in rows for z in columns]
                out[i, j, c] = best(values) if values else 0
    return out


def right_as_the_package(x, box, size):
    with kernels.backend("numpy"):
        return arithmetic.roi_pool(x, box[None], size, 1)[0]


def wrong_rounded_up(x, box, size):
    """rounded up"""
    return right_cell_by_cell(x, box, size, math.ceil)


def wrong_even_halves(x, box, size):
    """halves are rounded to the even cell"""
    return right_cell_by_cell(x, box, size, round)


def wrong_swapped(x, box, size):
    """rows and columns are swapped"""
    return right_cell_by_cell(x, box[[1, 0, 3, 2]], size)


def wrong_turned(x, box, size):
    """columns and rows"""
    return right_cell_by_cell(x, box, size).swapaxes(0, 1)


def wrong_mean(x, box, size):
    """mean of each bin"""
    return right_cell_by_cell(x, box, size, best=lambda values: sum(values) / len(values))


def wrong_without_the_last(x, box, size):
    """last row and column"""
    x0, y0, x1, y1 = map(nearest, box)
    return right_cell_by_cell(x, np.array([x0, y0, x1 - 1, y1 - 1]), size)
