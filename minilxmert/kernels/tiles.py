"""The tile of a matrix product, written as LLVM instructions: all sums stay in registers.

Its Python definition runs under NUMBA_DISABLE_JIT=1, and under MINILXMERT_TILE=plain."""

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from . import cpu
from .compiling import part
from .shared import INT32, INT64
from .vectors import FLOAT, address, matrix, row

NAME = cpu.tile_name()
TILE = cpu.TILES[NAME]
ROWS = TILE.rows
WIDTH = TILE.lanes * TILE.vectors  # outputs of one tile: the width of a panel of packed weights

LINE = 64  # bytes of a cache line


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


def beginning(b, start):
    """(address, bytes from row to row) of a matrix whose only row, if it has but one, stands for all."""
    base, step, (rows, _) = start
    return base, b.select(b.icmp_signed(">", rows, INT64(1)), step, INT64(0))


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


NARROW = not (config.DISABLE_JIT or NAME == "plain")  # whether weights may be bfloat16
if not NARROW:
    tile = part(plain_tile, fastmath={"contract"})  # a·b + c may be rounded once
else:
    tile = make_tile(*TILE)
