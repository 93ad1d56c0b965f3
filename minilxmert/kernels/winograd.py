"""The 3 × 3 convolution with fewer multiplications: S × S pixels are made at once, of the T × T around them, T = S + 2.

In one dimension, y = SUMS · ((PIXELS · x) ∘ (WEIGHTS · w)) are the S sums of three products each, made with T of them
instead of 3 · S; in two, each matrix stands on both sides: SUMS · (…) · SUMSᵀ. What is multiplied value by value is
multiplied for all tiles and channels at once: T · T products (tiles, C) · (C, O), by the packed product. With S = 2
whole numbers stay exact; in float32 both are as near as sums of nine times as many products.
Source: Lavin and Gray 2016, arXiv 1509.09308."""

import math

import numpy as np
from numba import types

from .compiling import part
from .matmul import kernel_for, needs
from .memory import empty
from .packing import in_rows
from .shared import add
from .threads import LIMIT, ME, get_num_threads, kernel
from .vectors import row, widest

READ = types.Array(types.float32, 2, "A", readonly=True)
MANY, VECTOR = (types.Array(types.float32, n, layout, readonly=True) for n, layout in ((3, "A"), (1, "C")))
F = np.float32
CHANNELS = 64  # of a task: a tile of so many stays in the first cache
STRIP = 256  # tiles at a time: the weights are read once for so many
PIXELS = {
    2: [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
    4: [
        [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1],
    ],
}  # fmt: skip
WEIGHTS = {
    2: [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
    4: [
        [1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1],
    ],
}  # fmt: skip
SUMS = {
    2: [[1, 1, 1, 0], [0, 1, -1, -1]],
    4: [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
}


def maps_of(p, side):
    """A layer {"w": (O, 9 C), "b": (O,)} -> its T · T linear maps {"w": (O, C), "b": zeros} one by one, T = side + 2"""
    matrix, w = np.array(WEIGHTS[side], F), p["w"].reshape(len(p["w"]), 9, -1)
    for factors in np.kron(matrix, matrix):
        yield {"w": factors @ w, "b": np.zeros_like(p["b"])}


@part
def mix(x, first, step, factors, target):
    """target = Σ factors[i] · x[first + i · step], of the rows of x"""
    widest()
    for c in range(len(target)):
        target[c] = F(0)
    for i in range(len(factors)):
        if factors[i] != F(0):
            values, factor = row(x, first + i * step), factors[i]
            for c in range(len(target)):
                target[c] += factor * values[c]


@part
def turn(matrix, x, work, y):
    """y = matrix · x · matrixᵀ for x (T · T, C), matrix (S, T), y (S · S, C), by channel; work (≥ S · T, C)"""
    size, inner = matrix.shape
    for s in range(size):
        for j in range(inner):
            mix(x, j, inner, row(matrix, s), row(work, s * inner + j))
    for s in range(size):
        for k in range(size):
            mix(work, s * inner, 1, row(matrix, k), row(y, s * size + k))


@part
def corner(n, height, width, side, dilation):
    """The first row, counted over all pictures, the row in its picture and the column of what comes of tile n.

    Pixels `dilation` apart are neighbours: a picture is dilation × dilation grids, each cut into tiles."""
    step = side * dilation
    tall, wide = (height + step - 1) // step, (width + step - 1) // step
    x, y, grid = n % wide, n // wide % tall, n // (wide * tall)
    down, across, picture = grid // dilation % dilation, grid % dilation, grid // (dilation * dilation)
    return picture * height, y * step + down, x * step + across


@kernel(READ, READ, types.float32[:, :, :, ::1], types.float32[:, :, ::1], *(types.int64,) * 4)
def to_tiles(counter, x, matrix, work, out, height, width, start, dilation):
    """Pixels x (N · height · width, C) around tiles start … start + R, zeros beyond the edges -> out (T · T, R, C)

    work (threads, 2, T · T, CHANNELS). A task is some channels of a tile."""
    me, size, channels = add(counter[ME:], 1), len(matrix), x.shape[1]
    if me >= len(work):  # without memory of one's own: nothing
        return
    parts = (channels + CHANNELS - 1) // CHANNELS
    n, total = add(counter, 1), out.shape[1] * parts
    while n < total:
        r, a = n // parts, n % parts * CHANNELS
        b = min(a + CHANNELS, channels)
        tile = work[me, 0, :, : b - a]
        first, y, z = corner(start + r, height, width, size - 2, dilation)
        for i in range(size):
            for j in range(size):
                v, u, target = y + (i - 1) * dilation, z + (j - 1) * dilation, row(tile, i * size + j)
                if 0 <= v < height and 0 <= u < width:
                    pixel = row(x, (first + v) * width + u)[a:b]
                    for c in range(len(target)):
                        target[c] = pixel[c]
                else:
                    target[:] = F(0)
        turn(matrix, tile, work[me, 1, :, : b - a], out[:, r, a:b])
        n = add(counter, 1)


@kernel(MANY, READ, VECTOR, types.float32[:, :, :, ::1], types.float32[:, ::1], *(types.int64,) * 5)
def from_tiles(counter, products, matrix, bias, work, y, height, width, start, dilation, act):
    """Products (T · T, R, O) of tiles start … start + R -> their pixels in y (N · height · width, O), act by 0 or 1"""
    me, side, channels = add(counter[ME:], 1), len(matrix), y.shape[1]
    if me >= len(work):  # without memory of one's own: nothing
        return
    parts = (channels + CHANNELS - 1) // CHANNELS
    n, total = add(counter, 1), products.shape[1] * parts
    while n < total:
        r, a = n // parts, n % parts * CHANNELS
        b = min(a + CHANNELS, channels)
        tile, added = work[me, 0, :, : b - a], bias[a:b]
        turn(matrix, products[:, r, a:b], work[me, 1, :, : b - a], tile)
        first, top, left = corner(start + r, height, width, side, dilation)
        for i in range(side):
            for j in range(side):
                v, u = top + i * dilation, left + j * dilation
                if v < height and u < width:
                    values, target = row(tile, i * side + j), row(y, (first + v) * width + u)[a:b]
                    for c in range(len(target)):
                        value = values[c] + added[c]
                        target[c] = F(0) if act and value < F(0) else value
        n = add(counter, 1)


def around(x, p, act, dilation):
    """The twin of detector/arithmetic.py's, for layers that are packed as maps."""
    if "maps" not in p:
        return NotImplemented
    n, height, width, channels = x.shape
    size, outputs = math.isqrt(len(p["maps"])), len(p["b"])
    side = size - 2
    count = n * dilation**2 * -(-height // (side * dilation)) * -(-width // (side * dilation))
    x, y = in_rows(x.astype(F, copy=False).reshape(-1, channels)), empty((n * height * width, outputs))
    work = np.empty((LIMIT, 2, size * size, CHANNELS), F)
    for start in range(0, count, STRIP):
        tiles = np.empty((size * size, min(STRIP, count - start), channels), F)
        to_tiles(x, np.array(PIXELS[side], F), work, tiles, height, width, start, dilation)
        products = products_of(tiles, p["maps"])[..., :outputs]
        from_tiles(products, np.array(SUMS[side], F), p["b"], work, y, height, width, start, dilation, act is not None)
    return y.reshape(n, height, width, outputs)


def products_of(tiles, maps):
    """Tiles (T · T, R, C), as many Packed -> (T · T, R, P · W)"""
    y = np.empty((*tiles.shape[:2], maps[0].bias.size), F)
    run, threads = kernel_for(tiles.dtype, maps[0].panels.dtype), get_num_threads()
    most, sums = needs(tiles.shape[1], maps[0].panels.shape[2], False)
    for tile, (panels, bias), products in zip(tiles, maps, y, strict=True):
        run(tile, tile, 0, panels, bias, 0, threads, most, sums, products)
    return y
