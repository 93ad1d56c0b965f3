"""Who runs a kernel: every kernel is written as "take a task, do it, until none is left", for any number of threads.

A task computes whole rows or tiles, always in the same order, so the results have the same bits whatever the number.
Numba's pool is started by the first kernel that wants it. There is one lock around it, because two Python threads must
not enter it at once. A forked child inherits no pool: there each kernel runs on the thread that calls it."""

import contextlib
import os
import threading

import numba
import numpy as np
from numba import prange, types

from ..errors import ConfigError
from .compiling import compiled
from .intrinsics import call

if "NUMBA_THREADING_LAYER_PRIORITY" not in os.environ:  # OpenMP starts in 1.4 µs; Numba's own work queue needs 35
    numba.config.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]

LIMIT = numba.config.NUMBA_NUM_THREADS
count = LIMIT
forked = False
pool = threading.Lock()


def get_num_threads():
    """How many threads the kernels use; at first, as many as the processor has cores for this process."""
    return 1 if forked else count


def set_num_threads(n):
    """Use n threads from now on, in every Python thread; results keep their bits. Raises ConfigError."""
    global count
    most = 1 if forked else LIMIT
    if not isinstance(n, int) or not 1 <= n <= most:
        why = " (a forked process has no thread pool; use multiprocessing's spawn)" if forked else ""
        raise ConfigError.at("set_num_threads", None, f"1 … {most}{why}", n)
    count = n


class Kernel:
    """A compiled function of (counter, *arguments) that takes tasks until none is left; called without the counter."""

    def __init__(self, function, kinds):
        kinds = (types.int64[::1], *kinds)
        self.alone, self.together = compiled(function, *kinds), None
        if not numba.config.DISABLE_JIT:
            built = self.alone.overloads[self.alone.signatures[0]]
            self.address = built.library.get_pointer_to_function(built.fndesc.llvm_func_name)
            signature = (types.int64, types.int64, types.StarArgTuple(kinds))
            self.together = compiled(together, *signature, parallel=True)

    def __call__(self, *arguments, small=False):
        """Run it by all threads; by this one alone where the work is too small to share."""
        counter, threads = np.zeros(1, np.int64), get_num_threads()
        if small or threads == 1 or not self.together:
            self.alone(counter, *arguments)
        else:
            with pool, mask(threads):
                self.together(threads, self.address, counter, *arguments)


def together(threads, address, *arguments):
    """The same machine code in every thread of the pool, called by its address: compiled once, the same bits."""
    for _ in prange(threads):
        call(address, arguments)


def kernel(*kinds):
    """Decorator: the Kernel of a function of (counter, …), with the Numba types of its arguments after the counter."""
    return lambda function: Kernel(function, kinds)


@contextlib.contextmanager
def mask(threads):
    """Inside the block, threads beyond the given number sleep. Numba's own setting is restored for everybody else."""
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        yield
    finally:
        numba.set_num_threads(before)


def after_fork():
    """In the child: no pool, and a lock that no lost thread holds."""
    global forked, pool
    forked, pool = True, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork)
