"""What claims about three boxes mean: programs, built by a function for each phrase, and their value in many scenes.

A mask says of each thing (S, 3, 8) whether it is meant, a fact the same of each box (S, 3). A number is of the form
("=", 2); "one" and "some" stand for "=": so many are said without "exactly", but meant so."""

import functools

import numpy as np

from .programs import Step, step

LEAST, NONE, ONE, ALL = (">", 0), ("=", 0), ("=", 1), ("=", 3)


def things(color=None, shape=None, size=None):
    return step("things", color, shape, size)


def of(*colors):
    return things(tuple(sorted(colors)))


def both(*masks):
    return step("and", *masks) if len(masks) > 1 else masks[0]


def count(what):
    """A function that compares a number with how many of something there are."""
    return lambda number, value: step("is", number, step(what, value))


def at(compare):
    """The same of so many things (number, mask) at a place."""
    return lambda said, where: compare(said[0], both(said[1], where))


each, total, boxes = count("each"), count("total"), count("boxes")
each_at, total_at = at(each), at(total)


def some(*masks):
    return each(LEAST, both(*masks))


def tall(number):
    return each(number, things())


def tall_and(meaning):
    return lambda number, *values: both(tall(number), meaning(*values))


def whole(color):
    return each(NONE, step("not", of(color)))


def hues(number):
    return step("colors", number)


def two_hues(a, b, *_):
    return step("colors are", tuple(sorted((a, b))))


def block_at(end):
    return lambda color, *_: some(of(color), step(end))


# --- values ---
def compare(number, counts):
    """A number of RULES' forms, ("=", 2), against counts; "one" and "some" are said of exactly so many."""
    sign, value = number
    return {"<": counts < value, ">": counts > value}.get(sign, counts == value)


def select(scenes, color, shape, size):
    found = scenes.there
    if color is not None:
        found = found & np.isin(scenes.color, color)
    if shape is not None:
        found = found & (scenes.shape == shape)
    return found if size is None else found & (scenes.size == 10 * (size + 1))


def beside(scenes, mask, way):
    """The things right above (way 1) or right below (-1) one of a mask."""
    lower = scenes.ranks[0]
    gap = lower[..., None] - lower[..., None, :]
    return scenes.there & ((gap == way) & mask[..., None, :]).any(-1)


def colors_among(scenes, mask):
    """Which colours are among the things of a mask, (S, 3, 8) -> (S, 3, 3)"""
    return np.stack([(mask & (scenes.color == c)).any(-1) for c in range(3)], -1)


def run(scenes, n, mask):
    on = mask
    for _ in range(n - 1):
        on = mask & beside(scenes, on, 1)
    return on.any(-1)


def alike(scenes, number, what):
    """Whether so many towers are alike: in height, or in the colour of an end."""
    if what == "height":
        value = scenes.there.sum(-1)
    else:
        value = (scenes.color * OPERATIONS[what](scenes)).sum(-1)
    return compare(number, (value[:, None] == value[..., None]).sum(-1).max(-1))


def colour_of(scenes, way):
    """The colour of what is right below (way 1) or above (-1) each thing; -1: nothing"""
    found = np.full(scenes.color.shape, -1)
    for c in range(3):
        found[beside(scenes, scenes.color == c, way)] = c
    return found


def between(scenes):
    under, over = colour_of(scenes, 1), colour_of(scenes, -1)
    return scenes.there & (under == over) & (under >= 0)


def the(scenes, which, fact):
    return which.any(-1) & (fact | ~which).all(-1)


OPERATIONS = {
    "things": select,
    "wall": lambda s, sides: s.walls[..., list(sides)].any(-1),
    "corner": lambda s: s.walls[..., :2].any(-1) & s.walls[..., 2:].any(-1),
    "top": lambda s: s.there & (s.ranks[1] == 0),
    "base": lambda s: s.there & (s.ranks[0] == 0),
    "level": lambda s, n: s.there & (s.ranks[0] == n),
    "in": lambda s, fact: s.there & fact[..., None],
    "on": lambda s, mask: beside(s, mask, 1),
    "under": lambda s, mask: beside(s, mask, -1),
    "between": between,
    "differs": lambda s: s.there & (colour_of(s, -1) >= 0) & (colour_of(s, -1) != s.color),
    "and": lambda s, *facts: functools.reduce(np.logical_and, facts),
    "not": lambda s, mask: s.there & ~mask,
    "each": lambda s, mask: mask.sum(-1),
    "total": lambda s, mask: mask.sum((-1, -2)),
    "boxes": lambda s, fact: fact.sum(-1),
    "is": lambda s, number, counts: compare(number, counts),
    "colors": lambda s, number: compare(number, colors_among(s, s.there).sum(-1)),
    "colors are": lambda s, colors: (colors_among(s, s.there) == np.isin(range(3), colors)).all(-1),
    "shapes": lambda s, number: compare(number, np.stack([(s.shape == k).any(-1) for k in range(3)]).sum(0)),
    "or": lambda s, *facts: functools.reduce(np.logical_or, facts),
    "hues": lambda s, number, mask: compare(number, colors_among(s, mask).any(1).sum(-1)),
    "run": run,
    "all": lambda s, mask, where: mask.any((-1, -2)) & ~(mask & ~where).any((-1, -2)),
    "more": lambda s, a, b: a > b,
    "the": the,
    "alike": alike,
}


def evaluate(program, scenes, found=None):
    """A program's value for every scene. found: a list that gets each step with its value, inner ones first."""
    values = [evaluate(a, scenes, found) if isinstance(a, Step) else a for a in program.arguments]
    result = OPERATIONS[program.operation](scenes, *values)
    if found is not None:
        found.append((program, result))
    return result
