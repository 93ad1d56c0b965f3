"""Memory that the arrays of one answer leave to those of the next: new pages would have to be faulted in one by one.

It belongs to a model. A block is given to one array at a time, and comes back when the last view of that array has
gone: what a caller keeps is never written again."""

import math
import threading
import weakref

import numpy as np

SMALL = 1 << 15  # bytes: below, NumPy's own memory is as good
LINE = 64  # bytes of a cache line: what begins on one is read twice as fast


class Memory:
    """Blocks that are free, by their size in bytes."""

    def __init__(self):
        self.free = {}

    def empty(self, shape):
        """A float32 array of a shape, its values left over from others."""
        size = 4 * math.prod(shape)
        step = 1 << max(size.bit_length() - 3, 0)  # at most a quarter more than needed, so that few sizes are kept
        blocks = self.free.setdefault(-(-size // step) * step, [])
        try:
            block = blocks.pop()
        except IndexError:
            block = memoryview(aligned(-(-size // step) * step))
        array = np.frombuffer(block, np.float32, size // 4)
        weakref.finalize(array, blocks.append, block).atexit = False
        return array.reshape(shape)


def aligned(size, make=np.empty):
    """`size` bytes that begin on a cache line."""
    memory = make(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + size]


class Current(threading.local):
    memory = None  # the Memory of the model that answers in this thread


current = Current()


def empty(shape):
    """A new float32 array for a kernel to fill: the model's memory, while one answers."""
    if current.memory is None or 4 * math.prod(shape) < SMALL:
        return np.empty(shape, np.float32)
    return current.memory.empty(shape)
