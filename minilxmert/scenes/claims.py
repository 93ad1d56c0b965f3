"""Claims about three boxes: made at random by the grammar, read by it, and their truth in many scenes at once.

    text, program = Grammar(rng).claim("t")  # of towers; "s": of scattered things
    truth(program, scenes)                   # of Boxes: (S,) of bool
    read("There is a tower with 4 blocks.")  # its programs
A mask says of each thing (S, 3, 8) whether it is meant, a fact the same of each box (S, 3)."""

import difflib
import functools
import re

import numpy as np

from .claim_rules import RULES
from .programs import Step
from .words import NUMBERS

SAME = {"an": "a", "colour": "color", "colours": "colors", "coloured": "colored", "grey": "gray", "atleast": "at least"}
SAME |= {"tleast": "at least", "t": "at", "ll": "all"} | {str(n): word for n, word in enumerate(NUMBERS)}


def plain(text):
    """A sentence as the grammar spells it: small letters, no marks, numbers in words. NLVR's files cut some letters."""
    return " ".join(SAME.get(word, word) for word in re.sub(r"[^a-z0-9 ]", " ", text.lower()).split())


class Grammar:
    """Random claims. rng: of their rules and words."""

    def __init__(self, rng):
        self.rng = rng

    def claim(self, kind):
        """A claim about towers ("t") or scattered things ("s") -> its text, its program"""
        words, program = self.expand("CLAIM", kind)
        return " ".join(words), program

    def expand(self, symbol, kind):
        """-> the words that a symbol becomes, and their meaning"""
        rules, shares = choices(symbol, kind)
        template, meaning, *_ = rules[int(np.searchsorted(shares, self.rng.random(), "right"))]
        words, values = [], []
        for token in template:
            if token.isupper():
                said, meant = self.expand(token, kind)
                values.append(meant)
            else:
                options = token.split("|")
                said = [options[int(self.rng.integers(len(options)))]]
            words += [word for word in said if word]
        return words, meaning(*values)


@functools.cache
def choices(symbol, kind):
    """The rules of a symbol for a kind of scene, and their shares added up."""
    rules = [rule for rule in RULES[symbol] if kind in rule[2]]
    shares = np.cumsum([rule[3] for rule in rules])
    return rules, shares / shares[-1]


def read(text, kind=""):
    """The programs of a sentence, as it is said of a kind of scene or of any: none, if the grammar does not know it."""
    tokens = plain(text).split()

    @functools.cache
    def ends(symbol, start):
        rules = [rule for rule in RULES[symbol] if kind in rule[2]]
        made = ((end, meaning(*found)) for rule, meaning, *_ in rules for end, found in follow(rule, start))
        return list(dict.fromkeys(made))

    def follow(template, start):
        """Where a template can end that begins at a word, with the meanings of its symbols."""
        if not template:
            return [(start, ())]
        token, options = template[0], template[0].split("|")
        if token.isupper():
            steps = [(end, (meant,)) for end, meant in ends(token, start)]
        else:
            steps = [(start + bool(word), ()) for word in set(options) if word in ("", *tokens[start : start + 1])]
        return [(end, one + more) for middle, one in steps for end, more in follow(template[1:], middle)]

    return [meant for end, meant in ends("CLAIM", 0) if end == len(tokens)]


# --- truth ---------------------------------------------------------------------------------------------------------
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


def hues(scenes, mask):
    """Which colours are among the things of a mask, (S, 3, 8) -> (S, 3, 3)"""
    return np.stack([(mask & (scenes.color == c)).any(-1) for c in range(3)], -1)


def run(scenes, n, mask):
    """Whether n things of a mask stand right on one another in a box."""
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
    "colors": lambda s, number: compare(number, hues(s, s.there).sum(-1)),
    "colors are": lambda s, colors: (hues(s, s.there) == np.isin(range(3), colors)).all(-1),
    "shapes": lambda s, number: compare(number, np.stack([(s.shape == k).any(-1) for k in range(3)]).sum(0)),
    "or": lambda s, *facts: functools.reduce(np.logical_or, facts),
    "hues": lambda s, number, mask: compare(number, hues(s, mask).any(1).sum(-1)),
    "run": run,
    "all": lambda s, mask, where: mask.any((-1, -2)) & ~(mask & ~where).any((-1, -2)),
    "more": lambda s, a, b: a > b,
    "the": the,
    "alike": alike,
}


def value(program, scenes, found=None):
    """A program's value for every scene. found: a list that gets each step with its value, inner ones first."""
    values = [value(a, scenes, found) if isinstance(a, Step) else a for a in program.arguments]
    result = OPERATIONS[program.operation](scenes, *values)
    if found is not None:
        found.append((program, result))
    return result


def truth(program, scenes):
    """Of a claim's program: in which scenes it is true, (S,) of bool"""
    return value(program, scenes)


@functools.cache
def known_words():
    """All words of the grammar."""
    tokens = {token for rules in RULES.values() for template, *_ in rules for token in template if not token.isupper()}
    return sorted({word for token in tokens for word in token.split("|") if word})


def mended(text):
    """A sentence with each unknown word as the known one that looks most like it, if there is one: squere, tocuhing."""
    near = (difflib.get_close_matches(word, known_words(), 1, 0.8) for word in plain(text).split())
    return " ".join((found or ["[UNK]"])[0] for found in near)
