"""Project 3, looking: an attention block, projections, attention, residual and LayerNorm, with its way back.

60 minutes; chapter 8."""

from ...core import attention as room
from ...core.params import attention_shapes
from ..ways import layer_norm, linear, random_gradients
from . import parameters, random_mask, sized
from .ex32_attention import attention

E = 6


def look(x, context, mask, p, heads):
    """The rows of x look at the rows of context and take in what they find. Where context is x, it is self-attention.

    x (B, N, E), context (B, M, E), mask (B, 1, 1, M) of context, p {query, key, value, output, norm}, heads
    -> y (B, N, E), and the way back: back(dy) -> dx, dcontext, dp

        z = attention(query(x), key(context), value(context), mask, heads)
        y = layer_norm(output(z) + x)

    Hints
    - attention is yours, from exercise 32; linear and layer_norm are there already.
    - x reaches y on two roads, the query and the residual: their gradients add up. So do those of key and value.
    - dp has the names of p: query, key, value, output, norm.
    """
    q, back_q = linear(x, p["query"])
    k, back_k = linear(context, p["key"])
    v, back_v = linear(context, p["value"])
    z, back_attention = attention(q, k, v, mask, heads)
    o, back_o = linear(z, p["output"])
    y, back_norm = layer_norm(o + x, p["norm"])

    def back(dy):
        dsum, dnorm = back_norm(dy)
        dz, doutput = back_o(dsum)
        dq, dk, dv = back_attention(dz)
        (dx, dquery), (from_k, dkey), (from_v, dvalue) = back_q(dq), back_k(dk), back_v(dv)
        dp = {"query": dquery, "key": dkey, "value": dvalue, "output": doutput, "norm": dnorm}
        return dx + dsum, from_k + from_v, dp

    return y, back


@sized((2, 3, 5, 2), (1, 1, 1, 1), (2, 4, 4, 3), (1, 6, 2, 2))
def draws(rng, b, n, m, heads):
    x, context = rng.standard_normal((b, n, E)), rng.standard_normal((b, m, E))
    return random_gradients(rng, x), x, context, random_mask(rng, b, m), parameters(rng, attention_shapes(E)), heads


IMPORTS = "from ex32_attention import attention\nfrom minilxmert.exercises.ways import layer_norm, linear"
SOLVED = (room.self_attention, room.cross_attention)
OUTPUTS = ("y", "dx", "dcontext", "dp")
WAY_BACK = True
SLIPS = """
the residual is missing: add x before the LayerNorm
    o + x => o
the residual is missing on the way back: dx has two parts
    dx + dsum => dx
the residual passes on the gradient before the LayerNorm, not dy
    dx + dsum => dx + dy
context is read twice, as key and as value: both gradients add up
    from_k + from_v => from_v
the keys have weights of their own
    linear(context, p["key"]) => linear(context, p["value"])
"""
