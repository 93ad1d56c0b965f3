"""The words of the world: what shapes, sizes and places may be called; noun phrases, which stand for Descriptions."""

import re
from dataclasses import dataclass

from .world import COLORS

SHAPES = {  # what a shape may be called
    "circle": ("circle", "disc"), "square": ("square",), "triangle": ("triangle",), "star": ("star",),
    "cross": ("cross",), "diamond": ("diamond",), "ring": ("ring",), None: ("thing", "object"),
}  # fmt: skip
SIZES = {"small": ("small", "little"), "medium": ("medium",), "large": ("large", "big")}
RELATIONS = {
    "left": ("left of", "to the left of"), "right": ("right of", "to the right of"),
    "above": ("above",), "below": ("below", "under"),
}  # fmt: skip
NUMBERS = "zero one two three four five six seven eight nine ten".split()


@dataclass(frozen=True)
class Description:
    """What things are asked for: size, colour and shape, None where it does not matter."""

    size: str | None = None
    color: str | None = None
    shape: str | None = None

    def fits(self, thing):
        """Whether a thing has all that is said."""
        return all(mine in (None, getattr(thing, name)) for name, mine in vars(self).items())

    def text(self, choose, plural=False):
        """In words; choose(words) picks among synonyms."""
        noun = choose(SHAPES[self.shape])
        if plural:
            noun += "es" if noun.endswith("s") else "s"
        size = (choose(SIZES[self.size]),) if self.size else ()
        return " ".join((*size, *([self.color] if self.color else []), noun))

    def __str__(self):
        return self.text(lambda words: words[0])


def alternatives(words):
    return "|".join(sorted(words, key=len, reverse=True))


def reverse(table):
    """{synonym: word} of {word: synonyms}"""
    return {synonym: word for word, synonyms in table.items() for synonym in synonyms}


SHAPE_OF, SIZE_OF, RELATION_OF = reverse(SHAPES), reverse(SIZES), reverse(RELATIONS)
NOUN_PHRASE = rf"(?:(?:{alternatives(SIZE_OF)}) )?(?:(?:{alternatives(COLORS)}) )?(?:{alternatives(SHAPE_OF)})(?:s|es)?"
PATTERNS = {"relation": alternatives(RELATION_OF), "number": alternatives(NUMBERS)}


def read_description(text):
    """The Description that a noun phrase of the language stands for."""
    size = color = shape = None
    for word in text.split():
        singular = word if word in SHAPE_OF else re.sub("(s)es$|s$", r"\1", word)
        if word in SIZE_OF:
            size = SIZE_OF[word]
        elif word in COLORS:
            color = word
        else:
            shape = SHAPE_OF[singular]
    return Description(size, color, shape)
