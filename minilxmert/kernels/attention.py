"""Scaled dot-product attention, one head of one sentence a task: scores, mask, softmax and context while they are hot.

Keys and values of the head are laid out in panels like weights (packing.py), then the same tile multiplies both
times: scores = q·kᵀ, context = softmax(scores)·v. Sentences of any length lie one after the other in one array (A = 1),
or each has its own array of equal lengths (A = B)."""

import numpy as np
from numba import njit, types

from .math import exp32
from .shared import add
from .threads import kernel
from .tiles import ROWS, WIDTH, row, tile

ARRAYS = types.Array(types.float32, 3, "A", readonly=True)
PLACES = types.Array(types.int64, 1, "C", readonly=True)


@njit
def panels_for(inner, width):
    """Zeros for the panels of a matrix (inner, width): (P, inner, WIDTH)"""
    return np.zeros(((width + WIDTH - 1) // WIDTH, inner, WIDTH), np.float32)


@njit
def key_panels(k):
    """k (M, D) -> the panels of kᵀ (D, M)"""
    panels = panels_for(k.shape[1], k.shape[0])
    for p in range(len(panels)):
        part = k[p * WIDTH : (p + 1) * WIDTH]
        for d in range(k.shape[1]):
            target = row(panels[p], d)
            for j in range(len(part)):
                target[j] = part[j, d]
    return panels


@njit
def value_panels(v):
    """v (M, D) -> the panels of v"""
    panels = panels_for(v.shape[0], v.shape[1])
    for p in range(len(panels)):
        part = v[:, p * WIDTH : (p + 1) * WIDTH]
        for c in range(len(v)):
            source, target = row(part, c), row(panels[p], c)
            for j in range(len(source)):
                target[j] = source[j]
    return panels


@njit
def multiply(x, panels, y):
    """y = x·panels: x (at most ROWS, I), panels (P, I, WIDTH), y (like x, P·WIDTH)"""
    for m in range(len(y)):
        sums = row(y, m)
        for j in range(len(sums)):
            sums[j] = np.float32(0)
    for p in range(len(panels)):
        tile(x, panels[p], y[:, p * WIDTH : (p + 1) * WIDTH], panels[p])


@njit
def largest(x):
    """The largest value of x, or NaN if there is one, by comparing whole numbers: LLVM does that many lanes at a time.

    The bits of a float32 read as an int32 are in the order of the values, once those of negatives are turned round."""
    bits, most = x.view(np.int32), np.int32(-(2**31))
    for j in range(len(bits)):
        most = max(most, ordered(bits[j]))
    return np.int32(ordered(most)).view(np.float32)


@njit
def ordered(bits):
    return np.int32(bits ^ ((bits >> 31) & 0x7FFFFFFF))


@njit(fastmath={"reassoc"})  # lets LLVM add many lanes side by side
def total(x):
    result = np.float32(0)
    for j in range(len(x)):
        result += x[j]
    return result


@njit
def softmax(scores, mask, scale):
    """softmax(scores * scale + mask), in place: rows of whole panels, whose mask is -inf beyond the last key.

    One step for all rows before the next: the rows do not wait for each other, so the processor overlaps them."""
    rows = len(scores)
    most, share = np.empty(rows, np.float32), np.empty(rows, np.float32)
    for i in range(rows):
        values = row(scores, i)
        for j in range(len(values)):
            values[j] = values[j] * scale + mask[j]
        most[i] = largest(values)
    for i in range(rows):
        values = row(scores, i)
        for j in range(len(values)):
            values[j] = exp32(values[j] - most[i])
    for i in range(rows):
        share[i] = np.float32(1) / total(row(scores, i))
    for i in range(rows):
        values = row(scores, i)
        for j in range(len(values)):
            values[j] *= share[i]


@njit
def attend_head(q, k, v, mask, y):
    """One head of one sentence: q (N, D), k and v (M, D), mask (M,), y (N, D). Without keys: zeros."""
    count, size = k.shape
    if count == 0:
        for i in range(len(y)):
            for d in range(size):
                y[i, d] = np.float32(0)
        return
    scale = np.float32(size**-0.5)
    keys, values = key_panels(k), value_panels(v)
    scores = np.empty((ROWS, len(keys) * WIDTH), np.float32)
    padded = np.full(scores.shape[1], np.float32(-np.inf))
    for c in range(count):
        padded[c] = mask[c]
    context = np.empty((ROWS, len(values) * WIDTH), np.float32)
    for a in range(0, len(q), ROWS):
        b = min(a + ROWS, len(q))
        multiply(q[a:b], keys, scores[: b - a, :])
        softmax(scores[: b - a], padded, scale)
        multiply(scores[: b - a, :count], values, context[: b - a, :])
        for i in range(b - a):
            target, source = row(y, a + i), row(context, i)
            for d in range(size):
                target[d] = source[d]


@kernel(
    ARRAYS,  # q (A, N, E)
    ARRAYS,  # k (A, M, E)
    ARRAYS,  # v (A, M, E)
    types.Array(types.float32, 2, "C", readonly=True),  # mask (A, M), added to the scores
    PLACES,  # where the queries of each sentence begin in their array (B,)
    PLACES,  # where they end
    PLACES,  # where its keys begin
    PLACES,  # where they end
    types.int64,  # heads
    types.float32[:, :, ::1],  # y (A, N, E)
)
def attend_all(counter, q, k, v, mask, q_begin, q_end, k_begin, k_end, heads, y):
    size = q.shape[2] // heads
    n = add(counter, 1)
    while n < len(q_begin) * heads:
        b, first = n // heads, n % heads * size
        a = b if len(q) > 1 else 0
        queries, keys, head = slice(q_begin[b], q_end[b]), slice(k_begin[b], k_end[b]), slice(first, first + size)
        attend_head(q[a, queries, head], k[a, keys, head], v[a, keys, head], mask[a, keys], y[a, queries, head])
        n = add(counter, 1)


def attended(q, k, v, mask, q_begin, q_end, k_begin, k_end, heads):
    """The context (A, N, E), new, of q (A, N, E), k and v (A, M, E), mask (A, M), by the places of each sentence."""
    y = np.empty(q.shape, np.float32)
    attend_all(q, k, v, mask, q_begin, q_end, k_begin, k_end, heads, y)
    return y
