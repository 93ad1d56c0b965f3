"""How an answer is checked: one road for all exercises, from "can it be called" to "what kind of mistake is this".

The order: signature, no change of the inputs, then for each output type, shape, dtype, finite, values, all on many
random inputs with the edge sizes among them; then what only this exercise asks for; then gradients against finite
differences.
A wrong value is compared with the exercise's usual mistakes, then with mistakes of any kind (comparing.py).
The inputs are drawn here and the verdict is made here; the answer runs where its Student is, and what comes from there
is plain."""

import copy
import functools
import warnings
from dataclasses import dataclass, replace

import numpy as np

from ..core.gradients import both_sides
from ..errors import visible
from . import Exercise
from .apart import Apart
from .comparing import describe_difference, is_double, same, structure, tolerance, type_of, unchanged
from .plain import plain
from .student import Student, Wrong
from .variants import AS_IT_STANDS

GRADIENT_TOLERANCE = 1e-6  # of the central difference, in float64


@dataclass(frozen=True)
class Verdict:
    """right or not, and the sentence that says so."""

    right: bool
    text: str


def check(exercise, answer, seed=0):
    """The Verdict on a function, or on a Student or another that asks as one. The same seed draws the same inputs."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # usual mistakes divide by zero
            return Verdict(True, f"right: {praise(Asked.of(exercise, answer), seed)}")
    except Wrong as wrong:
        return Verdict(False, visible(str(wrong)))


@functools.lru_cache(64)  # of a megabyte at most, each
def drawn(exercise, seed):
    """What every answer is tried with: the arguments, what is right for them, and the generator for further inputs."""
    rng = np.random.default_rng(seed)
    draws = list(exercise.draws(rng))
    return draws, [exercise.run(exercise.solution, args) for args in draws], rng


def praise(answer, seed):
    """Run all checks; what was tried, in words. Raises Wrong."""
    exercise = answer.exercise
    draws, expected, rng = copy.deepcopy(drawn(exercise, seed))
    answer.check_signature(draws[0])
    found = [answer.result(args) for args in draws]
    for part, name in enumerate(exercise.outputs):
        check_part(exercise, draws, [get_part(exercise, want, part) for want in expected], found, part, name)
    if exercise.extra:
        exercise.extra(answer, rng)
    if exercise.differentiated:
        check_gradients(answer, [args for args in draws if is_double(args)][:4], rng)
        return f"{len(draws)} random inputs, and the gradients agree with finite differences"
    return f"{len(draws)} random inputs, edge sizes among them"


@dataclass(frozen=True)
class Asked:
    """An answer to an exercise as a function of plain values: every call of it is checked."""

    exercise: Exercise
    student: object

    @classmethod
    def of(cls, exercise, answer):
        """answer: a function, or a Student or Apart that holds one"""
        return cls(exercise, answer if type(answer) in (Student, Apart) else Student(answer))

    def __call__(self, *args):
        """The result, of the type, shape and dtype of the right one, as it is without a variant. Raises Wrong."""
        result, want = self.result(args), self.exercise.run(self.exercise.solution, args)
        for part, name in enumerate(self.exercise.outputs):
            right, have = (get_part(self.exercise, value, part) for value in (want, result))
            if fault := structure(right, have, name, finite=False, wider=not self.exercise.keeps_dtype):
                raise Wrong(f"{fault}; seen with {sizes(self.exercise, args)}")
        return self.exercise.variant.vary_result(self.exercise.outputs, result, back=True)

    @property
    def compiled(self):
        """Whether Numba has compiled it."""
        return bool(self.student.traits(len(self.exercise.names)).get("compiled"))

    def check_signature(self, args):
        """Raises Wrong for what cannot be called with these arguments."""
        traits = self.student.traits(len(args) - self.exercise.way_back)
        if "failed" in traits:
            raise Wrong(f"it cannot be called: {traits['failed']}")
        if not traits.get("callable"):
            raise Wrong(f"it is a {traits.get('kind')}, not a function")
        if traits.get("refuses"):
            names = ", ".join(self.exercise.names[self.exercise.way_back :])
            raise Wrong(f"it must take the arguments ({names}): {traits['refuses']}")

    def result(self, args):
        """What it returns for arguments, which it must leave as they are. Raises Wrong."""
        given = self.exercise.handed(args)
        reply = self.student.ask(given, self.exercise.way_back)
        if reply.get("used"):
            used = ", ".join(map(str, reply["used"]))
            raise Wrong(f"it uses {used}, where minilxmert has solved this exercise: write it yourself")
        if "unwritten" in reply:
            raise Wrong("not written yet: replace the line `raise NotImplementedError`")
        if "result" not in reply:
            raise Wrong(f"it fails on {sizes(self.exercise, args)}: {reply.get('failed')}")
        for name, before, after in zip(self.exercise.names, plain(given), reply["after"], strict=True):
            if not unchanged(before, after):
                raise Wrong(f"it changes its input {name}: work on a copy")
        return reply["result"]


def check_part(exercise, draws, expected, found, part, name):
    """One output on all draws: what is right, the whole results. Raises Wrong with the most telling sentence."""
    faults = []
    for args, want, result in zip(draws, expected, found, strict=True):
        have = get_part(exercise, result, part)
        fault = structure(want, have, name, wider=not exercise.keeps_dtype)
        if fault is None and not exercise.random and not same(want, have, tolerance(args, want)):
            fault = "value"
        faults.append(fault)
    if not any(faults):
        return
    haves = [get_part(exercise, result, part) for result in found]
    if exercise.variant.number and all(map(functools.partial(ignores_variant, exercise, part), draws, haves)):
        raise Wrong(f"{name}: right without the variant. {exercise.variant.sentence}")
    for sentence, mistaken in exercise.mistakes:
        if all(resembles(exercise, mistaken, args, part, have) for args, have in zip(draws, haves, strict=True)):
            raise Wrong(f"{name}: {sentence}")
    structural = [fault for fault in faults if fault and fault != "value"]
    if structural:
        hint = f"; {exercise.not_finite}" if exercise.not_finite and "not finite" in structural[0] else ""
        raise Wrong(structural[0] + hint)
    wrong = [number for number, fault in enumerate(faults) if fault]
    pairs = [(expected[number], haves[number]) for number in wrong]
    right = "" if len(wrong) == len(draws) else f" (right for {len(draws) - len(wrong)} of {len(draws)} inputs)"
    raise Wrong(f"{name}: {describe_difference(pairs)}; seen with {sizes(exercise, draws[wrong[0]])}{right}")


def get_part(exercise, result, part):
    """Output number `part` of a result. Raises Wrong when there are not as many as there should be."""
    count = len(exercise.outputs)
    if result is None:
        raise Wrong("it returns nothing (None): is the `return` missing?")
    if count == 1:
        return result
    if not isinstance(result, tuple | list) or len(result) != count:
        found = f"{len(result)} values" if isinstance(result, tuple | list) else type_of(result)
        raise Wrong(f"it must return {count} values ({', '.join(exercise.outputs)}), found {found}")
    return result[part]


def resembles(exercise, mistaken, args, part, have):
    """Whether an output is what a known mistake would give."""
    try:
        result = exercise.run(mistaken, args)
    except Exception:
        return False
    want = result[part] if len(exercise.outputs) > 1 else result
    return structure(want, have, "", finite=False, wider=not exercise.keeps_dtype) is None and same(
        want, have, tolerance(args, want)
    )


def ignores_variant(exercise, part, args, have):
    """Whether an output is what would be right without the variant."""
    plain_one = replace(exercise, variant=AS_IT_STANDS)
    return resembles(plain_one, plain_one.solution, exercise.handed(args), part, have)


def check_gradients(answer, draws, rng):
    """Each output against the central difference along a random direction. Raises Wrong."""
    exercise = answer.exercise
    for args in draws:
        result = answer(*args)
        for part, f_and_x in enumerate(exercise.differentiated(*args)):
            if f_and_x is None:
                continue
            f, x = f_and_x
            exact, numeric = both_sides(f, x, get_part(exercise, result, part), 1.0, rng)
            if abs(exact - numeric) > GRADIENT_TOLERANCE * max(1, abs(numeric)):
                name = exercise.outputs[part]
                raise Wrong(f"{name}: along a random direction {exact:.8g}, by finite differences {numeric:.8g}")


def sizes(exercise, args):
    """The arguments as the student gets them, in words: shapes of arrays, other values when they are short."""
    words = []
    for name, arg in zip(exercise.names, exercise.handed(args), strict=True):
        if isinstance(arg, np.ndarray):
            words.append(f"{name} {arg.shape}")
        elif isinstance(arg, str | list | int | float) and len(repr(arg)) <= 40:
            words.append(f"{name} {arg!r}")
    return ", ".join(words)
