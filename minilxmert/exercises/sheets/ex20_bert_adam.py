"""One step of BertAdam: moving means of gradient and square, decoupled weight decay, the norm of all gradients
together.

60 minutes; chapter 10."""

import numpy as np

from ...training.optimizer import Adam

SHAPES = {"query.w": (3, 2), "query.b": (3,), "norm.w": (3,), "norm.b": (3,)}


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
    first, second = 0.9, 0.999
    norm = np.sqrt(sum((x**2).sum() for x in g.values()))
    new_p, new_m, new_v = {}, {}, {}
    for name in p:
        d = g[name] * min(1, max_norm / (norm + 1e-6))
        new_m[name] = first * m[name] + (1 - first) * d
        new_v[name] = second * v[name] + (1 - second) * d * d
        mean, square = new_m[name], new_v[name]
        decayed = 0 if name.endswith(".b") or "norm" in name else decay
        new_p[name] = p[name] - rate * (mean / (np.sqrt(square) + 1e-6) + decayed * p[name])
    return new_p, new_m, new_v


def draws(rng):
    """A first step (moments 0) and later ones, gradients shorter and longer than max_norm, and all zero."""
    for number in range(24):
        p, g, m, v = ({name: rng.standard_normal(shape) for name, shape in SHAPES.items()} for _ in range(4))
        size = (0.05, 3.0, 0.3)[number % 3] * (number != 11)
        g = {name: size * x for name, x in g.items()}
        m = {name: 0.1 * x * (number > 5) for name, x in m.items()}
        v = {name: 0.1 * x * x * (number > 5) for name, x in v.items()}
        yield p, g, m, v, 0.05, 0.2, 1.0


VARIES = "g * k", "the loss was multiplied by {k}, as in training with float16: divide g by {k} before anything else"
SOLVED = (Adam.update,)
OUTPUTS = ("p", "m", "v")
SLIPS = """
is there Adam's bias correction? BertAdam has none
    new_m[name], new_v[name] => new_m[name] / (1 - first), new_v[name] / (1 - second)
the decay is added to the gradient (L2); it belongs to the change, beside m / √v
    (norm + 1e-6)) => (norm + 1e-6)) + (0 if name.endswith(".b") or "norm" in name else decay) * p[name]
    + decayed * p[name] =>
the decay is not multiplied by the rate
    + decayed * p[name] => + decayed * p[name] / rate
biases and LayerNorms must not decay
    name.endswith(".b") or "norm" in name => False
LayerNorms must not decay, too: norm.w does here
    or "norm" in name =>
nothing decays: the weights (not biases, not norms) must
    name.endswith(".b") or "norm" in name => True
each gradient is clipped by its own norm; clip by the norm of all together
    (norm + => ((g[name] ** 2).sum() ** 0.5 +
the gradients are not clipped
    g[name] * min(1, max_norm / (norm + 1e-6)) => g[name]
short gradients are made longer; clip only long ones
    g[name] * min(1, max_norm / (norm + 1e-6)) => g[name] * max_norm / (norm + 1e-6)
the values are clipped one by one; scale all by one factor
    g[name] * min(1, max_norm / (norm + 1e-6)) => np.clip(g[name], -max_norm, max_norm)
eps belongs outside the square root here: √v + eps
    (np.sqrt(square) + 1e-6) => np.sqrt(square + 1e-6)
the old moments are used; the new ones count
    new_m[name], new_v[name] => m[name], v[name]
0.9 and 0.999 are exchanged
    first, second = 0.9, => second, first = 0.9,
"""
