"""A processor with AMX, as far as kernels/amx.py needs one: it runs the same assembly text on real memory.

Shapes and their checks are those of Intel's reference; what it cannot tell is whether a processor understands the bytes
that LLVM makes of the text."""

import ctypes
import re

import numpy as np
from llvmlite import ir

from minilxmert.kernels import amx

INT64 = ir.IntType(64)


class Machine:
    """Tile registers, and `asm`, which stands in for IRBuilder.asm: generated code then calls this object instead.

    faults: what a processor would have refused (an exception cannot pass through generated code)."""

    def __init__(self):
        self.shapes, self.faults, self.kept = None, [], []

    def asm(self, builder, kind, text, constraints, args, side_effect):
        ties = amx.CONSTRAINTS.split(",").index("0") if text != "ldtilecfg ($0)" else 0
        place = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * len(args))(lambda *values: self.guarded(text, ties, values))
        self.kept.append(place)
        function = ir.FunctionType(ir.VoidType(), [arg.type for arg in args]).as_pointer()
        pointer = ir.Constant(INT64, ctypes.cast(place, ctypes.c_void_p).value)
        return builder.call(builder.inttoptr(pointer, function), args)

    def guarded(self, text, ties, values):
        try:
            self.run(text.splitlines(), [*values[:ties], *values])
        except Exception as fault:
            self.faults.append(f"{type(fault).__name__}: {fault}")

    def run(self, lines, registers):
        """Follow a program; registers: the values of $0, $1, …"""
        at = steps = 0
        while at < len(lines):
            operation, _, rest = lines[at].partition(" ")
            operands = re.split(r", (?![^(]*\))", rest)
            at, steps = at + 1, steps + 1
            assert steps < 100_000, "no end"
            if operation == "addq":
                registers[int(operands[1][1:])] += int(operands[0][2:])
            elif operation == "decq":
                counter = int(operands[0][1:])
                registers[counter] -= 1
            elif operation == "jnz":
                at = lines.index("1:") if registers[counter] else at
            elif operation != "1:":
                getattr(self, operation)(*(self.operand(text, registers) for text in operands if text))
        assert lines[-1:] != ["tilerelease"] or self.shapes is None

    def operand(self, text, registers):
        """The number of a tile register, or (address, stride) of memory."""
        if text.startswith("%tmm"):
            return int(text[4:])
        offset, base, step = re.fullmatch(r"(\d*)\(\$(\d+)(?:, \$(\d+))?\)", text).groups()
        return registers[int(base)] + int(offset or 0), registers[int(step)] if step else None

    def ldtilecfg(self, place):
        setting = np.frombuffer(ctypes.string_at(place[0], 64), np.uint8)
        rows, width = setting[48:56], setting[16:32].view(np.uint16)
        assert setting[0] == 1 and not setting[1:16].any() and not setting[56:].any()
        assert (0 < rows).all() and (rows <= 16).all() and (width <= 64).all() and not setting[32:48].any()
        self.shapes = list(zip(rows.tolist(), width.tolist(), strict=True))
        self.tiles = [np.zeros((r, w // 4), np.uint32) for r, w in self.shapes]

    def tileloadd(self, place, register):
        (rows, width), (address, stride) = self.shapes[register], place
        lines = [np.frombuffer(ctypes.string_at(address + i * stride, width), np.uint32) for i in range(rows)]
        self.tiles[register] = np.stack(lines)

    def tilestored(self, register, place):
        for i, line in enumerate(self.tiles[register]):
            ctypes.memmove(place[0] + i * place[1], line.tobytes(), line.nbytes)

    def tdpbf16ps(self, w, x, y):
        assert self.shapes[y][0] == self.shapes[x][0] and self.shapes[x][1] == 4 * self.shapes[w][0]
        assert self.shapes[y][1] == self.shapes[w][1]
        sums = self.tiles[y].view(np.float32).astype(float)
        for halves in (lambda words: words << np.uint32(16), lambda words: words & np.uint32(0xFFFF0000)):
            sums += halves(self.tiles[x]).view(np.float32).astype(float) @ halves(self.tiles[w]).view(np.float32)
        self.tiles[y] = sums.astype(np.float32).view(np.uint32)

    def tilerelease(self):
        self.shapes = None
