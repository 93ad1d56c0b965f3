"""Which backend computes: chosen by every thread for itself; and Numba, imported when it is first needed."""

import contextlib
import importlib
import os
import signal
import threading
import warnings

from ..errors import ConfigError

NUMBA = ("numba.core.event", "numba.extending", "numba.np.numpy_support", "numba.np.arrayobj")  # what this room imports
BACKENDS = ("numba", "numpy")

available = None  # whether there can be kernels, once it has been asked
forks_wait = threading.RLock()  # for what a forked child would find begun by a thread that it does not have
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=forks_wait.acquire, after_in_parent=forks_wait.release, after_in_child=forks_wait.release
    )


class Chosen(threading.local):
    """The backend that a thread has chosen; one that has chosen none has MINILXMERT_BACKEND's."""

    name = "numba"


chosen = Chosen()


class backend:
    """Choose the backend of this thread by name, from now on; used in `with`, until the block ends.

    Raises ConfigError."""

    def __init__(self, name):
        self.previous, chosen.name = chosen.name, checked(name)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        chosen.name = self.previous

    def __repr__(self):
        return f"<minilxmert backend: {chosen.name}>"


def checked(name):
    if name not in BACKENDS:
        raise ConfigError.at("backend", None, f"one of {', '.join(BACKENDS)}", name)
    return name


Chosen.name = checked(os.environ.get("MINILXMERT_BACKEND") or "numba")


def current_backend():
    """The name of the backend that this thread uses: numpy where there can be no kernels."""
    return chosen.name if chosen.name == "numpy" or ready() else "numpy"


@contextlib.contextmanager
def uninterrupted():
    """Inside the block Ctrl-C waits: what it breaks off in Numba (an import, a compilation) stays broken for good."""
    waiting = []
    try:
        before = signal.signal(signal.SIGINT, lambda *_: waiting.append(True))
    except ValueError:  # not in the main thread, which alone is interrupted
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)
        if waiting:
            signal.raise_signal(signal.SIGINT)


class NoKernels(Exception):
    """A kernel does not compile here: NumPy computes from now on, in every thread."""


def do_without(problem):
    """There are no kernels from now on, and a warning says why. -> NoKernels"""
    global available
    available, reason = False, next(iter(str(problem).strip().splitlines()), type(problem).__name__)
    warnings.warn(f"no compiled kernels, NumPy computes: {reason}", stacklevel=3)
    return NoKernels(reason)


def ready():
    """Import Numba, once; -> whether there can be kernels. Warns where not."""
    global available
    if available is not None:
        return available
    importlib.import_module("logging")  # Numba's, with a lock for forks: it must not appear while one waits
    with forks_wait, uninterrupted():
        try:
            for module in NUMBA if available is None else ():  # another thread may have been first
                importlib.import_module(module)
                available = True
        except (ImportError, OSError, MemoryError) as missing:  # or the system has no room for it
            do_without(missing)
    return available
