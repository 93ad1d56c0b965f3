"""A student's function: found in a file that may hold anything, and asked for plain values only."""

import copy
import inspect
import linecache
import sys
import types
import warnings
from pathlib import Path

import numpy as np

from .plain import TooLarge, class_name, plain
from .ways import apply, there_and_back

LONGEST = 200  # characters of what a student raises
FAILS = "the file fails before the check begins"
NOTEBOOK = "; it is a notebook with another ending: save it as Python"
COMMAND = "; a notebook's command: delete the line"


class Wrong(Exception):
    """The answer is wrong; the message is the sentence for the student."""


class Student:
    """A function, and the file that it is from. Every reply is plain and says what happened; nothing is raised.

    Also the pattern for those who ask in another process (apart.py)."""

    def __init__(self, function, file=None):
        self.function, self.file = function, file

    def traits(self, count):
        """What it is, and whether it takes `count` arguments."""
        return self.reply(
            lambda: {
                "kind": class_name(self.function),
                "callable": callable(self.function),
                "refuses": refusal(self.function, count),
                "compiled": hasattr(self.function, "py_func"),
            }
        )

    def ask(self, args, way_back=False):
        """{"result": what it returns, "after": the arguments as it leaves them}, or {"unwritten"}, {"failed": text}"""
        given, call = copy.deepcopy(args), there_and_back if way_back else apply
        return self.reply(lambda: {"result": call(self.function, given), "after": given})

    def reply(self, act):
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # a wrong answer may divide by zero; the verdict says it better
                return plain(act())
        except NotImplementedError:
            return {"unwritten": True}
        except TooLarge:
            return {"failed": "it returns more than any right answer can be"}
        except KeyboardInterrupt:
            raise
        except BaseException as problem:
            return {"failed": describe_error(problem, sys.exc_info()[2], self.file or file_of(self.function))}


def refusal(function, count):
    """Why a function does not take `count` arguments; None when it does, or does not tell."""
    if not callable(function):
        return None
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError as problem:
        return str(problem)
    except ValueError:
        return None  # a compiled function that does not tell
    return None


def file_of(function):
    return function.__code__.co_filename if type(function) is types.FunctionType else None


def describe_error(problem, trace, file):
    """An exception in one line, with the last line of the student's own file that it came through."""
    numbers = []
    while trace:
        if trace.tb_frame.f_code.co_filename == file:
            numbers.append(trace.tb_lineno)
        trace = trace.tb_next
    where = f" in line {numbers[-1]}, `{linecache.getline(file, numbers[-1]).strip()[:LONGEST]}`" if numbers else ""
    return f"{named(problem)}{where}"


def named(problem):
    """The class of an exception, and what it says, if anything."""
    says = first_line(problem) or "none is left" * isinstance(problem, MemoryError)
    return class_name(problem) + f": {says}" * bool(says)


def first_line(problem):
    """What an exception says, which its class may have written for other ends than to be read."""
    try:
        text = str.__getitem__(str(problem), slice(LONGEST))
    except BaseException:
        return ""
    return text.splitlines()[0] if text.strip() else ""


def read_student(path, name):
    """The Student of a file: running it is part of it. Raises Wrong.

    The file is read as Python reads it, with its byte order mark or coding line, and stays known by its name, as a
    module that was imported: dataclasses look for it there. Its neighbours can be imported, also later."""
    path = Path(path)
    module = types.ModuleType(path.stem)
    module.__file__ = str(path)
    sys.modules[path.stem] = module
    if (folder := str(path.resolve().parent)) not in sys.path:
        sys.path.insert(0, folder)
    linecache.checkcache(str(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)  # noqa: S102 (the student asks for it)
    except SyntaxError as problem:
        raise Wrong(misunderstood(path, problem)) from None
    except KeyboardInterrupt:
        raise
    except BaseException as problem:
        text = describe_error(problem, sys.exc_info()[2], str(path))
        hint = NOTEBOOK if is_notebook(path) else COMMAND if "get_ipython" in text else ""
        raise Wrong(f"{FAILS}: {text}{hint}") from None
    if name not in module.__dict__:
        raise Wrong(f"the file defines no function called {name}")
    return Student(module.__dict__[name], str(path))


def misunderstood(path, problem):
    """A SyntaxError in words, with what it mostly comes from."""
    if problem.filename == str(path):
        magic = (problem.text or "").lstrip().startswith(("%", "!"))
        hint = NOTEBOOK if is_notebook(path) else COMMAND if magic else ""
        hint = "; save the file as UTF-8" if "'utf-8' codec" in problem.msg else hint
        return f"Python does not understand line {problem.lineno or 1}: {problem.msg}{hint}"
    if b"\0" in path.read_bytes():
        return "Python does not understand the file: it is no text, or saved as UTF-16. Save it as UTF-8"
    return f"{FAILS}: {named(problem)}"


def is_notebook(path):
    return path.read_bytes()[:1000].lstrip().startswith(b"{") and b'"cells"' in path.read_bytes()
