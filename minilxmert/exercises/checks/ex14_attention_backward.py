"""The backward of attention."""

import numpy as np

from ...core import ops
from ...core.inputs import added_mask
from ..checking import Exercise


def solution(dy, q, k, v, mask, heads):
    cache = {}
    ops.attend(q, k, v, mask, heads, cache=cache)
    return ops.attend_backward(dy, cache)


def draws(rng):
    """As many words as objects in one of the sizes, so that a wrong transpose can have the right shape."""
    for number in range(24):
        b, n, m, h, d = [(2, 3, 5, 2, 4), (1, 1, 1, 1, 3), (2, 4, 4, 2, 4), (1, 5, 2, 3, 2)][number % 4]
        dy, q = rng.standard_normal((2, b, n, h * d))
        k, v = rng.standard_normal((2, b, m, h * d))
        visible = (rng.random((b, m)) < 0.7).astype(float)
        visible[:, 0] = 1
        dtype = np.float32 if number < 4 else np.float64
        dy, q, k, v, visible = (x.astype(dtype) for x in (dy, q, k, v, visible))
        yield dy, q, k, v, added_mask(visible), h


def differentiated(dy, q, k, v, mask, heads):
    """The forward, written out once more, head by head."""
    d = q.shape[-1] // heads

    def loss(q, k, v):
        total = 0.0
        for part in (slice(i * d, (i + 1) * d) for i in range(heads)):
            scores = np.einsum("bnd,bmd->bnm", q[..., part], k[..., part]) / d**0.5 + mask[:, 0]
            a = np.exp(scores - scores.max(-1, keepdims=True))
            total += np.einsum("bnd,bnm,bmd->", dy[..., part], a / a.sum(-1, keepdims=True), v[..., part])
        return float(total)

    return (lambda x: loss(x, k, v), q), (lambda x: loss(q, x, v), k), (lambda x: loss(q, k, x), v)


def changed(q_scale=1, k_scale=1, jacobian=True, correct=True, turned=False):
    """The backward with one piece changed; a scale of 1 is the right one."""

    def backward(dy, q, k, v, mask, heads):
        q, k, v, dz = (ops.split_heads(x, heads) for x in (q, k, v, dy))
        root = q.shape[-1] ** -0.5
        a = ops.softmax(q @ k.swapaxes(-1, -2) * root + mask)
        da = dz @ v.swapaxes(-1, -2)
        if jacobian:
            ds = ops.softmax_backward(da, a) if correct else a * da
        else:
            ds = da
        s, t = ds * root**q_scale, ds * root**k_scale
        dv = (a if turned else a.swapaxes(-1, -2)) @ dz
        return tuple(map(ops.merge_heads, (s @ k, (t if turned else t.swapaxes(-1, -2)) @ q, dv)))

    return backward


EXERCISE = Exercise(
    title="The backward of attention",
    minutes=120,
    chapter=8,
    teaches="a softmax's Jacobian without building it; which transposes a matrix product turns into",
    solution=solution,
    draws=draws,
    solved=(ops.attend_backward,),
    outputs=("dq", "dk", "dv"),
    differentiated=differentiated,
    mistakes=(
        ("the softmax's backward is left out: its input is not its output", changed(jacobian=False)),
        ("the softmax's backward has two terms: a · (da - sum(a · da)); the sum is missing", changed(correct=False)),
        ("the scale 1/√D is missing", changed(q_scale=0, k_scale=0)),
        ("the scale 1/√D is there twice", changed(q_scale=2, k_scale=2)),
        ("a transpose is missing (it shows only because the inputs are not square)", changed(turned=True)),
        ("dq and dk are exchanged", lambda *a: (solution(*a)[1], solution(*a)[0], None)),
    ),
)
