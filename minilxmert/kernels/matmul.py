"""Matrix products by packed weights, y = act(x·wᵀ + b), at the speed of the processor's multipliers.

packing.py lays the weights out in panels: WIDTH outputs side by side, (inputs, WIDTH), so that a tile reads them
straight through. A task is one panel times a chunk of rows, DEPTH inputs at a time: so much of a panel stays in the
cache while every row of the chunk passes by. Each output is the sum, over blocks of DEPTH, of sums in the order of the
inputs: its bits depend neither on the other rows, nor on the threads, nor on the chunks."""

import functools

import numpy as np
from numba import types
from numba.extending import overload
from numba.np.numpy_support import from_dtype

from . import pairs, tiles
from .compiling import part
from .math import gelu32
from .memory import empty
from .shared import add
from .threads import get_num_threads, kernel
from .tiles import ROWS, WIDTH, row

DEPTH = 768  # inputs, or pairs of them
CHUNK = 192  # most rows of a task: what the second cache holds
ACTIVATIONS = {None: 0, "gelu": 1, "relu": 2}


@part
def activate(y, act):
    """The activation, in place, on a few rows that are still in the first cache.

    len(values), not WIDTH: LLVM unrolls a short loop of known length before it looks for vectors, and so finds none."""
    for m in range(y.shape[0]):
        values = row(y, m)
        if act == 1:
            for j in range(len(values)):
                values[j] = gelu32(values[j])
        elif act == 2:
            for j in range(len(values)):
                values[j] = np.float32(0) if values[j] < np.float32(0) else values[j]


def tile(x, w, y, ahead):
    """The tile for values, or for pairs of them."""
    (pairs.tile if x.dtype == np.uint32 else tiles.tile)(x, w, y, ahead)


@overload(tile, jit_options={"_nrt": False})
def tile_for(x, w, y, ahead):
    if x.dtype == types.uint32:
        return lambda x, w, y, ahead: pairs.tile(x, w, y, ahead)
    return lambda x, w, y, ahead: tiles.tile(x, w, y, ahead)


@part
def begin(y, bias):
    """The bias in every row of y, where the tile adds the sums."""
    for m in range(len(y)):
        values = row(y, m)
        for j in range(len(values)):
            values[j] = bias[j]


@part
def multiply(x, panel, bias, y, act, following, most):
    """y = act(x·panel + bias): x (R, K), panel (K, WIDTH), bias (WIDTH,), y (R, WIDTH); most: rows of a tile

    While one block of weights is in use, the next is fetched from memory; after the last, the first of `following`."""
    rows, inputs = x.shape
    count = (rows + most - 1) // most  # tiles, of nearly equal height: two of 6 rows are faster than 8 and 4
    for k in range(0, inputs, DEPTH):
        weights, last = panel[k : k + DEPTH], k + DEPTH >= inputs
        ahead = following[: len(weights)] if last else panel[k + DEPTH : k + DEPTH + len(weights)]
        for i in range(count):
            a, b = i * rows // count, (i + 1) * rows // count
            c, d = i * len(ahead) // count, (i + 1) * len(ahead) // count
            if k == 0:
                begin(y[a:b], bias)
            tile(x[a:b, k : k + DEPTH], weights, y[a:b], ahead[c:d])
            if last and act:
                activate(y[a:b], act)


def multiply_all(counter, x, panels, bias, y, act, chunks, most):
    """Every task is a chunk of rows times a panel."""
    rows, total = len(x), chunks * len(panels)
    n, soon = add(counter, 1), add(counter, 1)
    while n < total:
        chunk, p = n // len(panels), n % len(panels)
        part_of_y = y[chunk * rows // chunks : (chunk + 1) * rows // chunks, p * WIDTH : (p + 1) * WIDTH]
        part_of_x = x[chunk * rows // chunks : (chunk + 1) * rows // chunks]
        multiply(part_of_x, panels[p], bias[p], part_of_y, act, panels[soon % len(panels)], most)
        n, soon = soon, add(counter, 1)


@functools.cache
def kernel_for(value, weight):
    """multiply_all as a Kernel for inputs and weights of two types; compiled when first wanted."""
    kinds = (
        types.Array(value, 2, "A", readonly=True),  # x (R, K)
        weight[:, :, ::1],  # panels (P, K, WIDTH)
        types.float32[:, ::1],  # bias (P, WIDTH)
        types.float32[:, ::1],  # y (R, P·WIDTH)
        types.int64,  # the number of the activation
        types.int64,  # chunks of rows
        types.int64,  # most rows of a tile
    )
    return kernel(*kinds)(multiply_all)


def product(x, weights, act=None):
    """x (R, I) with neighbouring values, a Packed -> act(x·wᵀ + b) (R, P·WIDTH), new"""
    panels, most = weights.panels, ROWS
    y = empty((len(x), len(panels) * WIDTH))
    if y.size:
        if panels.dtype == np.uint32:
            x, most = pairs.in_pairs(x), pairs.MOST
        chunks = count_chunks(len(x), len(panels), get_num_threads(), most)
        run = kernel_for(from_dtype(x.dtype), from_dtype(panels.dtype))
        run(x, panels, weights.bias, y, ACTIVATIONS[act], chunks, most)
    return y


def count_chunks(rows, panels, threads, most):
    """Into how many chunks to cut the rows: at most CHUNK rows each, and a few tasks for every thread if possible."""
    wanted = -(-4 * threads // panels) if threads > 1 else 1
    return max(-(-rows // CHUNK), min(wanted, -(-rows // most)))
