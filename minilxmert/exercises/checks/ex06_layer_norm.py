"""LayerNorm: rows of mean 0 and variance 1, scaled and moved."""

import numpy as np

from ...core import ops
from ..checking import Exercise
from ..student import Wrong


def solution(x, w, b, eps):
    return ops.layer_norm(x, {"w": w, "b": b}, eps)


def draws(rng):
    """eps is large enough to be seen, one width is 2, and one row is constant."""
    for number, shape in enumerate([(2, 3, 8), (4, 5), (1, 1, 7), (3, 2), (1, 2, 3, 4)] * 5):
        x, (w, b) = rng.standard_normal(shape) * 3 + 1, rng.standard_normal((2, shape[-1]))
        if number % 5 == 1:
            x[0] = 2.0
        dtype = np.float32 if number < 5 and number % 5 != 1 else np.float64
        yield x.astype(dtype), w.astype(dtype), b.astype(dtype), 0.1


def equal_row(answer, rng):
    """A row of equal numbers has nothing to normalise, even where the mean is rounded and eps is tiny."""
    for number in (3.3, 1000.1, 12345.678):
        w, b = rng.standard_normal((2, 768)).astype(np.float32)
        y = answer(np.full((1, 768), number, np.float32), w, b, 1e-12)
        if not np.allclose(y, b, rtol=0, atol=1e-5):
            told = f"a row of 768 equal numbers, {number} in float32, must give b, and misses it by"
            raise Wrong(f"{told} {np.abs(y - b).max():.2g}: its mean is rounded; subtract the mean of what is left")


def changed(axis=-1, ddof=0, square=True, root_eps=True, centre=True):
    """LayerNorm with one piece changed."""

    def layer_norm(x, w, b, eps):
        mean = x.mean(axis, keepdims=True) if centre else 0
        variance = x.var(axis, keepdims=True, ddof=ddof)
        scale = np.sqrt(variance + eps) if root_eps else np.sqrt(variance) + eps
        return (x - mean) / (scale if square else variance + eps) * w + b

    return layer_norm


EXERCISE = Exercise(
    title="Layer normalisation",
    minutes=15,
    chapter=5,
    teaches="mean, variance and epsilon of a row; broadcasting over the last axis",
    solution=solution,
    draws=draws,
    solved=(ops.layer_norm, ops.add_norm),
    extra=equal_row,
    mistakes=(
        ("is eps added outside the square root? It belongs inside: sqrt(variance + eps)", changed(root_eps=False)),
        ("is the variance divided by E - 1 (ddof=1)? LayerNorm divides by E", changed(ddof=1)),
        ("are mean and variance taken over the wrong axis? Every row (last axis) has its own", changed(axis=0)),
        ("are they taken over the whole array? Every row (last axis) has its own", changed(axis=None)),
        ("it divides by the variance, not by its square root", changed(square=False)),
        ("the mean is not subtracted", changed(centre=False)),
        ("w and b are not used", lambda x, w, b, eps: changed()(x, 1, 0, eps).astype(x.dtype)),
        ("b is added before the scaling by w", lambda x, w, b, eps: (changed()(x, 1, 0, eps) + b) * w),
    ),
)
