"""Folders: a lock for one process at a time, and several files replaced as one, so that a folder in which a process is
killed at any moment holds all of the old or all of the new.

    .minilxmert.saving.<random>/   here the new files are written, under their own names
    .minilxmert.saved/             when all are on the disk, it gets this name: that decides, in one step
    <name>, <name>.gone            from there each file moves up to its place, or what has its name is removed

What a process that was killed before the decision leaves behind is swept by the next one. What a later kill leaves to
do is done by `settle`, which everybody calls before reading files that belong together."""

import contextlib
import errno
import os
import secrets
import shutil
import time
from pathlib import Path

from ..errors import MinilxmertError
from .writing import REPLACEABLE, fcntl, flush_directory, keep_rights, lock, make_folder, opened, without_waiting

SAVING, SAVED, GONE, SETTLING = ".minilxmert.saving.", ".minilxmert.saved", ".gone", ".minilxmert.settling"
TAKEN = {errno.ENOTEMPTY, errno.EEXIST}  # what a rename says where a folder of that name has files


@contextlib.contextmanager
def replace_files(folder):
    """A context whose value is an empty folder: when the block succeeds, the files written there replace those of
    `folder`, which is made if need be, and files passed to `note_removal` are deleted; when it fails, nothing changes.

    Raises MinilxmertError where a name to be replaced is no plain file."""
    folder = make_folder(folder)
    settle(folder)
    sweep_staged(folder)
    with staging(folder) as staged:
        yield staged
        for file in staged.iterdir():
            check_free(folder / file.name.removesuffix(GONE))
            if is_there(folder / file.name):
                keep_rights(file, (folder / file.name).stat())
        flush_directory(staged)
        decide(staged, folder)
    settle(folder)


@contextlib.contextmanager
def staging(folder):
    """A context of a new folder inside `folder`, removed at the end if still there, and not swept before."""
    while True:
        staged = folder / f"{SAVING}{secrets.token_hex(8)}"
        staged.mkdir()
        with held(staged, wait=True):
            if staged.exists():  # else a sweep came in between
                try:
                    yield staged
                    return
                finally:
                    shutil.rmtree(staged, ignore_errors=True)


class OpenFolder:
    """A folder, open to be locked. Raises OSError: on Windows always."""

    def __init__(self, path):
        self.number, self.closed = os.open(path, os.O_RDONLY), False

    def fileno(self):
        return self.number

    def close(self):
        with contextlib.suppress(AttributeError, OSError):  # where there are no locks
            fcntl.flock(self, fcntl.LOCK_UN)  # a process that is forked in this moment would keep it
        self.closed = True
        os.close(self.number)


@contextlib.contextmanager
def held(folder, wait=False):
    """Inside the block a folder is locked: the context's value is the OpenFolder; None where another process holds it,
    and on Windows, where folders cannot be locked."""
    try:
        file = opened(OpenFolder, folder)
    except OSError:
        yield None
        return
    try:
        yield file if lock(file, wait) else None
    finally:
        file.close()


def note_removal(staged, name):
    """Note in the folder of `replace_files` that the file of this name is to be removed."""
    (staged / f"{name}{GONE}").touch()


def check_free(old):
    """Windows replaces and removes no file that is open, or mapped: a new name, its own, tells it beforehand."""
    try:
        os.rename(old, old)
    except FileNotFoundError:
        pass
    except PermissionError as problem:
        raise MinilxmertError.at(old, None, REPLACEABLE, problem.strerror) from problem


def is_there(old):
    """Whether there is a file to replace. Raises MinilxmertError where it is none, or a link."""
    if old.is_symlink() or (old.exists() and not old.is_file()):
        raise MinilxmertError.at(old, None, "a plain file to replace", "a link" if old.is_symlink() else "none")
    return old.exists()


def decide(staged, folder):
    """The one step: from here on the new files count. Another process may be saving, too: the last one wins, whole."""
    while True:
        try:
            return os.rename(staged, folder / SAVED)
        except OSError as problem:
            if problem.errno not in TAKEN:
                raise
        settle(folder)


def settle(folder):
    """Finish what was decided for a folder: every step can be done again, should it be cut off.

    One does it at a time: whoever removed a file late could meet the one that the next saving has put in its place."""
    folder, finished = Path(folder), False
    while not finished and (folder / SAVED).is_dir():
        with settling(folder) as alone:
            if alone:
                settle_files(folder / SAVED, folder)
                finished = True


@contextlib.contextmanager
def settling(folder):
    """Holds the folder's lock for the block. Its value is False if another process has settled the folder meanwhile."""
    if fcntl:
        with held(folder / SAVED, wait=True) as file:
            yield not file or is_at(file, folder / SAVED)
    else:
        with contextlib.ExitStack() as ready:
            with contextlib.suppress(OSError):  # it cannot be written: settle_files says so
                ready.enter_context(waiting(folder))
            yield True


def waiting(folder):
    """The FolderLock of those who settle on Windows, once nobody else has it."""
    while True:
        try:
            return FolderLock(folder, "saves", SETTLING)
        except MinilxmertError:
            time.sleep(0.01)


def settle_files(saved, folder):
    try:
        with contextlib.suppress(FileNotFoundError):  # where nothing can be locked, another did all of it
            for file in sorted(saved.iterdir()):
                with contextlib.suppress(FileNotFoundError):  # or this one
                    settle_file(file, folder)
        with contextlib.suppress(OSError):  # it holds the next saving already
            saved.rmdir()
    except OSError as problem:
        expected = "a folder in which a saving that was cut off can be finished"
        raise MinilxmertError.at(folder, problem.filename, expected, problem.strerror) from problem
    flush_directory(folder)


def settle_file(file, folder):
    if file.suffix == GONE:
        (folder / file.stem).unlink(missing_ok=True)
        file.unlink()
    else:
        os.replace(file, folder / file.name)


def sweep_staged(folder):
    """Remove the folders of what ended processes have written and not decided."""
    for left in folder.glob(f"{SAVING}*"):
        with held(left) as nobody_else:
            if nobody_else:
                shutil.rmtree(left, ignore_errors=True)


# --- one process at a time

LOCK = "in-use.lock"
HELD = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}


class FolderLock:
    """Holds a folder from its making until `release`, until the end of a `with` block, which takes it anew if need be,
    or until nobody has the lock any more. Raises MinilxmertError where the folder is held, by whatever process.

    The system lets go of the lock when the process ends: what a killed one leaves is a file that nobody holds. does:
    what the holder does there, for the message."""

    def __init__(self, folder, does="trains", name=LOCK):
        self.path, self.file, self.does = Path(folder) / name, None, does
        self.hold()

    def hold(self):
        """Take the folder, unless this lock has it."""
        while self.file is None:
            file = opened(open, self.path, "ab", opener=without_waiting)
            if not take(file):
                file.close()
                found = "one that another run is at work in: end it, or name another"
                raise MinilxmertError.at(self.path.parent, None, f"a folder that nobody {self.does} into", found)
            if is_at(file, self.path):  # else its last holder has just removed it
                self.file = file
            else:
                file.close()

    def release(self):
        """Let others have the folder."""
        file, self.file = self.file, None
        if file and fcntl and is_at(file, self.path):  # removed while it is held, so that it is nobody else's
            self.path.unlink(missing_ok=True)
        if file:
            file.close()
        if file and not fcntl:  # Windows removes no file that somebody has open
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)

    def __enter__(self):
        self.hold()
        return self

    def __exit__(self, *failure):
        self.release()

    @contextlib.contextmanager
    def unless_it_fails(self):
        """A block after which the folder is still held, unless it fails."""
        try:
            yield
        except BaseException:
            self.release()
            raise


def take(file):
    """Lock an open file -> whether nobody else holds it: always true on a file system without locks."""
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except OSError as problem:
        return problem.errno not in HELD
    return True


def is_at(file, path):
    """Whether an open file is the one that has the path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
