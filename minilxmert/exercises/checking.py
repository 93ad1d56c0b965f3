"""How an answer is checked: one road for all exercises, from "can it be called" to "what kind of mistake is this".

The order: signature, no change of the inputs, then for each output type, shape, dtype, finite, values, all on many
random inputs with the edge sizes among them; then what only this exercise asks for; then gradients against finite
differences.
A wrong value is compared with the exercise's usual mistakes, then with mistakes of any kind (detectors.py)."""

import copy
import functools
import inspect
import linecache
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .comparing import is_double, same, structure, tolerance, unchanged
from .detectors import describe

STEP, GRADIENT_TOLERANCE = 1e-6, 1e-6  # of the central difference, in float64


class Wrong(Exception):
    """The answer is wrong; the message is the sentence for the student."""


@dataclass(frozen=True)
class Verdict:
    """right or not, and the sentence that says so."""

    right: bool
    text: str


@dataclass(frozen=True)
class Exercise:
    """What a check knows. draws(rng) gives argument tuples, ordinary sizes first; solution is the package's function.

    mistakes: (sentence, function with this mistake) pairs; extra(answer, rng) raises Wrong; random: values are left to
    extra; differentiated(*arguments): for each output that is the gradient of a number f(x), (f, x); else None."""

    title: str
    minutes: int
    chapter: int  # of the tutorials
    teaches: str
    solution: Callable
    draws: Callable
    outputs: tuple = ("the result",)
    mistakes: tuple = ()
    not_finite: str = ""  # what NaN and infinities mostly come from
    extra: Callable | None = None
    random: bool = False
    differentiated: Callable | None = None

    @property
    def names(self):
        """The names of the arguments."""
        return list(inspect.signature(self.solution).parameters)


def check(exercise, answer, seed=0):
    """The Verdict on a function. The same seed draws the same inputs."""
    rng = np.random.default_rng(seed)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # a wrong answer may divide by zero; the verdict says it better
            return Verdict(True, f"right: {praise(exercise, answer, rng)}")
    except Wrong as wrong:
        return Verdict(False, str(wrong))


def praise(exercise, answer, rng):
    """Run all checks; what was tried, in words. Raises Wrong."""
    draws = list(exercise.draws(rng))
    check_signature(exercise, answer, draws[0])
    expected = [named_parts(exercise, exercise.solution(*copy.deepcopy(args))) for args in draws]
    found = [call(exercise, answer, args) for args in draws]
    for part, name in enumerate(name for name, _ in expected[0]):
        check_part(exercise, draws, expected, found, part, name)
    if exercise.extra:
        exercise.extra(watched(exercise, answer), rng)
    if exercise.differentiated:
        check_gradients(exercise, answer, [args for args in draws if is_double(args)][:4], rng)
        return f"{len(draws)} random inputs, and the gradients agree with finite differences"
    return f"{len(draws)} random inputs, edge sizes among them"


def check_signature(exercise, answer, args):
    if not callable(answer):
        raise Wrong(f"it is a {type(answer).__name__}, not a function")
    try:
        inspect.signature(answer).bind(*args)
    except TypeError as problem:
        raise Wrong(f"it must take the arguments ({', '.join(exercise.names)}): {problem}") from None
    except ValueError:
        pass  # a compiled function that does not tell


def call(exercise, answer, args):
    """The result of the answer on copies of the arguments, which it must leave as they are. Raises Wrong."""
    given = copy.deepcopy(args)
    try:
        result = answer(*given)
    except NotImplementedError:
        raise Wrong("not written yet: replace the line `raise NotImplementedError`") from None
    except (Exception, SystemExit) as problem:
        raise Wrong(f"it fails on {sizes(exercise, args)}: {told(problem, answer)}") from None
    for name, before, after in zip(exercise.names, args, given, strict=True):
        if not unchanged(before, after):
            raise Wrong(f"it changes its input {name}: work on a copy")
    return result


def watched(exercise, answer):
    """The answer as a function whose every call is checked like the others; __wrapped__ is the answer itself."""

    @functools.wraps(answer)
    def asked(*args):
        return call(exercise, answer, args)

    return asked


def told(problem, answer):
    """An exception in one line, with the last line of the student's own file that it came through."""
    file = getattr(getattr(answer, "__code__", None), "co_filename", None)
    lines = [frame.lineno for frame in traceback.extract_tb(problem.__traceback__) if frame.filename == file]
    where = f" in line {lines[-1]}, `{linecache.getline(file, lines[-1]).strip()}`" if lines else ""
    return f"{type(problem).__name__}: {str(problem).splitlines()[0] if str(problem) else ''}{where}"


def named_parts(exercise, result):
    """[(name, value)] of a result: the parts of a tuple have the names that the exercise gives them."""
    return list(zip(exercise.outputs, result if len(exercise.outputs) > 1 else (result,), strict=True))


def check_part(exercise, draws, expected, found, part, name):
    """One output on all draws. Raises Wrong with the most telling sentence there is."""
    faults = []
    for args, want, result in zip(draws, expected, found, strict=True):
        want, have = want[part][1], get_part(exercise, result, part)
        fault = structure(want, have, name)
        if fault is None and not exercise.random and not same(want, have, tolerance(args, want)):
            fault = "value"
        faults.append(fault)
    if not any(faults):
        return
    haves = [get_part(exercise, result, part) for result in found]
    for sentence, mistaken in exercise.mistakes:
        if all(resembles(exercise, mistaken, args, part, have) for args, have in zip(draws, haves, strict=True)):
            raise Wrong(f"{name}: {sentence}")
    structural = [fault for fault in faults if fault and fault != "value"]
    if structural:
        hint = f"; {exercise.not_finite}" if exercise.not_finite and "not finite" in structural[0] else ""
        raise Wrong(structural[0] + hint)
    wrong = [number for number, fault in enumerate(faults) if fault]
    pairs = [(expected[number][part][1], haves[number]) for number in wrong]
    right = "" if len(wrong) == len(draws) else f" (right for {len(draws) - len(wrong)} of {len(draws)} inputs)"
    raise Wrong(f"{name}: {describe(pairs)}; seen with {sizes(exercise, draws[wrong[0]])}{right}")


def get_part(exercise, result, part):
    """Output number `part` of a result. Raises Wrong when there are not as many as there should be."""
    count = len(exercise.outputs)
    if result is None:
        raise Wrong("it returns nothing (None): is the `return` missing?")
    if count == 1:
        return result
    if not isinstance(result, tuple | list) or len(result) != count:
        found = f"{len(result)} values" if isinstance(result, tuple | list) else f"one {type(result).__name__}"
        raise Wrong(f"it must return {count} values ({', '.join(exercise.outputs)}), found {found}")
    return result[part]


def resembles(exercise, mistaken, args, part, have):
    """Whether an output is what a known mistake would give."""
    try:
        result = mistaken(*copy.deepcopy(args))
    except Exception:
        return False
    want = result[part] if len(exercise.outputs) > 1 else result
    return structure(want, have, "", finite=False) is None and same(want, have, tolerance(args, want))


def check_gradients(exercise, answer, draws, rng):
    """Each output against the central difference along a random direction. Raises Wrong."""
    for args in draws:
        result = call(exercise, answer, args)
        for part, f_and_x in enumerate(exercise.differentiated(*args)):
            if f_and_x is None:
                continue
            f, x = f_and_x
            v = rng.standard_normal(x.shape)
            numeric = (f(x + STEP * v) - f(x - STEP * v)) / (2 * STEP)
            exact = float(np.sum(get_part(exercise, result, part) * v))
            if abs(exact - numeric) > GRADIENT_TOLERANCE * max(1, abs(numeric)):
                name = exercise.outputs[part]
                raise Wrong(f"{name}: along a random direction {exact:.8g}, by finite differences {numeric:.8g}")


def sizes(exercise, args):
    """The arguments in words: shapes of arrays, other values as they are when they are short."""
    words = []
    for name, arg in zip(exercise.names, args, strict=True):
        if isinstance(arg, np.ndarray):
            words.append(f"{name} {arg.shape}")
        elif isinstance(arg, str | list | int | float) and len(repr(arg)) <= 40:
            words.append(f"{name} {arg!r}")
    return ", ".join(words)
