"""Matrix products by packed weights, y = act(x·wᵀ + b), at the speed of the processor's multipliers.

packing.py lays the weights out in panels: some outputs side by side, (inputs, width), so that a tile reads them
straight through. A task is one panel times a chunk of rows, DEPTH inputs at a time: so much of a panel stays in the
cache while every row of the chunk passes by. Sums are kept in a thread's own memory until they are whole: rows of y
lie so far apart that they would drive each other out of the cache. Each output is the sum, over blocks of DEPTH, of
sums in the order of the inputs: its bits depend neither on the other rows, nor on the threads, nor on the chunks."""

import functools

import numpy as np
from numba import types
from numba.extending import overload
from numba.np.numpy_support import from_dtype

from . import amx, pairs, tiles
from .compiling import part
from .math import gelu32
from .memory import empty, scratch
from .shared import add
from .threads import DONE, LIMIT, ME, get_num_threads, kernel, wait_for
from .tiles import ROWS
from .vectors import widest

DEPTH = 768  # inputs, or pairs of them
CHUNK, MOST_ROWS = 192 * DEPTH, 384  # values of x in a task, and rows of it: what the second cache holds
STRIP = 8  # rows that are rounded in one task
ACTIVATIONS = {None: 0, "gelu": 1, "relu": 2}
READ, WORDS = types.Array(types.float32, 2, "A", readonly=True), types.uint32[:, ::1]


@part
def activate(values, act):
    """The activation, in place, on values that are still in the first cache.

    One long loop: LLVM unrolls a short one of known length before it looks for vectors, and so finds none."""
    widest()
    if act == 1:
        for j in range(len(values)):
            values[j] = gelu32(values[j])
    elif act == 2:
        for j in range(len(values)):
            values[j] = np.float32(0) if values[j] < np.float32(0) else values[j]


def tile(x, w, start, y, ahead):
    """The tile for values, or for pairs of them."""
    (pairs.tile if x.dtype == np.uint32 else tiles.tile)(x, w, start, y, ahead)


@overload(tile, jit_options={"_nrt": False})
def tile_for(x, w, start, y, ahead):
    if y.dtype != types.float32:  # never called
        return lambda x, w, start, y, ahead: None
    if x.dtype == types.uint32:
        return lambda x, w, start, y, ahead: pairs.tile(x, w, start, y, ahead)
    return lambda x, w, start, y, ahead: tiles.tile(x, w, start, y, ahead)


def get_ready(x, rows, before):
    """What comes before the tile of AMX: see amx.set_up"""


@overload(get_ready, jit_options={"_nrt": False})
def get_ready_for(x, rows, before):
    used = x.dtype == types.uint32 and pairs.NAME == "amx"
    return (lambda x, rows, before: amx.set_up(rows, before)) if used else get_ready


def get_done(x):
    """What comes after it"""


@overload(get_done, jit_options={"_nrt": False})
def get_done_for(x):
    return (lambda x: amx.give_back()) if x.dtype == types.uint32 and pairs.NAME == "amx" else get_done


def round_strip(n, x, words):
    """Task n before a product of words: STRIP rows of x (R, I) become words (R, K …). Values need none of it."""
    some, halves = slice(n * STRIP, min((n + 1) * STRIP, len(x))), words.view(np.uint16)
    pairs.fill(x[some], halves[some, : halves.shape[1] - 2 * pairs.STEP])


@overload(round_strip, jit_options={"_nrt": False})
def round_strip_for(n, x, words):
    return round_strip if words.dtype == types.uint32 else lambda n, x, words: None


@part
def multiply(x, panel, bias, y, act, ahead, most, sums):
    """y = act(x·panel + bias): x (R, K), panel (K, W), bias (1, W), y (R, ≤ W), sums (≥ R, W) for the time between

    most: rows of a tile. While one block of weights is in use, the next is fetched; after the last, that of `ahead`."""
    rows, inputs = x.shape
    straight = act == 0 and y.itemsize == 4 and y.shape[1] == panel.shape[1]
    before, count = 0, (rows + most - 1) // most  # tiles of nearly equal height: two of 6 rows are faster than 8 and 4
    for k in range(0, inputs, DEPTH):
        weights, last = panel[k : k + DEPTH], k + DEPTH >= inputs
        following = ahead[: len(weights)] if last else panel[k + DEPTH : k + DEPTH + len(weights)]
        for i in range(count):
            a, b = i * rows // count, (i + 1) * rows // count
            c, d = i * len(following) // count, (i + 1) * len(following) // count
            values, start = x[a:b, k : k + DEPTH], sums[a:b] if k else bias
            get_ready(x, b - a, before)
            before = b - a
            if last and straight:
                tile(values, weights, start, y[a:b], following[c:d])
                continue
            tile(values, weights, start, sums[a:b], following[c:d])
            if last:
                activate(sums[a:b].reshape(-1), act)
                pairs.fill(sums[a:b], y[a:b])
    get_done(x)


@part
def multiply_task(n, x, panels, bias, act, chunks, threads, most, sums, y):
    """Task n of a product, of chunks · P: a chunk of rows times a panel. A thread's next panel is guessed."""
    rows, p, width = len(x), n % len(panels), panels.shape[2]
    a, b = n // len(panels) * rows // chunks, (n // len(panels) + 1) * rows // chunks
    part_of_y = y[a:b, p * width : (p + 1) * width]
    multiply(x[a:b], panels[p], bias[p : p + 1], part_of_y, act, panels[(p + threads) % len(panels)], most, sums)


@part
def count_chunks(rows, panels, threads, most):
    """Into how many chunks to cut the rows for panels (P, K, W), with a few tasks for every thread if possible."""
    wanted = (4 * threads + len(panels) - 1) // len(panels) if threads > 1 else 1
    limit = min(MOST_ROWS, CHUNK // min(panels.shape[1], DEPTH))
    return max((rows + limit - 1) // limit, min(wanted, (rows + most - 1) // most))


def multiply_all(counter, x, words, strips, panels, bias, act, threads, most, sums, y):
    """First x is made words, where words are multiplied; then every task is a chunk of rows times a panel."""
    me, chunks = add(counter[ME:], 1), count_chunks(len(x), panels, threads, most)
    if me >= len(sums):  # without memory of one's own: nothing
        return
    n, total = add(counter, 1), strips + chunks * len(panels)
    while n < total:
        if n < strips:
            round_strip(n, x, words)
        else:
            wait_for(counter[DONE:], strips)
            inputs = words[:, : panels.shape[1]]
            multiply_task(n - strips, inputs, panels, bias, act, chunks, threads, most, sums[me], y)
        add(counter[DONE:], 1)
        n = add(counter, 1)


@functools.cache
def kernel_for(value, weight):
    """multiply_all as a Kernel for inputs and weights of two dtypes; compiled when first wanted."""
    value, weight = from_dtype(value), from_dtype(weight)
    kinds = (
        READ,  # x (R, I)
        READ if value == types.float32 else WORDS,  # words (R, K …), or x
        types.int64,  # strips of x that are to be rounded
        weight[:, :, ::1],  # panels (P, K, W)
        types.float32[:, ::1],  # bias (P, W)
        types.int64,  # the number of the activation
        types.int64,  # threads
        types.int64,  # most rows of a tile
        types.float32[:, :, ::1],  # sums, scratch memory for each thread
        types.float32[:, ::1],  # y (R, P·W)
    )
    return kernel(*kinds)(multiply_all)


def needs(rows, width, paired):
    """What a product of some rows with panels of a width needs: most rows of a tile, memory for the sums of threads"""
    return pairs.MOST if paired else ROWS, scratch("sums", (LIMIT, min(rows, MOST_ROWS), width))


def product(x, weights, act=None):
    """x (R, I) with neighbouring values, a Packed -> act(x·wᵀ + b) (R, P·W), new"""
    panels, bias = weights
    y, paired = empty((len(x), bias.size)), panels.dtype == np.uint32
    if y.size:
        words, strips = (pairs.words_for("words", *x.shape), -(-len(x) // STRIP)) if paired else (x, 0)
        run = kernel_for(words.dtype, panels.dtype)
        most, sums = needs(len(x), panels.shape[2], paired)
        run(x, words, strips, panels, bias, ACTIVATIONS[act], get_num_threads(), most, sums, y)
    return y
