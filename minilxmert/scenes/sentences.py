"""Sentences about scenes: sampled so that reading alone does not answer them.

    teller = Teller(SMALL, rng)
    teller.sentence(kind, scene)      # a Sentence with its true answer, or None when the kind does not fit the scene
Of several candidates it takes the one whose answer this wording has had least often so far."""

from collections import Counter
from dataclasses import replace
from itertools import permutations

from .language import Sentence, answers_of, write
from .phrases import CAPTIONS, NLVR2, NUMBERS, Description
from .programs import AXES, Unanswerable, answer_text

CANDIDATES, TRIES = 3, 12
OTHER = {"yes": "no", "no": "yes"}
SAID = {"size": 0.25, "color": 0.7, "shape": 0.7}  # how often a description mentions each …
SAID_FULLY = {"size": 0.6, "color": 0.95, "shape": 0.95}  # … and how often in a list of what is there
ALTERED = 0.6  # how often a description in a question is changed
EVEN = 1.05  # how much more often than no a kind may say yes, and the other way round
UNEVEN = 10  # how much more often a number may be right than wrong in contrasts
ATTRIBUTES = ("size", "color", "shape")


class Teller:
    """A source of sentences about the scenes of a world, with a memory of what it has said. For what is not of its
    world it has no word."""

    def __init__(self, world, rng):
        self.world, self.rng, self.said = world, rng, Counter()
        self.words = {"size": tuple(world.sizes), "color": world.colors, "shape": world.shapes}
        self.answers = set(answers_of(world))

    def choose(self, options):
        return options[int(self.rng.integers(len(options)))]

    def description(self, thing, avoid=None, shares=SAID):
        """A Description of a thing that says some of its attributes, and at least its colour or shape."""
        said = {name: self.rng.random() < share for name, share in shares.items()}
        if not (said["color"] or said["shape"]):
            said[self.choose(("color", "shape"))] = True
        values = {name: getattr(thing, name) for name in ATTRIBUTES if said[name] and name != avoid}
        return Description(**{name: value for name, value in values.items() if value in self.words[name]})

    def alter(self, description):
        """The description with one attribute changed to another of the world: often nothing fits it."""
        given = [name for name, value in vars(description).items() if value]
        if not given:
            return description
        name = self.choose(given)
        changed = Description(**{**vars(description), name: self.choose(self.words[name])})
        return description if (changed.color, changed.shape) in self.world.never else changed

    def slots(self, kind, things):
        """Random values for the slots of a kind: descriptions of different things, in questions often changed ones."""
        order, slots = self.rng.permutation(len(things)), {}
        for number, name in enumerate(kind.slots):
            if name.startswith("relation"):
                slots[name] = self.choose(tuple(AXES))
            elif name == "number":
                slots[name] = int(self.rng.integers(2, min(max(len(things), 2), len(NUMBERS) - 1) + 1))
            else:
                thing = things[order[number % len(things)]]
                shares = SAID_FULLY if kind.name.startswith("list") else SAID
                slots[name] = self.description(thing, kind.avoid if name in "ab" else None, shares)
                if kind.family != "caption" and self.rng.random() < ALTERED:
                    slots[name] = self.alter(slots[name])
        return slots

    def candidate(self, kind, scenes):
        """One Sentence of a kind about one or two scenes, without its text yet, or None."""
        things = [thing for scene in scenes for thing in scene.things]
        slots = self.slots(kind, things)
        if kind.distractor and sum(map(slots["a"].fits, things)) < 2:
            return None
        if repeats(kind, slots, things):
            return None
        try:
            answer = answer_text(kind.program(**slots).run(scenes))
        except Unanswerable:
            return None
        return Sentence("", kind, slots, answer) if answer in self.answers else None

    def sentence(self, kind, *scenes, answer=None):
        """A Sentence of a kind about one or two scenes, with the given answer if there is one; None if there is none,
        or if it would make yes or no too common."""
        found = []
        for _ in range(TRIES if answer is None else 4 * TRIES):
            one = self.candidate(kind, scenes)
            if one and answer in (None, one.answer):
                found.append(one)
                if len(found) == (CANDIDATES if answer is None else 1):
                    break
        best = min(found, key=self.said_already, default=None)
        if best is None or (answer is None and self.too_common(best)):
            return None
        self.said[kind.name, best.answer] += 1
        self.said[self.meaning(best), best.answer] += 1
        return self.with_text(best)

    def with_text(self, sentence):
        text = write(self.choose(sentence.kind.phrasings), sentence.slots, self.choose)
        return replace(sentence, text=text)

    def said_already(self, sentence):
        """How much more often than its opposite this meaning had this answer, then how often the kind had it."""
        meaning, other = self.meaning(sentence), OTHER.get(sentence.answer)
        ahead = self.said[meaning, sentence.answer] - self.said[meaning, other] if other else 0
        return ahead, self.said[sentence.kind.name, sentence.answer]

    def too_common(self, sentence):
        """Whether yes, or no, has had more than its share of a kind."""
        kind, other = sentence.kind.name, OTHER.get(sentence.answer)
        mine = self.said[kind, sentence.answer] + 1
        return other is not None and mine > EVEN * self.said[kind, other] + 10

    @staticmethod
    def meaning(sentence):
        return sentence.kind.name, tuple(sentence.slots.values())

    def caption(self, scene):
        while True:
            found = self.sentence(self.choose(CAPTIONS), scene, answer="yes")
            if found:
                return found

    def foil(self, caption, scene, slot=None):
        """The caption with one fact made wrong, in a slot if it is given, without its text yet: (false Sentence, what
        was changed), or None."""
        for _ in range(TRIES):
            name = slot or self.choose(caption.kind.slots)
            value, what = self.other_value(name, caption.slots[name], scene)
            false = replace(caption, slots={**caption.slots, name: value}, answer="no")
            try:
                if not false.program.run((scene,)):
                    return false, what
            except Unanswerable:
                continue
        return None

    def contrast(self, slot, scene):
        """A true caption and its foil in a slot, both with their text, or None where none was found."""
        kind = self.choose([kind for kind in CAPTIONS if slot in kind.slots])
        for _ in range(TRIES if slot == "number" else 1):
            caption = self.number(kind, scene) if slot == "number" else self.sentence(kind, scene, answer="yes")
            found = caption and self.foil(caption, scene, slot)
            if found and self.even(caption, found[0]):
                return self.with_text(caption), self.with_text(found[0])
        return None

    def even(self, caption, foil):
        """Whether the numbers of a contrast, which is then counted, are about as often right as wrong: two things are
        likelier than three, and that alone would tell most foils."""
        right, wrong = (("number", sentence.slots.get("number")) for sentence in (caption, foil))
        if self.said[right] > self.said[wrong] + UNEVEN:
            return False
        self.said[right] += 1
        self.said[wrong] -= 1
        return True

    def number(self, kind, scene):
        """A caption with the true number, without its text yet, or None where that is 0 or 1."""
        one = self.candidate(kind, [scene])
        for number in range(2, len(scene.things) + 1):
            true = one and replace(one, slots={**one.slots, "number": number}, answer="yes")
            if true and true.program.run((scene,)):
                return true
        return None

    def other_value(self, name, value, scene):
        """Another value for a slot, and what it changes: larger or smaller number, relation, size, color or shape."""
        if name == "number":
            number = int(self.rng.integers(2, len(scene.things) + 1))
            return number, "larger number" if number > value else "smaller number"
        if name == "relation":
            return self.choose(tuple(AXES)), "relation"
        changed = self.alter(value)
        return changed, next((n for n in ATTRIBUTES if vars(changed)[n] != vars(value)[n]), "nothing")

    def statement(self, kind, scenes):
        """A statement with two pairs of scenes of which it is true and two of which it is false.

        scenes: many -> (Sentence, [((number, number), "yes" or "no"), …]), or None"""
        said = self.candidate(kind, [scenes[i] for i in self.rng.integers(len(scenes), size=2)])
        if said is None:
            return None
        pairs = {"yes": [], "no": []}
        for _ in range(400):
            pair = tuple(int(i) for i in self.rng.integers(len(scenes), size=2))
            try:
                answer = said.true_answer(*(scenes[i] for i in pair))
            except Unanswerable:
                continue
            if len(pairs[answer]) < 2:
                pairs[answer].append((pair, answer))
            if all(len(found) == 2 for found in pairs.values()):
                return self.with_text(said), [*pairs["yes"], *pairs["no"]]
        return None


def repeats(kind, slots, things):
    """Whether a sentence would speak of a thing twice: in the same words, or in a list also in vaguer ones."""
    said = [value for value in slots.values() if isinstance(value, Description)]
    if kind.name.startswith("list"):
        return len(said) > len(things) or any(one.fits(other) for one, other in permutations(said, 2))
    return len(set(said)) < len(said)


def plainly(sentence):
    """The Sentence in its first phrasing, every word the first of its synonyms."""
    text = write(sentence.kind.phrasings[0], sentence.slots, lambda words: words[0])
    return replace(sentence, text=text)


def nlvr2_statements(teller, scenes, count, kinds=NLVR2):
    """`count` statements of the kinds in turn, each with its four pairs."""
    made = []
    while len(made) < count:
        found = teller.statement(kinds[len(made) % len(kinds)], scenes)
        if found:
            made.append(found)
    return made
