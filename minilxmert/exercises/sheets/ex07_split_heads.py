"""Split into heads: reshape keeps the order in memory, transpose changes it; which part of a row is a head's.

10 minutes; chapter 4."""

from ...core import ops
from . import sized


def split_heads(x, heads):
    """Cut every row into `heads` parts and put the heads before the words: each head is a small model of its own.

    x (B, N, E), heads H, which divides E -> (B, H, N, D) with D = E / H

    Head 0 has the first D values of each row, head 1 the next D, and so on.

    Hints
    - reshape never moves a value in memory. Which axis can it cut in two?
    - x.transpose(0, 2, 1, 3) exchanges axes 1 and 2 of four.
    """
    b, n, d = *x.shape[:2], x.shape[2] // heads
    return x.reshape(b, n, heads, d).transpose(0, 2, 1, 3)


@sized((2, 5, 3, 4), (1, 1, 2, 3), (3, 4, 4, 4), (1, 2, 2, 1), (2, 3, 1, 5))
def draws(rng, b, n, h, d):
    """As many words as heads in some draws, so that a wrong order can have the right shape."""
    return rng.standard_normal((b, n, h * d)), h


SOLVED = (ops.split_heads,)
SLIPS = """
a reshape alone has the right shape but mixes the words: reshape to (B, N, H, D), then transpose
    (b, n, heads, d).transpose(0, 2, 1, 3) => (b, heads, n, d)
each head takes D neighbouring values of a row, not every H-th
    (b, n, heads, d).transpose(0, 2, 1, 3) => (b, n, d, heads).transpose(0, 3, 1, 2)
the axes are (B, N, H, D): transpose heads before words
    .transpose(0, 2, 1, 3) =>
the last two axes are exchanged: (B, H, D, N)
    (0, 2, 1, 3) => (0, 2, 3, 1)
heads and batch are exchanged: (H, B, N, D)
    (0, 2, 1, 3) => (2, 0, 1, 3)
"""
