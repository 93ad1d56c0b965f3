"""Objects become vectors: two inputs of different scale made comparable: a LayerNorm each, then the mean.

20 minutes; chapter 3."""

from ...core import encoder
from ...core.ops import layer_norm, linear
from . import parameters, sized

F, E = 5, 6
SHAPES = {
    "feats": {"w": (E, F), "b": (E,)},
    "feats_norm": {"w": (E,), "b": (E,)},
    "boxes": {"w": (E, 4), "b": (E,)},
    "boxes_norm": {"w": (E,), "b": (E,)},
}


def embed_objects(feats, boxes, p, eps):
    """The mean of what an object looks like and where it is, each after a linear map and a LayerNorm of its own.

    feats (B, M, F), boxes (B, M, 4) in 0…1, p the parameters below, eps a small number -> (B, M, E)

        p["feats"] = {"w": (E, F), "b": (E,)}      p["feats_norm"] = {"w": (E,), "b": (E,)}
        p["boxes"] = {"w": (E, 4), "b": (E,)}      p["boxes_norm"] = {"w": (E,), "b": (E,)}

    Hints
    - linear(x, p) and layer_norm(x, p, eps) are there already.
    - Multiply the features by 10 (with their bias at 0): hardly anything may change. Why is that wanted?
    """
    x, y = linear(feats, p["feats"]), linear(boxes, p["boxes"])
    x, y = layer_norm(x, p["feats_norm"], eps), layer_norm(y, p["boxes_norm"], eps)
    return (x + y) / 2


@sized((2, 3), (1, 1), (4, 4), (1, 6))
def draws(rng, b, m):
    return rng.standard_normal((b, m, F)), rng.random((b, m, 4)), parameters(rng, SHAPES), 0.1


VARIES = "boxes * k", "boxes are in 0…{k}; the parameters were trained with boxes in 0…1"
IMPORTS = "import numpy as np\n\nfrom minilxmert.core.ops import layer_norm, linear"
SOLVED = (encoder.embed_objects,)
SLIPS = """
it is the sum; the mean of the two is half of it
    / 2 =>
the LayerNorm comes after the sum; each of the two has its own, before
    x, y = layer_norm(x, p["feats_norm"], eps), layer_norm(y, p["boxes_norm"], eps) =>
    (x + y) / 2 => layer_norm((x + y) / 2, p["feats_norm"], eps)
the LayerNorm comes after the sum; each of the two has its own, before
    x, y = layer_norm(x, p["feats_norm"], eps), layer_norm(y, p["boxes_norm"], eps) =>
    (x + y) / 2 => layer_norm(x + y, p["feats_norm"], eps)
the LayerNorms are missing
    x, y = layer_norm(x, p["feats_norm"], eps), layer_norm(y, p["boxes_norm"], eps) =>
the boxes are not used
    (x + y) / 2 => x
features and boxes share one LayerNorm; each has its own weights
    boxes_norm => feats_norm
"""
