"""What the kernels need and Numba lacks, written as LLVM instructions: a tile, and a row.

Both have a Python definition, too. It is what runs under NUMBA_DISABLE_JIT=1, when kernels can be stepped through with
a debugger, and, for the tile, under MINILXMERT_TILE=plain."""

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np import arrayobj

from . import cpu
from .compiling import part
from .math import bfloat16

NAME = cpu.tile_name()
TILE = cpu.TILES[NAME]
ROWS = TILE.rows
WIDTH = TILE.lanes * TILE.vectors  # outputs of one tile: the width of a panel of packed weights

LINE = 64  # bytes of a cache line
LANES = 16  # values copied at a time: all widths are multiples
FLOAT, INT32, INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)


def plain_tile(x, w, start, y, ahead):
    """y = start + x·w for x (at most ROWS, K), w (K, WIDTH), y (like x, WIDTH); values of a row are neighbours; K ≥ 1

    start: like y, or one row for all. ahead (≤ K, WIDTH): weights wanted soon; the vector tile fetches them from memory
    while it multiplies."""
    for m in range(x.shape[0]):
        sums, first = row(y, m), row(start, m if len(start) > 1 else 0)
        for j in range(len(sums)):
            sums[j] = first[j]
        for k in range(x.shape[1]):
            weights = row(w, k)
            for j in range(len(sums)):
                sums[j] += x[m, k] * weights[j]


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


def beginning(b, start):
    """(address, bytes from row to row) of a matrix whose only row, if it has but one, stands for all."""
    base, step, (rows, _) = start
    return base, b.select(b.icmp_signed(">", rows, INT64(1)), step, INT64(0))


def address(builder, base, offset, kind):
    """A pointer to `kind`, `offset` bytes after base."""
    start = builder.bitcast(base, ir.IntType(8).as_pointer())
    return builder.bitcast(builder.gep(start, [offset]), kind.as_pointer())


def fused(builder, x, w, total):
    """total + x·w in every lane of a register, rounded once where the processor can"""
    kind, lanes = ir.FunctionType(total.type, [total.type] * 3), total.type.count
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{lanes}f32")
    return builder.call(function, [x, w, total])


def make_tile(lanes, vectors, most, multiply_add=fused):
    """plain_tile in registers: `vectors` registers of `lanes` values side by side, 1 to `most` rows.

    multiply_add(builder, x, w, total): the instruction on a register; x and w may be other words of 32 bits (pairs.py).
    Weights of 16 bits are bfloat16, the upper halves of float32: they are widened in the register, so that only their
    way from memory is shorter; the arithmetic stays float32."""

    @intrinsic
    def tile(typing, x, w, start, y, ahead):
        def codegen(context, builder, signature, args):
            arrays = [matrix(context, builder, *pair) for pair in zip(signature.args, args, strict=True)]
            builder.function.attributes.add("noinline")  # one copy of so much code in a kernel: it compiles faster
            end = builder.append_basic_block("tile.end")
            switch = builder.switch(arrays[0][2][0], end)
            for rows in range(1, most + 1):
                block = builder.append_basic_block(f"tile.{rows}")
                switch.add_case(INT64(rows), block)
                builder.position_at_end(block)
                tile_loop(builder, multiply_add, rows, lanes, vectors, signature.args[1].dtype.bitwidth // 8, *arrays)
                builder.branch(end)
            builder.position_at_end(end)
            return context.get_dummy_value()

        return types.void(x, w, start, y, ahead), codegen

    return tile


def tile_loop(b, multiply_add, rows, lanes, vectors, size, x, w, start, y, ahead):
    """One case of the tile: all sums in registers. A step multiplies one column of x by one row of w.

    size: bytes of a weight."""
    vector, byte = ir.VectorType(FLOAT, lanes), ir.IntType(8)
    (x, x_step, shape), (w, _, _), (y, y_step, _), (ahead, _, fetched) = x, w, y, ahead
    inputs, width = shape[1], INT64(size * lanes * vectors)  # bytes of a row of w and of `ahead`
    x_rows = [address(b, x, b.mul(x_step, INT64(m)), FLOAT) for m in range(rows)]

    def step(k, w_row, sums):
        weights = [load_weights(b, w_row, size * lanes * v, lanes, size) for v in range(vectors)]
        values = [in_all_lanes(b, b.load(b.gep(x_row, [k])), lanes) for x_row in x_rows]
        places = [(m, v) for m in range(rows) for v in range(vectors)]
        return [multiply_add(b, values[m], weights[v], total) for (m, v), total in zip(places, sums, strict=True)]

    def two_steps(k, w_row, fetch, *sums):
        for line in range(0, size * lanes * vectors, LINE):
            prefetch(b, b.gep(fetch, [INT64(line)]))
        further = b.gep(w_row, [width])
        sums = step(b.add(k, INT64(1)), further, step(k, w_row, sums))
        return [b.add(k, INT64(2)), b.gep(further, [width]), b.gep(fetch, [fetch_step]), *sums]

    def one_step(k, w_row, fetch, *sums):
        return [b.add(k, INT64(1)), w_row, fetch, *step(k, w_row, sums)]

    fetch_step = b.sdiv(b.mul(INT64(2 * size * lanes * vectors), fetched[0]), inputs)
    begin = [INT64(0), address(b, w, INT64(0), byte), address(b, ahead, INT64(0), byte)]
    begin += [ir.Constant(vector, [0.0] * lanes)] * (rows * vectors)
    pairs = b.sub(inputs, b.srem(inputs, INT64(2)))
    state = loop(b, "tile.loop", begin, two_steps, pairs)
    _, _, _, *sums = loop(b, "tile.last", state, one_step, inputs)
    start, start_step = beginning(b, start)
    for i, total in enumerate(sums):
        m, column = INT64(i // vectors), INT64(4 * lanes * (i % vectors))
        first = b.load(address(b, start, b.add(b.mul(start_step, m), column), vector), align=4)
        b.store(b.fadd(first, total), address(b, y, b.add(b.mul(y_step, m), column), vector), align=4)


def loop(b, name, begin, body, end):
    """While the first value of a state is below `end`: state = body(*state) -> the last state"""
    before, test, inside, after = b.block, *(b.append_basic_block(name) for _ in range(3))
    b.branch(test)
    b.position_at_end(test)
    state = [b.phi(value.type) for value in begin]
    b.cbranch(b.icmp_signed("<", state[0], end), inside, after)
    b.position_at_end(inside)
    for phi, first, value in zip(state, begin, body(*state), strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(value, inside)
    b.branch(test)
    b.position_at_end(after)
    return state


def in_all_lanes(b, value, lanes):
    """A register with one value in every lane."""
    one = b.insert_element(ir.Constant(ir.VectorType(FLOAT, lanes), ir.Undefined), value, INT32(0))
    return b.shuffle_vector(one, one, ir.Constant(ir.VectorType(INT32, lanes), [0] * lanes))


def load_weights(builder, base, offset, lanes, size):
    """A register of float32 weights, widened from bfloat16 if they have 2 bytes."""
    if size == 4:
        return builder.load(address(builder, base, INT64(offset), ir.VectorType(FLOAT, lanes)), align=4)
    wide = ir.VectorType(INT32, lanes)
    halves = builder.load(address(builder, base, INT64(offset), ir.VectorType(ir.IntType(16), lanes)), align=2)
    bits = builder.shl(builder.zext(halves, wide), ir.Constant(wide, [16] * lanes))
    return builder.bitcast(bits, ir.VectorType(FLOAT, lanes))


def prefetch(builder, pointer):
    """Ask for a line of memory, to be read soon, in the second cache."""
    kind = ir.FunctionType(ir.VoidType(), [pointer.type, INT32, INT32, INT32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, [pointer, INT32(0), INT32(2), INT32(1)])  # to read, second cache, data


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
            lines = [b.shuffle_vector(*lines[i :: half], mix[n]) for i in range(half) for n in range(2)]
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


row = plain_row if config.DISABLE_JIT else vector_row
put_rows = plain_put if config.DISABLE_JIT else vector_put
turn = plain_turn if config.DISABLE_JIT else vector_turn
NARROW = not (config.DISABLE_JIT or NAME == "plain")  # whether weights may be bfloat16
if not NARROW:
    tile = part(plain_tile, fastmath={"contract"})  # a·b + c may be rounded once
else:
    tile = make_tile(*TILE)
