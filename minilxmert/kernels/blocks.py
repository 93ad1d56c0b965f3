"""The Numba twins of the blocks of a layer: any number of them is one launch, so that nothing waits for Python between
their steps, and what one step leaves in the cache the next one finds there.

A block is attention, or a feed-forward net, with its norm. Its steps are tasks that begin when all those of the steps
before are done (wait_for). As in twins.py, this is inference in float32; for whatever else comes along the answer is
NotImplemented, and the definition does it."""

import functools

import numpy as np
from numba import types
from numba.extending import overload
from numba.np.numpy_support import from_dtype

from . import matmul, pairs
from .attention import PLACES, attend_task, memory_for
from .matmul import ACTIVATIONS, count_chunks, multiply_task, needs, round_strip
from .memory import empty, scratch
from .norm import STRIP, VECTOR, add_norm_strip
from .packing import make_block
from .shared import add
from .threads import DONE, ME, get_num_threads, kernel, wait_for
from .twins import places_of

NO_SENTENCES = 0, 0  # of a feed-forward net
NOBODY = np.empty(0, np.float32), (np.empty(0, np.int64),) * 4  # mask and places where nothing attends

# A program has a row for each block, y = layer_norm(outer(hidden) + x): hidden is act(first(x)), or, with sentences,
# the context of attention whose queries, keys and values are first(x). Its columns: which rows of the states, the first
# and the one after the last; of the sentences that attend, the same; which of the states it reads, and which it writes.
ROWS, SENTENCES, FROM, TO = 0, 2, 4, 5
FIRST, OUTER = 0, 2  # columns of LinedUp.where


def take_inputs(x, words):
    """What a first map multiplies: x, or the words to which it is rounded"""
    return x


@overload(take_inputs, jit_options={"_nrt": False})
def take_inputs_for(x, words):
    return (lambda x, words: words) if words.dtype == types.uint32 else take_inputs


def blocks_all(
    counter, states, program, maps, bias, outer_maps, outer_bias, net_maps, net_bias, where, norms, mask, places, heads,
    act, eps, words, made, written, context, halves, panels, lines, threads, most, sums,
):  # fmt: skip
    """All blocks of a program on states (S, R, E). A net's outer maps are of another size than those of attention.

    What first maps have made, and the context, are words where words are multiplied; `written` and `halves` are both by
    single values."""
    me, i, begin, end, pair = add(counter[ME:], 1), -1, 0, 0, written.shape[1] // made.shape[1]
    if me >= len(sums):  # without memory of one's own: nothing
        return
    n = add(counter, 1)
    while True:
        while n >= end:  # all tasks of block i are taken: what is needed to do those of the next
            i += 1
            if i == len(program):
                return
            block = program[i]
            a, b, c = block[ROWS], block[ROWS + 1], block[SENTENCES]
            x, y, hidden, act_here = states[block[FROM], a:b], states[block[TO], a:b], context[a:b], 0
            k, m = where[i, FIRST], where[i, FIRST + 1]
            first, first_bias = maps[k:m], bias[k:m]
            attending, k, m = (block[SENTENCES + 1] - c) * heads, where[i, OUTER], where[i, OUTER + 1]
            outer, second_bias = outer_maps[k:m], outer_bias[k:m]
            if attending == 0:
                hidden, act_here, outer, second_bias = made[a:b], act, net_maps[k:m], net_bias[k:m]
            width, step = x.shape[1], first_bias.size // 3
            q, key = made[:, : width // pair], made[:, step // pair : (step + width) // pair]
            value = written[:, 2 * step : 2 * step + width]
            chunks = count_chunks(b - a, first, threads, most)
            outer_chunks = count_chunks(b - a, outer, threads, most)
            begin = end  # the first task of each step
            rounded = begin + ((b - a + matmul.STRIP - 1) // matmul.STRIP if pair == 2 else 0)
            multiplied = rounded + chunks * len(first)
            attended = multiplied + attending
            summed = attended + outer_chunks * len(outer)
            end = summed + (b - a + STRIP - 1) // STRIP
        if n < rounded:  # words = x
            wait_for(counter[DONE:], begin)
            round_strip(n - begin, x, words[a:b])
        elif n < multiplied:  # written = act(first(x))
            wait_for(counter[DONE:], rounded)
            known = take_inputs(x, words[a:b, : first.shape[1]])
            multiply_task(
                n - rounded, known, first, first_bias, act_here, chunks, threads, most, sums[me], written[a:b]
            )
        elif n < attended:  # halves = the context of a head
            wait_for(counter[DONE:], multiplied)
            attend_task(n - multiplied + c * heads, q, key, value, mask, places, heads, panels[me], lines[me], halves)
        elif n < summed:  # y = outer(hidden)
            wait_for(counter[DONE:], attended)
            known = hidden[:, : outer.shape[1]]
            multiply_task(n - attended, known, outer, second_bias, 0, outer_chunks, threads, most, sums[me], y)
        else:  # y = layer_norm(y + x)
            wait_for(counter[DONE:], summed)
            add_norm_strip(n - summed, x, 1, norms[i, 0], norms[i, 1], eps, y)
        add(counter[DONE:], 1)
        n = add(counter, 1)


@functools.cache
def kernel_for(value, weight):
    """blocks_all as a Kernel for inputs and weights of two dtypes; compiled when first wanted."""
    value, weight = from_dtype(value), from_dtype(weight)
    floats, halves = types.float32[:, ::1], (value if value == types.float32 else types.uint16)[:, ::1]
    layer, memory = (weight[:, :, ::1], floats), (value[:, :, ::1], types.float32[:, :, ::1])
    states = types.float32[:, :, ::1], types.int64[:, ::1]
    attention = VECTOR, types.UniTuple(PLACES, 4), types.int64
    rest = types.int64, types.float64, value[:, ::1], value[:, ::1], halves, value[:, ::1], halves, *memory
    last = types.int64, types.int64, types.float32[:, :, ::1]
    lined_up = types.int64[:, ::1], types.float32[:, :, ::1]
    return kernel(*states, *layer, *layer, *layer, *lined_up, *attention, *rest, *last)(blocks_all)


def run(blocks, program, states, config, mask, places):
    """Do blocks (LinedUp) on states (S, R, E), a row of the program each; mask (R,), the places of all sentences"""
    (first, attention, net, where, norms), rows, heads = blocks, states.shape[1], config.num_attention_heads
    width, paired = first.panels.shape[2], first.panels.dtype == np.uint32
    most, sums = needs(rows, width, paired)
    made = between("made", rows, width * int(np.diff(where[:, :2]).max()), paired)
    context = between("context", rows, states.shape[2], paired)
    panels, lines = memory_for(places, states.shape[2] // heads, most, width)
    words = pairs.words_for("words", rows, states.shape[2]) if paired else made[0]
    kernel_for(words.dtype, first.panels.dtype)(
        states, np.array(program), *first, *(attention or first), *(net or first), where, norms, mask, places, heads,
        ACTIVATIONS[config.hidden_act], config.layer_norm_eps, words, *made, *context, panels.view(words.dtype), lines,
        get_num_threads(), most, sums,
    )  # fmt: skip


def between(name, rows, width, paired):
    """Memory for values that a product reads, (rows, width), words if they are paired; and as they are written"""
    if not paired:
        return [scratch(name, (rows, width))] * 2
    memory = pairs.words_for(name, rows, width)
    return memory, memory.view(np.uint16)


def plain(x, rng, cache):
    """Whether x is float32, in inference."""
    return cache is None and rng is None and x.size > 0 and x.dtype == np.float32


def masks(x, mask):
    """Whether a mask, or Rows, has a float32 number for each row of x."""
    if isinstance(mask, np.ndarray):
        return x.ndim == 3 and mask.shape == (len(x), 1, 1, x.shape[1]) and mask.dtype == np.float32
    return x.ndim == 2 and mask.mask.shape == x.shape[:1] and mask.mask.dtype == np.float32


def takes(x, blocks, config):
    """Whether the kernel computes blocks (LinedUp) for x (..., E): they are as wide, and so are all heads together."""
    width, heads = x.shape[-1], config.num_attention_heads
    paired = blocks.first.panels.dtype == np.uint32
    whole = width % heads == 0 and not (paired and width // heads % (2 * pairs.STEP))
    return blocks.norms.shape[2] == width and (whole or not blocks.attention)


def begin(sides, count):
    """`count` arrays of states, (S, R, E), the first with the rows of all sides; and where each side's rows end"""
    sides = [x.reshape(-1, x.shape[-1]) for x in sides]
    states = empty((count, sum(map(len, sides)), sides[0].shape[1]))
    np.concatenate(sides, out=states[0])
    return states, np.cumsum([0, *map(len, sides)]).tolist()


def sentences_of(x, mask):
    """Where each sentence of states begins among the rows (B + 1,), and the mask (R,)"""
    if hasattr(mask, "starts"):
        return mask.starts, np.ascontiguousarray(mask.mask)
    return np.arange(len(x) + 1) * x.shape[1], np.ascontiguousarray(mask).reshape(-1)


def feed_forward(x, p, config, rng=None, cache=None):
    """encoder.feed_forward: x (..., E) -> (..., E)"""
    block = plain(x, rng, cache) and make_block(p)
    if not (block and takes(x, block.lined_up, config)):
        return NotImplemented
    states, ends = begin([x], 2)
    run(block.lined_up, [(*ends, *NO_SENTENCES, 0, 1)], states, config, *NOBODY)
    return states[1].reshape(x.shape)


def self_attention(x, mask, p, config, rng=None, cache=None):
    """attention.self_attention: x (B, N, E) and mask (B, 1, 1, N), or (R, E) and Rows -> y like x"""
    block = plain(x, rng, cache) and masks(x, mask) and make_block(p)
    if not (block and takes(x, block.lined_up, config)):
        return NotImplemented
    (starts, mask), (states, ends) = sentences_of(x, mask), begin([x], 2)
    run(block.lined_up, [(*ends, 0, len(starts) - 1, 0, 1)], states, config, mask, places_of(starts, starts))
    return states[1].reshape(x.shape)


def cross_attention(lang, visn, lang_mask, visn_mask, p, config, rng=None, cache=None):
    """attention.cross_attention: lang and visn as x of self_attention -> y like each"""
    sides = (lang, lang_mask), (visn, visn_mask)
    block = meet(sides, rng, cache) and make_block(p)
    if not (block and takes(lang, block.lined_up, config)):
        return NotImplemented
    (states, (_, n, end)), places, mask, count = begin([lang, visn], 2), *both_ways(sides)
    run(block.lined_up, [(0, end, 2 * count, 4 * count, 0, 1)], states, config, mask, places)
    return states[1, :n].reshape(lang.shape), states[1, n:].reshape(visn.shape)


def meet(sides, rng, cache):
    """Whether two sides, (states, mask) each, are plain, with masks, of one width and of as many sentences."""
    fitting = all(plain(x, rng, cache) and masks(x, mask) for x, mask in sides)
    return fitting and len({(x.shape[-1], len(sentences_of(x, mask)[0])) for x, mask in sides}) == 1


def both_ways(sides):
    """The places of all sentences of two sides, (lang, mask) and (visn, mask), one after the other: of lang by itself,
    of visn by itself, of lang with visn, of visn with lang; the mask (R,), and how many sentences a side has"""
    (w, lang_mask), (o, visn_mask) = (sentences_of(*side) for side in sides)
    o = o + len(lang_mask)
    places = [places_of(*starts) for starts in ((w, w), (o, o), (w, o), (o, w))]
    return tuple(map(np.concatenate, zip(*places, strict=True))), np.concatenate([lang_mask, visn_mask]), len(w) - 1
