"""The backward of LayerNorm: mean and variance depend on the input, too."""

import numpy as np

from ...core import ops
from ..checking import Exercise


def solution(dy, x, w, eps):
    p, cache = {"w": w, "b": np.zeros_like(w)}, {}
    ops.layer_norm(x, p, eps, cache)
    g = {"w": np.zeros_like(w), "b": np.zeros_like(w)}
    return ops.layer_norm_backward(dy, p, cache, g), g["w"], g["b"]


def draws(rng):
    for number, shape in enumerate([(2, 3, 8), (4, 5), (1, 1, 7), (3, 3), (1, 2)] * 5):
        dtype = np.float32 if number < 5 else np.float64
        dy, x = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
        yield dy, x, rng.standard_normal(shape[-1]).astype(dtype), 0.1


def differentiated(dy, x, w, eps):
    """The forward, written out once more: y = w · (x - mean) / sqrt(variance + eps) + b, and the number sum(dy · y)."""

    def loss(x, w, b):
        y = w * (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + eps) + b
        return float((dy * y).sum())

    zero = np.zeros_like(w)
    return (lambda x: loss(x, w, zero), x), (lambda w: loss(x, w, zero), w), (lambda b: loss(x, w, b), zero)


def changed(first=1, second=1, gamma=1, scale=1, axes=None):
    """The backward with one piece changed or left out."""

    def backward(dy, x, w, eps):
        root = np.sqrt(x.var(-1, keepdims=True) + eps)
        unit, d = (x - x.mean(-1, keepdims=True)) / root, dy * w if gamma else dy
        dx = d - first * d.mean(-1, keepdims=True) - second * unit * (d * unit).mean(-1, keepdims=True)
        rows = tuple(range(dy.ndim - 1)) if axes is None else axes
        return dx / root if scale else dx, (dy * unit).sum(rows), dy.sum(rows)

    return backward


def raw_input(dy, x, w, eps):
    rows = tuple(range(dy.ndim - 1))
    return dy, (dy * x).sum(rows), dy


EXERCISE = Exercise(
    title="The backward of layer normalisation",
    minutes=60,
    chapter=8,
    teaches="the chain rule through a mean and a variance; gradients of parameters are sums over all rows",
    solution=solution,
    draws=draws,
    solved=(ops.layer_norm_backward,),
    outputs=("dx", "dw", "db"),
    differentiated=differentiated,
    mistakes=(
        ("both mean terms are missing: the row's mean and variance depend on x, too", changed(first=0, second=0)),
        ("the term of the mean is missing: subtract the mean of dy · w over the row", changed(first=0)),
        ("the term of the variance is missing: subtract unit · mean(dy · w · unit)", changed(second=0)),
        ("w is forgotten: dy is multiplied by w before anything else", changed(gamma=0)),
        ("it is not divided by sqrt(variance + eps)", changed(scale=0)),
        ("it is multiplied by x instead of the normalised x", raw_input),
    ),
)
