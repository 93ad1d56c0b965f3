"""Memory that the arrays of one answer leave to those of the next: new pages would have to be faulted in one by one.

It belongs to a model. A block is given to one array at a time, and comes back when the last view of that array has
gone: what a caller keeps is never written again (and may take twice the memory that it needs). What an answer has not
needed goes at its end, so that a model keeps no more than its last answer took, or the last ones that ran side by side,
and never more than KEPT."""

import contextlib
import math
import threading
import weakref

import numpy as np

SMALL = 1 << 15  # bytes: below, NumPy's own memory is as good
KEPT = 1 << 28  # bytes that a model keeps between answers
ROOMY = 2  # times as large as needed, at most, is a block that is taken
LINE = 64  # bytes of a cache line: what begins on one is read twice as fast


class Memory:
    """Blocks that are free, by their size in bytes, and how many of them were free all through the running answers."""

    def __init__(self):
        self.free, self.idle, self.running = {}, {}, []

    def empty(self, shape):
        """A float32 array of a shape, its values left over from others."""
        size = 4 * math.prod(shape)
        step = 1 << max(size.bit_length() - 3, 0)  # at most a quarter more than needed, so that few sizes are kept
        whole = -(-size // step) * step
        block = self.take(whole)
        if block is None:
            self.give_up(whole)
            block = memoryview(aligned(whole))
        blocks = self.free.setdefault(len(block), [])
        self.idle[len(block)] = min(self.idle.get(len(block), len(blocks)), len(blocks))
        array = np.frombuffer(block, np.float32, size // 4)
        weakref.finalize(array, blocks.append, block).atexit = False
        return array.reshape(shape)

    def take(self, size):
        """The smallest free block of a size or more, but not much more; None if there is none."""
        for kept in sorted(self.free):
            if size <= kept <= ROOMY * size and (blocks := self.free.get(kept)):
                with contextlib.suppress(IndexError):  # another thread took the last
                    return blocks.pop()
        return None

    def give_up(self, size):
        """Let go of blocks that no running answer has needed yet, of as many bytes: a new one takes their place."""
        for kept in sorted(self.free, reverse=True):
            idle = self.idle.get(kept, len(self.free[kept]))
            gone = min(idle, max(0, -(-size // kept)))
            del self.free[kept][:gone]
            self.idle[kept], size = idle - gone, size - gone * kept

    @contextlib.contextmanager
    def answering(self):
        """A block in which the arrays that kernels make are of this memory. At its end goes what is too much to keep;
        at the end of the last of several that run side by side, what none of them has needed."""
        before, current.memory, current.scratch = (current.memory, current.scratch), self, {}
        self.running.append(None)
        try:
            yield
        finally:
            current.memory, current.scratch = before
            self.running.pop()
            self.tidy()

    def tidy(self):
        if not self.running:
            self.give_up(1 << 62)
            self.idle = {}
        room = KEPT
        for size in sorted(self.free):
            del self.free[size][room // size :]
            room -= size * len(self.free[size])


def aligned(size, make=np.empty):
    """`size` bytes that begin on a cache line."""
    memory = make(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + size]


class Current(threading.local):
    memory = None  # the Memory of the model that answers in this thread
    scratch = None  # {(name, shape): array} of this answer


current = Current()


def empty(shape, dtype=np.float32):
    """A new array to be filled: of float32, and not small, in the model's memory, while one answers."""
    if current.memory is None or dtype != np.float32 or 4 * math.prod(shape) < SMALL:
        return np.empty(shape, dtype)
    return current.memory.empty(shape)


def scratch(name, shape):
    """A float32 array that only one step needs: while a model answers, all its steps that ask by this name and shape
    get the same one."""
    if current.scratch is None:
        return empty(shape)
    if (name, shape) not in current.scratch:
        current.scratch[name, shape] = empty(shape)
    return current.scratch[name, shape]
