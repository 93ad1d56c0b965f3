"""The words of the world, and the kinds of sentences that are made of them: captions, questions after VQA and GQA,
statements about two pictures after NLVR2.

Noun phrases stand for Descriptions. A kind is a few phrasings and one program, whose value is the answer."""

import re
from dataclasses import dataclass
from functools import cached_property

from ..core.answers import SPELLED_NUMBERS
from .programs import step
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
NUMBERS = ("zero", *SPELLED_NUMBERS)


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


# --- kinds of sentences ---


@dataclass(frozen=True)
class SentenceKind:
    """A kind of sentence. phrasings hold slots: {a} is a description, {a+} its plural, {relation}, {number}.

    program: a function of the slots."""

    name: str
    family: str
    program: object
    phrasings: tuple

    @cached_property
    def slots(self):
        """The names of the slots, in the order of the first phrasing."""
        return tuple(dict.fromkeys(re.findall(r"{(\w+)\+?}", self.phrasings[0])))

    @cached_property
    def root(self):
        return self.program(**dict.fromkeys(self.slots))

    @property
    def avoid(self):
        """What a description must not say, for it is asked for or would give the answer away."""
        return self.root.arguments[0] if self.root.operation in ("query", "same") else None

    @property
    def distractor(self):
        """Whether a must fit several things, so that the rest of the sentence matters."""
        return self.root.operation == "query" and any(step.operation == "related" for step in self.root.steps())


def kinds(family, table):
    """Kinds from {name: (program, phrasings …)}"""
    return tuple(SentenceKind(name, family, program, phrasings) for name, (program, *phrasings) in table.items())


def pick(description, where="picture"):
    return step("select", where, description)


def only(description):
    return step("the", pick(description))


def exist(a, where="picture"):
    return step("exist", pick(a, where))


def count(a, where="picture"):
    return step("count", pick(a, where))


def query(attribute):
    return lambda a: step("query", attribute, only(a))


def side(axis):
    return lambda a: step("side", axis, only(a))


def beside(a, b, relation):
    return step("related", relation, pick(a), only(b))


def query_beside(attribute):
    return lambda a, b, relation: step("query", attribute, step("the", beside(a, b, relation)))


def three_hops(a, b, c, relation, relation2):
    return step("query", "color", step("the", step("related", relation, pick(a), step("the", beside(b, c, relation2)))))


def is_beside(a, b, relation):
    return step("exist", step("related", relation, only(a), only(b)))


def which(axis):
    return lambda a, b: step("which", axis, only(a), only(b))


def same(attribute):
    return lambda a, b: step("same", attribute, only(a), only(b))


def any_beside(a, b, relation):
    """In either of two pictures."""
    found = (step("related", relation, pick(a, where), pick(b, where)) for where in ("left", "right"))
    return step("or", *(step("exist", things) for things in found))


def equal(number, a, where="picture"):
    return step("equal", count(a, where), number)


def combine(operation):
    return lambda **named: step(operation, *(exist(a) for _, a in sorted(named.items())))


CAPTIONS = kinds("caption", {
    "list of one": (exist, "there is a {a}"),
    "list of two": (combine("and"), "there is a {a} and a {b}"),
    "list of three": (combine("and"), "there is a {a} , a {b} and a {c}"),
    "relation": (is_beside, "the {a} is {relation} the {b}"),
    "count": (equal, "there are {number} {a+}", "one can see {number} {a+}"),
})  # fmt: skip
VQA = kinds("vqa", {
    "exist": (exist, "is there a {a} ?", "can you see a {a} ?"),
    "count": (count, "how many {a+} are there ?", "how many {a+} can you see ?"),
    "color": (query("color"), "what color is the {a} ?", "what is the color of the {a} ?"),
    "shape": (query("shape"), "what shape is the {a} ?", "what is the shape of the {a} ?"),
    "size": (query("size"), "what size is the {a} ?", "how large is the {a} ?"),
    "side": (side("x"), "is the {a} on the left or on the right ?", "on which side is the {a} ?"),
    "height": (side("y"), "is the {a} at the top or at the bottom ?", "at which end is the {a} ?"),
})  # fmt: skip
GQA = kinds("gqa", {
    "relation color": (query_beside("color"), "what color is the {a} {relation} the {b} ?"),
    "relation shape": (query_beside("shape"), "what shape is the {a} {relation} the {b} ?"),
    "relation count": (lambda **slots: step("count", beside(**slots)), "how many {a+} are {relation} the {b} ?"),
    "relation exist": (lambda **slots: step("exist", beside(**slots)), "is there a {a} {relation} the {b} ?"),
    "three hops": (three_hops, "what color is the {a} {relation} the {b} {relation2} the {c} ?"),
    "left or right": (which("x"), "is the {a} left or right of the {b} ?"),
    "above or below": (which("y"), "is the {a} above or below the {b} ?"),
    "same color": (same("color"), "are the {a} and the {b} the same color ?", "is the {a} the same color as the {b} ?"),
    "same shape": (same("shape"), "are the {a} and the {b} the same shape ?", "is the {a} the same shape as the {b} ?"),
    "more": (lambda a, b: step("more", count(a), count(b)), "are there more {a+} than {b+} ?"),
    "logical and": (combine("and"), "is there a {a} and a {b} ?"),
    "logical or": (combine("or"), "is there a {a} or a {b} ?"),
    "logical not": (lambda a, b: step("and", exist(a), step("not", exist(b))), "is there a {a} but no {b} ?"),
    "is it left": (is_beside, "is the {a} {relation} the {b} ?"),
})  # fmt: skip
NLVR2 = kinds("nlvr2", {
    "both": (
        lambda a: step("and", exist(a, "left"), exist(a, "right")),
        "both pictures contain a {a}", "there is a {a} in each picture",
    ),
    "exactly one": (
        lambda a: step("one of", exist(a, "left"), exist(a, "right")),
        "exactly one picture contains a {a}", "there is a {a} in only one of the pictures",
    ),
    "more on the left": (
        lambda a: step("more", count(a, "left"), count(a, "right")),
        "the left picture contains more {a+} than the right picture",
    ),
    "in total": (lambda number, a: equal(number, a, "both"), "there are exactly {number} {a+} in total"),
    "at least one": (any_beside, "at least one picture has a {a} {relation} a {b}"),
})  # fmt: skip
