"""The backward of attention: a softmax's Jacobian without building it; which transposes a matrix product turns into.

120 minutes; chapter 8."""

import numpy as np

from ...core import ops
from ...core.ops import merge_heads, softmax, split_heads
from . import random_mask, sized


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
    q, k, v, dz = (split_heads(x, heads) for x in (q, k, v, dy))
    scale = q.shape[-1] ** -0.5
    a = softmax(q @ k.swapaxes(-1, -2) * scale + mask)
    da = dz @ v.swapaxes(-1, -2)
    ds = a * (da - (a * da).sum(-1, keepdims=True))
    dq, dk, dv = ds @ k * scale, ds.swapaxes(-1, -2) @ q * scale, a.swapaxes(-1, -2) @ dz
    return merge_heads(dq), merge_heads(dk), merge_heads(dv)


@sized((2, 3, 5, 2, 4), (1, 1, 1, 1, 3), (2, 4, 4, 2, 4), (1, 5, 2, 3, 2))
def draws(rng, b, n, m, h, d):
    """As many words as objects in one of the sizes, so that a wrong transpose can have the right shape."""
    dy, q = rng.standard_normal((2, b, n, h * d))
    return dy, q, *rng.standard_normal((2, b, m, h * d)), random_mask(rng, b, m), h


def differentiated(dy, q, k, v, mask, heads):
    """The forward, written out once more, head by head."""
    d = q.shape[-1] // heads

    def loss(q, k, v):
        total = 0.0
        for part in (slice(i * d, (i + 1) * d) for i in range(heads)):
            scores = np.einsum("bnd,bmd->bnm", q[..., part], k[..., part]) / d**0.5 + mask[:, 0]
            a = np.exp(scores - scores.max(-1, keepdims=True))
            total += np.einsum("bnd,bnm,bmd->", dy[..., part], a / a.sum(-1, keepdims=True), v[..., part])
        return float(total)

    return (lambda x: loss(x, k, v), q), (lambda x: loss(q, x, v), k), (lambda x: loss(q, k, x), v)


VARIES = (
    "q * k -> dq / k",
    "the forward also divides q · kᵀ / √D by {k}, a temperature; the gradients are with respect to q, k "
    "and v as they come",
)
IMPORTS = "import numpy as np\n\nfrom minilxmert.core.ops import merge_heads, softmax, split_heads"
SOLVED = (ops.attend_backward,)
OUTPUTS = ("dq", "dk", "dv")
SLIPS = """
the softmax's backward is left out: its input is not its output
    a * (da - (a * da).sum(-1, keepdims=True)) => da
the softmax's backward has two terms: a · (da - sum(a · da)); the sum is missing
    - (a * da).sum(-1, keepdims=True) =>
the scale 1/√D is missing
    k * scale, => k,
    q * scale, => q,
the scale 1/√D is there twice
    k * scale, => k * scale**2,
    q * scale, => q * scale**2,
dq and dk are exchanged
    merge_heads(dq), merge_heads(dk) => merge_heads(dk), merge_heads(dq)
"""
