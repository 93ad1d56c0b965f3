"""Questions as small programs: nested steps over the things of one or two scenes, which can be run and shown.

    count(related(left, select(picture, red circle), the(select(picture, star))))
What no person would be sure of (which of two circles is meant? is it quite left of it?) raises Unanswerable."""

from dataclasses import dataclass

AXES = {"left": ("x", -1), "right": ("x", 1), "above": ("y", -1), "below": ("y", 1)}
CLEAR = 6  # pixels: centres nearer than this are not called left, right, above or below
MIDDLE = 9  # pixels from the middle of the picture: nearer things are on neither side of it


class Unanswerable(Exception):
    """The question has no clear answer in this picture."""


@dataclass(frozen=True)
class Step:
    """One operation of OPERATIONS on the results of other steps and on plain words."""

    operation: str
    arguments: tuple = ()

    def run(self, scenes, trace=None, depth=0):
        """The step's value for one scene, or two. trace: a list that gets (depth, step, value). Raises Unanswerable."""
        values = [a.run(scenes, trace, depth + 1) if isinstance(a, Step) else a for a in self.arguments]
        value = OPERATIONS[self.operation](scenes, *values)
        if trace is not None:
            trace.append((depth, self, value))
        return value

    def steps(self):
        """This step and all that it rests on."""
        return [self, *(step for a in self.arguments if isinstance(a, Step) for step in a.steps())]

    def written(self):
        """The whole program in one line: count(select(picture, red circle))"""
        return f"{self.operation}({', '.join(a.written() if isinstance(a, Step) else str(a) for a in self.arguments)})"

    def __str__(self):
        words = [str(a) for a in self.arguments if not isinstance(a, Step)]
        return " ".join([self.operation, *words])


@dataclass(frozen=True)
class Explanation:
    """How an answer came about: the steps, innermost first, each with what it found."""

    question: str
    answer: str
    steps: tuple  # of (depth, Step, value)

    def __str__(self):
        lines = [f"{'  ' * (depth + 1)}{step} → {value_text(value)}" for depth, step, value in self.steps]
        return "\n".join([self.question, *lines, f"  answer: {self.answer}"])


def value_text(value):
    if isinstance(value, tuple):
        return "[" + ", ".join(f"{thing} at ({thing.x}, {thing.y})" for thing in value) + "]"
    return answer_text(value)


def answer_text(value):
    """A program's value as the text of an answer: yes and no, digits, or the word itself."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def step(operation, *arguments):
    return Step(operation, arguments)


# --- the operations: each takes the scenes and the values of its arguments ------------------------------------------


def select(scenes, where, description):
    """All things that fit a description: of the only "picture", of the "left" or "right" one, or of "both"."""
    chosen = {"picture": scenes[:1], "left": scenes[:1], "right": scenes[1:], "both": scenes}[where]
    return tuple(thing for scene in chosen for thing in scene.things if description.fits(thing))


def the(scenes, things):
    """The only one of them."""
    if len(things) != 1:
        raise Unanswerable(f"{len(things)} things fit")
    return things


def related(scenes, relation, things, others):
    """Those of `things` that stand in a relation to one of `others`."""
    if len(things) == 1 and things == others:
        raise Unanswerable("one and the same")
    return tuple(a for a in things if any(a is not b and stands(a, relation, b) for b in others))


def stands(a, relation, b):
    axis, sign = AXES[relation]
    distance = (getattr(a, axis) - getattr(b, axis)) * sign
    if abs(distance) < CLEAR:
        raise Unanswerable("too near to tell")
    return distance > 0


def which(scenes, axis, one, other):
    """Left or right, above or below: where the first thing is, seen from the second."""
    if one == other:
        raise Unanswerable("one and the same")
    first, second = [relation for relation, (a, _) in AXES.items() if a == axis]
    return first if stands(one[0], first, other[0]) else second


def side(scenes, axis, one):
    """On which side of the picture a thing is: left or right, top or bottom."""
    world = scenes[0].world
    distance = getattr(one[0], axis) - {"x": world.width, "y": world.height}[axis] / 2
    if abs(distance) < MIDDLE:
        raise Unanswerable("in the middle")
    return {"x": ("left", "right"), "y": ("top", "bottom")}[axis][int(distance > 0)]


def same(scenes, attribute, one, other):
    if one == other:
        raise Unanswerable("one and the same")
    return getattr(one[0], attribute) == getattr(other[0], attribute)


OPERATIONS = {
    "select": select,
    "the": the,
    "related": related,
    "which": which,
    "side": side,
    "same": same,
    "count": lambda scenes, things: len(things),
    "exist": lambda scenes, things: len(things) > 0,
    "query": lambda scenes, attribute, one: getattr(one[0], attribute),
    "more": lambda scenes, count, other: count > other,
    "equal": lambda scenes, count, number: count == number,
    "and": lambda scenes, *facts: all(facts),
    "or": lambda scenes, *facts: any(facts),
    "not": lambda scenes, fact: not fact,
    "one of": lambda scenes, *facts: sum(facts) == 1,
}
