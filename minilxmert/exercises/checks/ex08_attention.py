"""Scaled dot-product attention with several heads."""

import numpy as np

from ...core import ops
from ...core.inputs import added_mask
from ..checking import Exercise

SIZES = [(2, 3, 5, 2, 4), (1, 1, 1, 1, 3), (2, 4, 4, 4, 4), (1, 2, 6, 3, 2), (3, 5, 2, 2, 3)]  # B, N, M, H, D


def solution(q, k, v, mask, heads):
    return ops.attend(q, k, v, mask, heads)


def draws(rng):
    """Two, three or one word, as many objects as words in some draws, some objects hidden."""
    for number in range(25):
        b, n, m, h, d = [(2, 3, 5, 2, 4), (1, 1, 1, 1, 3), (2, 4, 4, 4, 4), (1, 2, 6, 3, 2), (3, 5, 2, 2, 3)][
            number % 5
        ]
        q = rng.standard_normal((b, n, h * d))
        k, v = rng.standard_normal((2, b, m, h * d))
        visible = (rng.random((b, m)) < 0.7).astype(float)
        visible[:, 0] = 1
        dtype = np.float32 if number < 5 else np.float64
        q, k, v, visible = (x.astype(dtype) for x in (q, k, v, visible))
        yield q, k, v, added_mask(visible), h


def changed(scale=lambda d, e: d**-0.5, softmax=ops.softmax, masked=1, merge=ops.merge_heads, split=ops.split_heads):
    """Attention with one piece changed."""

    def attention(q, k, v, mask, heads):
        q, k, v = (split(x, heads) for x in (q, k, v))
        d = q.shape[-1]
        return merge(softmax(q @ k.swapaxes(-1, -2) * scale(d, d * heads) + masked * mask) @ v)

    return attention


def reshaped(x, heads):
    b, n, e = x.shape
    return x.reshape(b, heads, n, e // heads)


def back(x):
    return x.reshape(x.shape[0], x.shape[2], -1)


def axis_of_words(s):
    return ops.softmax(s.swapaxes(-1, -2)).swapaxes(-1, -2)


EXERCISE = Exercise(
    title="Attention",
    minutes=30,
    chapter=4,
    teaches="scores, mask, softmax, mixing, for all heads at once; why the scores are scaled",
    solution=solution,
    draws=draws,
    solved=(ops.attend, ops.attend_rows),
    mistakes=(
        ("the scores are divided by √E; a head has only D = E / H values: √D", changed(lambda d, e: e**-0.5)),
        ("the scores are not divided by √D", changed(lambda d, e: 1)),
        ("the scores are multiplied by √D; divide", changed(lambda d, e: d**0.5)),
        ("the scores are divided by D; divide by its square root", changed(lambda d, e: 1 / d)),
        ("the mask is not used", changed(masked=0)),
        ("the softmax goes over the words; each word's shares of the objects sum to 1", changed(softmax=axis_of_words)),
        ("the softmax is missing", changed(softmax=lambda s: s)),
        ("the heads are put together without a transpose: the words are mixed", changed(merge=back)),
        ("the heads are split without a transpose: the words are mixed", changed(split=reshaped)),
        ("the heads are split without a transpose: the words are mixed", changed(split=reshaped, merge=back)),
        (
            "the heads are not split: it is one wide head",
            lambda q, k, v, m, h: solution(q, k, v, m, 1),
        ),
        ("it mixes the keys; the values v are mixed", lambda q, k, v, m, h: solution(q, k, k, m, h)),
    ),
)
