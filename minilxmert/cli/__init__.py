"""The command line: parsing and printing only; every command calls the library and says in words what it found.

A family of commands is a file with its own COMMANDS: {name: (function, what adds its options, a line of help)}."""

import argparse
import contextlib
import errno
import os
import re
import sys
import unicodedata
import warnings

from .. import __version__
from ..errors import MinilxmertError, nearest, visible
from . import answering, experiments, files, measuring, showing, teaching, training
from .common import DISAGREES, INTERRUPTED, OK

GROUPS = {
    "ask": (answering, showing),
    "learn": (training, experiments),
    "measure": (measuring,),
    "files": (files,),
    "teach": (teaching,),
}
COMMANDS = {name: entry for group in GROUPS.values() for family in group for name, entry in family.COMMANDS.items()}


WELCOME = """minilxmert: ask questions about pictures, and see how LXMERT finds the answer.

In the folder of the repository, try one after the other:

  minilxmert answer --image weights/scene.png --question "what color is the star ?"
  minilxmert show --weights weights --image weights/scene.png --question "what color is the star ?" --out page.html
  minilxmert world                              a drawn scene, what is true of it, and why
  minilxmert exercise start my-exercises        38 exercises that check themselves
  minilxmert --help                             all commands; each explains itself with --help

README.md and tutorials/README.md lead on from there."""


def main(argv=None):
    """Run one command; returns the exit code: 0 done, 1 a check failed or a file is wrong, 2 wrong use, 130 Ctrl-C."""
    with screens(), warnings.catch_warnings():
        warnings.showwarning = note
        options = parser().parse_args(argv)
        try:
            code = options.run(options) or OK
            flush()
            return code
        except ReaderGone:
            raise
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return INTERRUPTED
        except (MinilxmertError, OSError, MemoryError) as error:
            if options.debug:
                raise
            text = str(error) or "no memory is left"
            print(f"minilxmert {options.command or ''}: {text}", file=sys.stderr)
            return DISAGREES
    return OK  # the reader of our output had enough


def note(message, *_, **__):
    """A warning in one line, without the place in the source that gave it."""
    print(f"note: {message}", file=sys.stderr)


def welcome(options):
    print(WELCOME)


def parser():
    """The argument parser of all commands."""
    top = Parser(
        prog="minilxmert",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="LXMERT in plain arrays: ask questions about pictures, convert and check published weights.",
        epilog=f"{overview()}\n\nEach command explains itself with --help. README.md begins with two to try.",
    )
    top.add_argument("--version", action="version", version=f"minilxmert {__version__}")
    top.set_defaults(command=None, run=welcome, debug=False)
    commands = top.add_subparsers(metavar="command")
    for name, (run, arguments, _) in COMMANDS.items():
        kept = argparse.RawDescriptionHelpFormatter  # the lines of a docstring as they are written
        command = commands.add_parser(name, description=run.__doc__, formatter_class=kept)
        arguments(command)
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
        command.set_defaults(run=run, command=name)
    return top


def overview():
    """All commands by what they are for, each with its line."""
    lines = []
    for title, group in GROUPS.items():
        lines += ["", f"{title}:"]
        lines += [f"  {name:<14}{text}" for family in group for name, (_, _, text) in family.COMMANDS.items()]
    return "\n".join(lines[1:])


class Parser(argparse.ArgumentParser):
    """One that says what a misspelt word may have meant."""

    def error(self, message):
        wrong = re.search(r"invalid choice: '([^']*)'|unrecognized arguments: (--[\w-]+)", message)
        typed = wrong and (wrong[1] or wrong[2])
        near = typed and nearest(typed, choices_of(self))  # which may be another command's, of the same name
        super().error(f"{message}; did you mean {near}?" if near and near != typed else message)


def choices_of(parser):
    """The options, commands and other choices of a parser and of its commands."""
    for action in parser._actions:
        yield from action.option_strings
        yield from map(str, action.choices or ())
        if isinstance(action.choices, dict):
            for below in set(action.choices.values()):
                yield from choices_of(below)


# --- output that is safe to print: control characters are made visible, characters that the stream lacks are replaced.
# Text of others (answers of a downloaded model, names of files, what a student raises) may hold control characters,
# which would act on the terminal; a stream may know fewer characters than we use; its reader may have gone.

GONE = {errno.EPIPE} | ({errno.EINVAL} if sys.platform == "win32" else set())  # what writing to a closed pipe gives
LOOKALIKES = {
    "…": "...", "–": "-", "—": "-", "×": "x", "→": "->", "↓": "v", "≤": "<=", "≥": ">=", "±": "+-", "√": "sqrt ",
    "“": '"', "”": '"', "‘": "'", "’": "'", "⟨": "<", "⟩": ">", "ε": "eps", "β": "beta", "σ": "sigma", "π": "pi",
    "φ": "phi", "Φ": "Phi", **dict(zip("·░▒▓█─│┌┐└┘▁▂▃▄▅▆▇", "..:*#-|++++_.-:=+*", strict=True)),
}  # fmt: skip


class ReaderGone(BrokenPipeError):
    """Whoever read our output has closed it, as `head` does when it has enough."""


class Screen:
    """A text stream under standard output or error that takes any text. Raises ReaderGone, OSError (a full disk)."""

    def __init__(self, stream, kept):
        self.stream, self.kept = stream, kept

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def write(self, text):
        with self.writing():
            self.stream.write(plainer(visible(text, self.kept), self.stream.encoding or "utf-8"))
        return len(text)

    def flush(self):
        with self.writing():
            self.stream.flush()

    @contextlib.contextmanager
    def writing(self):
        """After a write fails, later output is discarded; the error is raised once."""
        try:
            yield
        except OSError as problem:
            with contextlib.suppress(OSError):  # a stream without a file
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())
            if problem.errno in GONE:
                raise ReaderGone(*problem.args) from None
            raise


@contextlib.contextmanager
def screens():
    """Inside the block, standard output and error are Screens. It ends when their reader has gone: nothing is wrong."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (s and Screen(s, kept) for s, kept in zip(before, ("\n\t", "\n\t\r"), strict=True))
    try:
        with contextlib.suppress(ReaderGone):
            try:
                yield
            finally:
                flush()
    finally:
        sys.stdout, sys.stderr = before


def flush():
    """Hand over what standard output still holds. Raises ReaderGone, and OSError (a full disk)."""
    if sys.stdout:
        sys.stdout.flush()


def plainer(text, encoding):
    """Text as an encoding can hold it: other characters by what looks alike, else as \\u72d7"""
    try:
        text.encode(encoding)
        return text
    except UnicodeEncodeError:
        return "".join(c if encodable(c, encoding) else lookalike(c) for c in text)


def encodable(character, encoding):
    try:
        return bool(character.encode(encoding))
    except UnicodeEncodeError:
        return False


def lookalike(character):
    """ASCII for a character: "é" -> "e", "…" -> "...", "狗" -> "\\u72d7" """
    letters = unicodedata.normalize("NFKD", LOOKALIKES.get(character, character))
    bare = "".join(c for c in letters if not unicodedata.combining(c))
    return bare if bare and bare.isascii() else character.encode("ascii", "backslashreplace").decode()
