"""The kernels as LLVM writes them for processors that may not be here: vectors in every main loop, nothing counted.

A kernel whose loop was not vectorised gives the right numbers, at an eighth of the speed; no other test can see it."""

import os
import subprocess
import sys

import pytest
from machine_code import counting_loops, loops, scalar_loops

WRITE = """
import sys
from pathlib import Path
from llvmlite import binding as llvm
from minilxmert.kernels import cpu
cpu.amx_allowed = lambda: True  # nothing is run
from numba import types
from minilxmert.kernels import attention, gelu, matmul, norm, packing, pairs

folder, wanted, triple = sys.argv[1:]
float32, half, word = types.float32, types.uint16, types.uint32
makers = {
    "attention": lambda: attention.attend_all, "gelu": lambda: gelu.gelu_all, "norm": lambda: norm.normalise_all,
    "product": lambda: matmul.kernel_for(float32, float32), "widened": lambda: matmul.kernel_for(float32, half),
    "pairs": lambda: matmul.kernel_for(word, word), "packing halves": lambda: packing.packing_kernel(half),
    "packing": lambda: packing.packing_kernel(word), "rounding": pairs.rounding_kernel,
}
for name in wanted.split(","):
    function = makers[name]().alone
    library = function.overloads[function.signatures[0]].library
    module, machine = library._get_module_for_linking(), library._codegen._tm
    if triple:  # of a processor that Numba cannot compile for here: LLVM alone does
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        machine = llvm.Target.from_triple(triple).create_target_machine(opt=3)
        lines = str(module).splitlines()
        module = llvm.parse_assembly("\\n".join(x for x in lines if not x.startswith(("target triple", "target data"))))
        module.triple, module.data_layout = triple, str(machine.target_data)
        options = llvm.create_pipeline_tuning_options(speed_level=3)
        options.loop_vectorization = options.loop_unrolling = True
        builder = llvm.create_pass_builder(machine, options)
        for _ in range(2):  # as Numba: the second time, what the first has put in its place is seen
            builder.getModulePassManager().run(module, builder)
    Path(folder, name).write_text(machine.emit_assembly(module))
"""
EVERY = "attention,gelu,norm,product,widened,packing halves,packing,rounding"
NEEDED = {  # kinds of arithmetic that must be found in vectors
    "attention": {"add", "compare", "mul"}, "gelu": {"add", "compare", "mul"}, "norm": {"add", "mul"},
    "product": {"compare", "mul"}, "widened": {"compare", "mul"}, "pairs": {"compare", "mul"},
    "packing halves": {"round"}, "packing": {"round"}, "rounding": {"round"},
}  # fmt: skip
AVX512 = "+avx512f,+avx512bf16,+amx-tile,+amx-bf16"
PROCESSORS = [
    pytest.param("cascadelake", "+avx512f", "avx512", "widened", EVERY, id="avx512", marks=pytest.mark.nightly),
    pytest.param("znver2", "", "avx2", "widened", EVERY, id="avx2"),
    pytest.param("x86-64", "", "any", "widened", EVERY, id="any", marks=pytest.mark.nightly),
    pytest.param(
        "sapphirerapids",
        AVX512,
        "avx512",
        "avx512_bf16",
        "pairs,packing,rounding",
        id="avx512_bf16",
        marks=pytest.mark.nightly,
    ),
    pytest.param(
        "sapphirerapids", AVX512, "avx512", "amx", "pairs,packing,rounding", id="amx", marks=pytest.mark.nightly
    ),
    pytest.param("x86-64", "", "neon", "widened", EVERY, id="neon", marks=pytest.mark.nightly),
]


def write(folder, processor, features, tile, bfloat16, kernels, patch=""):
    """The assembly of kernels for a processor -> {kernel: text}"""
    names = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": features, "MINILXMERT_TILE": tile}
    names |= {"MINILXMERT_BFLOAT16": bfloat16}
    triple = "aarch64-unknown-linux-gnu" if tile == "neon" else ""
    if triple or patch:
        names |= {"NUMBA_CACHE_DIR": str(folder / "cache"), "NUMBA_OPT": "0" if triple else "3"}
    command = [sys.executable, "-W", "ignore", "-c", patch + WRITE, folder, kernels, triple]
    done = subprocess.run(command, env={**os.environ, **names}, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    return {name: (folder / name).read_text() for name in kernels.split(",")}


@pytest.mark.parametrize("processor, features, tile, bfloat16, kernels", PROCESSORS)
def test_main_loops_calculate_with_vectors(processor, features, tile, bfloat16, kernels, tmp_path):
    for name, text in write(tmp_path, processor, features, tile, bfloat16, kernels).items():
        found = {kind for loop in loops(text) for kind in loop.vector}
        found |= {"add", "mul"} if "fused" in found else set()
        if name == "pairs":  # by instructions that are no arithmetic of single values, or by a program of tiles
            assert "dpbf16" in found or "tdpbf16ps" in text
            found.add("mul")
        assert found >= NEEDED[name], name
        assert not [loop[:3] for loop in scalar_loops(text)], name
        assert not counting_loops(text), name


CONSTANT = """
from pathlib import Path
from minilxmert.kernels import matmul as place
path = Path(place.__file__)
source = path.read_text()
exec(compile(source.replace("for j in range(len(values)):", "for j in range(WIDTH):"), str(path), "exec"), vars(place))
"""
COUNTED = """
import numba
plain = numba.njit
numba.njit = lambda *function, _nrt=True, **options: plain(*function, **options)
"""


def test_a_loop_of_constant_length_is_found(tmp_path):
    """What once made GELU eight times slower on AVX2."""
    text = write(tmp_path, "znver2", "", "avx2", "widened", "product", patch=CONSTANT)["product"]
    assert any(len(loop.scalar) > 50 for loop in scalar_loops(text))


@pytest.mark.nightly
def test_counting_is_found(tmp_path):
    """What once halved the speed of two threads: every slice wrote one word."""
    assert counting_loops(write(tmp_path, "znver2", "", "avx2", "widened", "gelu", patch=COUNTED)["gelu"])
