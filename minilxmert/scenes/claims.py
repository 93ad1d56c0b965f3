"""Claims about three boxes: made at random by the grammar, and read by it.

text, program = Grammar(rng).claim("t")  # of towers; "s": of scattered things
evaluate(program, scenes)                # its truth in Boxes: (S,) of bool
read("There is a tower with 4 blocks.")  # its programs"""

import functools
import re

import numpy as np

from ..errors import nearest
from .claim_rules import RULES
from .phrases import NUMBERS

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


@functools.cache
def known_words():
    tokens = {token for rules in RULES.values() for template, *_ in rules for token in template if not token.isupper()}
    return sorted({word for token in tokens for word in token.split("|") if word})


def correct_spelling(text):
    """A sentence whose unknown words are replaced by the most similar known ones: squere, tocuhing."""
    return " ".join(nearest(word, known_words(), 0.8) or "[UNK]" for word in plain(text).split())
