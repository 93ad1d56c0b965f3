"""The Numba twins of stacks of layers: all blocks of all layers in one launch, where their maps are packed.

As in blocks.py, for whatever else comes along the answer is NotImplemented, and the definition does it."""

import itertools

from .blocks import NO_SENTENCES, Applied, begin, both_ways, masks, meet, plain, run, sentences_of, takes
from .memory import empty
from .packing import Block
from .twins import places_of


def layers(x, mask, p, config, rng=None, cache=None, kept=None):
    """encoder.layers: x (B, N, E) and mask (B, 1, 1, N), or (R, E) and Rows -> a list of states like x"""
    if not (plain(x, rng, cache) and masks(x, mask) and are_blocks(p, x, config)):
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
    if not (meet(sides, rng, cache) and are_blocks(p, lang, config)):
        return NotImplemented
    (places, mask, count), numbers = both_ways(sides), numbers_of_states(len(p), kept)
    (states, (_, n, end)), blocks = begin([lang, visn], max(numbers) + 3), []
    *_, first, second = range(len(states))
    for one, (before, after) in zip(p.values(), itertools.pairwise(numbers), strict=True):
        blocks.append(Applied(one["cross"], (0, end), (2 * count, 4 * count), (before, first)))
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
    return Applied(p["attention"], rows, sentences, states[:2]), Applied(p["ffn"], rows, NO_SENTENCES, states[1:])


def are_blocks(p, x, config):
    """Whether there are layers, all their parts Blocks (so that the maps of a stack lie in one array) that take x."""
    parts = [part for one in p.values() for part in parts_of(one)]
    return len(parts) > 0 and all(isinstance(part, Block) and takes(x, part, config) for part in parts)


def parts_of(layer):
    """The parameters of the blocks of a layer, or of a cross layer"""
    if "cross" in layer:
        return layer["cross"], *parts_of(layer["language"]), *parts_of(layer["vision"])
    return layer["attention"], layer["ffn"]


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
