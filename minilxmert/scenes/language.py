"""The language of the world: its phrases (phrases.py) written in words, and read.

The same phrasings do both: read_question("how many red discs are there ?") has its program."""

import functools
import re
from dataclasses import dataclass, replace

from ..errors import MinilxmertError
from .phrases import (
    CAPTIONS,
    GQA,
    NLVR2,
    NOUN_PHRASE,
    NUMBERS,
    PATTERNS,
    RELATION_OF,
    RELATIONS,
    SHAPES,
    SIZES,
    VQA,
    Description,
    SentenceKind,
    read_description,
)
from .programs import AXES, Explanation, answer_text
from .world import RICH, WORLDS

KINDS = (*VQA, *GQA, *CAPTIONS, *NLVR2)
ASKING = {phrasing.partition(" ")[0] for kind in (*VQA, *GQA) for phrasing in kind.phrasings}
LONGEST = 1000  # characters of a sentence whose spelling is remembered


class LanguageError(MinilxmertError):
    """A sentence that the grammar of the world does not know."""


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
    kind: SentenceKind
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


def spell(text):
    """A sentence as the language spells it, whether people write "Colour" or "color", and leave out marks or not."""
    return known_spelling(text) if len(text) <= LONGEST else spell_anew(text)


def spell_anew(text):
    plain = re.sub("colour", "color", re.sub(r"\bgrey\b", "gray", text.lower()))
    plain = " ".join(re.sub(r"([?.,])", r" \1 ", plain).split())
    bare = plain[:1] + plain[1:].rstrip(" ?.")
    asks = bare.partition(" ")[0] in ASKING
    known = [text for text in (bare, f"{bare} ?") if parse(text)]
    return known[0] if known else f"{bare} ?" if asks or plain.endswith("?") else bare


known_spelling = functools.lru_cache(1024)(spell_anew)  # a few megabytes at most


def parse(text):
    for kind in KINDS:
        for phrasing in kind.phrasings:
            if found := reader(phrasing).fullmatch(text):
                return kind, read_slots(found)
    return None


def read_question(text):
    """The Sentence that a question, caption or statement of the language is. Raises LanguageError."""
    plain = spell(text)
    if found := parse(plain):
        return Sentence(text, *found)
    unknown = [word for word in plain.split() if word not in every_word()]
    found = f"the unknown words {', '.join(unknown)}" if unknown else "its words in another order"
    raise LanguageError.at("question", repr(text), "a sentence of the miniature world", found)


def find_misfits(text, names):
    """What is wrong with a question about a picture in which the named things were seen ("red circle", …): it is not
    of the language, or speaks of a thing that is not there, or of one of several. -> sentences"""
    unknown = ["the model has learnt no such question"]
    try:
        sentence = read_question(text)
    except LanguageError:
        return unknown
    if sentence.kind.family not in ("vqa", "gqa"):
        return unknown
    seen, found = [read_description(name) for name in names], []
    for step in sentence.program.steps():
        if step.operation == "the":
            (inner,) = step.arguments
            select = inner if inner.operation == "select" else inner.arguments[1]  # of those related to something
            asked = replace(select.arguments[1], size=None)
            count = sum(asked.fits(thing) for thing in seen)
            several = count > 1 and inner is select and asked == select.arguments[1]
            if count == 0 or several:
                found.append(f"the question speaks of one {asked}, and {count or 'none'} can be seen")
    return list(dict.fromkeys(found))


def explain(text, *scenes):
    """How the true answer to a question about one scene, or to a statement about two, follows. -> Explanation

    Raises LanguageError, Unanswerable."""
    sentence = read_question(text)
    needed = 2 if sentence.kind.family == "nlvr2" else 1
    if len(scenes) != needed:
        raise LanguageError.at("question", repr(text), f"{needed} scenes for a sentence of its kind", len(scenes))
    return sentence.explain(*scenes)


def words_of(world):
    """All words of sentences about a world, nouns in the singular."""
    fixed = [re.sub(r"{\w+\+?}", " ", phrasing) for kind in KINDS for phrasing in kind.phrasings]
    nouns = [word for shape in (*world.shapes, None) for word in SHAPES[shape]]
    relations = [word for phrases in RELATIONS.values() for phrase in phrases for word in phrase.split()]
    sizes = [word for size in world.sizes for word in SIZES[size]]
    words = [*" ".join(fixed).split(), "an", ".", *NUMBERS[: 2 * world.most + 1], *nouns, *sizes, *world.colors]
    return tuple(dict.fromkeys([*words, *relations]))


@functools.cache
def every_word():
    words = words_of(RICH)
    return frozenset([*words, *(word + ending for word in words for ending in ("s", "es"))])


def answers_of(world):
    """The texts of all answers to questions about a world, as a model's answer head counts them."""
    numbers = [str(n) for n in range(world.most + 1)]
    places = [*("left", "right", "top", "bottom"), *list(AXES)[2:]]
    return ["yes", "no", *numbers, *world.colors, *world.shapes, *world.sizes, *places]


def vocabulary_of(world):
    """The WordPiece tokens of all sentences about a world; a plural is its singular and ##s."""
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words_of(world), "##s", "##es"]


def world_of(tokens):
    """The world whose vocabulary a list of tokens is, or None."""
    return next((world for known, world in vocabularies() if len(known) == len(tokens) and known == list(tokens)), None)


@functools.cache
def vocabularies():
    return [(vocabulary_of(world), world) for world in WORLDS.values()]
