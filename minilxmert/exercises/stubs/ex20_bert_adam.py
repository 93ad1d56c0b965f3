"""Exercise 20: one step of BertAdam. About 60 minutes; chapter 10."""

import numpy as np


def bert_adam(p, g, m, v, rate, decay, max_norm):
    """One step of the optimizer that trained BERT and LXMERT.

    p parameters, g their gradients, m and v moving means of gradient and squared gradient: four dicts with the same
    names (such as "query.w", "query.b", "norm.w") and shapes; rate, decay, max_norm numbers
    -> new dicts p, m, v (the given ones stay as they are)

        g = g · min(1, max_norm / (norm + 1e-6))        norm: the length of all gradients together, as one vector
        m = 0.9 · m + 0.1 · g
        v = 0.999 · v + 0.001 · g²
        p = p - rate · (m / (√v + 1e-6) + decay · p)

    Names that end in ".b" (biases) or hold "norm" (LayerNorms) do not decay: 0 instead of decay.

    Hints
    - Unlike Adam, BertAdam does not divide m and v by 1 - βᵗ.
    - {name: … for name in p} makes a dict of the same names.
    """
    raise NotImplementedError("exercise 20")
