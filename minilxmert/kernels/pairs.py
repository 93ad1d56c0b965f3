"""Products of bfloat16 pairs: where the processor multiplies two inputs at once, both sides are rounded to bfloat16.

A word of 32 bits holds two neighbouring inputs, the first in its lower half. x (R, I) becomes words (R, K), zeros
beyond the last input; a panel of weights is words (K, WIDTH). One step adds x₀·w₀ + x₁·w₁ to a float32 sum. The
instruction is vdpbf16ps (AVX-512) on a register of words or tdpbf16ps (AMX, amx.py) on a tile; both read this layout.
MINILXMERT_BFLOAT16 chooses another way by name: "widened" keeps x in float32 and widens the weights (tiles.py), as
processors do that have neither; "emulated" is the definition below."""

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import overload

from . import amx, cpu
from .compiling import part
from .math import bfloat16
from .memory import scratch
from .tiles import TILE, make_tile
from .vectors import LANES, put_rows, row

NAME = cpu.bfloat16_name()
USED = NAME != "widened"
STEP = amx.EDGE  # words: K is a multiple of it, as AMX wants


@part
def upper(word):
    """The float32 whose upper half is the upper half of a word, the second input of the pair."""
    return np.uint32(word & np.uint32(0xFFFF0000)).view(np.float32)


@part
def lower(word):
    return np.uint32(word << np.uint32(16)).view(np.float32)


def plain_tile(x, w, start, y, ahead):
    """y = start + x·w for words x (at most MOST, K), w (K, WIDTH) and sums y (like x, WIDTH); K a multiple of STEP;
    start like y, or one row for all"""
    for m in range(x.shape[0]):
        sums, first = row(y, m), row(start, m if len(start) > 1 else 0)
        for j in range(len(sums)):
            sums[j] = first[j]
        for k in range(x.shape[1]):
            weights = row(w, k)
            for j in range(len(sums)):
                sums[j] += upper(x[m, k]) * upper(weights[j]) + lower(x[m, k]) * lower(weights[j])


def dot_pairs(b, x, w, total):
    """total + x₀·w₀ + x₁·w₁ in every lane of a register"""
    llvmlite.binding.initialize_native_asmparser()
    kind = ir.FunctionType(total.type, [total.type] * 3)
    return b.asm(kind, "vdpbf16ps $3, $2, $0", "=v,0,v,v", [total, x, w], side_effect=False)


WIDTH = amx.WIDTH  # outputs of a panel
if NAME == "avx512_bf16":
    MOST = 12  # rows: with two registers of outputs they fill those that there are
    tile = make_tile(TILE.lanes, WIDTH // TILE.lanes, MOST, dot_pairs)
else:
    tile, MOST = amx.tile if NAME == "amx" else part(plain_tile), amx.ROWS


@part
def round_row(bits, halves):
    """The bits of float32 (I,) as bfloat16; zeros in what `halves` has beyond"""
    for j in range(len(bits)):
        halves[j] = bfloat16(bits[j])
    for j in range(len(bits), len(halves)):
        halves[j] = np.uint16(0)


def put(values, y):
    """Values into y (O,) of float32, or into halves of words; zeros where there are no more."""
    if y.dtype == np.uint16:
        round_row(values[: len(y)].view(np.uint32), y)
    else:
        y[:] = values[: len(y)]


@overload(put, jit_options={"_nrt": False})
def put_for(values, y):
    def rounded(values, y):
        round_row(values[: len(y)].view(np.uint32), y)

    def whole(values, y):
        for j in range(len(y)):
            y[j] = values[j]

    return rounded if y.dtype == types.uint16 else whole


@part
def fill(values, y):
    """y (R, O) = values (R, …), whole or rounded to bfloat16; zeros where there are no more"""
    if y.shape[1] == values.shape[1] and y.shape[1] % LANES == 0:
        put_rows(values, y)
    else:
        for m in range(len(y)):
            put(row(values, m), row(y, m))


def words(inputs):
    """K, how many words hold that many inputs."""
    return -(-inputs // (2 * STEP)) * STEP


def words_for(name, rows, inputs):
    """Scratch memory for the words of some rows, (R, K) and a cache line beyond each: rows that lie a power of two
    apart would meet in the cache."""
    return scratch(name, (rows, words(inputs) + STEP)).view(np.uint32)
