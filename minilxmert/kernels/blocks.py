"""The Numba twins of the blocks of a layer: each is one launch, however many steps it has, so that nothing waits for
Python between them, and what one step leaves in the cache the next one finds there.

The tasks of a step begin when all those of the steps before it are done (wait_for). As in twins.py, this is inference
in float32; for whatever else comes along the answer is NotImplemented, and the definition does it."""

import functools

import numpy as np
from numba import types
from numba.np.numpy_support import from_dtype

from . import pairs
from .attention import PLACES, attend_task, scratch
from .matmul import ACTIVATIONS, READ, WORDS, count_chunks, inputs_for, multiply_task, round_strip
from .memory import empty
from .norm import STRIP, VECTOR, normalise_strip
from .packing import Layer, in_rows, together
from .shared import add
from .threads import DONE, ME, get_num_threads, kernel, wait_for
from .twins import fits, normal, places_of

QKV = ("query", "key", "value")


def feed_forward_all(
    counter, x, inputs, strips, inner, inner_bias, act, hidden, halves, outer, outer_bias,
    w, b, eps, threads, most, sums, y,
):  # fmt: skip
    """y = layer_norm(outer(act(inner(x))) + x), all (R, E)"""
    me, rows = add(counter[ME:], 1), len(x)
    inner_chunks = count_chunks(rows, len(inner), threads, most)
    outer_chunks = count_chunks(rows, len(outer), threads, most)
    second = strips + inner_chunks * len(inner)
    third = second + outer_chunks * len(outer)
    total = third + (rows + STRIP - 1) // STRIP if me < len(sums) else 0
    n = add(counter, 1)
    while n < total:
        if n < strips:
            round_strip(n, x, inputs)
        elif n < second:
            wait_for(counter[DONE:], strips)
            known = inputs[:, : inner.shape[1]]
            multiply_task(n - strips, known, inner, inner_bias, act, inner_chunks, threads, most, sums[me], halves)
        elif n < third:
            wait_for(counter[DONE:], second)
            known = hidden[:, : outer.shape[1]]
            multiply_task(n - second, known, outer, outer_bias, 0, outer_chunks, threads, most, sums[me], y)
        else:
            wait_for(counter[DONE:], third)
            normalise_strip(n - third, y, x, 1, w, b, eps, y)
        add(counter[DONE:], 1)
        n = add(counter, 1)


def attention_all(
    counter, x, inputs, strips, maps, maps_bias, qkv, mask, places, heads, panels, lines, context, halves,
    outer, outer_bias, w, b, eps, threads, most, sums, y,
):  # fmt: skip
    """y = layer_norm(outer(attend(query(x), key(x), value(x))) + x), all (R, E)"""
    me, rows, width, step = add(counter[ME:], 1), len(x), x.shape[1], qkv.shape[1] // 3
    q, k, v = qkv[:, :width], qkv[:, step : step + width], qkv[:, 2 * step : 2 * step + width]
    maps_chunks = count_chunks(rows, len(maps), threads, most)
    outer_chunks = count_chunks(rows, len(outer), threads, most)
    second = strips + maps_chunks * len(maps)
    third = second + len(places[0]) * heads
    fourth = third + outer_chunks * len(outer)
    total = fourth + (rows + STRIP - 1) // STRIP if me < len(sums) else 0
    n = add(counter, 1)
    while n < total:
        if n < strips:
            round_strip(n, x, inputs)
        elif n < second:
            wait_for(counter[DONE:], strips)
            known = inputs[:, : maps.shape[1]]
            multiply_task(n - strips, known, maps, maps_bias, 0, maps_chunks, threads, most, sums[me], qkv)
        elif n < third:
            wait_for(counter[DONE:], second)
            attend_task(n - second, q, k, v, mask, places, heads, panels[me], lines[me], halves)
        elif n < fourth:
            wait_for(counter[DONE:], third)
            known = context[:, : outer.shape[1]]
            multiply_task(n - third, known, outer, outer_bias, 0, outer_chunks, threads, most, sums[me], y)
        else:
            wait_for(counter[DONE:], fourth)
            normalise_strip(n - fourth, y, x, 1, w, b, eps, y)
        add(counter[DONE:], 1)
        n = add(counter, 1)


@functools.cache
def kernels_for(value, weight):
    """Both functions as Kernels for inputs and weights of two types; compiled when first wanted."""
    first = READ, READ if value == types.float32 else WORDS, types.int64  # x, words or x, strips
    layer = weight[:, :, ::1], types.float32[:, ::1]
    between = value[:, ::1], (types.float32 if value == types.float32 else types.uint16)[:, ::1]
    norm = VECTOR, VECTOR, types.float64
    last = types.int64, types.int64, types.float32[:, :, ::1], types.float32[:, ::1]  # threads, most, sums, y
    attention = types.float32[:, ::1], VECTOR, types.UniTuple(PLACES, 4), types.int64, *[types.float32[:, :, ::1]] * 2
    return (
        kernel(*first, *layer, types.int64, *between, *layer, *norm, *last)(feed_forward_all),
        kernel(*first, *layer, *attention, *between, *layer, *norm, *last)(attention_all),
    )


def between(x, panels):
    """Memory for what a product by panels (P, K, W) reads, a row for each of x; and the same as it is written"""
    if panels.dtype != np.uint32:
        return [empty((len(x), panels.shape[1]))] * 2
    memory = pairs.empty_words(len(x), 2 * panels.shape[1])
    return memory, memory.view(np.uint16)


def plain(x, norm, rng, cache):
    """Whether x (..., E) and a LayerNorm are float32, in inference."""
    return cache is None and rng is None and x.size > 0 and normal(x, norm)


def feed_forward(x, p, config, rng=None, cache=None):
    """encoder.feed_forward: x (..., E) -> (..., E)"""
    layers, norm = (p["inner"], p["outer"]), p["norm"]
    if not (plain(x, norm, rng, cache) and fits(x, layers[0])) or layers[1]["w"].shape != layers[0]["w"].shape[::-1]:
        return NotImplemented
    (inner, outer), rows = (together([layer]) for layer in layers), in_rows(x.reshape(-1, x.shape[-1]))
    words, strips, most, sums = inputs_for(rows, inner.panels)
    run, _ = kernels_for(from_dtype(words.dtype), from_dtype(inner.panels.dtype))
    y, act, hidden = empty(rows.shape), ACTIVATIONS[config.hidden_act], between(rows, outer.panels)
    last = norm["w"], norm["b"], config.layer_norm_eps, get_num_threads(), most, sums, y
    run(rows, words, strips, *inner, act, *hidden, *outer, *last)
    return y.reshape(x.shape)


def self_attention(x, mask, p, config, rng=None, cache=None):
    """attention.self_attention: x (B, N, E) and mask (B, 1, 1, N), or (R, E) and Rows -> y like x"""
    if not attends(x, mask, p, config, rng, cache):
        return NotImplemented
    rows, starts, mask = packed(x, mask)
    return attention(rows, mask, places_of(starts, starts), p, config).reshape(x.shape)


def cross_attention(lang, visn, lang_mask, visn_mask, p, config, rng=None, cache=None):
    """attention.cross_attention: lang and visn as x of self_attention -> y like each"""
    if not all(attends(*side, p, config, rng, cache) for side in ((lang, lang_mask), (visn, visn_mask))):
        return NotImplemented
    (words, w, lang_mask), (objects, o, visn_mask) = packed(lang, lang_mask), packed(visn, visn_mask)
    starts, n = (w, o + len(words)), len(words)
    places = map(np.concatenate, zip(places_of(*starts), places_of(*starts[::-1]), strict=True))
    both = np.concatenate([words, objects], out=empty((n + len(objects), words.shape[1])))
    y = attention(both, np.concatenate([lang_mask, visn_mask]), tuple(places), p, config)
    return y[:n].reshape(lang.shape), y[n:].reshape(visn.shape)


def attends(x, mask, p, config, rng, cache):
    """Whether an attention block is what the kernel computes: inference, in float32, with maps of one width."""
    width, narrow = x.shape[-1], isinstance(p["output"], Layer) and p["output"].packed.panels.dtype == np.uint32
    return (
        plain(x, p["norm"], rng, cache)
        and all(fits(x, p[name]) and len(p[name]["w"]) == width for name in (*QKV, "output"))
        and width % config.num_attention_heads == 0
        and (mask.mask if hasattr(mask, "mask") else mask).dtype == np.float32
        and not (narrow and width % (2 * pairs.STEP))
    )


def packed(x, mask):
    """States as rows (R, E), where each sentence begins (B + 1,), and the mask (R,)"""
    if hasattr(mask, "starts"):
        return in_rows(x), mask.starts, np.ascontiguousarray(mask.mask)
    batch, n, width = x.shape
    return in_rows(x.reshape(-1, width)), np.arange(batch + 1) * n, np.ascontiguousarray(mask).reshape(-1)


def attention(x, mask, places, p, config):
    """A block on rows: x (R, E), mask (R,) and the places of each sentence -> (R, E)"""
    maps, outer, norm = together([p[name] for name in QKV]), together([p["output"]]), p["norm"]
    words, strips, most, sums = inputs_for(x, maps.panels)
    _, run = kernels_for(from_dtype(words.dtype), from_dtype(maps.panels.dtype))
    y, qkv, heads = empty(x.shape), empty((len(x), maps.bias.size)), config.num_attention_heads
    memory = *scratch(places, x.shape[1] // heads), *between(x, outer.panels)
    last = norm["w"], norm["b"], config.layer_norm_eps, get_num_threads(), most, sums, y
    run(x, words, strips, *maps, qkv, mask, places, heads, *memory, *outer, *last)
    return y
