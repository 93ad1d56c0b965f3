"""What kernels need and Numba lacks, written as LLVM instructions: a row, and squares of values moved by registers.

Each has a Python definition, too. It is what runs under NUMBA_DISABLE_JIT=1, when kernels can be stepped through with a
debugger."""

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np import arrayobj

from .math import bfloat16
from .shared import INT32, INT64

LANES = 16  # values copied at a time
FLOAT = ir.FloatType()


def plain_widest():
    """In a function: its loops are to use the widest registers. LLVM prefers half of AVX-512's, which once slowed the
    processor down; the tile uses the whole ones anyway."""


def plain_row(x, i):
    """x[i] of x (R, E), with the promise that its values are neighbours, so that LLVM may load them as vectors"""
    return x[i]


def plain_put(x, y):
    """y = x, float32 (R, W): whole, or rounded to bfloat16 if y has 16 bits"""
    for i in range(len(x)):
        y[i] = [bfloat16(bits) for bits in x[i].view(np.uint32)] if y.dtype == np.uint16 else x[i]


def plain_turn(x, y):
    """y = xᵀ for y (LANES, LANES) and x of as many columns; the last row of x stands for those that are missing"""
    y[:] = x[np.minimum(np.arange(LANES), len(x) - 1)].T


def matrix(context, builder, kind, value):
    """(address, bytes from row to row, shape) of a 2-D array inside generated code."""
    array = context.make_array(kind)(context, builder, value)
    strides, shape = cgutils.unpack_tuple(builder, array.strides), cgutils.unpack_tuple(builder, array.shape)
    return array.data, strides[0], shape


def address(builder, base, offset, kind):
    """A pointer to `kind`, `offset` bytes after base."""
    start = builder.bitcast(base, ir.IntType(8).as_pointer())
    return builder.bitcast(builder.gep(start, [offset]), kind.as_pointer())


@intrinsic
def llvm_widest(typing):
    def codegen(context, builder, signature, args):
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')  # of a kind that llvmlite does not check
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def vector_row(typing, x, i):
    kind = types.Array(x.dtype, 1, "C", readonly=not x.mutable)

    def codegen(context, builder, signature, args):
        base, step, shape = matrix(context, builder, signature.args[0], args[0])
        made = context.make_array(kind)(context, builder)
        item = context.get_constant(types.intp, kind.dtype.bitwidth // 8)
        data = address(builder, base, builder.mul(step, args[1]), context.get_data_type(kind.dtype))
        arrayobj.populate_array(made, data=data, shape=(shape[1],), strides=(item,), itemsize=item, meminfo=None)
        return made._getvalue()

    return kind(x, types.intp), codegen


@intrinsic
def vector_put(typing, x, y):
    """y = x, float32 (R, W) of W a multiple of 16: whole, or rounded to bfloat16 if y has 16 bits"""

    def codegen(context, b, signature, args):
        (x, x_step, (rows, width)), (y, y_step, _) = (
            matrix(context, b, *pair) for pair in zip(signature.args, args, strict=True)
        )
        size = signature.args[1].dtype.bitwidth // 8
        with cgutils.for_range(b, rows) as outer, cgutils.for_range(b, b.sdiv(width, INT64(LANES))) as inner:
            column = b.mul(inner.index, INT64(LANES))
            place = b.add(b.mul(outer.index, x_step), b.mul(column, INT64(4)))
            values = b.load(address(b, x, place, ir.VectorType(FLOAT, LANES)), align=4)
            values = values if size == 4 else in_halves(b, values)
            place = b.add(b.mul(outer.index, y_step), b.mul(column, INT64(size)))
            b.store(values, address(b, y, place, values.type), align=size)
        return context.get_dummy_value()

    return types.void(x, y), codegen


@intrinsic
def vector_turn(typing, x, y):
    """y = xᵀ for y (LANES, LANES) and x of as many columns; the last row of x stands for those that are missing"""

    def codegen(context, b, signature, args):
        (x, x_step, (rows, _)), (y, y_step, _) = (
            matrix(context, b, *pair) for pair in zip(signature.args, args, strict=True)
        )
        kind, last = ir.VectorType(FLOAT, LANES), b.sub(rows, INT64(1))
        places = [b.select(b.icmp_signed("<", INT64(i), last), INT64(i), last) for i in range(LANES)]
        lines = [b.load(address(b, x, b.mul(x_step, place), kind), align=4) for place in places]
        half = LANES // 2
        mix = [
            ir.Constant(ir.VectorType(INT32, LANES), [LANES * (i % 2) + i // 2 + first for i in range(LANES)])
            for first in (0, half)
        ]
        for _ in range(half.bit_length()):  # riffling the lines like cards, four times, turns a square of 16
            lines = [b.shuffle_vector(*lines[i::half], mix[n]) for i in range(half) for n in range(2)]
        for i, line in enumerate(lines):
            b.store(line, address(b, y, b.mul(y_step, INT64(i)), kind), align=4)
        return context.get_dummy_value()

    return types.void(x, y), codegen


def in_halves(b, values):
    """math.bfloat16 in every lane"""
    bits = b.bitcast(values, wide := ir.VectorType(INT32, LANES))
    halfway, sixteen, one = (ir.Constant(wide, [n] * LANES) for n in (0x7FFF, 16, 1))
    upper = b.lshr(bits, sixteen)
    rounded = b.lshr(b.add(b.add(bits, halfway), b.and_(upper, one)), sixteen)
    nan = b.fcmp_unordered("uno", values, values)
    quiet = b.or_(upper, ir.Constant(wide, [0x40] * LANES))
    return b.trunc(b.select(nan, quiet, rounded), ir.VectorType(ir.IntType(16), LANES))


widest = plain_widest if config.DISABLE_JIT else llvm_widest
row = plain_row if config.DISABLE_JIT else vector_row
put_rows = plain_put if config.DISABLE_JIT else vector_put
turn = plain_turn if config.DISABLE_JIT else vector_turn
