"""A student's files: made of the sheets, found in a folder, and checked."""

import ast
import contextlib
import inspect
import re
import textwrap
from pathlib import Path

from ..errors import MinilxmertError, visible
from ..files import make_folder, read_small, write_file
from . import NAMES, exercise, function_name, number_of
from .apart import LIMITS, Apart, NoProcess
from .checking import Verdict, check
from .in_model import piece, try_in_model
from .student import Wrong, read_student

FOR_PYTEST = """# lets `pytest -m exercise_06` check exercise 6 in this folder
from minilxmert.exercises.for_pytest import pytest_collect_file, pytest_configure
"""


def start(folder, numbers=(), variant=0):
    """Write the stubs of some exercises (default: all) into a folder, with what pytest needs; what is there stays.

    -> the new files and those that were there already. Raises MinilxmertError."""
    folder = Path(folder)
    texts = {folder / f"{NAMES[number]}.py": stub(number, variant) for number in numbers or NAMES if exercise(number)}
    make_folder(folder)
    there = [path for path in texts if path.exists()]
    for path, text in (texts | {folder / "conftest.py": FOR_PYTEST}).items():
        if not path.exists():
            write_file(path, text)
    return [path for path in texts if path not in there], there


def stub(number, variant=0):
    """What a student gets of an exercise: its function up to the end of the docstring. Raises MinilxmertError."""
    task = exercise(number, variant)
    source = inspect.getsource(task.solution)
    head = source.splitlines()[: ast.parse(source).body[0].body[0].end_lineno]
    if task.variant.number:
        said = textwrap.fill(task.variant.sentence, 116, initial_indent="    ", subsequent_indent="    ")
        head = "\n".join(head).replace("\n    Hints\n", f"\n{said}\n\n    Hints\n").splitlines()
    about = f"{task.minutes} minutes; chapter {task.chapter}" + f"; variant {variant}" * bool(task.variant.number)
    title = f'"""Exercise {number}: {task.title}. About {about}."""'
    function = "\n".join([task.decorator, *head, f'    raise NotImplementedError("exercise {number}")', ""])
    return "\n\n".join(filter(None, [title, task.imports, "\n" + function.lstrip()]))


def variant_of(text):
    """The variant that the first line of an answer, as bytes, was made for; None where that line has gone."""
    found = re.search(rb'"""Exercise \d+: .*; chapter \d+(?:; variant (\d{1,9}))?\."""', text[:1000])
    return int(found[1] or 0) if found else None


def repeat(text):
    """Print what a student prints; what a progress bar would write over stays."""
    print(text.replace("\r\n", "\n").replace("\r", "\n"), end="", flush=True)


def answer_file(number, folder="."):
    """The answer to an exercise in a folder. Raises MinilxmertError when there is none, or more than one."""
    exercise(number)
    found = [path for path in sorted(Path(folder).glob("*.py")) if number_of(path.name) == number]
    if len(found) != 1:
        what = f"{len(found)} answers ({', '.join(path.name for path in found)})" if found else "none"
        raise MinilxmertError.at(folder, None, f"one file {NAMES[number]}.py (or its path as FILE)", what)
    return found[0]


def check_file(
    number, path, seed=0, limits=LIMITS, in_model=False, variant=None, here=True, hear=None, home=None, running=None
):
    """The Verdict on the function that a file defines; running the file is part of it. Raises MinilxmertError.

    It runs in a process of its own with limits; where none can be started, in this one, and the verdict says so, or
    here is False, and NoProcess is raised. in_model: what is right goes on to work in a small model. variant: None for
    that which the file was made for; any other counts, and the verdict says where the file's is not that. hear, home,
    running: as of Apart."""
    if in_model:
        piece(number)
    made_for, note = variant_of(read_small(path)), ""
    task = exercise(number, made_for or 0 if variant is None else variant)
    if made_for not in (None, task.variant.number):
        note = f"; this file was made for variant {made_for}, and checked as variant {task.variant.number}"
    try:
        try:
            student = Apart(path, function_name(number), solved_in(task), limits, hear, home, running)
        except NoProcess:
            if not here:
                raise
            student = contextlib.nullcontext(read_student(path, function_name(number)))
            note += "; asked in this process, without limits, as no other can be started here"
        with student as answer:
            verdict = check(task, answer, seed)
            if verdict.right and in_model:
                inside = try_in_model(number, answer, task.variant.number)
                verdict = Verdict(inside.right, f"{verdict.text}\nin the model: {inside.text}")
    except Wrong as wrong:
        verdict = Verdict(False, visible(str(wrong)))
    return Verdict(verdict.right, verdict.text + note)


def solved_in(task):
    """The package's functions that an answer must not use, as "module:name" texts for the student's process."""
    return [f"{function.__module__}:{function.__qualname__}" for function in task.solved]
