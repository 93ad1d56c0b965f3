"""Exercise 11: the answer head. About 15 minutes; chapter 7."""

import numpy as np

from minilxmert.core.ops import gelu, layer_norm


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
    raise NotImplementedError("exercise 11")
