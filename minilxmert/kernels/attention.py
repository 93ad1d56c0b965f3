"""Scaled dot-product attention, one head of one sentence a task: scores, mask, softmax and context while they are hot.

Keys and values of the head are laid out in panels like weights (packing.py), then the same tile multiplies both
times: scores = q·kᵀ, context = softmax(scores)·v. Sentences of any length lie one after the other."""

import numpy as np
from numba import types

from .compiling import part
from .math import exp32
from .memory import empty
from .pairs import fill
from .shared import add
from .threads import LIMIT, ME, kernel
from .tiles import ROWS, WIDTH, tile
from .vectors import LANES, row, turn

ROWS_OF = types.Array(types.float32, 2, "A", readonly=True)
PLACES = types.Array(types.int64, 1, "C", readonly=True)
LINES = 2 * ROWS + 2  # of a thread's scratch memory: scores and context of a tile, the mask, zeros


@part
def key_panels(k, panels):
    """k (M, D) -> the panels of kᵀ, (P, D, WIDTH) one after the other in panels (P·D, WIDTH); any values beyond M"""
    count, size = k.shape
    if size % LANES or WIDTH % LANES:
        for n in range(len(panels)):
            for j in range(WIDTH):
                panels[n, j] = k[min(n // size * WIDTH + j, count - 1), n % size]
        return
    for n in range(0, len(panels), LANES):
        first, d = n // size * WIDTH, n % size
        for j in range(0, WIDTH, LANES):
            turn(k[min(first + j, count - 1) :, d : d + LANES], panels[n : n + LANES, j : j + LANES])


@part
def value_panels(v, panels):
    """v (M, D) -> the panels of v, (P, M, WIDTH) one after the other in panels (P·M, WIDTH); any values beyond D"""
    count = len(v)
    for p in range(len(panels) // count):
        source = v[:, p * WIDTH : (p + 1) * WIDTH]
        fill(source, panels[p * count : (p + 1) * count, : source.shape[1]])


@part
def multiply(x, panels, zeros, y):
    """y = x·panels: x (at most ROWS, I), panels (P·I, WIDTH), zeros (1, WIDTH), y (like x, P·WIDTH)"""
    inputs = x.shape[1]
    for p in range(len(panels) // inputs):
        panel = panels[p * inputs : (p + 1) * inputs]
        tile(x, panel, zeros, y[:, p * WIDTH : (p + 1) * WIDTH], panel)


@part
def largest(x):
    """The largest value of x, or NaN if there is one, by comparing whole numbers: LLVM does that many lanes at a time.

    The bits of a float32 read as an int32 are in the order of the values, once those of negatives are turned round."""
    bits, most = x.view(np.int32), np.int32(-(2**31))
    for j in range(len(bits)):
        most = max(most, ordered(bits[j]))
    return np.int32(ordered(most)).view(np.float32)


@part
def ordered(bits):
    return np.int32(bits ^ ((bits >> 31) & 0x7FFFFFFF))


@part(fastmath={"reassoc"})  # lets LLVM add many lanes side by side
def total(x):
    result = np.float32(0)
    for j in range(len(x)):
        result += x[j]
    return result


@part
def softmax(scores, mask, scale):
    """softmax(scores * scale + mask), in place: rows of whole panels, whose mask is -inf beyond the last key.

    One step for all rows before the next: the rows do not wait for each other, so the processor overlaps them."""
    for i in range(len(scores)):
        values = row(scores, i)
        for j in range(len(values)):
            values[j] = values[j] * scale + mask[j]
        most = largest(values)
        for j in range(len(values)):
            values[j] -= most
    values = scores.reshape(-1)
    for j in range(len(values)):
        values[j] = exp32(values[j])
    for i in range(len(scores)):
        values = row(scores, i)
        share = np.float32(1) / total(values)
        for j in range(len(values)):
            values[j] *= share


@part
def attend_head(q, k, v, mask, y, panels, lines):
    """One head of one sentence: q (N, D), k and v (M, D), mask (M,), y (N, D). Without keys: zeros.

    Scratch memory: panels (…, WIDTH) of keys and values; lines (LINES, …): scores and context, mask, zeros"""
    count, size = k.shape
    if count == 0:
        y[:] = 0
        return
    scale, key_width, value_width = np.float32(size**-0.5), whole_panels(count), whole_panels(size)
    keys = panels[: key_width // WIDTH * size]
    values = panels[len(keys) : len(keys) + value_width // WIDTH * count]
    key_panels(k, keys)
    value_panels(v, values)
    padded, zeros = row(lines, 2 * ROWS)[:key_width], lines[2 * ROWS + 1 :, :WIDTH]
    for c in range(key_width):
        padded[c] = mask[c] if c < count else np.float32(-np.inf)
    for c in range(WIDTH):
        zeros[0, c] = np.float32(0)
    for a in range(0, len(q), ROWS):
        b = min(ROWS, len(q) - a)
        scores = lines[:ROWS].reshape(-1)[: b * key_width].reshape(b, key_width)  # one after the other, see softmax
        queries = lines[ROWS : ROWS + b, :size]
        fill(q[a : a + b], queries)  # of the type that scores have: one copy of the tile's code does for both products
        multiply(queries, keys, zeros, scores)
        softmax(scores, padded, scale)
        context = lines[ROWS : ROWS + b, :value_width]
        multiply(scores[:, :count], values, zeros, context)
        fill(context[:, :size], y[a : a + b])


def in_panels(values):
    """That many values, and what is left of their last panel."""
    return (values + WIDTH - 1) // WIDTH * WIDTH


whole_panels = part(in_panels)


@part
def attend_task(n, q, k, v, mask, places, heads, panels, lines, y):
    """Task n: one head of one sentence. The arguments are those of attend_all; places as one tuple."""
    size, b, first = q.shape[1] // heads, n // heads, n % heads * (q.shape[1] // heads)
    q_begin, q_end, k_begin, k_end = places
    queries, keys, head = slice(q_begin[b], q_end[b]), slice(k_begin[b], k_end[b]), slice(first, first + size)
    attend_head(q[queries, head], k[keys, head], v[keys, head], mask[keys], y[queries, head], panels, lines)


@kernel(
    ROWS_OF,  # q (R, E)
    ROWS_OF,  # k (S, E)
    ROWS_OF,  # v (S, E)
    types.Array(types.float32, 1, "C", readonly=True),  # mask (S,), added to the scores
    types.UniTuple(PLACES, 4),  # where the queries of each sentence begin and end, and where its keys do, (B,) each
    types.int64,  # heads
    types.float32[:, :, ::1],  # panels, scratch memory for each thread
    types.float32[:, :, ::1],  # lines, too
    types.float32[:, ::1],  # y (R, E)
)
def attend_all(counter, q, k, v, mask, places, heads, panels, lines, y):
    me, total = add(counter[ME:], 1), len(places[0]) * heads
    n = add(counter, 1) if me < len(lines) else total  # without memory of one's own: nothing
    while n < total:
        attend_task(n, q, k, v, mask, places, heads, panels[me], lines[me], y)
        n = add(counter, 1)


def scratch(places, size):
    """The panels and lines of every thread for heads of a size."""
    most = int((places[3] - places[2]).max(initial=0))
    key_width, value_width = in_panels(most), in_panels(size)
    panels = empty((LIMIT, (key_width * size + value_width * most) // WIDTH, WIDTH))
    return panels, empty((LIMIT, LINES, max(key_width, value_width)))


def attended(q, k, v, mask, places, heads):
    """The context (R, E), new, of q (R, E), k and v (S, E), mask (S,), by the places of each sentence."""
    y = empty(q.shape)
    attend_all(q, k, v, mask, places, heads, *scratch(places, q.shape[1] // heads), y)
    return y
