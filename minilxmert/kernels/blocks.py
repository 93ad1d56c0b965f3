"""The Numba twins of the blocks of a layer: each is one launch, however many steps it has, so that nothing waits for
Python between them, and what one step leaves in the cache the next one finds there.

The tasks of a step begin when all those of the steps before it are done (wait_for). As in twins.py, this is inference
in float32; for whatever else comes along the answer is NotImplemented, and the definition does it."""

import functools

import numpy as np
from numba import types
from numba.np.numpy_support import from_dtype

from . import pairs
from .attention import PLACES, attend_task, memory_for
from .matmul import ACTIVATIONS, READ, WORDS, count_chunks, inputs_for, multiply_task, round_strip
from .memory import empty, scratch
from .norm import STRIP, VECTOR, normalise_strip
from .packing import Layer, in_rows, pack_as_one
from .shared import add
from .threads import DONE, ME, get_num_threads, kernel, wait_for
from .twins import fits, normal, places_of

QKV = ("query", "key", "value")
NOBODY = np.empty(0, np.float32), (np.empty(0, np.int64),) * 4  # mask and places where nothing attends


def block_all(
    counter, x, inputs, strips, first, first_bias, act, made, written, mask, places, heads, panels, lines, hidden,
    halves, outer, outer_bias, w, b, eps, threads, most, sums, y,
):  # fmt: skip
    """y = layer_norm(outer(hidden) + x), all (R, E), after made = act(first(x)), query, key and value: hidden is their
    context; without sentences, what the first product has made. `written` and `halves` are both by single values."""
    me, rows, width, step = add(counter[ME:], 1), len(x), x.shape[1], first_bias.size // 3
    pair = written.shape[1] // made.shape[1]  # values in a word
    q, k = made[:, : width // pair], made[:, step // pair : (step + width) // pair]
    v = written[:, 2 * step : 2 * step + width]
    chunks = count_chunks(rows, len(first), threads, most)
    outer_chunks = count_chunks(rows, len(outer), threads, most)
    second = strips + chunks * len(first)
    third = second + len(places[0]) * heads
    fourth = third + outer_chunks * len(outer)
    total = fourth + (rows + STRIP - 1) // STRIP if me < len(sums) else 0
    n = add(counter, 1)
    while n < total:
        if n < strips:
            round_strip(n, x, inputs)
        elif n < second:
            wait_for(counter[DONE:], strips)
            known = inputs[:, : first.shape[1]]
            multiply_task(n - strips, known, first, first_bias, act, chunks, threads, most, sums[me], written)
        elif n < third:
            wait_for(counter[DONE:], second)
            attend_task(n - second, q, k, v, mask, places, heads, panels[me], lines[me], halves)
        elif n < fourth:
            wait_for(counter[DONE:], third)
            known = hidden[:, : outer.shape[1]]
            multiply_task(n - third, known, outer, outer_bias, 0, outer_chunks, threads, most, sums[me], y)
        else:
            wait_for(counter[DONE:], fourth)
            normalise_strip(n - fourth, y, x, 1, w, b, eps, y)
        add(counter[DONE:], 1)
        n = add(counter, 1)


@functools.cache
def kernel_for(value, weight):
    """block_all as a Kernel for inputs and weights of two dtypes; compiled when first wanted."""
    value, weight = from_dtype(value), from_dtype(weight)
    floats, halves = types.float32[:, ::1], (value if value == types.float32 else types.uint16)[:, ::1]
    first = READ, READ if value == types.float32 else WORDS, types.int64  # x, words or x, strips
    layer, memory = (weight[:, :, ::1], floats), (value[:, :, ::1], types.float32[:, :, ::1])
    attention = VECTOR, types.UniTuple(PLACES, 4), types.int64, *memory
    last = VECTOR, VECTOR, types.float64, types.int64, types.int64, types.float32[:, :, ::1], floats
    return kernel(*first, *layer, types.int64, value[:, ::1], halves, *attention, value[:, ::1], halves, *layer, *last)(
        block_all
    )


def run(x, first, outer, norm, config, act=None, attention=None):
    """A block on rows x (R, E): its two Packed, its LayerNorm, and attention, (mask (R,), places of each sentence) or
    None -> (R, E)"""
    words, strips, most, sums = inputs_for(x, first.panels)
    paired, y = words.dtype == np.uint32, empty(x.shape)
    hidden, halves = between("hidden", len(x), outer.panels.shape[1], paired)
    made, heads, (mask, places) = (hidden, halves), config.num_attention_heads, attention or NOBODY
    if attention:
        made = between("made", len(x), first.bias.size // (2 if paired else 1), paired)
    panels, lines = memory_for(places, x.shape[1] // heads, most, first.panels.shape[2])
    kernel_for(words.dtype, first.panels.dtype)(
        x, words, strips, *first, ACTIVATIONS[act], *made, mask, places, heads, panels.view(words.dtype), lines,
        hidden, halves, *outer, norm["w"], norm["b"], config.layer_norm_eps, get_num_threads(), most, sums, y,
    )  # fmt: skip
    return y


def between(name, rows, width, paired):
    """Memory for what a product with `width` inputs (words of pairs) reads, (rows, width); and as it is written"""
    if not paired:
        return [scratch(name, (rows, width))] * 2
    memory = pairs.words_for(name, rows, 2 * width)
    return memory, memory.view(np.uint16)


def plain(x, norm, rng, cache):
    """Whether x (..., E) and a LayerNorm are float32, in inference."""
    return cache is None and rng is None and x.size > 0 and normal(x, norm)


def feed_forward(x, p, config, rng=None, cache=None):
    """encoder.feed_forward: x (..., E) -> (..., E)"""
    layers, norm = (p["inner"], p["outer"]), p["norm"]
    if not (plain(x, norm, rng, cache) and fits(x, layers[0])) or layers[1]["w"].shape != layers[0]["w"].shape[::-1]:
        return NotImplemented
    (inner, outer), rows = (pack_as_one([layer]) for layer in layers), in_rows(x.reshape(-1, x.shape[-1]))
    return run(rows, inner, outer, norm, config, config.hidden_act).reshape(x.shape)


def self_attention(x, mask, p, config, rng=None, cache=None):
    """attention.self_attention: x (B, N, E) and mask (B, 1, 1, N), or (R, E) and Rows -> y like x"""
    if not attends(x, mask, p, config, rng, cache):
        return NotImplemented
    rows, starts, mask = lay_out_rows(x, mask)
    return attention(rows, mask, places_of(starts, starts), p, config).reshape(x.shape)


def cross_attention(lang, visn, lang_mask, visn_mask, p, config, rng=None, cache=None):
    """attention.cross_attention: lang and visn as x of self_attention -> y like each"""
    if not all(attends(*side, p, config, rng, cache) for side in ((lang, lang_mask), (visn, visn_mask))):
        return NotImplemented
    (words, w, lang_mask), (objects, o, visn_mask) = lay_out_rows(lang, lang_mask), lay_out_rows(visn, visn_mask)
    starts, n = (w, o + len(words)), len(words)
    places = map(np.concatenate, zip(places_of(*starts), places_of(*starts[::-1]), strict=True))
    both = np.concatenate([words, objects], out=scratch("both", (n + len(objects), words.shape[1])))
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
        and not (narrow and width // config.num_attention_heads % (2 * pairs.STEP))
    )


def lay_out_rows(x, mask):
    """States as rows (R, E), where each sentence begins (B + 1,), and the mask (R,)"""
    if hasattr(mask, "starts"):
        return in_rows(x), mask.starts, np.ascontiguousarray(mask.mask)
    batch, n, width = x.shape
    return in_rows(x.reshape(-1, width)), np.arange(batch + 1) * n, np.ascontiguousarray(mask).reshape(-1)


def attention(x, mask, places, p, config):
    """A block on rows: x (R, E), mask (R,) and the places of each sentence -> (R, E)"""
    maps, outer = pack_as_one([p[name] for name in QKV]), pack_as_one([p["output"]])
    return run(x, maps, outer, p["norm"], config, attention=(mask, places))
