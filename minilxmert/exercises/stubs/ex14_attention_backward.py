"""Exercise 14: the backward of attention. About 120 minutes; chapter 8."""

import numpy as np

from minilxmert.core.ops import merge_heads, softmax, split_heads


def attention_backward(dy, q, k, v, mask, heads):
    """The gradients of a loss with respect to q, k and v, from its gradient dy with respect to the result of attention.

    dy and q (B, N, E), k and v (B, M, E), mask (B, 1, 1, M), heads H, as in exercise 8
    -> dq (B, N, E), dk (B, M, E), dv (B, M, E)

        a = softmax(q · kᵀ / √D + mask),  y = a · v        for each head

    Hints
    - Split all four into heads first, compute a again, and go through the forward from its end.
    - z = x · y gives dx = dz · yᵀ and dy = xᵀ · dz. The shapes (H, N, M) and (H, N, D) allow one order only.
    - A row of softmax: ds = a · (da - sum of a · da over the row), value by value.
    - Everything that the forward multiplies by 1/√D, the backward multiplies by it once, too.
    """
    raise NotImplementedError("exercise 14")
