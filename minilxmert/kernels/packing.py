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
from . import narrow, pairs
from .compiling import part
from .math import U, bfloat16
from .shared import add
from .threads import kernel
from .tiles import NARROW, WIDTH, row

LINE = 64  # bytes of a cache line: vectors that begin on one are loaded twice as fast
READ = 4 << 20  # bytes of weights that are packed at a time: of a mapped file, so much is in memory


def pack_all(counter, bits, panels, column, pair):
    """Copy the bits of weights (O, I), turned round, into outputs column … column + O of panels (P, K, WIDTH): whole,
    as bfloat16 if the panels have 16 bits, or (pair) two neighbouring inputs as bfloat16 in a word. A task is a panel.

    Values are gathered for a row of a panel, not strewn over it: so LLVM rounds a whole vector of them at once."""
    outputs = len(bits)
    n = column // WIDTH + add(counter, 1)
    while n * WIDTH < column + outputs:
        first, last = max(n * WIDTH, column), min((n + 1) * WIDTH, column + outputs)
        source = bits[first - column : last - column]
        for i in range(panels.shape[1]):
            target = row(panels[n], i)[first - n * WIDTH : last - n * WIDTH]
            if pair:
                pack_pairs(source, 2 * i, target)
            else:
                for j in range(len(target)):
                    target[j] = source[j, i] if panels.itemsize == 4 else bfloat16(source[j, i])
        n = column // WIDTH + add(counter, 1)


@part
def pack_pairs(source, i, target):
    """Inputs i and i + 1 of source (O, I), zero where there are none, as the words of target (O,)"""
    if i + 1 < source.shape[1]:
        for j in range(len(target)):
            upper = U(U(bfloat16(source[j, i + 1])) << U(16))
            target[j] = U(bfloat16(source[j, i]) | upper)
    elif i < source.shape[1]:
        for j in range(len(target)):
            target[j] = bfloat16(source[j, i])


@functools.cache
def packing_kernel(word):
    """pack_all as a Kernel for panels of a type, uint32 or uint16; compiled when first wanted."""
    kinds = types.Array(types.uint32, 2, "A", readonly=True), word[:, :, ::1], types.int64, types.int64
    return kernel(*kinds)(pack_all)


class Packed(NamedTuple):
    """The weights of one or several linear maps of the same rows, side by side."""

    panels: np.ndarray  # see panels_of; zeros beyond the last output
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
    """Weights [(O, I), …] one after the other -> panels (P, I, WIDTH): float32; halved: bfloat16 as uint16, or, where
    the processor multiplies pairs, words (P, K, WIDTH) of uint32"""
    outputs, inputs = sum(map(len, ws)), ws[0].shape[1]
    paired = halved and pairs.USED
    kind = np.float32 if not halved else np.uint32 if paired else np.uint16
    panels = aligned_zeros((-(-outputs // WIDTH), pairs.words(inputs) if paired else inputs, WIDTH), kind)
    pack, column = packing_kernel(types.uint16 if kind == np.uint16 else types.uint32), 0
    bits = panels if kind == np.uint16 else panels.view(np.uint32)
    for w in ws:
        for rows in np.array_split(w, max(1, w.nbytes // READ)):
            pack(in_rows(rows).view(np.uint32), bits, column, paired)
            forget_pages(rows)  # it was read once; the packed copy stays
            column += len(rows)
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
