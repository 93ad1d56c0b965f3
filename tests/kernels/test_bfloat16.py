"""Products of bfloat16 pairs: the layout, the two instructions, and what a machine without them does instead."""

import itertools
import os
import subprocess
import sys

import llvmlite.binding as llvm
import numpy as np
import pytest
from amx_machine import Machine
from llvmlite import ir
from numba import njit
from test_kernels import SIZES, layer, normal

from minilxmert import ConfigError, LxmertConfig, backend
from minilxmert.core import attention
from minilxmert.core.attention import Rows
from minilxmert.kernels import amx, blocks, cpu, matmul, packing, pairs, tiles, twins
from minilxmert.kernels.math import bfloat16


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def rounded(x):
    """float32 whose lower half is 0, by the rule of half to even, in float64 as a second opinion"""
    power = 2.0 ** (np.frexp(x.astype(float))[1] - 8)
    return (np.round(x / power) * power).astype(np.float32)


def in_words(x):
    """x (R, 2·K), rounded -> (R, K), written independently of matmul.round_strip"""
    halves = (rounded(x).view(np.uint32) >> 16).astype(np.uint16)
    return halves.reshape(len(x), -1, 2).view(np.uint32)[..., 0]


def test_rounding_to_bfloat16():
    values = np.array([1, 1.00390625, 1.01171875, 3.4e38, -0.0, 1e-40, np.inf, -np.inf, 1.005], np.float32)
    assert [hex(bfloat16(bits)) for bits in values.view(np.uint32)] == [
        "0x3f80", "0x3f80", "0x3f82", "0x7f80", "0x8000", "0x1", "0x7f80", "0xff80", "0x3f81",
    ]  # fmt: skip
    for nan in (0x7F800001, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFC00000):
        assert np.isnan(np.uint32(int(bfloat16(np.uint32(nan))) << 16).view(np.float32))


@pytest.mark.parametrize("inputs", [1, 2, 31, 32, 33, 700])
def test_words_hold_neighbouring_inputs(inputs, rng):
    x = normal(rng, 19, inputs)
    padded = np.zeros((19, 2 * pairs.words(inputs)), np.float32)
    padded[:, :inputs] = x
    words = pairs.words_for("words", *x.shape)
    for strip in range(3):
        matmul.round_strip(strip, x, words)
    np.testing.assert_array_equal(words[:, : pairs.words(inputs)], in_words(padded))


def expected_product(x, p):
    """The product of rounded values in float64."""
    return rounded(x).astype(float) @ rounded(p["w"]).astype(float).T + p["b"]


def check(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-6 * max(1, np.abs(expected).max(initial=0)))


@pytest.mark.skipif(not (tiles.NARROW and pairs.USED), reason="this processor multiplies no pairs")
@pytest.mark.parametrize("rows, inputs, outputs", SIZES)
def test_products_of_pairs(rows, inputs, outputs, rng):
    x, p = normal(rng, rows, inputs), layer(rng, outputs, inputs)
    (p,) = packing.pack_layers([p], halved=True)
    check(twins.linear(x, p), expected_product(x, p))
    assert p.packed.panels.dtype == np.uint32
    check(twins.linear_act(x, p, "relu"), np.maximum(expected_product(x, p), 0))


@pytest.mark.skipif(not (tiles.NARROW and pairs.USED), reason="this processor multiplies no pairs")
def test_pairs_keep_nan_to_its_row_and_rows_apart(rng):
    x, p = normal(rng, 40, 70), layer(rng, 50, 70)
    (p,) = packing.pack_layers([p], halved=True)
    whole = twins.linear(x, p)
    np.testing.assert_array_equal(twins.linear(x[3:20], p), whole[3:20])
    x[5, 69] = np.nan
    found = twins.linear(x, p)
    np.testing.assert_array_equal(np.isnan(found).all(1), np.arange(40) == 5)
    np.testing.assert_array_equal(np.delete(found, 5, 0), np.delete(whole, 5, 0))


@pytest.mark.skipif(not (tiles.NARROW and pairs.USED), reason="this processor multiplies no pairs")
def test_attention_of_pairs(rng):
    """Sentences of any length: near the definition, and the same bits alone as among others."""
    config, starts = LxmertConfig(hidden_size=128, num_attention_heads=2), np.array([0, 1, 34, 35, 110, 143])
    p = {name: layer(rng, 128, 128) for name in ("query", "key", "value", "output")}
    p = packing.pack_tree({**p, "norm": {name: normal(rng, 128) for name in "wb"}}, halved=True)
    x, mask = normal(rng, starts[-1], 128), np.where(rng.random(starts[-1]) < 0.2, -1e4, 0).astype(np.float32)
    found = blocks.self_attention(x, Rows(starts, mask), p, config)
    with backend("numpy"):
        exact = attention.self_attention(x, Rows(starts, mask), p, config)
    assert np.abs(found - exact).max() < 0.02 * np.abs(exact).max()
    for begin, end in itertools.pairwise(starts):
        one = Rows(np.array([0, end - begin]), mask[begin:end])
        np.testing.assert_array_equal(blocks.self_attention(x[begin:end], one, p, config), found[begin:end])
    x[40, 3] = np.nan
    found = blocks.self_attention(x, Rows(starts, mask), p, config)
    np.testing.assert_array_equal(np.isnan(found).any(1), (np.arange(len(x)) >= 35) & (np.arange(len(x)) < 110))


SAVE = """
import sys
sys.path[:0] = ["tests", "tests/kernels"]
import numpy as np
from minilxmert.kernels import packing, twins

from amx_machine import Machine
from test_kernels import SIZES, layer, normal
rng, found = np.random.default_rng(0), []
for rows, inputs, outputs in SIZES:
    x, p = normal(rng, rows, inputs), layer(rng, outputs, inputs)
    (p,) = packing.pack_layers([p], halved=True)
    found.append(twins.linear(x, p))
np.savez(sys.argv[1], *found)
"""


@pytest.mark.nightly
def test_the_definition_of_the_pair_tile(tmp_path, rng):
    """The loops around AMX's 32 rows at once, with the definition in place of the instruction."""
    environment = {**os.environ, "MINILXMERT_BFLOAT16": "emulated"}
    subprocess.run([sys.executable, "-c", SAVE, tmp_path / "found.npz"], env=environment, check=True, timeout=120)
    with np.load(tmp_path / "found.npz") as found:
        for (rows, inputs, outputs), file in zip(SIZES, found.files, strict=True):
            x, p = normal(rng, rows, inputs), layer(rng, outputs, inputs)
            check(found[file], expected_product(x, p))


@pytest.mark.skipif(not tiles.NARROW, reason="no vector instructions of our own")
@pytest.mark.parametrize("rows, inputs, outputs", SIZES)
def test_without_pairs_weights_alone_are_rounded(rows, inputs, outputs, monkeypatch, rng):
    monkeypatch.setattr(pairs, "USED", False)
    x, p = normal(rng, rows, inputs), layer(rng, outputs, inputs)
    (p,) = packing.pack_layers([p], halved=True)
    check(twins.linear(x, p), x.astype(float) @ rounded(p["w"]).astype(float).T + p["b"])


def test_what_a_processor_may_use(monkeypatch):
    monkeypatch.setattr(cpu, "amx_allowed", lambda: True)
    monkeypatch.setenv("MINILXMERT_TILE", "avx512")
    assert cpu.instructions({"amx-tile", "amx-bf16", "avx512bf16"}) == ["amx", "avx512_bf16"]
    assert cpu.instructions({"amx-tile", "avx512f"}) == []
    monkeypatch.setattr(cpu, "amx_allowed", lambda: False)
    assert cpu.instructions({"amx-tile", "amx-bf16", "avx512bf16"}) == ["avx512_bf16"]
    monkeypatch.setattr(cpu, "features", lambda: frozenset({"avx512f"}))
    assert cpu.bfloat16_name() == "widened"
    monkeypatch.setenv("MINILXMERT_BFLOAT16", "amx")
    with pytest.raises(ConfigError, match=r"MINILXMERT_BFLOAT16.*widened, emulated"):
        cpu.bfloat16_name()
    monkeypatch.setenv("MINILXMERT_TILE", "avx2")
    assert cpu.instructions({"amx-tile", "amx-bf16", "avx512bf16"}) == []


# --- AMX, which may not be here --------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [16, 48])
def test_the_amx_program_on_a_machine_of_our_own(words, monkeypatch, rng):
    """The generated code, its assembly carried out by amx_machine: every height, in the middle of larger arrays."""
    machine = Machine()
    monkeypatch.setattr(ir.IRBuilder, "asm", lambda builder, *args, **kwargs: machine.asm(builder, *args, **kwargs))

    @njit
    def multiply(x, w, start, y, before):
        amx.set_up(before, 0)
        amx.set_up(len(x), before)
        amx.tile(x, w, start, y, w)
        amx.give_back()

    for rows in range(1, amx.ROWS + 1):
        x, w, y = normal(rng, rows, 2 * words), normal(rng, amx.WIDTH, 2 * words), normal(rng, rows + 2, 60)
        panel = np.ascontiguousarray(in_words(w).T)
        wide = np.full((rows + 2, words + 5), 0x7FC07FC0, np.uint32)  # NaN, where nothing may be read
        wide[1:-1, 2 : 2 + words] = in_words(x)
        inside, product = y[1:-1, 7 : 7 + amx.WIDTH], rounded(x).astype(float) @ rounded(w).astype(float).T
        for start in (inside, inside[-1:].copy()):  # what every row begins with, or one row for all
            expected = y.astype(float)
            expected[1:-1, 7 : 7 + amx.WIDTH] = start + product
            multiply(wide[1:-1, 2 : 2 + words], panel, start, inside, rng.integers(1, amx.ROWS + 1))
            assert not machine.faults and machine.shapes is None
            check(y, expected)


def test_the_machine_refuses_what_a_processor_would():
    machine = Machine()
    machine.guarded("tilerelease\ntileloadd 0($0, $1), %tmm6", 0, [0, 64])
    assert len(machine.faults) == 1


def amx_module():
    """LLVM's text of a function that multiplies matrices by the AMX program."""
    module, word = ir.Module(), ir.IntType(64)
    module.triple = "x86_64-unknown-linux-gnu"
    function = ir.Function(
        module, ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), word, word, word] * 4), "f"
    )
    builder, a = ir.IRBuilder(function.append_basic_block()), function.args
    amx.configure(builder, word(16))
    amx.call_program(builder, *((a[i], a[i + 1], (a[i + 2], a[i + 3])) for i in (0, 4, 8, 12)))
    amx.release(builder)
    builder.ret_void()
    return llvm.parse_assembly(str(module))


@pytest.mark.skipif(not llvm.get_process_triple().startswith("x86_64"), reason="LLVM may know this processor alone")
def test_llvm_makes_the_documented_bytes_of_the_amx_program():
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    target = llvm.Target.from_triple("x86_64-unknown-linux-gnu")
    code = target.create_target_machine(cpu="sapphirerapids").emit_object(amx_module())
    for sums in range(4):  # VEX.128.F3.0F38.W0 5C /r: tdpbf16ps of w (registers 6 and 7) and x (4 and 5) into `sums`
        w, x = 6 + sums % 2, 4 + sums // 2
        found = code.count(bytes([0xC4, 0xE2, ~w << 3 & 0x78 | 2, 0x5C, 0xC0 | sums << 3 | x]))
        assert found == (2 if sums < 2 else 1)  # in the program for one tile of rows, and in that for two
    assert code.count(bytes([0xC4, 0xE2, 0x78, 0x49, 0xC0])) == 1  # tilerelease
    assert code.count(bytes([0xC4, 0xE2, 0x78, 0x49])) == 2  # and ldtilecfg
