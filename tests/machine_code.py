"""Reads the assembly text that LLVM makes of a kernel: its loops, and whether they calculate with vectors.

Good for x86-64 (AT&T) and AArch64. Needed are labels, jumps, tables of jumps, and the names of instructions."""

import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from llvmlite import binding as llvm
from numba import types

from minilxmert.kernels import (
    blocks,
    cpu,
    detector,
    gelu,
    jpeg,
    matmul,
    norm,
    packing,
    pairs,
    regions,
    shared,
    unfilter,
    winograd,
)  # fmt: skip

MAKERS = {
    "attention": lambda: blocks.kernel_for(np.dtype("float32"), np.dtype("float32")),
    "feed forward": lambda: blocks.kernel_for(np.dtype("uint32"), np.dtype("uint32")),
    "gelu": lambda: gelu.gelu_all, "norm": lambda: norm.normalise_all,
    "norm in training": lambda: norm.normalise_and_keep_all, "norm backward": lambda: norm.norm_backward_all,
    "product": lambda: matmul.kernel_for(np.dtype("float32"), np.dtype("float32")),
    "widened": lambda: matmul.kernel_for(np.dtype("float32"), np.dtype("uint16")),
    "pairs": lambda: matmul.kernel_for(np.dtype("uint32"), np.dtype("uint32")),
    "packing halves": lambda: packing.packing_kernel(types.uint16),
    "packing": lambda: packing.packing_kernel(types.uint32),
    "tiles": lambda: winograd.to_tiles, "tiled pixels": lambda: winograd.from_tiles,
    "sum and ReLU": lambda: detector.add_positive, "pooling": lambda: detector.largest_in_bins,
    "suppression": detector.keep_best.compiled, "regions": regions.grow.compiled,
    "PNG": unfilter.undo.compiled, "JPEG": jpeg.read_units.compiled,
}  # fmt: skip

LABEL = re.compile(r"([.\w$]+):")
JUMP = re.compile(r"(?:j\w+|b|b\.\w+|cbn?z|tbn?z)$")
COMMENT = re.compile(r"#(?![\d-])|//")  # on x86, and on ARM, where #16 is a number
TABLE = re.compile(r"\s+\.(?:quad|long|word|hword|byte|xword)\s+\(?(\.LBB\w+)")
X86 = re.compile(r"v?(add|sub|mul|div|max|min|cmp|fn?m(?:add|sub)|dpbf16)\w*?([ps])s$")
ARM = re.compile(r"(fadd|fsub|fmul|fdiv|fmax|fmin|fcm|fn?m(?:la|ls|add|sub|ul))\w*$")
ROUNDING = re.compile(r"(?:(v?psrld|ushr|u?shrn)|shrl|lsr)\t(?:\$16,|.*#16$)")  # the upper half of a float32: bfloat16
COUNTING = re.compile(r"NRT_(?:incref|decref)")


def compile_all():
    """Compile into the cache what tests need on this processor, then, as another program, for another tile."""
    for name in [name for name in MAKERS if pairs.USED or name not in ("feed forward", "pairs")]:
        MAKERS[name]()
    blocks.kernel_for(np.dtype("float32"), np.dtype("uint16"))
    others = "from machine_code import MAKERS; MAKERS['product'](), MAKERS['packing']()"
    os.execve(sys.executable, [sys.executable, "-c", others], {**os.environ, "MINILXMERT_TILE": "avx2"})


def assembly(name, triple=""):
    """What LLVM makes of a kernel: by Numba, or by LLVM alone for a processor that Numba cannot compile for here."""
    made = MAKERS[name]()
    function = getattr(made, "alone", made)
    built = function.overloads[function.signatures[0]]
    library = built.library
    module, machine = library._get_module_for_linking(), library._codegen._tm
    if triple:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        machine = llvm.Target.from_triple(triple).create_target_machine(opt=3)
        lines = str(module).splitlines()
        module = llvm.parse_assembly("\n".join(x for x in lines if not x.startswith(("target triple", "target data"))))
        module.triple, module.data_layout = triple, str(machine.target_data)
        module.get_function(built.fndesc.llvm_func_name).linkage = "external"  # else nobody needs it, and it is dropped
        options = llvm.create_pipeline_tuning_options(speed_level=3)
        options.loop_vectorization = options.loop_unrolling = True
        builder = llvm.create_pass_builder(machine, options)
        for _ in range(2):  # as Numba: the second time, what the first has put in its place is seen
            builder.getModulePassManager().run(module, builder)
    return machine.emit_assembly(module)


def write(folder, names, triple):
    """The assembly of kernels (names with commas), as files: in a process whose environment names a processor."""
    cpu.amx_allowed = lambda: True  # nothing is run
    if triple:
        shared.PAUSES.clear()  # an instruction of the processor that is here
    for name in names.split(","):
        Path(folder, name).write_text(assembly(name, triple))


class Loop(NamedTuple):
    """A loop; or the part of a function that lies outside its loops, which a loop of its caller may run."""

    scalar: list  # the kinds of float32 arithmetic, one value at a time, in this loop and in none inside it
    vector: list  # the same for many values at a time
    innermost: bool
    lines: list  # all its instructions, those of inner loops included


def arithmetic(line):
    """(kind, whether it is a vector's) of an instruction that calculates in float32; None for any other."""
    name, _, operands = line.partition("\t")
    if found := X86.match(name):
        return family(found[1]), found[2] == "p"
    if found := ROUNDING.match(line):
        return "round", bool(found[1])
    if (found := ARM.match(name)) and not operands.startswith("d"):
        return family(found[1]), operands.startswith("v")
    return None


def family(kind):
    """One name for what LLVM may write in several ways."""
    kind = kind.removeprefix("f")
    if kind in ("max", "min", "cmp", "cm"):
        return "compare"
    return kind if kind in ("add", "sub", "mul", "div", "dpbf16") else "fused"


def code_blocks(text):
    """Assembly text -> [(label, instructions)] in their order, and the labels that tables of jumps hold"""
    found, table = [("", [])], set()
    for line in text.splitlines():
        line = COMMENT.split(line)[0].rstrip()
        label, target = LABEL.match(line), TABLE.match(line)
        if label and not label[1].startswith((".Lfunc", ".Ltmp")):
            found.append((label[1], []))
        elif target:
            table.add(target[1])
        elif line.startswith("\t") and not line.startswith("\t."):
            found[-1][1].append(line.strip())
            if JUMP.match(line.split()[0]):
                found.append((f"after {len(found)}", []))
    return found, table


def ways(text):
    """{label: labels where its block may go on}, {label: instructions}"""
    found, table = code_blocks(text)
    labels, to = {label for label, _ in found}, {}
    for (label, lines), following in zip(found, [*found[1:], ("", [])], strict=True):
        name, _, operands = lines[-1].partition("\t") if lines else ("", "", "")
        targets = {word for word in re.split(r"[\s,]+", operands) if word in labels} if JUMP.match(name) else set()
        if name == "br" or (name.startswith("jmp") and not targets):
            targets = set(table)
        ends = name.startswith(("jmp", "ret", "br", "ud2", "brk")) or name == "b"
        to[label] = targets if ends else targets | {following[0]}
    return to, dict(found)


def components(nodes, to):
    """The sets of nodes that reach each other (Tarjan 1972), without recursion, in no order."""
    number, low, stack, on_stack, found = {}, {}, [], set(), []
    for root in nodes:
        work = [(root, None)] if root not in number else []
        while work:
            node, rest = work.pop()
            if rest is None:
                number[node] = low[node] = len(number)
                stack.append(node)
                on_stack.add(node)
                rest = iter([n for n in to[node] if n in nodes])
            for other in rest:
                if other not in number:
                    work += [(node, rest), (other, None)]
                    break
                if other in on_stack:
                    low[node] = min(low[node], number[other])
            else:
                if low[node] == number[node]:
                    at = stack.index(node)
                    found.append(set(stack[at:]))
                    on_stack -= found[-1]
                    del stack[at:]
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
    return found


def circles(nodes, to):
    """Those components whose nodes come back to themselves: loops."""
    return [circle for circle in components(nodes, to) if len(circle) > 1 or circle & to[next(iter(circle))]]


def arithmetic_in(code):
    """The kinds of arithmetic in instructions: of single values, and of vectors."""
    kinds = [kind for line in code if (kind := arithmetic(line))]
    return [[kind for kind, vector in kinds if vector == wanted] for wanted in (False, True)]


def loops(text):
    """Every Loop of an assembly text, outer ones too."""
    to, lines = ways(text)
    found, waiting = [], [set(to)]
    while waiting:
        nodes = waiting.pop()
        for circle in circles(nodes, to):
            entered = {t for label in to if label not in circle for t in to[label]} & circle
            inside = circle - (entered or {min(circle)})
            inner = circles(inside, to)
            own = [line for label in circle - set().union(*inner) for line in lines[label]]
            found.append(Loop(*arithmetic_in(own), not inner, [line for label in circle for line in lines[label]]))
            waiting.append(inside)
    return found


def outside_loops(text):
    """{function: what it does in no loop, as a Loop}"""
    to, lines = ways(text)
    looping, code, name = set().union(*circles(set(to), to)), {}, ""
    for label in to:
        name = name if label.startswith((".", "after")) else label
        code.setdefault(name, []).extend([] if label in looping else lines[label])
    return {name: Loop(*arithmetic_in(own), True, own) for name, own in code.items()}


def scalar_loops(text, few=12):
    """What calculates one value at a time although nothing in the text does the same with vectors: loops, and the parts
    of functions outside their loops.

    A loop over what vectors leave over has a twin that does the same kinds with vectors. `few`: so many instructions (a
    mean, a scale, the last step of a sum) may stand in a loop beside those inside it, and in a function outside all."""
    every = loops(text)
    twins = [set(loop.vector) for loop in every]
    anywhere = set().union(*twins)
    every += [code for code in outside_loops(text).values() if len(code.scalar) > few]
    found = [loop for loop in every if loop.scalar and not any(set(loop.scalar) <= kinds for kinds in twins)]
    return [loop for loop in found if loop.innermost or sum(kind not in anywhere for kind in loop.scalar) > few]


def counting_loops(text):
    """The loops that call Numba's reference counting."""
    return [loop for loop in loops(text) if any(COUNTING.search(line) for line in loop.lines)]
