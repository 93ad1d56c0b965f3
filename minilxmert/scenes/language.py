"""The language of the world: words, descriptions, and kinds of sentences, each a few phrasings and one program.

The same phrasings write sentences and read them: read_question("how many red discs are there ?") has its program."""

import functools
import re
from dataclasses import dataclass

from ..errors import MinilxmertError
from .programs import AXES, Explanation, answer_text, step
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


class LanguageError(MinilxmertError):
    """A sentence that the grammar of the world does not know."""


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


def write(phrasing, slots, choose):
    """A phrasing with its slots filled in: the text of a sentence."""

    def word(found):
        name, plural = found[1], bool(found[2])
        value = slots[name]
        if isinstance(value, Description):
            return value.text(choose, plural)
        return choose(RELATIONS[value]) if name.startswith("relation") else NUMBERS[value]

    text = re.sub(r"{(\w+)(\+?)}", word, phrasing)
    return re.sub(r"\ba (?=[aeiou])", "an ", text)


@functools.cache
def reader(phrasing):
    """The regular expression that reads what `write` has written from a phrasing."""
    parts = re.split(r"{(\w+)\+?}", phrasing)
    pattern = "".join(
        rf"(?P<{part}>{PATTERNS.get(part.rstrip('2'), NOUN_PHRASE)})" if i % 2 else re.escape(part).replace(r"\ ", " ")
        for i, part in enumerate(parts)
    )
    return re.compile(re.sub(r"\ba (?=\(\?P)", "an? ", pattern))


def read_slots(found):
    """The slots that a match of `reader` holds."""
    slots = {}
    for name, text in found.groupdict().items():
        if name.startswith("relation"):
            slots[name] = RELATION_OF[text]
        else:
            slots[name] = NUMBERS.index(text) if name == "number" else read_description(text)
    return slots


@dataclass(frozen=True)
class Sentence:
    """A sentence with its meaning. `answer` is the true one where the sentence was made for a scene."""

    text: str
    kind: Kind
    slots: dict
    answer: str | None = None

    @property
    def program(self):
        return self.kind.program(**self.slots)

    def true_answer(self, *scenes):
        """The answer for one scene, or two. Raises Unanswerable."""
        return answer_text(self.program.run(scenes))

    def explain(self, *scenes):
        """The Explanation of that answer."""
        steps = []
        answer = answer_text(self.program.run(scenes, steps))
        return Explanation(self.text, answer, tuple(steps))


def read_question(text):
    """The Sentence that a question, caption or statement of the language is. Raises LanguageError."""
    plain = " ".join(re.sub(r"([?.,])", r" \1 ", text.lower().replace("colour", "color")).split())
    for candidate in (plain, plain + " ?", plain.removesuffix(" .")):
        for kind in KINDS:
            for phrasing in kind.phrasings:
                found = reader(phrasing).fullmatch(candidate)
                if found:
                    return Sentence(text, kind, read_slots(found))
    raise LanguageError.at("question", None, "a sentence of the miniature world", repr(text))


# --- the kinds -------------------------------------------------------------------------------------------------------


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
KINDS = (*VQA, *GQA, *CAPTIONS, *NLVR2)


def answers_of(world):
    """The texts of all answers to questions about a world, as a model's answer head counts them."""
    numbers = [str(n) for n in range(world.most + 1)]
    places = [*("left", "right", "top", "bottom"), *list(AXES)[2:]]
    return ["yes", "no", *numbers, *world.colors, *world.shapes, *world.sizes, *places]


def vocabulary_of(world):
    """The WordPiece tokens of all sentences about a world; a plural is its singular and ##s."""
    fixed = [re.sub(r"{\w+\+?}", " ", phrasing) for kind in KINDS for phrasing in kind.phrasings]
    words = [*" ".join(fixed).split(), "an", "."]
    nouns = [word for shape in (*world.shapes, None) for word in SHAPES[shape]]
    relations = [word for phrases in RELATIONS.values() for phrase in phrases for word in phrase.split()]
    sizes = [word for size in world.sizes for word in SIZES[size]]
    every = dict.fromkeys([*words, *NUMBERS[: 2 * world.most + 1], *nouns, *sizes, *world.colors, *relations])
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *every, "##s", "##es"]
