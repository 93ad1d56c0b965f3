"""Scaled dot-product attention, one head of one sentence a task: scores, mask, softmax and context while they are hot.

Keys and values of the head are laid out in panels like weights (packing.py), then the same tile multiplies both
times: scores = q·kᵀ, context = softmax(scores)·v. Sentences of any length lie one after the other. Where bfloat16 pairs
are multiplied (pairs.py), q, k and v are such pairs and the softmax is rounded to them; it is computed in float32."""

import numpy as np
from numba import types
from numba.extending import overload

from .compiling import part
from .math import U, exp32
from .matmul import get_done, get_ready, tile
from .memory import empty, scratch
from .pairs import fill
from .shared import add
from .threads import LIMIT, ME, kernel
from .tiles import ROWS, WIDTH
from .vectors import LANES, row, turn, widest

ROWS_OF = types.Array(types.float32, 2, "A", readonly=True)
PLACES = types.Array(types.int64, 1, "C", readonly=True)


@part
def key_panels(k, panels):
    """k (M, K) -> the panels of kᵀ, (P, K, W) one after the other in panels (P·K, W); any values beyond M"""
    (count, size), width = k.shape, panels.shape[1]
    if size % LANES or width % LANES:
        for n in range(len(panels)):
            for j in range(width):
                panels[n, j] = k[min(n // size * width + j, count - 1), n % size]
        return
    for n in range(0, len(panels), LANES):
        first, d = n // size * width, n % size
        for j in range(0, width, LANES):
            turn(k[min(first + j, count - 1) :, d : d + LANES], panels[n : n + LANES, j : j + LANES])


def value_panels(v, panels, inputs):
    """v (M, D) -> the panels of v, (P, inputs, W) one after the other in panels: M inputs, any values beyond D; or, for
    words, pairs of two neighbouring rows of v, zeros beyond M"""
    width = panels.shape[1]
    for p in range(len(panels) // inputs):
        source = v[:, p * width : (p + 1) * width]
        fill(source, panels[p * inputs : (p + 1) * inputs, : source.shape[1]])


@overload(value_panels, jit_options={"_nrt": False})
def value_panels_for(v, panels, inputs):
    def paired(v, panels, inputs):
        for n in range(len(panels)):
            target, m, first = row(panels, n), 2 * (n % inputs), n // inputs * panels.shape[1]
            target[:] = U(0)
            for i in range(m, min(m + 2, len(v))):
                values, shift = row(v, i)[first : first + len(target)], U(16 * (i - m))
                for j in range(len(target)):
                    target[j] = U(target[j] | U(U(values[j]) << shift))

    return paired if panels.dtype == types.uint32 else value_panels


@part
def multiply(x, panels, zeros, y):
    """y = x·panels: x (a tile's rows, I), panels (P·I, W), zeros (1, W), y (like x, P·W)"""
    inputs, width = x.shape[1], panels.shape[1]
    get_ready(x, len(x), 0)
    for p in range(len(panels) // inputs):
        panel = panels[p * inputs : (p + 1) * inputs]
        tile(x, panel, zeros, y[:, p * width : (p + 1) * width], panel)
    get_done(x)


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
    widest()
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


def weigh(scores, inputs, values, zeros, context, memory):
    """context = scores·values, with as many inputs; for words, scores are rounded to pairs in a thread's memory"""
    multiply(scores[:, :inputs], values, zeros, context)


@overload(weigh, jit_options={"_nrt": False})
def weigh_for(scores, inputs, values, zeros, context, memory):
    def paired(scores, inputs, values, zeros, context, memory):
        fill(scores, memory.view(np.uint16)[: len(scores), : scores.shape[1]])
        multiply(memory[: len(scores), :inputs], values, zeros, context)

    return paired if memory.dtype == types.uint32 else weigh


@part
def attend_head(q, k, v, mask, y, panels, lines):
    """One head of one sentence: q (N, K), k (M, K), v (M, D), mask (M,), y (N, D); K is D, or half of it for words.
    Without keys: zeros.

    Scratch memory: panels (…, W) of keys and values; lines (3·rows of a tile + 2, …): scores, context and factors of a
    tile, mask, zeros"""
    (count, inputs), size, rows, width = k.shape, v.shape[1], len(lines) // 3, panels.shape[1]
    if count == 0:
        y[:] = 0
        return
    key_width, value_width = whole_panels(count, width), whole_panels(size, width)
    weights = count if inputs == size else key_width // 2  # inputs of the second product
    keys = panels[: key_width // width * inputs]
    values = panels[len(keys) : len(keys) + value_width // width * weights]
    key_panels(k, keys)
    value_panels(v, values, weights)
    padded, zeros = row(lines, 3 * rows)[:key_width], lines[3 * rows + 1 :, :width]
    for c in range(key_width):
        padded[c] = mask[c] if c < count else np.float32(-np.inf)
    for c in range(width):
        zeros[0, c] = np.float32(0)
    for a in range(0, len(q), rows):
        b = min(rows, len(q) - a)
        scores = lines[:rows].reshape(-1)[: b * key_width].reshape(b, key_width)  # one after the other, see softmax
        context, factors = lines[rows : rows + b, :value_width], lines.view(panels.dtype)[2 * rows : 3 * rows]
        fill(q[a : a + b], factors[:b, :inputs])  # of the type that scores have: one copy of the tile's code is enough
        multiply(factors[:b, :inputs], keys, zeros, scores)
        softmax(scores, padded, np.float32(size**-0.5))
        weigh(scores, weights, values, zeros, context, factors)
        fill(context[:, :size], y[a : a + b])


def in_panels(values, width):
    """That many values, and what is left of their last panel."""
    return (values + width - 1) // width * width


whole_panels = part(in_panels)


@part
def attend_task(n, q, k, v, mask, places, heads, panels, lines, y):
    """Task n: one head of one sentence. The arguments are those of attend_all; places as one tuple."""
    b, head, inputs, size = n // heads, n % heads, q.shape[1] // heads, v.shape[1] // heads
    q_begin, q_end, k_begin, k_end = places
    queries, keys = slice(q_begin[b], q_end[b]), slice(k_begin[b], k_end[b])
    words, values = slice(head * inputs, (head + 1) * inputs), slice(head * size, (head + 1) * size)
    attend_head(q[queries, words], k[keys, words], v[keys, values], mask[keys], y[queries, values], panels, lines)


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
    me = add(counter[ME:], 1)
    if me >= len(lines):  # without memory of one's own: nothing
        return
    n, total = add(counter, 1), len(places[0]) * heads
    while n < total:
        attend_task(n, q, k, v, mask, places, heads, panels[me], lines[me], y)
        n = add(counter, 1)


def memory_for(places, size, rows=ROWS, width=WIDTH):
    """The panels and lines of every thread for heads of a size, by the rows and outputs of a tile."""
    most = int((places[3] - places[2]).max(initial=0))
    key_width, value_width = in_panels(most, width), in_panels(size, width)
    panels = scratch("panels", (LIMIT, (key_width * size + value_width * most) // width + size, width))
    return panels, scratch("lines", (LIMIT, 3 * rows + 2, max(key_width, value_width)))


def attended(q, k, v, mask, places, heads):
    """The context (R, E), new, of q (R, E), k and v (S, E), mask (S,), by the places of each sentence."""
    y = empty(q.shape)
    attend_all(q, k, v, mask, places, heads, *memory_for(places, q.shape[1] // heads), y)
    return y
