"""One switch under the whole model: each hot operation is the NumPy definition of ops.py or its Numba twin.

    minilxmert.backend("numpy")          # from here on: plain definitions, every line can be stepped through
    with minilxmert.backend("numpy"):    # … or only inside a block
Every thread chooses for itself.
The environment variable MINILXMERT_BACKEND chooses the first one; the default is numba. Both give the same numbers.
Numba is imported when an operation first runs, never by importing this package. Where it cannot be had, as in a
browser, or a kernel does not compile, one warning says so and NumPy computes."""

import contextlib
import functools
import importlib

from ..core import ops
from ..errors import ConfigError
from .switch import BACKENDS, NoKernels, backend, current_backend, forks_wait, ready


@functools.cache
def load(name):
    """A file of this room that needs Numba: whoever imports one late asks here. Raises ConfigError, NoKernels."""
    with forks_wait:
        if not ready():
            raise ConfigError.at("kernels", name, "Numba (pip install numba)", "none")
        return importlib.import_module(f".{name}", __package__)


def set_num_threads(n):
    """Use n threads from now on; the results keep their bits whatever the number. Raises ConfigError."""
    if ready():
        load("threads").set_num_threads(n)
    elif n != 1:
        raise ConfigError.at("set_num_threads", None, "1, as there is no Numba", n)


def get_num_threads():
    """How many threads the kernels use: at first, one for each core that this process may use."""
    return load("threads").get_num_threads() if ready() else 1


def jitable(function):
    """Decorator: a function that compiled ones may call."""
    return importlib.import_module("numba.extending").register_jitable(function) if ready() else function


def looped(signature):
    """Decorator: a function of loops. The numpy backend runs it as it stands; else it is compiled when first wanted.

    signature: a function of numba.types -> the types of the arguments."""

    def decorate(function):
        @functools.cache
        def compiled():
            compiling = load("compiling")
            return compiling.compiled(function, *signature(compiling.numba.types))

        @functools.wraps(function)
        def run(*arguments):
            quick = function
            if current_backend() != "numpy":
                with contextlib.suppress(NoKernels):
                    quick = compiled()
            return quick(*arguments)

        run.compiled = compiled
        return run

    return decorate


def switched(definition, twins="twins"):
    """`definition`, or the function of the same name in the module kernels.`twins`, whichever the backend says."""

    @functools.wraps(definition)
    def operation(*args, **kwargs):
        found = NotImplemented
        if current_backend() != "numpy":
            with contextlib.suppress(NoKernels):
                found = getattr(load(twins), definition.__name__)(*args, **kwargs)
        return definition(*args, **kwargs) if found is NotImplemented else found

    return operation


def twinned(twins):
    """Decorator: a definition that is `switched` with its twin in the module kernels.`twins`."""
    return functools.partial(switched, twins=twins)


linear = switched(ops.linear)
linears = switched(ops.linears)
linear_act = switched(ops.linear_act)
layer_norm = switched(ops.layer_norm)
layer_norm_backward = switched(ops.layer_norm_backward)
add_norm = switched(ops.add_norm)
attend = switched(ops.attend)
attend_rows = switched(ops.attend_rows)
embedding = switched(ops.embedding)
