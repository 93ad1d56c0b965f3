"""The exercises: functions to fill in, and checks that say in a sentence what is right or wrong.

Exercise N is one file, sheets/exNN_name.py; `name` is the function to write. The sheet's own function is what is right:
mostly a plain answer as a student may write it, of which the tests say that it agrees with the package's functions."""

import copy
import functools
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from ..errors import MinilxmertError
from . import sheets
from .variants import AS_IT_STANDS, Variant
from .ways import apply, there_and_back

# {6: "ex06_layer_norm", …}
NAMES = {int(module.name[2:4]): module.name for module in pkgutil.iter_modules(sheets.__path__)}
ABOUT = re.compile(r"(.+?): (.+)\.\n\n(\d+) minutes; chapter (\d+)\.", re.DOTALL)  # a sheet's docstring


@dataclass(frozen=True)
class Exercise:
    """What a sheet says: its docstring the first four, its other names, in small or capital letters, the rest."""

    title: str
    teaches: str
    minutes: int
    chapter: int  # of the tutorials
    solution: Callable  # gives what is right
    draws: Callable  # draws(rng) gives tuples of arguments, ordinary sizes first
    imports: str = "import numpy as np"  # at the beginning of a student's file
    decorator: str = ""  # above the student's function
    solved: tuple = ()  # the package's functions that do the work: an answer must not use them
    outputs: tuple = ("the result",)  # the names of what it returns
    keeps_dtype: bool = False  # whether float64 is wrong where float32 is right
    mistakes: tuple = ()  # pairs (sentence, function with this mistake); those made of SLIPS come first
    not_finite: str = ""  # what NaN and infinities mostly come from
    extra: Callable | None = None  # extra(answer, rng) checks what only this exercise asks for, and raises Wrong
    random: bool = False  # whether the values are drawn: then extra alone judges them
    # differentiated(*arguments) gives (f, x) for each output that is the gradient of a number f(x), None for others
    differentiated: Callable | None = None
    # whether it returns a value and the way back; its inputs then begin with the gradients for that (ways.py)
    way_back: bool = False
    # what another class gets and gives back otherwise; solution, draws and mistakes know nothing of it
    variant: Variant = AS_IT_STANDS

    @classmethod
    def of(cls, sheet, name):
        title, teaches, minutes, chapter = ABOUT.fullmatch(sheet.__doc__).groups()
        said = vars(sheet) | {"solution": vars(sheet)[name], "minutes": int(minutes), "chapter": int(chapter)}
        said |= {"title": title, "teaches": " ".join(teaches.split())}
        if "SLIPS" in said:
            said["MISTAKES"] = slips(said.get("plainly", said["solution"]), sheet.SLIPS) + said.get("MISTAKES", ())
        names = [(field.name, key) for field in fields(cls) for key in (field.name, field.name.upper()) if key in said]
        return cls(**{name: said[key] for name, key in names})

    @property
    def names(self):
        """The names of the arguments."""
        return ["gradients"] * self.way_back + list(inspect.signature(self.solution).parameters)

    def handed(self, args):
        """The arguments as a student gets them in this variant."""
        return self.variant.vary_arguments(self.names, args)

    def run(self, function, args):
        """The result of a function that is like the solution, for a copy of arguments, as this variant wants it."""
        result = (there_and_back if self.way_back else apply)(function, copy.deepcopy(args))
        return self.variant.vary_result(self.outputs, result)


def slips(function, table):
    """(sentence, function with this mistake) pairs of a table: below each sentence, further in, `old => new` in lines.

    new stands wherever old stood in the function's source. Raises ValueError when it does not stand there."""
    mistakes = []
    for line in filter(None, table.splitlines()):
        old, _, new = (part.strip() for part in line.partition(" =>"))
        if not line.startswith(" "):
            mistakes.append([line, inspect.getsource(function)])
        elif old not in mistakes[-1][1]:
            raise ValueError(f"{function.__name__} does not hold {old}")
        else:
            mistakes[-1][1] = mistakes[-1][1].replace(old, new)
    return tuple((sentence, remade(function, source)) for sentence, source in mistakes)


def remade(function, source):
    scope = dict(function.__globals__)
    exec(source, scope)  # noqa: S102 (the package's own text)
    return scope[function.__name__]


@functools.lru_cache(1024)
def exercise(number, variant=0):
    """The Exercise of a number. Raises MinilxmertError.

    variant: from 1, for another class, where its sheet has one; all other exercises stay the same."""
    if number not in NAMES:
        raise MinilxmertError(f"there is no exercise {number}; `minilxmert exercise list` shows all")
    sheet = importlib.import_module(f".sheets.{NAMES[number]}", __name__)
    if variant:
        return replace(exercise(number), variant=Variant.of(sheet, variant))
    return Exercise.of(sheet, function_name(number))


def function_name(number):
    """The name of the function that a student writes."""
    return NAMES[number][5:]


def number_of(filename):
    """The exercise that a file is an answer to, by its name: "ada_ex06_layer_norm.py" -> 6; None for other files."""
    found = re.search(r"(?:^|[^a-z])ex(\d\d)(?!\d).*\.py$", filename, re.IGNORECASE)
    return int(found[1]) if found and int(found[1]) in NAMES else None
