"""Whole files as bytes, mapped or read, and the memory that their pages take."""

import mmap

import numpy as np


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
