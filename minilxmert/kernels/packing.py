"""Packed copies of weights: private to the kernels, made when first used, gone with the weights, never stale.

While a copy exists its weights are read-only, so that writing into them in place is an error instead of silently having
no effect. release() drops the copies and makes the weights writable again; new arrays are simply packed anew."""

import contextlib
import functools
import math
import weakref
from typing import NamedTuple

import numpy as np
from numba import types

from ..files import forget_pages
from . import narrow
from .shared import add
from .threads import kernel
from .tiles import NARROW, WIDTH, row

LINE = 64  # bytes of a cache line: vectors that begin on one are loaded twice as fast
STRIP = 64  # inputs of one packing task


@kernel(types.Array(types.float32, 2, "A", readonly=True), types.float32[:, :, ::1], types.int64)
def pack_all(counter, w, panels, column):
    """Copy w (O, I) into outputs column … column + O of panels (P, I, WIDTH), turned round. A task is STRIP inputs."""
    outputs, inputs = w.shape
    n = add(counter, 1)
    while n * STRIP < inputs:
        first, last = n * STRIP, min((n + 1) * STRIP, inputs)
        for o in range(outputs):
            source, panel, j = row(w, o), panels[(column + o) // WIDTH], (column + o) % WIDTH
            for i in range(first, last):
                panel[i, j] = source[i]
        n = add(counter, 1)


def narrow_all(counter, bits, panels, column):
    """pack_all from the bits of float32 weights (uint32) to panels of bfloat16 (uint16), rounded, half to even."""
    outputs, inputs = bits.shape
    n = add(counter, 1)
    while n * STRIP < inputs:
        first, last = n * STRIP, min((n + 1) * STRIP, inputs)
        for o in range(outputs):
            source, panel, j = row(bits, o), panels[(column + o) // WIDTH], (column + o) % WIDTH
            for i in range(first, last):
                odd = (source[i] >> np.uint32(16)) & np.uint32(1)
                panel[i, j] = (source[i] + np.uint32(0x7FFF) + odd) >> np.uint32(16)
        n = add(counter, 1)


@functools.cache
def narrowing_kernel():
    """narrow_all as a Kernel, compiled when first wanted."""
    return kernel(types.Array(types.uint32, 2, "A", readonly=True), types.uint16[:, :, ::1], types.int64)(narrow_all)


class Packed(NamedTuple):
    """The weights of one or several linear maps of the same rows, side by side."""

    panels: np.ndarray  # (P, I, WIDTH), zeros beyond the last output; float32, or bfloat16 as uint16
    bias: np.ndarray  # (P, WIDTH)
    outputs: int  # of all maps together


class Entry(NamedTuple):
    packed: Packed
    watched: list  # weak references to the weights and to the arrays that they are views of
    locked: list  # those of them that were writable


entries = {}  # {(id of w, id of b, id of the next map's w …): Entry}


def packed(layers):
    """The packed copy of layers [{"w": (O, I), "b": (O,)}, …], made when first wanted or when they may have changed."""
    arrays = [array for layer in layers for array in (layer["w"], layer["b"])]
    key = tuple(map(id, arrays))
    entry = entries.get(key)
    if entry is None or any(map(may_change, entry.watched)):
        entry = entries[key] = pack(key, arrays)
    return entry.packed


def may_change(reference):
    array = reference()
    return array is None or array.flags.writeable


def pack(key, arrays):
    """A new Entry. The arrays are locked before they are copied: no other thread can write in between."""
    watched = [each for array in arrays for each in with_bases(array)]
    locked = [weakref.ref(each) for each in watched if each.flags.writeable]
    for each in watched:
        each.flags.writeable = False
    ws, bs = arrays[::2], arrays[1::2]
    outputs = sum(map(len, bs))
    bias = np.zeros((-(-outputs // WIDTH), WIDTH), np.float32)
    np.concatenate(bs, out=bias.reshape(-1)[:outputs])
    copy = Packed(panels_of(ws, NARROW and all(id(w) in narrow for w in ws)), bias, outputs)
    for w in ws:
        forget_pages(w)  # they were read once; the packed copy stays
    return Entry(copy, [weakref.ref(each, lambda _: drop(key)) for each in watched], locked)


def with_bases(array):
    """The array and every array whose memory it shows: writing into those would change it too."""
    while isinstance(array, np.ndarray):
        yield array
        array = array.base


def drop(key):
    """Forget a packed copy; what it had locked is writable again, the owner of memory before its views."""
    entry = entries.pop(key, None)
    for array in [reference() for reference in reversed(entry.locked)] if entry else []:
        if array is not None:
            with contextlib.suppress(ValueError):  # its owner was locked for another copy, which still stands
                array.flags.writeable = True


def release(*arrays):
    """Drop the packed copies of the given weights, or of all: they may be written again, e.g. by an optimizer."""
    wanted = set(map(id, arrays))
    for key in [key for key in entries if not wanted or wanted & set(key)]:
        drop(key)


def panels_of(ws, halved=False):
    """Weights [(O, I), …] one after the other -> panels (P, I, WIDTH), float32 or (halved) bfloat16 as uint16"""
    outputs, inputs = sum(map(len, ws)), ws[0].shape[1]
    panels = aligned_zeros((-(-outputs // WIDTH), inputs, WIDTH), np.uint16 if halved else np.float32)
    column = 0
    for w in ws:
        if halved:
            narrowing_kernel()(in_rows(w).view(np.uint32), panels, column)
        else:
            pack_all(in_rows(w), panels, column)
        column += len(w)
    return panels


def in_rows(x):
    """x, or a copy of it if the values of a row are not neighbours in memory: what every kernel asks for."""
    return x if x.strides[-1] == x.itemsize and x.flags.aligned else np.ascontiguousarray(x)


def aligned_zeros(shape, dtype=np.float32):
    """Zeros that begin on a cache line."""
    size = np.dtype(dtype).itemsize * math.prod(shape)
    memory = np.zeros(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + size].view(dtype).reshape(shape)
