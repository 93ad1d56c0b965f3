"""Who runs a kernel: every kernel is written as "take a task, do it, until none is left", for any number of threads.

A task computes whole rows or tiles, always in the same order, so the results have the same bits whatever the number.
The caller works too, and waits only for helpers that are inside. One that the system has not woken yet is not waited
for: OpenMP does that, and on a busy machine it made an answer ten times slower than this. Helpers start with the first
kernel that wants them; a forked child has none and works alone. Numba's own pools end the process instead: one when two
Python threads call at once, OpenMP's when a forked child computes (TBB's would be one more package)."""

import itertools
import os
import threading

import numba
import numpy as np
from numba import types

from ..errors import ConfigError
from . import cpu
from .compiling import compiled, part
from .shared import add, give_way, look, pause, perform, write_call

LIMIT = int(min(numba.config.NUMBA_NUM_THREADS, cpu.quota()))
SMALL = 16_384  # values: below, starting other threads takes longer than an operation on single values
PATIENCE = 20_000  # pauses until a helper sleeps, or the caller lets the system run others: about half a millisecond
LINE = 8  # words of a cache line; each shared word has its own, so that waiting for one does not slow down another
JOB, INSIDE, HELPERS, TAKEN, READER, CALL = (i * LINE for i in range(6))
NEXT, ME, DONE = (i * LINE for i in range(3))  # of a kernel's counter: tasks and numbers that are taken, tasks done
STATE = types.int64[::1]

count = LIMIT
forked = False
state = np.zeros(64 * LINE, np.int64)  # job's number or 0, helpers inside and wanted, who wants them, the call itself
jobs = itertools.count(1)
helpers, starting = [], threading.Lock()


def get_num_threads():
    """How many threads the kernels use; at first, as many as the processor has cores for this process."""
    return 1 if forked else count


def set_num_threads(n):
    """Use n threads from now on, in every Python thread; results keep their bits. Raises ConfigError."""
    global count
    most = 1 if forked else LIMIT
    n = n.item() if isinstance(n, np.integer) else n
    if not isinstance(n, int) or not 1 <= n <= most:
        why = " (a forked process has no helpers; use multiprocessing's spawn)" if forked else ""
        raise ConfigError.at("set_num_threads", None, f"1 … {most}{why}", n)
    count = n


# Not [::1], which every counter is: Numba (0.68) fails to pass on arguments that are all of the very types it expects.
COUNTER = types.int64[:]


class Kernel:
    """A compiled function of (counter, *arguments) that takes tasks until none is left; called without the counter.

    counter: the next task; from ME the next number for a thread that wants one, below the number of threads; from DONE
    how many tasks are done, which a kernel counts whose later tasks need the earlier ones (wait_for)."""

    def __init__(self, function, kinds):
        kinds = (COUNTER, *kinds)
        self.alone = compiled(function, *kinds)
        if not numba.config.DISABLE_JIT:
            built = self.alone.overloads[self.alone.signatures[0]]
            self.address = built.library.get_pointer_to_function(built.fndesc.llvm_func_name)
            self.with_helpers = compiled(
                work_with_helpers, STATE, types.int64, types.int64, types.StarArgTuple(kinds), returns=types.boolean
            )

    def __call__(self, *arguments, small=False):
        """Run it with the helpers; alone where the work is too small to share, or another thread has the helpers."""
        counter, threads = np.zeros(3 * LINE, np.int64), get_num_threads()
        if not small and threads > 1 and not numba.config.DISABLE_JIT:
            call_helpers(threads - 1)
            if self.with_helpers(state, next(jobs), self.address, counter, *arguments):
                return
        self.alone(counter, *arguments)


def kernel(*kinds):
    """Decorator: the Kernel of a function of (counter, …), with the Numba types of its arguments after the counter."""
    return lambda function: Kernel(function, kinds)


def work_with_helpers(state, job, address, *arguments):
    """Publish a job, do it with whoever comes, close it, and wait until the last helper is out. -> whether it was done:
    it is not while the helpers serve another thread.

    Who has the helpers is a word that only compiled code changes: Ctrl-C cannot come between taking and giving back.
    The wait belongs in here: when this function returns, Numba lets go of what it knows of the arguments, which the
    helpers use as long as they are inside."""
    mine = add(state[TAKEN:], 1) == 0
    if mine:
        state[READER] = write_call(state[CALL:], address, arguments)
        add(state[JOB:], job)
        perform(state[READER], state[CALL:])
        add(state[JOB:], -job)
        while not left(state):
            give_way()
    add(state[TAKEN:], -1)
    return mine


def serve(state, number, seen):
    """What helper `number` does: every new job, until there has been none for a while -> the last job seen."""
    waited = 0
    while waited < PATIENCE:
        job = look(state[JOB:])
        if job == 0 or job == seen or number >= state[HELPERS]:
            pause()
            waited += 1
        else:
            add(state[INSIDE:], 1)  # first enter, then look again: the caller closes the job, then looks who is inside
            if look(state[JOB:]) == job:
                perform(state[READER], state[CALL:])
            add(state[INSIDE:], -1)
            seen, waited = job, 0
    return seen


def left(state):
    """Whether all helpers are out, after some patience."""
    for _ in range(PATIENCE):
        if look(state[INSIDE:]) == 0:
            return True
        pause()
    return False


@part
def wait_for(word, wanted):
    """Until word[0] has come to `wanted`: others are at work on what is missing."""
    waited = 0
    while look(word) < wanted:
        pause()
        waited += 1
        if waited > PATIENCE:
            give_way()


if numba.config.DISABLE_JIT:  # one thread does everything in order
    wait_for = lambda word, wanted: None  # noqa: E731
else:
    serve = compiled(serve, STATE, types.int64, types.int64, returns=types.int64)
    left = compiled(left, STATE, returns=types.boolean)


class Helper(threading.Thread):
    """A thread that serves kernels, and sleeps when there are none until its bell rings."""

    def __init__(self, number):
        super().__init__(name=f"minilxmert-{number}", daemon=True)
        self.number, self.bell = number, threading.Event()

    def run(self):
        seen = 0
        while True:
            self.bell.wait()
            self.bell.clear()  # before it serves: what rings later, be it while it falls asleep, wakes it again
            seen = serve(state, self.number, seen)


def call_helpers(wanted):
    """Wake `wanted` helpers, starting those that do not exist yet: fewer where the system gives no more threads."""
    state[HELPERS] = wanted
    while len(helpers) < wanted and start_helper():
        pass
    for helper in helpers[:wanted]:
        if not helper.bell.is_set():
            helper.bell.set()


def start_helper():
    """One more; -> whether the system gave it a thread"""
    with starting:
        helpers.append(Helper(len(helpers)))
        try:
            helpers[-1].start()
        except (RuntimeError, MemoryError):
            helpers.pop()
            return False
    return True


def after_fork():
    """In the child there are no helpers."""
    global forked
    forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork)
