"""Whole files as bytes, mapped or read, and the memory that their pages take."""

import contextlib
import mmap
import os

import numpy as np

from ..errors import MinilxmertError


@contextlib.contextmanager
def content(path, error=MinilxmertError, mapped=True):
    """A context of all bytes of a file: a mapping, which costs nothing but shows what others do to the file, or, with
    mapped=False, bytes that are this process's own.

    At the end the file must have the size that it had: else it was changed meanwhile. Saving never does that (a new
    file takes the old one's place); a file that another program cuts short while it is mapped ends the process."""
    try:
        file = open(path, "rb")
        size = os.fstat(file.fileno()).st_size
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if mapped and size else file.read()
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or "a file that cannot be mapped"
        raise error.at(path, None, "a readable file", reason) from None
    with file:
        yield data
        if os.fstat(file.fileno()).st_size != len(data):
            raise error.at(path, None, f"the {len(data)} bytes that it had", "another size: something writes into it")


def forget_pages(array):
    """Give the pages of an array in a read-only mapped file back to the system: they can be read again, but no longer
    count as this process's memory. Does nothing for other arrays."""
    owner = array
    while isinstance(owner, np.ndarray | memoryview):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    if not isinstance(owner, mmap.mmap) or not hasattr(mmap, "MADV_DONTNEED") or not array.flags.c_contiguous:
        return
    start = array.ctypes.data - np.frombuffer(owner, np.uint8).ctypes.data
    first, last = -(-start // mmap.PAGESIZE), (start + array.nbytes) // mmap.PAGESIZE
    if last > first and memoryview(owner).readonly:  # a writable one may hold changes that no file has
        owner.madvise(mmap.MADV_DONTNEED, first * mmap.PAGESIZE, (last - first) * mmap.PAGESIZE)
