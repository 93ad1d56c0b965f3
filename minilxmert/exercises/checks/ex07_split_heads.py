"""One wide row into several heads."""

import numpy as np

from ...core import ops
from ..checking import Exercise


def solution(x, heads):
    return ops.split_heads(x, heads)


def draws(rng):
    """As many words as heads in some draws, so that a wrong order can have the right shape."""
    for number in range(24):
        b, n, h, d = [(2, 5, 3, 4), (1, 1, 2, 3), (3, 4, 4, 4), (1, 2, 2, 1), (2, 3, 1, 5)][number % 5]
        yield rng.standard_normal((b, n, h * d)).astype(np.float32 if number < 5 else np.float64), h


def sizes(x, heads):
    return (*x.shape[:2], heads, x.shape[2] // heads)


def straight(x, heads):
    b, n, h, d = sizes(x, heads)
    return x.reshape(b, h, n, d)


def interleaved(x, heads):
    b, n, h, d = sizes(x, heads)
    return x.reshape(b, n, d, h).transpose(0, 3, 1, 2)


EXERCISE = Exercise(
    title="Split into heads",
    minutes=10,
    chapter=4,
    teaches="reshape keeps the order in memory, transpose changes it; which part of a row is a head's",
    solution=solution,
    draws=draws,
    solved=(ops.split_heads,),
    mistakes=(
        ("a reshape alone has the right shape but mixes the words: reshape to (B, N, H, D), then transpose", straight),
        ("each head takes D neighbouring values of a row, not every H-th", interleaved),
        ("the axes are (B, N, H, D): transpose heads before words", lambda x, h: x.reshape(sizes(x, h))),
        ("the last two axes are exchanged: (B, H, D, N)", lambda x, h: ops.split_heads(x, h).swapaxes(-1, -2)),
        ("heads and batch are exchanged: (H, B, N, D)", lambda x, h: ops.split_heads(x, h).swapaxes(0, 1)),
    ),
)
