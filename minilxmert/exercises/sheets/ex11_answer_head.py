"""The answer head: what a head is: linear, GELU, LayerNorm, linear; scores are not yet probabilities.

15 minutes; chapter 7."""

import numpy as np  # noqa: F401 (SLIPS use it)

from ...core import heads, ops
from ...core.params import classifier_shapes
from . import parameters, sized
from .ex10_gelu import tanh_value  # noqa: F401


def answer_head(x, p, eps):
    """A score for every answer, from the pooled state of question and picture.

    x (B, E), p the parameters below, eps a small number -> scores (B, A)

        p["inner"] = {"w": (2E, E), "b": (2E,)}       a linear map to twice the width, then GELU,
        p["norm"]  = {"w": (2E,), "b": (2E,)}         then a LayerNorm,
        p["outer"] = {"w": (A, 2E), "b": (A,)}        then a linear map to the answers

    Hints
    - Weights are kept as (outputs, inputs), as published: which way round must they be for `x @ …`?
    - gelu(x) and layer_norm(x, p, eps) are there already.
    """
    z = ops.gelu(ops.linear(x, p["inner"]))
    z = ops.layer_norm(z, p["norm"], eps)
    return ops.linear(z, p["outer"])


@sized((2, 4, 7), (1, 3, 1), (5, 6, 6))
def draws(rng, b, e, answers):
    return rng.standard_normal((b, e)), parameters(rng, classifier_shapes(e, 2 * e, answers)), 0.1


VARIES = "-> the result * k", "the scores are multiplied by {k} at the end, a logit scale"
IMPORTS = "import numpy as np\n\nfrom minilxmert.core.ops import gelu, layer_norm"
SOLVED = (heads.classify,)
SLIPS = """
the LayerNorm comes before the GELU; here it follows it
    ops.gelu(ops.linear( => (ops.linear(
    ops.layer_norm(z, p["norm"], eps) => ops.gelu(ops.layer_norm(z, p["norm"], eps))
the LayerNorm is missing
    z = ops.layer_norm(z, p["norm"], eps) =>
the GELU is missing
    ops.gelu( => (
ReLU instead of GELU
    ops.gelu( => ops.relu(
tanh instead of GELU: that is the pooler
    ops.gelu( => np.tanh(
the tanh approximation of GELU; LXMERT has the exact one
    ops.gelu( => tanh_value(
a head gives scores; the softmax belongs to the loss
    ops.linear(z, p["outer"]) => ops.softmax(ops.linear(z, p["outer"]))
the bias of the last linear map is missing
    ops.linear(z, p["outer"]) => z @ p["outer"]["w"].T
"""
