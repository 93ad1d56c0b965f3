"""The kinds of sentences: captions, questions after VQA and GQA, statements about two pictures after NLVR2.

Each is a few phrasings and one program, whose value is the answer."""

import re
from dataclasses import dataclass

from .programs import step


@dataclass(frozen=True)
class Kind:
    """A kind of sentence. phrasings hold slots: {a} is a description, {a+} its plural, {relation}, {number}.

    program: a function of the slots. avoid: what description a must not say, for it is asked for or would give the
    answer away. distractor: a must fit several things, so that the rest of the sentence matters."""

    name: str
    family: str
    phrasings: tuple
    program: object
    avoid: str | None = None
    distractor: bool = False

    @property
    def slots(self):
        """The names of the slots, in the order of the first phrasing."""
        return tuple(dict.fromkeys(re.findall(r"{(\w+)\+?}", self.phrasings[0])))


def pick(description, where="picture"):
    return step("select", where, description)


def only(description):
    return step("the", pick(description))


def exist(description, where="picture"):
    return step("exist", pick(description, where))


def beside(relation, a, b):
    """Those a that are left of (…) the one b."""
    return step("related", relation, pick(a), only(b))


def kinds(family, **table):
    """Kinds from {name: (phrasings, program, then perhaps what to avoid, or True for a distractor)}"""
    made = []
    for name, (phrasings, program, *more) in table.items():
        avoid = next((m for m in more if isinstance(m, str)), None)
        made.append(Kind(name.replace("_", " "), family, phrasings, program, avoid, True in more))
    return tuple(made)


def sides(axis):
    return lambda a: step("side", axis, only(a))


def whiches(axis):
    return lambda a, b: step("which", axis, only(a), only(b))


CAPTIONS = kinds(
    "caption",
    list_of_one=(("there is a {a}",), lambda a: exist(a)),
    list_of_two=(("there is a {a} and a {b}",), lambda a, b: step("and", exist(a), exist(b))),
    list_of_three=(
        ("there is a {a} , a {b} and a {c}",),
        lambda a, b, c: step("and", exist(a), exist(b), exist(c)),
    ),
    relation=(
        ("the {a} is {relation} the {b}",),
        lambda a, b, relation: step("exist", step("related", relation, only(a), only(b))),
    ),
    count=(
        ("there are {number} {a+}", "one can see {number} {a+}"),
        lambda number, a: step("equal", step("count", pick(a)), number),
    ),
)
VQA = kinds(
    "vqa",
    exist=(("is there a {a} ?", "can you see a {a} ?"), lambda a: exist(a)),
    count=(("how many {a+} are there ?", "how many {a+} can you see ?"), lambda a: step("count", pick(a))),
    color=(
        ("what color is the {a} ?", "what is the color of the {a} ?"),
        lambda a: step("query", "color", only(a)),
        "color",
    ),
    shape=(
        ("what shape is the {a} ?", "what is the shape of the {a} ?"),
        lambda a: step("query", "shape", only(a)),
        "shape",
    ),
    size=(("what size is the {a} ?", "how large is the {a} ?"), lambda a: step("query", "size", only(a)), "size"),
    side=(("is the {a} on the left or on the right ?", "on which side is the {a} ?"), sides("x")),
    height=(("is the {a} at the top or at the bottom ?", "at which end is the {a} ?"), sides("y")),
)
GQA = kinds(
    "gqa",
    relation_color=(
        ("what color is the {a} {relation} the {b} ?",),
        lambda a, b, relation: step("query", "color", step("the", beside(relation, a, b))),
        "color",
        True,
    ),
    relation_shape=(
        ("what shape is the {a} {relation} the {b} ?",),
        lambda a, b, relation: step("query", "shape", step("the", beside(relation, a, b))),
        "shape",
        True,
    ),
    relation_count=(
        ("how many {a+} are {relation} the {b} ?",),
        lambda a, b, relation: step("count", beside(relation, a, b)),
    ),
    relation_exist=(
        ("is there a {a} {relation} the {b} ?",),
        lambda a, b, relation: step("exist", beside(relation, a, b)),
    ),
    three_hops=(
        ("what color is the {a} {relation} the {b} {relation2} the {c} ?",),
        lambda a, b, c, relation, relation2: step(
            "query",
            "color",
            step("the", step("related", relation, pick(a), step("the", beside(relation2, b, c)))),
        ),
        "color",
        True,
    ),
    left_or_right=(("is the {a} left or right of the {b} ?",), whiches("x")),
    above_or_below=(("is the {a} above or below the {b} ?",), whiches("y")),
    same_color=(
        ("are the {a} and the {b} the same color ?", "is the {a} the same color as the {b} ?"),
        lambda a, b: step("same", "color", only(a), only(b)),
        "color",
    ),
    same_shape=(
        ("are the {a} and the {b} the same shape ?", "is the {a} the same shape as the {b} ?"),
        lambda a, b: step("same", "shape", only(a), only(b)),
        "shape",
    ),
    more=(
        ("are there more {a+} than {b+} ?",),
        lambda a, b: step("more", step("count", pick(a)), step("count", pick(b))),
    ),
    logical_and=(("is there a {a} and a {b} ?",), lambda a, b: step("and", exist(a), exist(b))),
    logical_or=(("is there a {a} or a {b} ?",), lambda a, b: step("or", exist(a), exist(b))),
    logical_not=(("is there a {a} but no {b} ?",), lambda a, b: step("and", exist(a), step("not", exist(b)))),
    is_it_left=(
        ("is the {a} {relation} the {b} ?",),
        lambda a, b, relation: step("exist", step("related", relation, only(a), only(b))),
    ),
)
NLVR2 = kinds(
    "nlvr2",
    both=(
        ("both pictures contain a {a}", "there is a {a} in each picture"),
        lambda a: step("and", exist(a, "left"), exist(a, "right")),
    ),
    exactly_one=(
        ("exactly one picture contains a {a}", "there is a {a} in only one of the pictures"),
        lambda a: step("one of", exist(a, "left"), exist(a, "right")),
    ),
    more_on_the_left=(
        ("the left picture contains more {a+} than the right picture",),
        lambda a: step("more", step("count", pick(a, "left")), step("count", pick(a, "right"))),
    ),
    in_total=(
        ("there are exactly {number} {a+} in total",),
        lambda number, a: step("equal", step("count", pick(a, "both")), number),
    ),
    at_least_one=(
        ("at least one picture has a {a} {relation} a {b}",),
        lambda a, b, relation: step(
            "or",
            *(step("exist", step("related", relation, pick(a, where), pick(b, where))) for where in ("left", "right")),
        ),
    ),
)
