"""Layer normalisation: mean, variance and epsilon of a row; broadcasting over the last axis.

15 minutes; chapter 5."""

import numpy as np

from ...core import ops
from ..student import Wrong
from . import sized


def layer_norm(x, w, b, eps):
    """Give every row mean 0 and variance 1, then scale it by w and move it by b.

    x (..., E), w (E,), b (E,), eps a small number -> (..., E), in the dtype of x

        y = w · (x - mean) / sqrt(variance + eps) + b

    mean and variance are those of each row, that is, over the last axis; the variance is the mean of the squared
    distances from the mean. Centre twice: the mean is rounded, so a little is left the first time.

    Hints
    - x.mean(-1, keepdims=True) keeps an axis of length 1, so that it can be subtracted from x.
    - eps keeps a row of equal numbers finite: where must it stand for that?
    - The mean is rounded: of 768 numbers 3.3 it is not quite 3.3, and a small eps makes much of what is left. The
      result for a row of equal numbers is b, whatever eps. Subtract the mean of what is left once more.
    """
    return ops.layer_norm(x, {"w": w, "b": b}, eps)


@sized((2, 3, 8), (4, 5), (1, 1, 7), (3, 2), (1, 2, 3, 4))
def draws(rng, *shape):
    """eps is large enough to be seen, one width is 2, and one row is constant."""
    x, (w, b) = rng.standard_normal(shape) * 3 + 1, rng.standard_normal((2, shape[-1]))
    if len(shape) == 2:
        x[0] = 2.0
    return x, w, b, 0.1


def extra(answer, rng):
    """A row of equal numbers has nothing to normalise, even where the mean is rounded and eps is tiny."""
    for number in (3.3, 1000.1, 12345.678):
        w, b = rng.standard_normal((2, 768)).astype(np.float32)
        y = answer(np.full((1, 768), number, np.float32), w, b, 1e-12)
        if not np.allclose(y, b, rtol=0, atol=1e-5):
            off = f"a row of 768 equal numbers ({number}, float32) must give b; yours is {np.abs(y - b).max():.2g} off"
            raise Wrong(f"{off}. The mean is rounded, so x - mean is not quite 0: subtract its mean once more")


def plainly(x, w, b, eps):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps) * w + b


VARIES = "eps / k", "the variance is kept from 0 by {k} · eps instead of eps"
SOLVED = (ops.layer_norm, ops.add_norm)
KEEPS_DTYPE = True
SLIPS = """
is eps added outside the square root? It belongs inside: sqrt(variance + eps)
    np.sqrt(variance + eps) => (np.sqrt(variance) + eps)
is the variance divided by E - 1 (ddof=1)? LayerNorm divides by E
    x.var(-1, => x.var(-1, ddof=1,
are mean and variance taken over the wrong axis? Every row (last axis) has its own
    -1 => 0
are they taken over the whole array? Every row (last axis) has its own
    -1 => None
it divides by the variance, not by its square root
    np.sqrt(variance + eps) => (variance + eps)
the mean is not subtracted
    - mean =>
w and b are not used
    * w + b =>
b is added before the scaling by w
    (x - mean) / np.sqrt(variance + eps) * w + b => ((x - mean) / np.sqrt(variance + eps) + b) * w
"""
