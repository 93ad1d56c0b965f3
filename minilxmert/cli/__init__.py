"""The command line: parsing and printing only; every command calls the library and says in words what it found.

A family of commands is a file with its own COMMANDS: {name: (function, what adds its arguments, one line of help)}."""

import argparse
import sys
import warnings

from .. import __version__
from ..errors import MinilxmertError
from . import (
    ablating,
    answering,
    checking,
    converting,
    curves,
    data,
    detecting,
    drawings,
    exercises,
    measuring,
    showing,
    training,
    tutorials,
    world,
)
from .common import DISAGREES, INTERRUPTED, OK
from .screen import ReaderGone, flush, screens

LEARNING = (training, curves, measuring, drawings, ablating)
FAMILIES = (answering, showing, detecting, world, *LEARNING, checking, converting, data, exercises, tutorials)
COMMANDS = {name: command for family in FAMILIES for name, command in family.COMMANDS.items()}


WELCOME = """minilxmert: ask questions about pictures, and see how LXMERT finds the answer.

In the folder of the repository, try one after the other:

  minilxmert answer --image weights/scene.png --question "what color is the star ?"
  minilxmert show --weights weights --image weights/scene.png --question "what color is the star ?" --out page.html
  minilxmert world                              a drawn scene, what is true of it, and why
  minilxmert exercise start my-exercises        26 exercises that check themselves
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
        except (MinilxmertError, OSError) as error:
            if options.debug:
                raise
            print(f"minilxmert {options.command or ''}: {error}", file=sys.stderr)
            return DISAGREES
    return OK  # the reader of our output had enough


def note(message, *_, **__):
    """A warning in one line, without the place in the source that gave it."""
    print(f"note: {message}", file=sys.stderr)


def welcome(options):
    print(WELCOME)


def parser():
    """The argument parser of all commands."""
    top = argparse.ArgumentParser(
        prog="minilxmert",
        description="LXMERT in plain arrays: ask questions about pictures, convert and check published weights.",
        epilog="First success: see the two commands at the top of README.md. Each command explains itself with --help.",
    )
    top.add_argument("--version", action="version", version=f"minilxmert {__version__}")
    top.set_defaults(command=None, run=welcome, debug=False)
    commands = top.add_subparsers(metavar="command")
    for name, (run, arguments, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=run.__doc__, formatter_class=Formatter)
        arguments(command)
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
        command.set_defaults(run=run, command=name)
    return top


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of a docstring as they are written."""
