"""One process at a time in a folder: a lock that goes when its process goes, however it ends."""

import contextlib
import errno
import os
from pathlib import Path

from ..errors import MinilxmertError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK = "in-use.lock"
HELD = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}


class FolderLock:
    """Holds a folder from its making until `release`, until the end of a `with` block, which takes it anew if need be,
    or until nobody has the lock any more. Raises MinilxmertError where the folder is held, by whatever process.

    The system lets go of the lock when the process ends: what a killed one leaves is a file that nobody holds."""

    def __init__(self, folder):
        self.path, self.file = Path(folder) / LOCK, None
        self.hold()

    def hold(self):
        """Take the folder, unless this lock has it."""
        while self.file is None:
            file = open(self.path, "ab")
            if not take(file):
                file.close()
                found = "one that another run is at work in: end it, or name another"
                raise MinilxmertError.at(self.path.parent, None, "a folder that nobody trains into", found)
            if is_at(file, self.path):  # else its last holder has just removed it
                self.file = file
            else:
                file.close()

    def release(self):
        """Let others have the folder."""
        file, self.file = self.file, None
        if file and fcntl:  # removed while it is held, so that it is nobody else's
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
    """Lock an open file -> whether nobody holds it. Where a file system knows no locks, nobody does."""
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
