"""Products of bfloat16 pairs: where the processor multiplies two inputs at once, both sides are rounded to bfloat16.

A word of 32 bits holds two neighbouring inputs, the first in its lower half. x (R, I) becomes words (R, K), zeros
beyond the last input; a panel of weights is words (K, WIDTH). One step adds x₀·w₀ + x₁·w₁ to a float32 sum. The
instruction is vdpbf16ps (AVX-512) on a register of words or tdpbf16ps (AMX, amx.py) on a tile; both read this layout.
MINILXMERT_BFLOAT16 chooses another way by name: "widened" keeps x in float32 and widens the weights (tiles.py), as
processors do that have neither; "emulated" is the definition below."""

import functools

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types

from . import amx, cpu
from .compiling import part
from .math import bfloat16
from .memory import empty
from .shared import add
from .threads import kernel
from .tiles import ROWS, TILE, make_tile, row

NAME = cpu.bfloat16_name()
USED = NAME != "widened"
STEP = amx.EDGE  # words: K is a multiple of it, as AMX wants
STRIP = 8  # rows of one task
SMALL = 16384  # values: below, starting other threads takes longer than the work


@part
def upper(word):
    """The float32 whose upper half is the upper half of a word, the second input of the pair."""
    return np.uint32(word & np.uint32(0xFFFF0000)).view(np.float32)


@part
def lower(word):
    return np.uint32(word << np.uint32(16)).view(np.float32)


def plain_tile(x, w, y, ahead):
    """y += x·w for words x (at most MOST, K), w (K, WIDTH) and sums y (like x, WIDTH); K a multiple of STEP"""
    for m in range(x.shape[0]):
        sums = row(y, m)
        for k in range(x.shape[1]):
            weights = row(w, k)
            for j in range(len(sums)):
                sums[j] += upper(x[m, k]) * upper(weights[j]) + lower(x[m, k]) * lower(weights[j])


def dot_pairs(b, x, w, total):
    """total + x₀·w₀ + x₁·w₁ in every lane of a register"""
    llvmlite.binding.initialize_native_asmparser()
    kind = ir.FunctionType(total.type, [total.type] * 3)
    return b.asm(kind, "vdpbf16ps $3, $2, $0", "=v,0,v,v", [total, x, w], side_effect=False)


if NAME == "avx512_bf16":
    tile, MOST = make_tile(*TILE, dot_pairs), ROWS
else:
    tile, MOST = amx.tile if NAME == "amx" else part(plain_tile), amx.ROWS


def round_all(counter, bits, halves):
    """Copy the bits of float32 (R, I) as bfloat16 into halves (R, 2·K). A task is STRIP rows."""
    n = add(counter, 1)
    while n * STRIP < len(bits):
        for i in range(n * STRIP, min((n + 1) * STRIP, len(bits))):
            source, target = row(bits, i), row(halves, i)
            for j in range(len(source)):
                target[j] = bfloat16(source[j])
            for j in range(len(source), len(target)):
                target[j] = np.uint16(0)
        n = add(counter, 1)


@functools.cache
def rounding_kernel():
    """round_all as a Kernel, compiled when first wanted."""
    return kernel(types.Array(types.uint32, 2, "A", readonly=True), types.uint16[:, ::1])(round_all)


def words(inputs):
    """K, how many words hold that many inputs."""
    return -(-inputs // (2 * STEP)) * STEP


def in_pairs(x):
    """x (R, I) with neighbouring values -> its words (R, K), new"""
    halves = empty((len(x), words(x.shape[1]))).view(np.uint16)
    rounding_kernel()(x.view(np.uint32), halves, small=halves.size <= SMALL)
    return halves.view(np.uint32)
