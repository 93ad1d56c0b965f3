"""The exact GELU and its slope."""

import math

import numpy as np

from ...core import ops
from ..checking import Exercise


def solution(x):
    cache = {}
    return ops.gelu(x, cache), cache["slope"]


def draws(rng):
    """Around 2.7 the tanh formula is farthest from the exact one: 0.0005."""
    for number in range(24):
        shape = [(3, 4), (7,), (1, 2, 3), (1,)][number % 4]
        x = rng.uniform(-4, 4, shape)
        x.flat[0] = [2.7, -2.7, 0, 30][number % 4 if number else 0]
        yield (x.astype(np.float32 if number < 4 else np.float64),)


def differentiated(x):
    """Each value acts on itself alone, so that the slope is the gradient of the sum."""
    phi = np.vectorize(lambda t: t * 0.5 * math.erfc(-t / math.sqrt(2)), otypes=[float])
    return None, (lambda t: float(phi(t).sum()), x)


def pair(value, slope):
    return lambda x: (value(x).astype(x.dtype), slope(x).astype(x.dtype))


def tanh_value(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def tanh_slope(x):
    t = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)


def bell(x):
    return np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def unscaled(x):
    return 0.5 * x * (1 + ops.erf(x))


EXERCISE = Exercise(
    title="GELU and its slope",
    minutes=20,
    chapter=5,
    teaches="x·Φ(x) by the error function, the product rule, and how far the tanh formula is from it",
    solution=solution,
    draws=draws,
    solved=(ops.gelu,),
    outputs=("y", "slope"),
    differentiated=differentiated,
    mistakes=(
        (
            "it is the tanh approximation, up to 0.0005 away from the exact one by erf",
            pair(tanh_value, tanh_slope),
        ),
        ("Φ(x) is (1 + erf(x / √2)) / 2: the √2 is missing", pair(unscaled, unscaled)),
        ("it is the approximation x·σ(1.702 x)", pair(lambda x: x / (1 + np.exp(-1.702 * x)), bell)),
        ("it is ReLU", pair(lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0)),
        ("it is Φ(x) alone, without the factor x", pair(ops.normal_cdf, bell)),
        ("the product rule has two terms: Φ(x) + x·φ(x); only Φ(x) is there", pair(ops.gelu, ops.normal_cdf)),
        ("the product rule has two terms: Φ(x) + x·φ(x); only x·φ(x) is there", pair(ops.gelu, lambda x: x * bell(x))),
        ("in x·φ(x) the factor x is missing", pair(ops.gelu, lambda x: ops.normal_cdf(x) + bell(x))),
    ),
)
