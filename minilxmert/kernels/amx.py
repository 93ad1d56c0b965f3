"""Intel's AMX: tiles of 16 rows × 64 bytes in the processor, multiplied whole by tdpbf16ps.

A tile of x holds rows of 16 words, a tile of w 16 words of 16 outputs each, a tile of y rows of 16 float32 sums; a word
is two bfloat16 (pairs.py). The program below does up to 32 rows × 32 outputs: two tiles of x meet two of w, so that
each is read once for two products. Tile registers 0 … 3 hold the sums, 4 and 5 x, 6 and 7 w. All tiles of rows are of
the same height: two of them overlap where the rows are odd, and the row that both compute is stored twice, with the
same bits. Whoever multiplies sets the registers up before, which takes as long as a tenth of the work on a tile, and
gives them back afterwards, so that a thread never keeps them.
Source: Intel's Architecture Instruction Set Extensions Programming Reference, chapter 3."""

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .shared import INT64
from .tiles import beginning
from .vectors import address, matrix

EDGE = 16  # most rows of a tile, words of its row
ROWS = WIDTH = 2 * EDGE  # most rows of one call, outputs of a panel
BYTE = ir.IntType(8)


def shapes(height):
    """The 64 bytes that give the tile registers their shapes: palette 1, bytes of a row (16 bits each), rows."""
    heights = [height] * 6 + [EDGE] * 2
    return bytes([1, *[0] * 15, *[4 * EDGE, 0] * 8, *[0] * 16, *heights, *[0] * 8])


X, W, STEPS = ("$0", "$1"), "$2", "$3"  # first and second tile of rows of x; steps of 16 words; all count on
X_STEP, W_STEP, Y_STEP, Y = "$8", "$9", "$10", ("$11", "$12")  # bytes from row to row; the tiles of rows of y
START_STEP, START = "$13", ("$14", "$15")  # the same of what y begins with
CONSTRAINTS = "=&r,=&r,=&r,=&r,0,1,2,3,r,r,r,r,r,r,r,r,~{memory},~{cc}"  # $4 … $7 are what $0 … $3 begin with


def program(tall):
    """Assembly text: y += x·w for one tile of rows, or two (tall)."""
    halves = range(2 if tall else 1)
    places = [(f"{4 * EDGE * j}({Y[i]}, {Y_STEP})", f"%tmm{2 * i + j}") for i in halves for j in range(2)]
    lines = [f"tileloadd {place.replace(Y[i // 2], START[i // 2])}, {sums}" for i, (place, sums) in enumerate(places)]
    lines = [line.replace(Y_STEP, START_STEP) for line in lines]
    lines.append("1:")
    lines += [f"tileloadd 0({X[i]}, {X_STEP}), %tmm{4 + i}" for i in halves]
    for j in range(2):
        lines.append(f"tileloadd {4 * EDGE * j}({W}, {W_STEP}), %tmm{6 + j}")
        lines += [f"tdpbf16ps %tmm{6 + j}, %tmm{4 + i}, %tmm{2 * i + j}" for i in halves]
    lines += [f"addq $${4 * EDGE}, {X[i]}" for i in halves]
    lines += [f"addq $${4 * EDGE * WIDTH}, {W}", f"decq {STEPS}", "jnz 1b"]
    return "\n".join(lines + [f"tilestored {sums}, {place}" for place, sums in places])


def height_of(b, rows):
    """The height of a tile of rows, and whether there are two of them"""
    tall = b.icmp_signed(">", rows, INT64(EDGE))
    return b.select(tall, b.sdiv(b.add(rows, INT64(1)), INT64(2)), rows), tall


@intrinsic
def set_up(typing, rows, before):
    """Give the registers their shapes for calls with 1 to ROWS rows, unless those `before` (0: none) had the same."""

    def codegen(context, b, signature, args):
        llvmlite.binding.initialize_native_asmparser()
        height, former = (height_of(b, count)[0] for count in args)
        with b.if_then(b.icmp_signed("!=", height, former)):
            configure(b, height)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


def configure(b, height):
    table = bytearray(b"".join(shapes(h) for h in range(1, EDGE + 1)))
    table = cgutils.global_constant(b, "amx.shapes", ir.Constant(ir.ArrayType(BYTE, len(table)), table))
    setting = address(b, table, b.mul(b.sub(height, INT64(1)), INT64(64)), BYTE)
    b.asm(ir.FunctionType(ir.VoidType(), [setting.type]), "ldtilecfg ($0)", "r,~{memory}", [setting], side_effect=True)


def release(b):
    b.asm(ir.FunctionType(ir.VoidType(), []), "tilerelease", "", [], side_effect=True)


@intrinsic
def give_back(typing):
    """Leave the registers as they were before set_up."""

    def codegen(context, b, signature, args):
        release(b)
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def tile(typing, x, w, start, y, ahead):
    """y = start + x·w for words x (1 to ROWS, K), w (K, WIDTH) and sums y (like x, WIDTH), start like y or one row for
    all; values of a row are neighbours; K a multiple of 16; after set_up. `ahead` is left alone: the processor fetches
    ahead by itself what is read straight through."""

    def codegen(context, builder, signature, args):
        llvmlite.binding.initialize_native_asmparser()
        arrays = [matrix(context, builder, *pair) for pair in zip(signature.args, args, strict=True)]
        call_program(builder, *arrays[:4])
        return context.get_dummy_value()

    return types.void(x, w, start, y, ahead), codegen


def call_program(b, x, w, start, y):
    """Run the program on four matrices, each (address, bytes from row to row, shape)."""
    (x, x_step, (rows, words)), (w, w_step, _), (start, start_step), (y, y_step, _) = x, w, beginning(b, start), y
    height, tall = height_of(b, rows)

    def place(base, row, step):
        return b.ptrtoint(address(b, base, b.mul(step, row), BYTE), INT64)

    first, second = INT64(0), b.sub(rows, height)
    changing = [place(x, first, x_step), place(x, second, x_step), place(w, first, w_step), b.sdiv(words, INT64(EDGE))]
    fixed = [x_step, w_step, y_step, place(y, first, y_step), place(y, second, y_step)]
    fixed += [start_step, place(start, first, start_step), place(start, second, start_step)]
    kind = ir.FunctionType(ir.LiteralStructType([INT64] * len(changing)), [INT64] * len(changing + fixed))
    with b.if_else(tall) as (two, one):
        for branch, halves in ((two, True), (one, False)):
            with branch:
                b.asm(kind, program(halves), CONSTRAINTS, changing + fixed, side_effect=True)
