"""Every forward/backward pair of ops.py and every loss function: gradients, limits, mutants that must be rejected."""

import math

import numpy as np
import pytest
from gradients import check_direction, random_tree
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from minilxmert.core import losses as objectives
from minilxmert.core import ops
from minilxmert.core.params import linear_shape, norm_shape, zeros_like

HEADS = 2


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def check_op(rng, forward, backward, x, p=None):
    """Gradients of x and p for y = forward(x, p, cache), dx = backward(dy, p, cache, g)."""
    cache, g = {}, zeros_like(p or {})
    y = forward(x, p, cache)
    np.testing.assert_array_equal(y, forward(x, p, None))
    dy = rng.standard_normal(y.shape)
    dx = backward(dy, p, cache, g)
    check_direction(lambda x: forward(x, p, None), x, dx, dy, rng)
    if p:
        check_direction(lambda p: forward(x, p, None), p, g, dy, rng)


def test_linear(rng):
    p = random_tree(linear_shape(3, 5), rng)
    check_op(rng, ops.linear, ops.linear_backward, rng.standard_normal((2, 4, 5)), p)


def test_linears(rng):
    names = ("a", "b")
    p = random_tree({name: linear_shape(3, 5) for name in names}, rng)
    x, cache, g = rng.standard_normal((2, 4, 5)), {}, zeros_like(p)
    dys = [rng.standard_normal(y.shape) for y in ops.linears(x, p, names, cache)]
    dx = ops.linears_backward(dys, p, names, cache, g)
    check_direction(lambda x: ops.linears(x, p, names), x, dx, dys, rng)
    check_direction(lambda p: ops.linears(x, p, names), p, g, dys, rng)


@pytest.mark.parametrize("act", ops.ACTIVATIONS)
def test_linear_act(rng, act):
    p = random_tree(linear_shape(3, 5), rng)

    def forward(x, p, cache):
        return ops.linear_act(x, p, act, cache)

    check_op(rng, forward, ops.linear_act_backward, rng.standard_normal((4, 5)), p)


def test_tanh(rng):
    x = rng.standard_normal((3, 4))
    check_op(rng, lambda x, p, c: ops.tanh(x, c), lambda dy, p, c, g: ops.activation_backward(dy, c), x)


def norm(x, p, cache):
    return ops.layer_norm(x, p, 1e-12, cache)


def test_layer_norm(rng):
    check_op(rng, norm, ops.layer_norm_backward, rng.standard_normal((2, 3, 6)), random_tree(norm_shape(6), rng))


def test_layer_norm_of_a_constant_row_is_the_bias(rng):
    p = random_tree(norm_shape(6), rng)
    np.testing.assert_allclose(norm(np.full((1, 6), 3.0), p, None)[0], p["b"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("number", [3.3, -0.1, 1000.1, 12345.678])
def test_what_rounding_leaves_of_a_mean_is_not_normalised(rng, number, dtype):
    p = {name: rng.standard_normal(768).astype(dtype) for name in "wb"}
    row, cache = np.full((1, 768), number, dtype), {}
    np.testing.assert_array_equal(norm(row, p, cache)[0], p["b"])
    ones = {name: np.ones_like(value) for name, value in p.items()}
    assert not ops.layer_norm_backward(row, ones, cache, zeros_like(p)).any()  # equal gradients move no mean away


def test_layer_norm_far_from_zero(rng):
    x, p = (rng.standard_normal((4, 768)) + 1e4).astype(np.float32), {"w": np.ones(768), "b": np.zeros(768)}
    narrow = {name: value.astype(np.float32) for name, value in p.items()}
    np.testing.assert_allclose(norm(x, narrow, None), norm(x.astype(float), p, None), rtol=0, atol=2e-6)


def soft(x, p, cache):
    a = ops.softmax(x)
    if cache is not None:
        cache["a"] = a
    return a


def soft_backward(dy, p, cache, g):
    return ops.softmax_backward(dy, cache["a"])


@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_attend_rows(rng, rate):
    """Sentences without a query and without a key among them."""
    q_starts, k_starts = np.array([0, 3, 3, 4, 9]), np.array([0, 2, 6, 6, 9])
    q, k, v, dy = (rng.standard_normal((9, 6)) for _ in range(4))
    mask = np.where(rng.random(9) < 0.3, -10_000.0, 0.0)

    def forward(q, k, v, cache=None):
        return ops.attend_rows(q, k, v, q_starts, k_starts, mask, HEADS, rate, np.random.default_rng(5), cache)

    cache = {}
    y = forward(q, k, v, cache)
    dq, dk, dv = ops.attend_rows_backward(dy, cache)
    check_direction(lambda q: forward(q, k, v), q, dq, dy, rng)
    check_direction(lambda k: forward(q, k, v), k, dk, dy, rng)
    check_direction(lambda v: forward(q, k, v), v, dv, dy, rng)
    if not rate:
        for a, b, c, d in zip(q_starts, q_starts[1:], k_starts, k_starts[1:], strict=False):
            one = ops.attend(q[None, a:b], k[None, c:d], v[None, c:d], mask[c:d], HEADS)[0]
            np.testing.assert_allclose(y[a:b], one, rtol=1e-12, atol=1e-15)


def test_softmax(rng):
    check_op(rng, soft, soft_backward, rng.standard_normal((2, 3, 5)))


@given(arrays.arrays(np.float64, (3, 5), elements=st.floats(-1e4, 1e4)), st.floats(-1e3, 1e3))
def test_softmax_rows_sum_to_one_and_forget_shifts(s, shift):
    a = ops.softmax(s)
    np.testing.assert_allclose(a.sum(-1), 1, atol=1e-12)
    np.testing.assert_allclose(ops.softmax(s + shift), a, atol=1e-9)


@pytest.mark.parametrize("rate", [0.0, 0.4])
@pytest.mark.parametrize("n, m", [(3, 5), (1, 1), (4, 0)])
def test_attend(rng, n, m, rate):
    q, k, v = (rng.standard_normal((2, size, 6)) for size in (n, m, m))
    mask = np.where(rng.random((2, 1, 1, m)) < 0.3, -10_000.0, 0.0)

    def forward(q, k, v, cache=None):
        return ops.attend(q, k, v, mask, HEADS, rate, np.random.default_rng(5), cache)

    cache = {}
    y = forward(q, k, v, cache)
    assert cache["a"].shape == (2, HEADS, n, m) and y.shape == q.shape
    dy = rng.standard_normal(y.shape)
    dq, dk, dv = ops.attend_backward(dy, cache)
    check_direction(lambda q: forward(q, k, v), q, dq, dy, rng)
    if m:
        check_direction(lambda k: forward(q, k, v), k, dk, dy, rng)
        check_direction(lambda v: forward(q, k, v), v, dv, dy, rng)
    else:
        assert not y.any()


def test_dropout(rng):
    x = rng.standard_normal((100, 100))
    y = ops.dropout(x, 0.25, np.random.default_rng(1))
    kept = y != 0
    assert abs(kept.mean() - 0.75) < 0.02
    np.testing.assert_allclose(y[kept], x[kept] / 0.75, rtol=1e-6)  # the scale is drawn in float32
    assert ops.dropout(x, 0.25, None) is x and ops.dropout(x, 0, rng) is x


def test_embedding_adds_repeated_words_and_never_the_padding_row(rng):
    g, ids = {"w": np.zeros((4, 2))}, np.array([[1, 3, 1, 0]])
    dy = rng.standard_normal((1, 4, 2))
    ops.embedding_backward(dy, ids, g)
    np.testing.assert_allclose(g["w"], [[0, 0], dy[0, 0] + dy[0, 2], [0, 0], dy[0, 1]])


def test_erf_equals_the_standard_library():
    x = np.concatenate([np.linspace(-8, 8, 20_001), [-np.inf, np.inf, 1e-300, 0.0]])
    exact = np.array([math.erf(value) for value in x])
    np.testing.assert_allclose(ops.erf(x), exact, rtol=0, atol=2.3e-16)
    np.testing.assert_allclose(ops.erf(x.astype(np.float32)), exact, rtol=0, atol=1.2e-7)


def test_nan_stays_nan():
    x = np.array([[np.nan, 1.0]])
    assert np.isnan(ops.gelu(x)).tolist() == [[True, False]] and np.isnan(ops.softmax(x)).all()


def test_gelu_limits():
    np.testing.assert_array_equal(ops.gelu(np.array([-50.0, 0.0, 50.0])), [0.0, 0.0, 50.0])


@pytest.mark.parametrize("weight", [None, np.array([0.5, 2.0, 0.3, 1.0])])
def test_cross_entropy(rng, weight):
    logits, target = rng.standard_normal((4, 5)), np.array([2, -100, 0, -1])
    loss, dlogits = objectives.cross_entropy(logits, target, weight)
    share = [1 / 2, 1 / 2] if weight is None else [0.5 / 4, 0.3 / 4]
    by_hand = [-np.log(np.exp(logits[r, t]) / np.exp(logits[r]).sum()) for r, t in ((0, 2), (2, 0))]
    np.testing.assert_allclose(loss, np.dot(share, by_hand), rtol=1e-12)
    check_direction(lambda x: objectives.cross_entropy(x, target, weight)[0], logits, dlogits, 1.0, rng)


def test_cross_entropy_without_labels_is_zero_and_huge_scores_are_finite():
    loss, gradient = objectives.cross_entropy(np.ones((2, 3)), np.array([-1, -100]))
    assert loss == 0 and not gradient.any()
    loss, _ = objectives.cross_entropy(np.array([[1e4, -1e4]]), np.array([1]))
    assert loss == 2e4


def test_smooth_l1(rng):
    x, target, weight = rng.standard_normal((3, 4)) * 2, rng.standard_normal((3, 4)), rng.random(3)
    loss, dx = objectives.smooth_l1(x, target, weight)
    d = np.abs(x - target)
    by_hand = (np.where(d < 1, d * d / 2, d - 0.5).mean(1) * weight).mean()
    np.testing.assert_allclose(loss, by_hand, rtol=1e-12)
    check_direction(lambda x: objectives.smooth_l1(x, target, weight)[0], x, dx, 1.0, rng)


def test_binary_cross_entropy(rng):
    x, target = rng.standard_normal((3, 4)) * 2, rng.random((3, 4))
    loss, dx = objectives.binary_cross_entropy(x, target)
    share = 1 / (1 + np.exp(-x))
    by_hand = -(target * np.log(share) + (1 - target) * np.log(1 - share)).sum(1).mean()
    np.testing.assert_allclose(loss, by_hand, rtol=1e-12)
    check_direction(lambda x: objectives.binary_cross_entropy(x, target)[0], x, dx, 1.0, rng)


def test_binary_cross_entropy_of_extreme_scores():
    loss, dx = objectives.binary_cross_entropy(np.float32([[1e4, -1e4, 1e4]]), np.float32([[1, 0, 0]]))
    assert loss == 1e4 and dx.tolist() == [[0, 0, 1]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=20)
@given(n=st.integers(1, 4), m=st.integers(0, 4))
def test_every_op_keeps_the_dtype(dtype, n, m):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, n, 6)).astype(dtype), rng.standard_normal((2, m, 6)).astype(dtype)
    p = {"w": np.ones((6, 6), dtype), "b": np.ones(6, dtype)}
    mask = np.zeros((2, 1, 1, m), dtype)
    results = [
        ops.linear_act(x, p, "gelu"),
        ops.layer_norm(x, {"w": p["b"], "b": p["b"]}, 1e-12),
        ops.attend(x, y, y, mask, HEADS, 0.1, rng),
        objectives.cross_entropy(x[0], np.zeros(n, int))[1],
        objectives.smooth_l1(x[0], x[0], np.ones(n))[1],
        objectives.binary_cross_entropy(x[0], x[0])[1],
    ]
    assert {r.dtype for r in results} == {np.dtype(dtype)}


def forget_means(dy, p, cache, g):
    return cache["scale"] * dy * p["w"]


MUTANTS = {
    "softmax without its correction": (soft, lambda dy, p, c, g: c["a"] * dy, None),
    "softmax of nothing": (soft, lambda dy, p, c, g: 0 * dy, None),
    "layer_norm without its means": (norm, forget_means, norm_shape(6)),
    "linear by the wrong weight": (ops.linear, lambda dy, p, c, g: dy @ p["w"].T, linear_shape(6, 6)),
    "gelu by its tanh form": (
        lambda x, p, c: ops.gelu(c.setdefault("z", x) if c is not None else x),
        lambda dy, p, c, g: dy * (0.5 * (1 + np.tanh(0.7978845608 * (c["z"] + 0.044715 * c["z"] ** 3)))),
        None,
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_mutants_are_rejected(rng, name):
    forward, backward, shapes = MUTANTS[name]
    with pytest.raises(AssertionError):
        check_op(rng, forward, backward, rng.standard_normal((3, 6)), shapes and random_tree(shapes, rng))
