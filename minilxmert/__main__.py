"""The program minilxmert, and python -m minilxmert: Ctrl-C ends it with 130, at any moment, and without a traceback.

From the first lines of the package on, that is: while Python itself starts, it answers as Python does."""

import os
import sys

from . import end_if_interrupted

interrupts = []


def program():
    """Run the command that sys.argv holds, and end this process."""
    import signal

    if "project" in sys.argv[1:2] or any(word.startswith("--world") for word in sys.argv):
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's, when it is read: products too small to share
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
    sys.excepthook = lambda *_: end_if_interrupted(KeyboardInterrupt)  # what breaks because of it
    raise KeyboardInterrupt


if __name__ == "__main__":
    program()
