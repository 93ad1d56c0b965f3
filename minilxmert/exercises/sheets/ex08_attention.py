"""Attention: scores, mask, softmax, mixing, for all heads at once; why the scores are scaled.

30 minutes; chapter 4."""

from ...core import ops
from ...core.ops import merge_heads, softmax, split_heads
from . import random_mask, sized


def attention(q, k, v, mask, heads):
    """Every word (a row of q) looks at every object (a row of k and v) and takes a mixture of their values.

    q (B, N, E), k and v (B, M, E), mask (B, 1, 1, M) 0 or very negative, added to the scores, heads H -> (B, N, E)

        scores = q · kᵀ / √D + mask        for each head, with D = E / H
        shares = softmax(scores)           each word's shares of the M objects sum to 1
        result = shares · v                the heads side by side again

    Hints
    - split_heads(x, heads): (B, N, E) -> (B, H, N, D); merge_heads is its inverse; softmax works on the last axis.
    - `a @ b` multiplies the last two axes as matrices, for every B and H; x.swapaxes(-1, -2) transposes them.
    - Draw two words and three objects on paper and write the shape beside every arrow.
    """
    d = q.shape[-1] // heads
    q, k, v = (split_heads(x, heads) for x in (q, k, v))
    scores = q @ k.swapaxes(-1, -2) / d**0.5 + mask
    shares = softmax(scores)
    return merge_heads(shares @ v)


@sized((2, 3, 5, 2, 4), (1, 1, 1, 1, 3), (2, 4, 4, 4, 4), (1, 2, 6, 3, 2), (3, 5, 2, 2, 3))
def draws(rng, b, n, m, h, d):
    """Two, three or one word, as many objects as words in some draws, some objects hidden."""
    q, (k, v) = rng.standard_normal((b, n, h * d)), rng.standard_normal((2, b, m, h * d))
    return q, k, v, random_mask(rng, b, m), h


VARIES = "q * k", "the scores q · kᵀ / √D are also divided by {k}, a temperature, before the mask is added"
IMPORTS = "import numpy as np\n\nfrom minilxmert.core.ops import merge_heads, softmax, split_heads"
SOLVED = (ops.attend, ops.attend_rows)
SLIPS = """
the scores are divided by √E; a head has only D = E / H values: √D
    d**0.5 => (d * heads) ** 0.5
the scores are not divided by √D
    / d**0.5 =>
the scores are multiplied by √D; divide
    / d => * d
the scores are divided by D; divide by its square root
    d**0.5 => d
the mask is not used
    + mask =>
the softmax goes over the words; each word's shares of the objects sum to 1
    softmax(scores) => softmax(scores.swapaxes(-1, -2)).swapaxes(-1, -2)
the softmax is missing
    softmax(scores) => scores
the heads are put together without a transpose: the words are mixed
    merge_heads(shares @ v) => (shares @ v).reshape(mask.shape[0], -1, d * heads)
the heads are split without a transpose: the words are mixed
    split_heads(x, heads) => x.reshape(len(x), heads, x.shape[1], -1)
the heads are split without a transpose: the words are mixed
    split_heads(x, heads) => x.reshape(len(x), heads, x.shape[1], -1)
    merge_heads(shares @ v) => (shares @ v).reshape(mask.shape[0], -1, d * heads)
the heads are not split: it is one wide head
    split_heads(x, heads) => split_heads(x, 1)
    q.shape[-1] // heads => q.shape[-1]
it mixes the keys; the values v are mixed
    shares @ v => shares @ k
"""
