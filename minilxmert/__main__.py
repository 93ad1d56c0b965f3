"""The program minilxmert, and python -m minilxmert: Ctrl-C ends it with 130, at any moment, and without a traceback.

From the first lines of the package on, that is: while Python itself starts, it answers as Python does."""

import sys

from . import end_if_interrupted, unraisable

interrupts = []


def program():
    """Run the command that sys.argv holds, and end this process."""
    sys.excepthook, sys.unraisablehook = uncaught, unraisable
    import signal

    try:
        if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # as in a script's background, where it is not meant
            signal.signal(signal.SIGINT, interrupt)
        from .cli import main

        code = main()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said: what follows is Python's end
    except SystemExit:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise
    sys.exit(130 if interrupts and code else code)


def interrupt(*_):
    """The first Ctrl-C is raised where Python stands, for temporary files to be removed; a second one does not wait."""
    interrupts.append(True)
    if len(interrupts) > 1:
        end_if_interrupted(KeyboardInterrupt)
    raise KeyboardInterrupt


def uncaught(kind, problem, trace):
    """Of what nobody caught: Ctrl-C, and what broke because of it, ends the process quietly."""
    end_if_interrupted(KeyboardInterrupt if interrupts else kind)
    sys.__excepthook__(kind, problem, trace)


if __name__ == "__main__":
    program()
