"""One switch under the whole model: each hot operation is the NumPy definition of ops.py or its Numba twin.

    minilxmert.backend("numpy")          # from here on: plain definitions, every line can be stepped through
    with minilxmert.backend("numpy"):    # … or only inside a block
The environment variable MINILXMERT_BACKEND chooses the first one; the default is numba. Both give the same numbers.
Numba is imported when an operation first runs, never by importing this package."""

import contextlib
import functools
import importlib
import os
import signal
import sys

from .. import ops
from ..errors import ConfigError

BACKENDS = ("numba", "numpy")


class backend:
    """Choose the backend by name, from now on; used in `with`, until the block ends. Raises ConfigError."""

    def __init__(self, name):
        global current
        if name not in BACKENDS:
            raise ConfigError.at("backend", None, f"one of {', '.join(BACKENDS)}", name)
        self.previous, current = current, name

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        backend(self.previous)

    def __repr__(self):
        return f"<minilxmert backend: {current}>"


current = "numba"
backend(os.environ.get("MINILXMERT_BACKEND") or "numba")


def current_backend():
    """The name of the backend in use."""
    return current


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


def load(name):
    """A file of this room, which needs Numba."""
    if "numba" not in sys.modules:
        with uninterrupted():
            importlib.import_module("numba")
    return importlib.import_module(f".{name}", __package__)


def set_num_threads(n):
    """Use n threads from now on; the results keep their bits whatever the number. Raises ConfigError."""
    load("threads").set_num_threads(n)


def get_num_threads():
    """How many threads the kernels use: at first, one for each core that this process may use."""
    return load("threads").get_num_threads()


def switched(definition, twins="twins"):
    """`definition`, or the function of the same name in the module kernels.`twins`, whichever the backend says."""

    @functools.wraps(definition)
    def operation(*args, **kwargs):
        if current == "numpy":
            return definition(*args, **kwargs)
        return getattr(load(twins), definition.__name__)(*args, **kwargs)

    return operation


def twinned(twins):
    """Decorator: a definition that is `switched` with its twin in the module kernels.`twins`."""
    return functools.partial(switched, twins=twins)


linear = switched(ops.linear)
linears = switched(ops.linears)
linear_act = switched(ops.linear_act)
layer_norm = switched(ops.layer_norm)
add_norm = switched(ops.add_norm)
attend = switched(ops.attend)
attend_rows = switched(ops.attend_rows)
