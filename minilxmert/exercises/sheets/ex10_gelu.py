"""GELU and its slope: x·Φ(x) by the error function, the product rule, and how far the tanh formula is from it.

20 minutes; chapter 5."""

import math

import numpy as np

from ...core import ops


def gelu(x):
    """The exact GELU of every value, y = x·Φ(x), and its slope dy/dx.

    x (...) -> y (...), slope (...), both in the dtype of x

    Φ(x) is the share of a normal distribution below x: Φ(x) = (1 + erf(x / √2)) / 2.
    Its own slope is the bell curve φ(x) = exp(-x² / 2) / √(2π).

    Hints
    - erf(array) is there already; math.sqrt gives a Python number, which leaves float32 arrays in float32.
    - The slope is a product rule.
    - Many programs use a formula with tanh instead. It differs by up to 0.0005, which this check notices.
    """
    share = ops.erf(x / math.sqrt(2)) / 2 + 0.5
    bell = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return x * share, share + x * bell


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


def tanh_value(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def tanh_slope(x):
    t = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)


VARIES = "x / k -> y / k", "the GELU is steeper, y = x·Φ({k}·x), and the slope is that of this function"
IMPORTS = "import math\n\nimport numpy as np\n\nfrom minilxmert.core.ops import erf"
SOLVED = (ops.gelu,)
OUTPUTS = ("y", "slope")
KEEPS_DTYPE = True
SLIPS = """
it is the tanh approximation, up to 0.0005 away from the exact one by erf
    x * share, share + x * bell => tanh_value(x), tanh_slope(x)
Φ(x) is (1 + erf(x / √2)) / 2: the √2 is missing
    x / math.sqrt(2)) => x)
it is the approximation x·σ(1.702 x)
    x * share, => x / (1 + np.exp(-1.702 * x)),
it is ReLU
    x * share, share + x * bell => np.maximum(x, 0), (x > 0).astype(x.dtype)
it is Φ(x) alone, without the factor x
    x * share, share + x * bell => share, bell
the product rule has two terms: Φ(x) + x·φ(x); only Φ(x) is there
    + x * bell =>
the product rule has two terms: Φ(x) + x·φ(x); only x·φ(x) is there
    , share + x * bell => , x * bell
in x·φ(x) the factor x is missing
    + x * bell => + bell
"""
