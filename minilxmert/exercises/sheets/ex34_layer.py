"""Project 4, a layer: self-attention and feed-forward, of which the encoders of words and of objects are stacks.

45 minutes; chapter 8."""

from ...core import encoder
from ...core.params import layer_shapes
from ..ways import gelu, layer_norm, linear, random_gradients
from . import parameters, random_mask, sized
from .ex33_look import look

E = 6


def layer(x, mask, p, heads):
    """One transformer layer: every row looks at every row, then each is worked on by itself.

    x (B, N, E), mask (B, 1, 1, N), p {attention, ffn: {inner, outer, norm}}, heads
    -> y (B, N, E), and the way back: back(dy) -> dx, dp

        h = look(x, x)
        y = layer_norm(outer(gelu(inner(h))) + h)

    Hints
    - look is yours, from exercise 33; gelu's way back gives dx alone.
    - look gives two gradients, for x and for context. Here both are the same x.
    - h, too, reaches y on two roads.
    """
    h, back_look = look(x, x, mask, p["attention"], heads)
    z, back_inner = linear(h, p["ffn"]["inner"])
    z, back_gelu = gelu(z)
    z, back_outer = linear(z, p["ffn"]["outer"])
    y, back_norm = layer_norm(z + h, p["ffn"]["norm"])

    def back(dy):
        dsum, dnorm = back_norm(dy)
        dz, douter = back_outer(dsum)
        dh, dinner = back_inner(back_gelu(dz))
        dx, dcontext, dattention = back_look(dh + dsum)
        return dx + dcontext, {"attention": dattention, "ffn": {"inner": dinner, "outer": douter, "norm": dnorm}}

    return y, back


@sized((2, 3, 2), (1, 1, 1), (2, 4, 3), (1, 6, 2))
def draws(rng, b, n, heads):
    x = rng.standard_normal((b, n, E))
    return random_gradients(rng, x), x, random_mask(rng, b, n), parameters(rng, layer_shapes(E, 8)), heads


IMPORTS = "from ex33_look import look\nfrom minilxmert.exercises.ways import gelu, layer_norm, linear"
SOLVED = (encoder.layer,)
OUTPUTS = ("y", "dx", "dp")
WAY_BACK = True
SLIPS = """
the residual of the feed-forward is missing: add h
    z + h => z
the residual of the feed-forward is missing on the way back
    dh + dsum => dh
x is looked from and looked at: both gradients of look add up
    dx + dcontext => dx
the GELU is missing on the way back
    back_gelu(dz) => dz
the residual is h, what has looked, not x
    z + h => z + x
"""
