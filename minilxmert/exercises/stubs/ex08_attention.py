"""Exercise 8: attention. About 30 minutes; chapter 4."""

import numpy as np

from minilxmert.core.ops import merge_heads, softmax, split_heads


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
    raise NotImplementedError("exercise 8")
