"""The object embeddings: the mean of what an object looks like and where it is."""

import numpy as np

from ... import kernels
from ...core import encoder
from ...core.config import LxmertConfig
from ...core.ops import layer_norm, linear
from ...core.params import flatten, unflatten
from ..checking import Exercise

F, E = 5, 6
SHAPES = {
    "feats": {"w": (E, F), "b": (E,)},
    "feats_norm": {"w": (E,), "b": (E,)},
    "boxes": {"w": (E, 4), "b": (E,)},
    "boxes_norm": {"w": (E,), "b": (E,)},
}


def solution(feats, boxes, p, eps):
    with kernels.backend("numpy"):
        return encoder.embed_objects(feats, boxes, p, LxmertConfig(layer_norm_eps=eps))


def draws(rng):
    for number in range(24):
        dtype = np.float32 if number < 4 else np.float64
        b, m = [(2, 3), (1, 1), (4, 4), (1, 6)][number % 4]
        p = unflatten({name: rng.standard_normal(shape).astype(dtype) for name, shape in flatten(SHAPES).items()})
        yield rng.standard_normal((b, m, F)).astype(dtype), rng.random((b, m, 4)).astype(dtype), p, 0.1


def parts(feats, boxes, p, eps):
    """Both linear maps, and their LayerNorms."""
    x, y = linear(feats, p["feats"]), linear(boxes, p["boxes"])
    return x, y, layer_norm(x, p["feats_norm"], eps), layer_norm(y, p["boxes_norm"], eps)


def of_parts(combine):
    return lambda feats, boxes, p, eps: combine(*parts(feats, boxes, p, eps), p, eps)


EXERCISE = Exercise(
    title="Objects become vectors",
    minutes=20,
    chapter=3,
    teaches="two inputs of different scale made comparable: a LayerNorm each, then the mean",
    solution=solution,
    draws=draws,
    solved=(encoder.embed_objects,),
    mistakes=(
        ("it is the sum; the mean of the two is half of it", of_parts(lambda x, y, fx, fy, p, eps: fx + fy)),
        (
            "the LayerNorm comes after the sum; each of the two has its own, before",
            of_parts(lambda x, y, fx, fy, p, eps: layer_norm((x + y) / 2, p["feats_norm"], eps)),
        ),
        (
            "the LayerNorm comes after the sum; each of the two has its own, before",
            of_parts(lambda x, y, fx, fy, p, eps: layer_norm(x + y, p["feats_norm"], eps)),
        ),
        ("the LayerNorms are missing", of_parts(lambda x, y, fx, fy, p, eps: (x + y) / 2)),
        ("the boxes are not used", of_parts(lambda x, y, fx, fy, p, eps: fx)),
        (
            "features and boxes share one LayerNorm; each has its own weights",
            of_parts(lambda x, y, fx, fy, p, eps: (fx + layer_norm(y, p["feats_norm"], eps)) / 2),
        ),
    ),
)
