"""A student's files: the stubs copied out, and a function found in a file that may hold anything."""

import linecache
import sys
import types
from pathlib import Path

from ..errors import MinilxmertError
from ..files import write_file
from . import NAMES, exercise, function_name, number_of
from .checking import Verdict, Wrong, check

STUBS = Path(__file__).parent / "stubs"
FOR_PYTEST = ("conftest.py", "test_exercises.py")


def start(folder, numbers=()):
    """Copy the stubs of some exercises (default: all) into a folder, with what pytest needs; what is there stays.

    -> the new files and those that were there already. Raises MinilxmertError."""
    folder = Path(folder)
    names = [f"{NAMES[number]}.py" for number in numbers or NAMES if exercise(number)]
    folder.mkdir(parents=True, exist_ok=True)
    there = [name for name in names if (folder / name).exists()]
    for name in (*names, *FOR_PYTEST):
        if not (folder / name).exists():
            write_file(folder / name, (STUBS / name).read_text(encoding="utf-8"))
    return [folder / name for name in names if name not in there], [folder / name for name in there]


def answer_file(number, folder="."):
    """The answer to an exercise in a folder. Raises MinilxmertError when there is none, or more than one."""
    exercise(number)
    found = [path for path in sorted(Path(folder).glob("*.py")) if number_of(path.name) == number]
    if len(found) != 1:
        what = f"{len(found)} answers ({', '.join(path.name for path in found)})" if found else "none"
        raise MinilxmertError.at(folder, None, f"one file {NAMES[number]}.py; go to its folder, or name it", what)
    return found[0]


def check_file(number, path, seed=0):
    """The Verdict on the function that a file defines; running the file is part of it. Raises MinilxmertError."""
    try:
        answer = read_answer(number, path)
    except Wrong as wrong:
        return Verdict(False, str(wrong))
    return check(exercise(number), answer, seed)


def read_answer(number, path):
    """What a file defines under the name of an exercise. Raises Wrong, and MinilxmertError for a file that is none."""
    exercise(number)
    module = types.ModuleType(Path(path).stem)
    module.__file__ = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise MinilxmertError.at(path, None, "a readable Python file", type(problem).__name__) from None
    linecache.checkcache(str(path))
    sys.path.insert(0, str(Path(path).resolve().parent))  # a file may import its neighbours
    try:
        exec(compile(text, str(path), "exec"), module.__dict__)  # noqa: S102 (the student asks us to run it)
    except SyntaxError as problem:
        raise Wrong(f"Python does not understand line {problem.lineno}: {problem.msg}") from None
    except (Exception, SystemExit) as problem:
        raise Wrong(f"the file fails before the check begins: {type(problem).__name__}: {problem}") from None
    finally:
        sys.path.pop(0)
    if function_name(number) not in module.__dict__:
        raise Wrong(f"the file defines no function called {function_name(number)}")
    return module.__dict__[function_name(number)]
