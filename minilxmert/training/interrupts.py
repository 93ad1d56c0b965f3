"""Ctrl-C as a wish: the work that hears it comes to a good end by itself."""

import signal
from contextlib import contextmanager


@contextmanager
def quietly_interrupted():
    """Inside the block the first Ctrl-C (or SIGTERM) only fills the list that is the context's value; a second one
    interrupts at once. Outside the main thread nothing changes."""
    wanted, before = [], {}

    def remember(number, frame):
        if wanted:
            raise KeyboardInterrupt
        wanted.append(number)

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, remember)
    except ValueError:  # not in the main thread
        pass
    try:
        yield wanted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
