"""Project 2, attention: exercises 8 and 14 in one function, the forward and its way back.

60 minutes; chapter 8."""

from ...core import ops
from ...core.ops import merge_heads, softmax, split_heads
from ..ways import random_gradients
from . import random_mask, sized


def attention(q, k, v, mask, heads):
    """Attention, and the way back from its result to q, k and v.

    q (B, N, E), k and v (B, M, E), mask (B, 1, 1, M) added to the scores, heads H
    -> y (B, N, E), and the way back: back(dy) -> dq, dk, dv

    Hints
    - Your answers to exercises 8 and 14 are most of it. What the forward has computed, the way back still knows: a
      function that is defined inside another one sees its variables.
    - merge_heads, softmax and split_heads are there already.
    """
    q, k, v = (split_heads(x, heads) for x in (q, k, v))
    scale = q.shape[-1] ** -0.5
    a = softmax(q @ k.swapaxes(-1, -2) * scale + mask)

    def back(dy):
        dz = split_heads(dy, heads)
        da = dz @ v.swapaxes(-1, -2)
        ds = a * (da - (a * da).sum(-1, keepdims=True)) * scale
        return tuple(map(merge_heads, (ds @ k, ds.swapaxes(-1, -2) @ q, a.swapaxes(-1, -2) @ dz)))

    return merge_heads(a @ v), back


@sized((2, 3, 5, 2, 4), (1, 1, 1, 1, 3), (2, 4, 4, 2, 4), (1, 5, 2, 3, 2))
def draws(rng, b, n, m, h, d):
    q, (k, v) = rng.standard_normal((b, n, h * d)), rng.standard_normal((2, b, m, h * d))
    return random_gradients(rng, q), q, k, v, random_mask(rng, b, m), h


IMPORTS = "import numpy as np\n\nfrom minilxmert.core.ops import merge_heads, softmax, split_heads"
SOLVED = (ops.attend, ops.attend_backward)
OUTPUTS = ("y", "dq", "dk", "dv")
WAY_BACK = True
SLIPS = """
the scores are not divided by √D
    * scale + mask => + mask
the mask is not used
    + mask =>
the softmax's backward is left out: its input is not its output
    a * (da - (a * da).sum(-1, keepdims=True)) => da
the softmax's backward has two terms: a · (da - sum(a · da)); the sum is missing
    - (a * da).sum(-1, keepdims=True) =>
the scale 1/√D is missing on the way back
    keepdims=True)) * scale => keepdims=True))
"""
