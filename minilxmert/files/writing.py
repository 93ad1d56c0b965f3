"""Files written whole or not at all: beside their place first, flushed to the disk, then renamed into it."""

import contextlib
import errno
import io
import os
import re
import secrets
import shutil
import stat
import tempfile
import threading
import weakref
from pathlib import Path

from ..errors import MinilxmertError

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed: that does what the lock does elsewhere
    fcntl = None

TEMPORARY = r"\.tmp\.[0-9a-f]{16}"  # what follows the target's name
PRIVATE = 0o600
LOCKED = weakref.WeakSet()  # what this process has open to lock it
opening = threading.RLock()  # no process is forked while a file is open that is not in LOCKED yet
REPLACEABLE = "a file that may be replaced: close what has it open (a model: load it with mapped=False)"


@contextlib.contextmanager
def replacing(path):
    """A context whose value is the path of a temporary file that takes the place of `path` when the block succeeds.

    It is a neighbour with a name of its own, so that several writers never meet; it is flushed to the disk, then
    renamed. When the block fails it is removed and `path` is as before. Neighbours that an ended process left behind
    are swept first. The rights (and, where allowed, the owner) of a file that is replaced stay; through a link its
    target is written; other names of the same file (hard links) keep what it was. Into a pipe or a device, which
    cannot be replaced, the result is copied at the end; a pipe must have a reader from the beginning."""
    path = Path(path)
    with replacing_plain(Path(os.path.realpath(path))) if is_plain(path) else streaming(path) as temporary:
        yield temporary


def make_folder(path):
    """The Path of a folder, made if need be. Raises MinilxmertError where anything else has its name."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as problem:  # the latter: above it
        found = next((place for place in (path, *path.parents) if place.is_file()), "another kind of file")
        raise MinilxmertError.at(path, None, "a folder to write into", found) from problem
    return path


def write_file(path, data):
    """Write bytes or text to `path` whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


class PatientFile(io.FileIO):
    """A file for h5py to write. HDF5 may crash when it closes a file on a full disk, so it never learns of a failure:
    the first one is kept for `check`, and what follows goes nowhere."""

    problem = None

    def check(self):
        """Raise the problem, if there was one."""
        if self.problem:
            raise self.problem

    def write(self, data):
        rest = memoryview(data).cast("B")
        size = len(rest)
        while rest and not self.problem:
            rest = rest[self.attempt(super().write, rest) or 0 :]
        return size

    def truncate(self, size=None):
        return self.attempt(super().truncate, size) or size

    def attempt(self, operation, argument):
        try:
            return None if self.problem else operation(argument)
        except OSError as found:
            self.problem = found


def is_plain(path):
    """Whether `path` is a file that another can take the place of, or nothing yet. A link is what it leads to."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


@contextlib.contextmanager
def replacing_plain(path):
    """`replacing` for a plain file, or for none yet."""
    sweep(path)
    before = path.stat() if path.exists() else None
    with neighbour(path, PRIVATE if before else 0o666) as (file, temporary):
        yield temporary
        os.fsync(file.fileno())
        if before:
            keep_rights(temporary, before)
        if not fcntl:
            file.close()
        try:
            os.replace(temporary, path)
        except PermissionError as problem:
            raise MinilxmertError.at(path, None, REPLACEABLE, problem.strerror) from problem
        flush_directory(path.parent)


@contextlib.contextmanager
def neighbour(path, mode):
    """A context of a new, empty file beside `path`, (open file, its path), which is removed at the end if still there.

    It is locked as long as it is open: so `sweep` sees that its process lives, also from another machine or container,
    and no ended process leaves a lock behind."""
    while True:
        temporary = path.with_name(f"{path.name}.tmp.{secrets.token_hex(8)}")
        with opened(open, temporary, "xb+", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            if not lock(file, wait=True) or os.fstat(file.fileno()).st_nlink:  # else a sweep came in between
                try:
                    yield file, temporary
                    return
                finally:
                    file.close()
                    temporary.unlink(missing_ok=True)


def opened(open, *arguments, **options):
    """open(*arguments), noted in LOCKED: a file that is to be locked."""
    with opening:
        file = open(*arguments, **options)
        LOCKED.add(file)
    return file


def lock(file, wait=False):
    """Keep what is `opened` to this process until it is closed -> whether that was possible (nowhere on Windows)."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except (AttributeError, OSError):  # no such thing here, not on this file system, or held by another
        return False
    return True


def let_go():
    """In a forked child: close what its parent has locked; open, it would stay locked as long as the child lives."""
    opening.release()
    with open(os.devnull, "rb") as nothing:
        for file in LOCKED:
            if not file.closed:
                os.dup2(nothing.fileno(), file.fileno(), inheritable=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=opening.acquire, after_in_parent=opening.release, after_in_child=let_go)


def sweep(path):
    """Remove what ended processes left beside `path` when they were writing it."""
    path = Path(path)
    names = re.compile(re.escape(path.name) + TEMPORARY)
    with contextlib.suppress(OSError):
        for stale in [entry.path for entry in os.scandir(path.parent) if names.fullmatch(entry.name)]:
            with contextlib.suppress(OSError), opened(open, stale, "rb") as file:
                if not fcntl:
                    file.close()
                if not fcntl or lock(file):
                    os.unlink(stale)


def keep_rights(temporary, before):
    """Give a file the owner, as far as this user may, and the rights of the one that it will replace."""
    if hasattr(os, "chown"):
        for owner in ((-1, before.st_gid), (before.st_uid, -1)):
            with contextlib.suppress(OSError):
                os.chown(temporary, *owner)
    os.chmod(temporary, stat.S_IMODE(before.st_mode))


@contextlib.contextmanager
def streaming(path):
    """A context of a temporary file elsewhere, which is copied into a pipe or character device at the end."""
    if path.is_block_device():
        raise MinilxmertError.at(path, None, "a file, a pipe or a terminal to write to", "a disk")
    with open(path, "wb", opener=without_waiting) as target, tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder) / path.name
        temporary.touch()
        yield temporary
        with open(temporary, "rb") as source:
            shutil.copyfileobj(source, target)


def without_waiting(path, flags):
    """Open a pipe that has a reader, or a device; a pipe that has none would keep the writer waiting for one."""
    try:
        descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)
    except OSError as problem:
        if problem.errno == errno.ENXIO:
            raise MinilxmertError.at(path, None, "a pipe that somebody reads", problem.strerror) from problem
        raise
    if fcntl:
        os.set_blocking(descriptor, True)
    return descriptor


def flush_directory(directory):
    """Make a rename inside `directory` survive a power cut, where the system allows directories to be flushed."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
