"""Compiling the kernels once for a machine, and keeping the result where nobody else can write.

Numba's cache holds pickles, and loading a pickle runs code: the folder must belong to the user and be closed to others,
else the kernels are compiled anew in every process. Its name is a digest of everything that decides about the machine
code, so that no stale kernel is ever loaded: Numba looks only at the file of a function, not at what it calls."""

import contextlib
import errno
import hashlib
import os
import stat
import sys
import warnings
from pathlib import Path

import llvmlite.binding
import numba
from numba.core import event
from numba.core.errors import NumbaError

from . import cpu
from .kept import cache_base
from .switch import do_without, forks_wait, uninterrupted

SECONDS = 10  # what compiling everything takes on an ordinary laptop


def digest():
    """16 hex digits of the sources of this package, Numba's version, the processor and what was chosen for it."""
    processor = numba.config.CPU_NAME or llvmlite.binding.get_host_cpu_name()
    parts = [numba.__version__, processor, *sorted(cpu.features())]
    parts += [cpu.tile_name(), cpu.bfloat16_name()]
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256("\n".join([*parts, *(s.read_text("utf-8") for s in sources)]).encode()).hexdigest()[:16]


def cache_folder():
    """The private folder of the compiled kernels, made if needed; None, with a warning, if there can be none."""
    base = cache_base()
    folder = Path(base) / f"numba-{numba.__version__}-{digest()}"
    try:
        if base.startswith("~"):  # a user without a home: a folder really called "~" would appear
            raise FileNotFoundError(errno.ENOENT, "no home folder is known (NUMBA_CACHE_DIR names another)")
        Path(base).mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        fault = foreign(folder)
    except OSError as error:
        fault = error.strerror
    if fault:
        warnings.warn(f"{folder}: {fault}; minilxmert's kernels are compiled anew in every process", stacklevel=2)
        return None
    return folder


def foreign(folder):
    """Why others could have written into a folder; None for one that belongs to the user alone."""
    if not hasattr(os, "getuid"):  # Windows: the home folder's access list decides
        return None
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        return "not a folder of this user"
    return "others may write into it" if status.st_mode & 0o022 else None


class Announcer(event.Listener):
    """Says once, on stderr, that compiling has begun: the first call takes seconds and would look like a hang."""

    said = False

    def on_start(self, _):
        if not self.said:
            print(
                f"minilxmert: compiling kernels for this machine, once: about {SECONDS} s", file=sys.stderr, flush=True
            )
        self.said = True

    def on_end(self, _):
        pass


FOLDER = None if numba.config.DISABLE_JIT else cache_folder()
ANNOUNCER = Announcer()


@contextlib.contextmanager
def private_cache():
    """Inside the block Numba caches in FOLDER. Its setting is global, and restored for everybody else's functions."""
    previous, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(FOLDER)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = previous


def part(function=None, **options):
    """Decorator of the functions that kernels are made of. They do not count who holds an array, as Numba would for
    every slice: all cores would write that one word, and wait for each other (half the speed was lost so). Whoever
    calls a kernel keeps its arrays alive; nothing in it makes new ones."""
    return numba.njit(function, _nrt=False, **options)


def compiled(function, *signature, returns=numba.void):
    """The function compiled (or loaded) for one signature, at once. It runs without Python's lock (nogil).

    Raises NoKernels where that fails: on a processor, or with a version of Numba, that was never tried."""

    def build(cache):
        return numba.njit(returns(*signature), nogil=True, _nrt=False, cache=cache)(function)

    with forks_wait, uninterrupted(), private_cache(), event.install_listener("numba:compile", ANNOUNCER):
        try:
            return build(FOLDER is not None)
        except Exception as error:  # a damaged cache can raise anything
            fault = error
        try:
            found = build(False)
        except (NumbaError, RuntimeError) as problem:
            raise do_without(problem) from problem
        warnings.warn(f"{FOLDER} is damaged or full ({fault}); delete it", stacklevel=2)
        return found
