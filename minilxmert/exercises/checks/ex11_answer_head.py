"""The answer head: from one vector to a score for every answer."""

import numpy as np

from ... import kernels
from ...core import heads, ops
from ...core.config import LxmertConfig
from ...core.params import classifier_shapes, flatten, unflatten
from ..checking import Exercise
from .ex10_gelu import tanh_value


def solution(x, p, eps):
    with kernels.backend("numpy"):
        return heads.classify(x, p, LxmertConfig(layer_norm_eps=eps))


def draws(rng):
    for number in range(24):
        b, e, answers = [(2, 4, 7), (1, 3, 1), (5, 6, 6)][number % 3]
        dtype = np.float32 if number < 3 else np.float64
        shapes = flatten(classifier_shapes(e, 2 * e, answers))
        p = unflatten({name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()})
        yield rng.standard_normal((b, e)).astype(dtype), p, 0.1


def changed(act=ops.gelu, norm_first=False, norm=True, bias=True, end=lambda y: y):
    def head(x, p, eps):
        z = ops.linear(x, p["inner"])
        if norm_first:
            z = act(ops.layer_norm(z, p["norm"], eps))
        else:
            z = ops.layer_norm(act(z), p["norm"], eps) if norm else act(z)
        return end(ops.linear(z, p["outer"]) if bias else z @ p["outer"]["w"].T)

    return head


EXERCISE = Exercise(
    title="The answer head",
    minutes=15,
    chapter=7,
    teaches="what a head is: linear, GELU, LayerNorm, linear; scores are not yet probabilities",
    solution=solution,
    draws=draws,
    solved=(heads.classify,),
    mistakes=(
        ("the LayerNorm comes before the GELU; here it follows it", changed(norm_first=True)),
        ("the LayerNorm is missing", changed(norm=False)),
        ("the GELU is missing", changed(act=lambda z: z)),
        ("ReLU instead of GELU", changed(act=ops.relu)),
        ("tanh instead of GELU: that is the pooler", changed(act=np.tanh)),
        ("the tanh approximation of GELU; LXMERT has the exact one", changed(act=tanh_value)),
        ("a head gives scores; the softmax belongs to the loss", changed(end=ops.softmax)),
        ("the bias of the last linear map is missing", changed(bias=False)),
    ),
)
