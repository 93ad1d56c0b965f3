"""The Numba twins of stacks of layers: all blocks of all layers in one launch, where their maps are packed.

As in blocks.py, for whatever else comes along the answer is NotImplemented, and the definition does it."""

import itertools

from .blocks import attends, attention, begin, both_ways, feeds, masks, meet, net, plain, run, sentences_of
from .memory import empty
from .packing import Layer
from .twins import places_of


def layers(x, mask, p, config, rng=None, cache=None, kept=None):
    """encoder.layers: x (B, N, E) and mask (B, 1, 1, N), or (R, E) and Rows -> a list of states like x"""
    fitting = plain(x, rng, cache) and masks(x, mask) and packed(p, "attention")
    if not (fitting and all(is_layer(x, one, config) for one in p.values())):
        return NotImplemented
    (starts, mask), numbers = sentences_of(x, mask), numbers_of_states(len(p), kept)
    (states, ends), blocks = begin([x], max(numbers) + 2), []
    for one, (before, after) in zip(p.values(), itertools.pairwise(numbers), strict=True):
        blocks += layer(one, ends, (0, len(starts) - 1), (before, len(states) - 1, after))
    if not run(blocks, states, config, mask, places_of(starts, starts)):
        return NotImplemented
    return [take_out(states[i], kept).reshape(x.shape) for i in numbers[1:][-(kept or len(p)) :]]


def cross_layers(lang, visn, lang_mask, visn_mask, p, config, rng=None, cache=None, kept=None):
    """encoder.cross_layers: lang and visn as x of layers -> a list of the states of both"""
    sides = (lang, lang_mask), (visn, visn_mask)
    fitting = meet(sides, rng, cache) and packed(p, "cross")
    if not (fitting and all(is_cross_layer(lang, one, config) for one in p.values())):
        return NotImplemented
    (places, mask, count), numbers = both_ways(sides), numbers_of_states(len(p), kept)
    (states, (_, n, end)), blocks = begin([lang, visn], max(numbers) + 3), []
    *_, first, second = range(len(states))
    for one, (before, after) in zip(p.values(), itertools.pairwise(numbers), strict=True):
        blocks += [attention(one["cross"], (0, end), (2 * count, 4 * count), (before, first))]
        blocks += layer(one["language"], (0, n), (0, count), (first, second, after))
        blocks += layer(one["vision"], (n, end), (count, 2 * count), (first, second, after))
    if not run(blocks, states, config, mask, places):
        return NotImplemented
    return [
        (take_out(states[i, :n], kept).reshape(lang.shape), take_out(states[i, n:], kept).reshape(visn.shape))
        for i in numbers[1:][-(kept or len(p)) :]
    ]


def layer(p, rows, sentences, states):
    """The two blocks of a layer; states: the numbers of three, of the last two it writes"""
    return attention(p["attention"], rows, sentences, states[:2]), net(p["ffn"], rows, states[1:])


def is_layer(x, p, config):
    return attends(x, p["attention"], config) and feeds(x, p["ffn"])


def is_cross_layer(x, p, config):
    return attends(x, p["cross"], config) and all(is_layer(x, p[side], config) for side in ("language", "vision"))


def packed(p, block):
    """Whether there are layers, and the maps of their attention blocks are packed (if so, all in one array)."""
    return len(p) > 0 and all(isinstance(one[block]["query"], Layer) for one in p.values())


def take_out(x, kept):
    """States that are not to hold on to all the others: a copy where only the last are kept"""
    if not kept:
        return x
    y = empty(x.shape)
    y[...] = x
    return y


def numbers_of_states(layers, kept):
    """Which array has the states before the first layer and after each: always the first, if only the last are kept"""
    return [0] * (layers + 1) if kept == 1 else list(range(layers + 1))
