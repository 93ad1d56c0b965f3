"""Every Numba twin gives the numbers of its definition in ops.py, whatever the sizes, strides, tile and threads."""

import os
import queue
import signal
import stat
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from numba import njit

from minilxmert import ConfigError, LxmertConfig, LxmertModel, kernels
from minilxmert.core import ops
from minilxmert.core.attention import self_attention
from minilxmert.core.encoder import cross_layers, feed_forward, layers
from minilxmert.core.params import zeros_like
from minilxmert.experiments.benchmark import draw_batch
from minilxmert.kernels import compiling, cpu, packing, threads, tiles, twins, vectors
from minilxmert.kernels.math import exp32, gelu32
from minilxmert.kernels.memory import ROOMY

CLOSE = 3e-6  # of the largest value: a sum of 3072 float32 products is good to about 1e-6, in NumPy as here


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def all_threads():
    yield
    threads.set_num_threads(threads.LIMIT)


def normal(rng, *shape):
    return rng.standard_normal(shape, np.float32)


def layer(rng, outputs, inputs):
    return {"w": normal(rng, outputs, inputs) / np.float32(inputs**0.5), "b": normal(rng, outputs)}


def check_close(found, expected):
    assert found.shape == expected.shape and found.dtype == expected.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=CLOSE * max(1, np.abs(expected).max(initial=0)))


# --- linear maps -----------------------------------------------------------------------------------------------------

SIZES = [(0, 3, 5), (1, 1, 1), (3, 4, 770), (20, 768, 96), (57, 101, 97), (36, 3072, 48), (391, 37, 49), (9, 513, 2)]


@pytest.mark.parametrize("rows, inputs, outputs", SIZES)
def test_linear(rows, inputs, outputs, rng):
    x, p = normal(rng, rows, inputs), layer(rng, outputs, inputs)
    check_close(twins.linear(x, p), ops.linear(x, p))
    for act in ops.ACTIVATIONS:
        check_close(twins.linear_act(x, p, act), ops.linear_act(x, p, act))


@pytest.mark.parametrize("shape", [(7,), (2, 3, 7), (0, 4, 7), (2, 1, 3, 7)])
def test_linear_keeps_leading_axes(shape, rng):
    x, p = normal(rng, *shape), layer(rng, 5, 7)
    check_close(twins.linear(x, p), ops.linear(x, p))


def test_linears_are_one_product(rng):
    x, p = normal(rng, 2, 5, 70), {name: layer(rng, o, 70) for name, o in zip("abc", (70, 33, 101), strict=True)}
    found = twins.linears(x, p, "abc")
    for y, expected in zip(found, ops.linears(x, p, "abc"), strict=True):
        check_close(y, expected)
    assert len({id(y.base) for y in found}) == 1


def test_linear_reads_any_strides(rng):
    big, p = normal(rng, 40, 3, 200), layer(rng, 9, 50)
    for x in (big[:, 1, 50:100], big[::3, 2, :50], big[:, 0, 100:200:2], big[::-1, 0, :50], big[:50, 0, 60:10:-1]):
        check_close(twins.linear(x, p), ops.linear(x, p))
    bytes_off = np.frombuffer(b"x" + big[:, 0, :50].tobytes(), np.float32, offset=1).reshape(40, 50)
    check_close(twins.linear(bytes_off, p), ops.linear(bytes_off, p))
    turned = {"w": np.asfortranarray(p["w"]), "b": np.repeat(p["b"], 2)[::2]}
    check_close(twins.linear(big[:, 0, :50], turned), ops.linear(big[:, 0, :50], p))


def test_one_row_does_not_change_with_the_others(rng):
    x, p = normal(rng, 203, 700), layer(rng, 130, 700)
    whole = twins.linear_act(x, p, "gelu")
    for rows in (slice(0, 1), slice(5, 12), slice(100, 203)):
        np.testing.assert_array_equal(twins.linear_act(x[rows], p, "gelu"), whole[rows])


def test_linear_keeps_nan_and_infinity(rng):
    x, p = normal(rng, 30, 300), layer(rng, 50, 300)
    x[3, 7], x[11, 0], x[12, 299] = np.nan, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        for twin, definition in ((twins.linear, ops.linear), (twins.linear_act, ops.linear_act)):
            for act in [()] if twin is twins.linear else [("gelu",), ("relu",)]:
                found, expected = twin(x, p, *act), definition(x, p, *act)
                np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
                np.testing.assert_array_equal(found[~np.isfinite(found)], expected[~np.isfinite(found)])


@pytest.mark.parametrize("rows", range(1, tiles.ROWS + 1))
def test_the_tile_is_its_definition(rows, rng):
    @njit
    def tile(x, w, y):
        tiles.tile(x, w, y, y, w)

    x, w, y = normal(rng, rows, 13), normal(rng, 13, tiles.WIDTH), normal(rng, rows, tiles.WIDTH)
    expected = y + x @ w
    tile(x, w, y)
    check_close(y, expected)


@pytest.mark.parametrize("name", cpu.TILES)
def test_every_tile(name, rng):
    """The vector instructions are generated for any tile; here each multiplies up to its own number of rows."""
    shape = cpu.TILES[name]
    multiply = tiles.make_tile(*shape)

    @njit
    def tile(x, w, start, y):
        multiply(x, w, start, y, w)

    for rows in range(1, shape.rows + 1):
        x, w = normal(rng, rows, 5), normal(rng, 5, shape.lanes * shape.vectors)
        y = normal(rng, rows, shape.lanes * shape.vectors)
        for start in (y, y[:1].copy()):  # what every row begins with, or one row for all
            expected = start + x @ w
            tile(x, w, start, y)
            check_close(y, expected)


@pytest.mark.parametrize("rows", [1, 7, 16])
def test_squares_are_turned_and_rows_put_as_defined(rows, rng):
    @njit
    def turn_and_put(x, turned, whole, halves):
        vectors.turn(x, turned)
        vectors.put_rows(x, whole)
        vectors.put_rows(x, halves)

    x = normal(rng, rows, 16)
    x[0, :4] = np.nan, np.inf, -0.0, 1e-40
    found = [np.zeros((16, 16), np.float32), np.zeros((rows, 16), np.float32), np.zeros((rows, 20), np.uint16)[:, 2:18]]
    expected = [array.copy() for array in found]
    turn_and_put(x, *found)
    vectors.plain_turn(x, expected[0])
    vectors.plain_put(x, expected[1])
    vectors.plain_put(x, expected[2])
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


# --- activations and normalisation -----------------------------------------------------------------------------------


def test_exp_and_gelu_are_exact_to_rounding():
    x = -np.concatenate([np.linspace(0, 87, 100_001), np.geomspace(1e-30, 1, 10_001)]).astype(np.float32)
    y = elementwise(exp32, x)
    np.testing.assert_allclose(y, np.exp(x.astype(float)), rtol=1.5e-7)
    assert elementwise(exp32, np.array([-88, -1e4, -3e38, -np.inf], np.float32)).tolist() == [0, 0, 0, 0]
    x = np.concatenate([np.linspace(-14, 14, 280_001), np.geomspace(1e-30, 1, 10_001)]).astype(np.float32)
    found, exact = elementwise(gelu32, x), ops.gelu(x.astype(float))
    assert np.abs(found - exact)[np.abs(x) < 8].max() < 6e-7
    np.testing.assert_allclose(found[x > 0], exact[x > 0], rtol=3e-7)
    large = np.array([9, 50, 1e4, 3e38, np.inf], np.float32)
    np.testing.assert_array_equal(elementwise(gelu32, large), large)
    np.testing.assert_array_equal(elementwise(gelu32, -large[1:-1]), 0)
    assert np.isnan(elementwise(gelu32, np.array([np.nan, -np.inf], np.float32))).all()  # -inf·0, as in ops


@njit
def every(function, x, y):
    for i in range(len(x)):
        y[i] = function(x[i])


def elementwise(function, x):
    y = np.empty_like(x)
    every(function, x, y)
    return y


@pytest.mark.parametrize("shape", [(0, 5), (1, 3), (7, 5), (2, 3, 768), (60, 771), (5,)])
def test_norms(shape, rng):
    x, residual, p = normal(rng, *shape), normal(rng, *shape), {name: normal(rng, shape[-1]) for name in "wb"}
    x = x * 3 + 5
    check_close(twins.layer_norm(x, p, 1e-12), ops.layer_norm(x, p, 1e-12))
    check_close(twins.add_norm(x, residual, p, 1e-12), ops.add_norm(x, residual, p, 1e-12))


@pytest.mark.parametrize("number", [3.3, -0.1, 1000.1, 12345.678])
def test_norm_of_rows_whose_mean_is_rounded(number, rng):
    p, zeros = {name: normal(rng, 768) for name in "wb"}, np.zeros((2, 768), np.float32)
    row = np.full((2, 768), number, np.float32)
    for found in (twins.layer_norm(row, p, 1e-12), twins.add_norm(row, zeros, p, 1e-12)):
        np.testing.assert_array_equal(found, np.stack([p["b"]] * 2))
    far = normal(rng, 4, 768) + np.float32(1e4)
    exact = ops.layer_norm(far.astype(float), {name: value.astype(float) for name, value in p.items()}, 1e-12)
    np.testing.assert_allclose(twins.layer_norm(far, p, 1e-12), exact, rtol=0, atol=5e-6)


def test_norm_of_strides_constants_and_nan(rng):
    big, p = normal(rng, 6, 50), {name: normal(rng, 20) for name in "wb"}
    check_close(
        twins.add_norm(big[::2, 5:25], big[1::2, 25:45], p, 1e-5),
        ops.add_norm(big[::2, 5:25], big[1::2, 25:45], p, 1e-5),
    )
    constant = np.full((2, 20), 3, np.float32)
    np.testing.assert_array_equal(twins.layer_norm(constant, p, 1e-12), np.stack([p["b"]] * 2))
    constant[1, 4] = np.nan
    np.testing.assert_array_equal(np.isnan(twins.layer_norm(constant, p, 1e-12)).all(1), [False, True])


# --- attention -------------------------------------------------------------------------------------------------------

SHAPES = [(1, 20, 36, 12, 64), (2, 1, 0, 2, 4), (3, 7, 5, 3, 5), (2, 9, 130, 2, 64), (0, 3, 3, 2, 4), (2, 0, 3, 1, 8)]


def masks(rng, batch, m):
    """No mask, the two published ones, and one that hides everything."""
    hidden = rng.random((batch, 1, 1, m)) < 0.4
    smallest = np.finfo(np.float32).min
    return [np.where(h, low, 0).astype(np.float32) for h, low in ((hidden, 0), (hidden, -1e4), (hidden, smallest))] + [
        np.full((batch, 1, 1, m), smallest)
    ]


@pytest.mark.parametrize("batch, n, m, heads, size", SHAPES)
def test_attend(batch, n, m, heads, size, rng):
    both, e = normal(rng, batch, n + m, 3 * heads * size), heads * size
    q, k, v = both[:, :n, :e], both[:, n:, e : 2 * e], both[:, n:, 2 * e :]  # as cross-attention slices them
    for mask in masks(rng, batch, m):
        found = twins.attend(q, k, v, mask, heads)
        check_close(found, ops.attend(q, k, v, mask, heads))
        assert np.isfinite(found).all()


def test_attend_rows(rng):
    q_starts, k_starts = np.array([0, 3, 3, 4, 14]), np.array([0, 5, 6, 6, 80])
    q, (k, v) = normal(rng, 14, 24), normal(rng, 2, 80, 24)
    mask = np.where(rng.random(80) < 0.3, -1e4, 0).astype(np.float32)
    check_close(
        twins.attend_rows(q, k, v, q_starts, k_starts, mask, 3),
        ops.attend_rows(q, k, v, q_starts, k_starts, mask, 3),
    )


def test_attend_keeps_nan_to_its_query(rng):
    q, k, v = normal(rng, 3, 2, 9, 16)
    q[0, 3, 2], q[1, 1, 15] = np.nan, np.inf
    mask = np.zeros((2, 1, 1, 9), np.float32)
    found = twins.attend(q, k, v, mask, 4)
    with np.errstate(invalid="ignore"):
        expected = ops.attend(q, k, v, mask, 4)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    assert np.isnan(found).any() and not np.isnan(found).all()
    k[0, 0, 0] = np.nan
    assert np.isnan(twins.attend(q, k, v, mask, 4)[0, :, :4]).all()


# --- what goes to the definition -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(0, 4), (1, 1), (3, 5, 70), (40, 600)])
def test_gelu_and_its_slope_in_training(shape, rng):
    x = 3 * normal(rng, *shape)
    x.reshape(-1)[:1] = 1e-4  # x·Φ(x) / x would be 0 / 0 at 0
    x.reshape(-1)[1:2] = 0
    found, expected = {}, {}
    p = {"w": np.eye(shape[-1], dtype=np.float32), "b": np.zeros(shape[-1], np.float32)}
    check_close(twins.linear_act(x, p, "gelu", found), ops.linear_act(x, p, "gelu", expected))
    check_close(found["slope"], expected["slope"])


@pytest.mark.parametrize("shape", [(0, 5), (1, 3), (7, 5), (2, 3, 768), (60, 771), (5,)])
def test_norms_and_their_backward_in_training(shape, rng):
    x, residual, p = 3 * normal(rng, *shape) + 5, normal(rng, *shape), {name: normal(rng, shape[-1]) for name in "wb"}
    wide = normal(rng, *shape[:-1], 2 * shape[-1])
    dy = wide[..., shape[-1] :]  # a slice, as that of the words beside the objects
    found, expected, g, expected_g = {}, {}, zeros_like(p), zeros_like(p)
    check_close(twins.add_norm(x, residual, p, 1e-12, found), ops.add_norm(x, residual, p, 1e-12, expected))
    check_close(twins.layer_norm_backward(dy, p, found, g), ops.layer_norm_backward(dy, p, expected, expected_g))
    for name in "wb":
        check_close(g[name], expected_g[name])
    backward = twins.layer_norm_backward(dy, p, expected, zeros_like(p))  # from what the definition has kept
    check_close(backward, ops.layer_norm_backward(dy, p, expected, zeros_like(p)))
    threads.set_num_threads(1)
    alone = {}
    twins.add_norm(x, residual, p, 1e-12, alone)
    for name in found:
        np.testing.assert_array_equal(alone[name], found[name])


@pytest.mark.parametrize("rows", [3, 2000])
def test_norm_of_equal_values_with_eps_zero_is_nan_as_in_numpy(rng, rows):
    """One thread and several: dividing by zero must neither raise an error nor leave rows unwritten."""
    x, p = normal(rng, rows, 16), {"w": np.ones(16, np.float32), "b": np.zeros(16, np.float32)}
    x[1] = 2
    with np.errstate(divide="ignore", invalid="ignore"):
        expected, kept = ops.layer_norm(x, p, 0.0), {}
    np.testing.assert_allclose(twins.layer_norm(x, p, 0.0), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(twins.layer_norm(x, p, 0.0, kept), expected, rtol=1e-4, atol=1e-5)
    assert np.isnan(expected[1]).all() and not np.isnan(expected[2]).any()


def test_norm_backward_of_a_cache_in_columns(rng):
    """The definition keeps the order of its input."""
    x, p, cache = normal(rng, 80, 70).T, {name: normal(rng, 80) for name in "wb"}, {}
    dy = ops.layer_norm(x, p, 1e-12, cache)
    check_close(
        kernels.layer_norm_backward(dy, p, cache, zeros_like(p)), ops.layer_norm_backward(dy, p, cache, zeros_like(p))
    )


def test_arguments_that_cannot_be_written(rng):
    """Large enough for the helpers. Numba once failed on them where each was of the very type of its kernel."""
    x, p = normal(rng, 600, 160), {name: normal(rng, 80) for name in "wb"}
    for array in (x, *p.values()):
        array.flags.writeable = False
    for part in (x[:, :80], x[:, ::2]):
        check_close(twins.layer_norm(part, p, 1e-12), ops.layer_norm(part, p, 1e-12))
        check_close(twins.layer_norm(part, p, 1e-12, {}), ops.layer_norm(part, p, 1e-12))


def test_training_and_other_types_use_the_definition(rng):
    x, p = normal(rng, 3, 4), layer(rng, 5, 4)
    cache = {}
    np.testing.assert_array_equal(kernels.linear_act(x, p, "relu", cache), ops.linear_act(x, p, "relu"))
    assert set(cache) == {"x", "slope"}
    assert kernels.linear(x.astype(float), p).dtype == np.float64
    mask, q = np.zeros((1, 1, 1, 3), np.float32), x[None]
    dropped = kernels.attend(q, q, q, mask, 2, 0.5, np.random.default_rng(1))
    np.testing.assert_array_equal(dropped, ops.attend(q, q, q, mask, 2, 0.5, np.random.default_rng(1)))


def test_wrong_shapes_are_refused_as_by_numpy(rng):
    with pytest.raises(ValueError):
        kernels.linear(normal(rng, 3, 5), layer(rng, 5, 4))
    with pytest.raises(ValueError):
        kernels.layer_norm(normal(rng, 3, 5), {name: normal(rng, 4) for name in "wb"}, 1e-12)
    q = normal(rng, 2, 3, 8)
    with pytest.raises(ValueError):
        kernels.attend(q, q[:, :2], q, np.zeros((2, 1, 1, 2), np.float32), 2)


# --- packed copies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("halved", [False, True])
def test_weights_without_an_exponent_are_packed_as_zero(halved, rng):
    """Numbers near 1e-40 made a product 27 times as slow, and change no sum that a float32 holds."""
    p = layer(rng, 5, 4)
    p["w"][1:3] = 1e-40, -1e-40, 0.0, 1.5
    expected = np.where(np.abs(p["w"]) < 1e-38, 0, p["w"])
    found = packing.pack_layers([p], halved)[0].packed.panels
    np.testing.assert_array_equal(found, packing.pack_layers([{**p, "w": expected}], halved)[0].packed.panels)
    assert p["w"][1, 0] != 0


def test_plain_arrays_are_packed_for_a_call_alone(rng):
    x, p = normal(rng, 3, 4), layer(rng, 5, 4)
    twins.linear(x, p)
    assert p["w"].flags.writeable and p["b"].flags.writeable
    p["w"] += 1
    p["b"][0] = 7
    check_close(twins.linear(x, p), ops.linear(x, p))


def test_maps_of_the_same_inputs_lie_side_by_side(rng):
    x, outputs = normal(rng, 9, 70), {"query": 70, "key": 33, "value": 33, "norm": 0, "other": 5}
    tree = {name: layer(rng, o, 70 if name != "other" else 20) for name, o in outputs.items() if o}
    tree["norm"] = {"w": normal(rng, 70), "b": normal(rng, 70)}
    packed = packing.pack_tree({"attention": tree, "table": {"w": normal(rng, 7, 70)}}, halved=False)["attention"]
    assert list(packed) == list(tree) and packed["norm"] is not tree["norm"]
    for names in (["query", "key", "value"], ["key", "value"], ["value"], ["query", "value"], ["value", "key"]):
        layers = [packed[name] for name in names]
        inside = names not in (["query", "value"], ["value", "key"])
        assert np.shares_memory(packing.pack_as_one(layers).panels, layers[0].packed.panels) == inside
        for y, expected in zip(twins.linears(x, packed, names), ops.linears(x, tree, names), strict=True):
            check_close(y, expected)


BLOCKS = LxmertConfig(hidden_size=32, num_attention_heads=2, intermediate_size=48, l_layers=2, r_layers=1, x_layers=2)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("shape", [(3, 1, 1, 5), (1, 1, 1, 5), (1, 1, 1, 1), (3, 1, 5, 5), (3, 1, 1, 7)])
def test_masks_of_any_shape_mean_what_they_mean_to_numpy(shape, packed, rng):
    model = LxmertModel(BLOCKS)
    p = packing.pack_tree(model.params, halved=False) if packed else model.params
    x, mask = normal(rng, 3, 5, 32), np.where(rng.random(shape) < 0.4, np.float32(-1e4), np.float32(0))
    one, two = p["language"], p["cross"]
    first = next(iter(one.values()))["attention"]
    calls = {
        "block": lambda: self_attention(x, mask, first, BLOCKS), "stack": lambda: layers(x, mask, one, BLOCKS)[-1],
        "both": lambda: cross_layers(x, x, mask, mask, two, BLOCKS)[-1][1],
    }  # fmt: skip
    for name, call in calls.items():
        with kernels.backend("numpy"):
            expected = outcome(call)
        found = outcome(call)
        assert isinstance(found, type(expected)), name
        if isinstance(found, np.ndarray):
            check_close(found, expected)


def outcome(call):
    try:
        return call()
    except ValueError as error:
        return error


def test_stacks_are_made_once_and_only_of_layers_packed_together(rng):
    one, other = (packing.pack_tree(LxmertModel(BLOCKS, seed).params, halved=False) for seed in range(2))
    assert all(isinstance(one[name], packing.Stack) for name in ("language", "vision", "cross"))
    x, mask = normal(rng, 3, 5, 32), np.zeros((3, 1, 1, 5), np.float32)
    calls = {
        "language": lambda p: layers(x, mask, p, BLOCKS)[-1],
        "cross": lambda p: cross_layers(x, x, mask, mask, p, BLOCKS)[-1][0],
    }
    for name, call in calls.items():
        last = [*one[name]][-1]
        mixed = {**one[name], last: other[name][last]}
        assert packing.make_stack(one[name]) is one[name] and packing.make_stack(mixed) is None
        found = call(mixed)
        with kernels.backend("numpy"):
            check_close(found, call(mixed))
        assert not np.allclose(found, call(one[name]))
    for name, call in calls.items():  # cross layers are no layers, nor the other way round
        with pytest.raises(KeyError):
            call(one["cross" if name == "language" else "language"])


def test_nets_of_other_types_are_left_to_numpy(rng):
    p = {"inner": layer(rng, 48, 32), "outer": layer(rng, 32, 48), "norm": {"w": normal(rng, 32), "b": normal(rng, 32)}}
    x = normal(rng, 2, 3, 32)
    wide = {**p, "outer": {name: array.astype(float) for name, array in p["outer"].items()}}
    short = {**p, "outer": {"w": p["outer"]["w"], "b": p["outer"]["b"][:-1]}}
    check_close(np.float32(feed_forward(x, wide, BLOCKS)), feed_forward(x, p, BLOCKS))
    with pytest.raises(ValueError):
        feed_forward(x, short, BLOCKS)


def test_an_output_holds_no_more_memory_than_it_shows(rng):
    model = LxmertModel(BLOCKS.replace(hidden_size=128, l_layers=5))
    output = model(**draw_batch(model.config, 8, 20, 36))
    for array in (output.language_output, output.vision_output):
        base = array
        while isinstance(base.base, np.ndarray):
            base = base.base
        assert base.nbytes <= 1.3 * array.nbytes
        assert memoryview(base.base).nbytes <= ROOMY * 1.3 * array.nbytes


@pytest.mark.parametrize("mode", ["r", "c", "r+"])
def test_memory_mapped_weights(mode, tmp_path, rng):
    w, x = normal(rng, 700, 300), normal(rng, 3, 300)
    w.tofile(tmp_path / "w")
    mapped = np.memmap(tmp_path / "w", np.float32, mode, shape=w.shape)
    if mode == "c":  # a change of this process only
        mapped[0] = w[0] = 0
    check_close(twins.linear(x, {"w": mapped, "b": np.zeros(700, np.float32)}), x @ w.T)
    np.testing.assert_array_equal(mapped, w)


# --- threads and processes -------------------------------------------------------------------------------------------


def everything(rng):
    """The results of all kernels for one seed, at sizes that are shared among threads."""
    x, p = normal(rng, 100, 300), layer(rng, 500, 300)
    q, k, v = normal(rng, 3, 4, 30, 96)
    norm = {name: normal(rng, 300) for name in "wb"}
    return [
        twins.linear_act(x, p, "gelu"),
        twins.add_norm(x, x, norm, 1e-12),
        twins.attend(q, k, v, np.zeros((4, 1, 1, 30), np.float32), 3),
    ]


def test_any_number_of_threads_gives_the_same_bits():
    results = []
    for n in range(1, threads.LIMIT + 1):
        threads.set_num_threads(n)
        assert threads.get_num_threads() == n
        results.append(everything(np.random.default_rng(5)))
    for others in results[1:]:
        for one, other in zip(results[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("n", [0, -1, 10_000, 1.5, "2"])
def test_thread_numbers_are_checked(n):
    with pytest.raises(ConfigError, match="set_num_threads"):
        threads.set_num_threads(n)


def test_python_threads_may_call_at_once():
    expected, wrong = everything(np.random.default_rng(5)), []

    def work():
        for _ in range(20):
            found = everything(np.random.default_rng(5))
            wrong.extend(1 for a, b in zip(found, expected, strict=True) if not np.array_equal(a, b))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_threads_choose_backends_for_themselves():
    """16 threads, backends and numbers of threads changing: every answer has the bits of the backend it began in."""
    rng = np.random.default_rng(5)
    x, p = normal(rng, 60, 300), layer(rng, 200, 300)
    expected = {"numpy": ops.linear_act(x, p, "gelu"), "numba": twins.linear_act(x, p, "gelu")}
    wrong, stop = [], threading.Event()
    assert not np.array_equal(*expected.values())

    def answer(name):
        while not stop.is_set():
            with kernels.backend(name):
                time.sleep(1e-4)
                wrong.extend(not np.array_equal(kernels.linear_act(x, p, "gelu"), expected[name]) for _ in range(3))
            wrong.append(kernels.current_backend() != "numba")

    workers = [threading.Thread(target=answer, args=[name]) for name in ["numpy", "numba"] * 8]
    for worker in workers:
        worker.start()
    for n in range(40):
        threads.set_num_threads(1 + n % threads.LIMIT)
        with kernels.backend("numpy"):
            time.sleep(0.01)
    stop.set()
    for worker in workers:
        worker.join()
    assert len(wrong) > 50 and not any(wrong)
    assert not threads.state[threads.TAKEN] and not threads.state[threads.INSIDE]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals between threads")
def test_ctrl_c_leaves_the_helpers_free():
    """At any moment of a call, from the first line of ours to the last."""
    expected, main, stop = everything(np.random.default_rng(5)), threading.get_ident(), threading.Event()
    inside = caught = 0

    def interrupted(number, frame):
        if inside:
            raise KeyboardInterrupt

    def interrupt():
        while not stop.is_set():
            signal.pthread_kill(main, signal.SIGINT)
            time.sleep(5e-4)

    before, worker = signal.signal(signal.SIGINT, interrupted), threading.Thread(target=interrupt)
    worker.start()
    for _ in range(300):
        try:
            inside = 1
            everything(np.random.default_rng(5))
            inside = 0
        except KeyboardInterrupt:
            inside, caught = 0, caught + 1
    stop.set()
    worker.join()
    signal.signal(signal.SIGINT, before)
    assert caught > 10 and not threads.state[threads.TAKEN] and not threads.state[threads.JOB]
    for one, other in zip(everything(np.random.default_rng(5)), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_quota_bounds_the_threads(tmp_path):
    assert cpu.quota(tmp_path) == float("inf")
    (tmp_path / "cpu.max").write_text("250000 100000\n")
    assert cpu.quota(tmp_path) == 2.5
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("50000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cpu.quota(tmp_path) == 1
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert cpu.quota(tmp_path) == float("inf")


def python(code, *arguments, **environment):
    """Run code in a new process -> what it printed on (stdout, stderr)."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


FORK = """
import os, sys
sys.path.insert(0, "tests/kernels")
import numpy as np
from test_kernels import everything
from minilxmert.kernels import threads
expected = everything(np.random.default_rng(5))
child = os.fork()
if not child:
    same = all(np.array_equal(*pair) for pair in zip(everything(np.random.default_rng(5)), expected))
    os._exit(7 if same and threads.get_num_threads() == 1 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert all(np.array_equal(*pair) for pair in zip(everything(np.random.default_rng(5)), expected))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_computes_the_same():
    python(FORK)


@pytest.mark.skipif(threads.LIMIT < 2, reason="one core")
def test_helpers_sleep_and_are_woken():
    expected = everything(np.random.default_rng(5))
    deadline = time.monotonic() + 20
    while any(helper.bell.is_set() for helper in threads.helpers):
        assert time.monotonic() < deadline, "helpers never sleep"
        time.sleep(0.01)
    for one, other in zip(everything(np.random.default_rng(5)), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert all(helper.is_alive() for helper in threads.helpers) and len(threads.helpers) == threads.LIMIT - 1
    assert not threads.state[threads.INSIDE] and not threads.state[threads.JOB]


def test_a_helper_hears_a_call_while_it_falls_asleep(monkeypatch):
    """Between its last look for work and its sleep it was deaf, and slept through whole kernels: half the speed."""
    served, tired = queue.SimpleQueue(), threading.Semaphore(0)

    def serve(state, number, seen):
        served.put(number)
        tired.acquire()
        return seen

    monkeypatch.setattr(threads, "serve", serve)
    monkeypatch.setattr(threads, "helpers", [])
    threads.call_helpers(1)
    served.get(timeout=60)
    threads.call_helpers(1)
    tired.release()
    served.get(timeout=60)
    tired.release()


SAVE = """
import sys
sys.path.insert(0, "tests/kernels")
import numpy as np
from test_kernels import everything
np.savez(sys.argv[1], *everything(np.random.default_rng(5)))
"""


@pytest.mark.parametrize("tile", ["avx2", pytest.param("plain", marks=pytest.mark.nightly)])
def test_other_tiles_give_the_same_numbers(tile, tmp_path):
    """The whole set of kernels compiled for a smaller processor, and without vector instructions of our own."""
    python(SAVE, tmp_path / "others.npz", MINILXMERT_TILE=tile)
    with np.load(tmp_path / "others.npz") as others:
        for one, name in zip(everything(np.random.default_rng(5)), others.files, strict=True):
            check_close(others[name], one)


STEP = """
import numpy as np
from minilxmert import ops
from minilxmert.kernels import twins
rng = np.random.default_rng(0)
x, p, norm = rng.standard_normal((9, 5), np.float32), {}, {"w": np.ones(5, np.float32), "b": np.ones(5, np.float32)}
p = {"w": rng.standard_normal((6, 5), np.float32), "b": np.ones(6, np.float32)}
q, mask = rng.standard_normal((1, 9, 6), np.float32), np.zeros((1, 1, 1, 9), np.float32)
for name, *arguments in (
    ("linear_act", x, p, "gelu"), ("add_norm", x, x, norm, 1e-12), ("attend", q, q, q, mask, 2)
):
    found, expected = getattr(twins, name)(*arguments), getattr(ops, name)(*arguments)
    assert np.allclose(found, expected, rtol=0, atol=1e-6), name
"""


def test_kernels_run_as_plain_python():
    """Under NUMBA_DISABLE_JIT=1, when they can be stepped through with a debugger."""
    python(STEP, NUMBA_DISABLE_JIT="1", MINILXMERT_TILE="any")


def test_importing_the_package_starts_nothing():
    code = "import sys, threading, minilxmert; print('numba' in sys.modules, threading.active_count())"
    assert python(code)[0].split() == ["False", "1"]


# --- compiling and its cache -----------------------------------------------------------------------------------------


def test_the_cache_is_private():
    assert stat.S_IMODE(compiling.FOLDER.stat().st_mode) & 0o077 == 0
    assert compiling.foreign(compiling.FOLDER) is None


def test_a_cache_that_others_could_write_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    folder = compiling.cache_folder()
    assert folder.parent == tmp_path
    folder.chmod(0o770)
    with pytest.warns(UserWarning, match="others may write"):
        assert compiling.cache_folder() is None
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.warns(UserWarning, match="not a folder of this user"):
        assert compiling.cache_folder() is None


def test_an_impossible_cache_is_no_obstacle(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="compiled anew"):
        assert compiling.cache_folder() is None


def test_tiles_suit_processors(monkeypatch):
    assert cpu.suits({"avx512f", "avx2", "fma"}) == "avx512"
    assert cpu.suits({"avx2", "fma"}) == "avx2"
    assert cpu.suits({"avx2"}) == "any"
    assert cpu.suits({"neon"}) == "neon"
    monkeypatch.setenv("MINILXMERT_TILE", "huge")
    with pytest.raises(ConfigError, match="MINILXMERT_TILE"):
        cpu.tile_name()


BUSY = "import time\nend = time.time() + 40\nwhile time.time() < end:\n    pass"
STRESS = """
import time
import numpy as np
from minilxmert.kernels import attend, linear

rng, end = np.random.default_rng(0), time.time() + 30
sizes = ((50, 30), (130, 70), (300, 200))
maps = [{"w": rng.random((o, i), np.float32), "b": np.zeros(o, np.float32)} for o, i in sizes]
while time.time() < end:
    for rows in (1, 9, 40, 70):
        for p in maps:
            linear(rng.random((rows, p["w"].shape[1]), np.float32), p)
            q = rng.random((2, 9, 48), np.float32)
            attend(q, q, q, np.zeros((2, 1, 1, 9), np.float32), 4)
            [np.empty(size) for size in range(1, 40)]
"""


@pytest.mark.nightly
def test_arrays_outlive_their_helpers_on_a_busy_machine():
    """A helper that the system stops inside a job must find its arguments alive: a crash was found this way."""
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(2)]
    try:
        assert subprocess.run([sys.executable, "-c", STRESS]).returncode == 0
    finally:
        for process in busy:
            process.kill()
            process.wait()
