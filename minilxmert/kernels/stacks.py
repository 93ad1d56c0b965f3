"""The Numba twins of stacks of layers: all blocks of all layers in one launch, where their maps are packed.

As in blocks.py, for whatever else comes along the answer is NotImplemented, and the definition does it."""

from itertools import pairwise

from .blocks import NO_SENTENCES, begin, both_ways, masks, meet, plain, run, sentences_of, takes
from .memory import empty
from .packing import make_stack
from .twins import places_of


def layers(x, mask, p, config, rng=None, cache=None, kept=None):
    """encoder.layers: x (B, N, E) and mask (B, 1, 1, N), or (R, E) and Rows -> a list of states like x"""
    blocks = plain(x, rng, cache) and masks(x, mask) and blocks_in(p, 2, x, config)
    if not blocks:
        return NotImplemented
    (starts, mask), numbers = sentences_of(x, mask), numbers_of_states(len(p), kept)
    (states, ends), program = begin([x], max(numbers) + 2), []
    for before, after in pairwise(numbers):
        program += layer(ends, (0, len(starts) - 1), (before, len(states) - 1, after))
    run(blocks, program, states, config, mask, places_of(starts, starts))
    return [take_out(states[i], kept).reshape(x.shape) for i in numbers[1:][-(kept or len(p)) :]]


def cross_layers(lang, visn, lang_mask, visn_mask, p, config, rng=None, cache=None, kept=None):
    """encoder.cross_layers: lang and visn as x of layers -> a list of the states of both"""
    sides = (lang, lang_mask), (visn, visn_mask)
    blocks = meet(sides, rng, cache) and blocks_in(p, 5, lang, config)
    if not blocks:
        return NotImplemented
    (places, mask, count), numbers = both_ways(sides), numbers_of_states(len(p), kept)
    (states, (_, n, end)), program = begin([lang, visn], max(numbers) + 3), []
    *_, first, second = range(len(states))
    for before, after in pairwise(numbers):
        program.append((0, end, 2 * count, 4 * count, before, first))
        program += layer((0, n), (0, count), (first, second, after))
        program += layer((n, end), (count, 2 * count), (first, second, after))
    run(blocks, program, states, config, mask, places)
    return [
        (take_out(states[i, :n], kept).reshape(lang.shape), take_out(states[i, n:], kept).reshape(visn.shape))
        for i in numbers[1:][-(kept or len(p)) :]
    ]


def blocks_in(p, each, x, config):
    """The blocks of layers p that have `each`, 2 or 5, as LinedUp; None if they are not that, or not for x (..., E)"""
    stack = make_stack(p)
    fitting = stack and len(stack.lined_up.where) == each * len(p) and takes(x, stack.lined_up, config)
    return stack.lined_up if fitting else None


def layer(rows, sentences, states):
    """The program of a layer's two blocks; states: the numbers of three, of the last two it writes"""
    return (*rows, *sentences, *states[:2]), (*rows, *NO_SENTENCES, *states[1:])


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
