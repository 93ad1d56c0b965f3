"""The kernels as LLVM writes them for processors that may not be here: vectors in every main loop, nothing counted.

A kernel whose loop was not vectorised gives the right numbers, at an eighth of the speed; no other test can see it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from machine_code import assembly, counting_loops, loops, scalar_loops

TESTS = Path(__file__).parents[1]
EVERY = "attention,gelu,norm,product,widened,packing halves,packing"
OTHERS = "tiles,tiled pixels,sum and ReLU,pooling,suppression,regions,PNG,JPEG"
NEEDED = {  # kinds of arithmetic that must be found in vectors
    "attention": {"add", "compare", "mul"}, "gelu": {"add", "compare", "mul"}, "norm": {"add", "mul"},
    "product": {"compare", "mul"}, "widened": {"compare", "mul"}, "pairs": {"compare", "mul"},
    "packing halves": {"round"}, "packing": {"round"}, "feed forward": {"add", "compare", "mul", "round"},
    "tiles": {"add", "mul"}, "tiled pixels": {"add", "mul", "compare"}, "sum and ReLU": {"add", "compare"},
    "pooling": {"compare"},
}  # fmt: skip
AVX512 = "+avx512f,+avx512bf16,+amx-tile,+amx-bf16"
PAIRS = "pairs,packing,feed forward"
PROCESSORS = {
    "avx512": ("cascadelake", "+avx512f", "avx512", "widened", EVERY),
    "avx2": ("znver2", "", "avx2", "widened", EVERY),
    "any": ("x86-64", "", "any", "widened", EVERY),
    "avx512_bf16": ("sapphirerapids", AVX512, "avx512", "avx512_bf16", PAIRS),
    "amx": ("sapphirerapids", AVX512, "avx512", "amx", PAIRS),
    "neon": ("x86-64", "", "neon", "widened", EVERY),
    "pictures": ("znver2", "", "avx2", "widened", OTHERS),
}


def write(folder, processor, features, tile, bfloat16, kernels, patch=""):
    """The assembly of kernels for a processor -> {kernel: text}"""
    names = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": features, "MINILXMERT_TILE": tile}
    names |= {"MINILXMERT_BFLOAT16": bfloat16}
    triple = "aarch64-unknown-linux-gnu" if tile == "neon" else ""
    if triple or patch:
        names |= {"NUMBA_CACHE_DIR": str(folder / "cache"), "NUMBA_OPT": "0" if triple else "3"}
    code = f"import sys\nsys.path.insert(0, {str(TESTS)!r})\nfrom machine_code import write\nwrite(*sys.argv[1:])"
    command = [sys.executable, "-W", "ignore", "-c", patch + code, folder, kernels, triple]
    done = subprocess.run(command, env={**os.environ, **names}, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    return {name: (folder / name).read_text() for name in kernels.split(",")}


def check(name, text):
    found = {kind for loop in loops(text) for kind in loop.vector}
    found |= {"add", "mul"} if "fused" in found else set()
    if name in (
        "pairs",
        "feed forward",
    ):  # by instructions that are no arithmetic of single values, or by a program of tiles
        assert "dpbf16" in found or "tdpbf16ps" in text
        found.add("mul")
    assert found >= NEEDED.get(name, set()), name
    if name != "suppression":  # boxes are looked at one by one
        assert not [loop[:3] for loop in scalar_loops(text)], name
    assert not counting_loops(text), name


@pytest.mark.parametrize("name", (EVERY + "," + OTHERS).split(","))
def test_main_loops_calculate_with_vectors_here(name):
    check(name, assembly(name))


@pytest.mark.nightly
@pytest.mark.parametrize("processor", PROCESSORS)
def test_main_loops_calculate_with_vectors(processor, tmp_path):
    for name, text in write(tmp_path, *PROCESSORS[processor]).items():
        check(name, text)


ONE_BY_ONE = """
sums:
	vmovss	(%rdi,%rax,4), %xmm1
	vmulss	%xmm1, %xmm1, %xmm1
	vaddss	%xmm1, %xmm0, %xmm0
	incq	%rax
	cmpq	%rax, %rsi
	jne	sums
	retq
"""


def test_a_loop_that_calculates_one_by_one_is_found():
    (loop,) = scalar_loops(ONE_BY_ONE)
    assert sorted(loop.scalar) == ["add", "mul"] and not loop.vector and not counting_loops(ONE_BY_ONE)
    by_eights = ONE_BY_ONE.replace("ss\t", "ps\t").replace("sums", "eights")
    assert not scalar_loops(by_eights) and not scalar_loops(by_eights + ONE_BY_ONE)  # its twin, for what is left over
    assert counting_loops(ONE_BY_ONE.replace("incq	%rax", "callq\tNRT_incref"))


def test_arithmetic_outside_every_loop_is_found():
    """A loop that LLVM has unrolled whole may be left in a function of its own, which another loop calls."""
    step = "\tvmulss\t%xmm1, %xmm1, %xmm1\n"
    called = "sums:\n\tcallq\tsquare\n\tincq\t%rax\n\tjne\tsums\n\tretq\nsquare:\n"
    assert scalar_loops(called + 16 * step + "\tretq\n") and not scalar_loops(called + 12 * step + "\tretq\n")


CONSTANT = """
from pathlib import Path
from minilxmert.kernels import matmul as place
path = Path(place.__file__)
source = path.read_text()
exec(compile(source.replace("range(len(values))", "range(16)"), str(path), "exec"), vars(place))
"""
COUNTED = """
import numba
plain = numba.njit
numba.njit = lambda *function, _nrt=True, **options: plain(*function, **options)
"""


@pytest.mark.nightly
def test_a_loop_of_constant_length_is_found(tmp_path):
    """What once made GELU eight times slower on AVX2."""
    text = write(tmp_path, "znver2", "", "avx2", "widened", "product", patch=CONSTANT)["product"]
    assert any(len(loop.scalar) > 50 for loop in scalar_loops(text))


@pytest.mark.nightly
def test_counting_is_found(tmp_path):
    """What once halved the speed of two threads: every slice wrote one word."""
    assert counting_loops(write(tmp_path, "znver2", "", "avx2", "widened", "gelu", patch=COUNTED)["gelu"])
