"""Is a backward right? A gradient against finite differences along one random direction, whatever the size.

    exact, numeric = both_sides(f, x, dx, dy, rng)       # of a right backward, equal to about nine digits in float64
For y = f(x) with the Jacobian J, a backward claims that dx = Jᵀ·dy. Then ⟨dx, v⟩ = ⟨dy, J·v⟩ for every v, and J·v is
(f(x + ε·v) - f(x - ε·v)) / 2ε: two forward calls check every number of dx at once. dy must be random: some functions
have the gradient 0 along ones (softmax), and a backward that returns zeros would pass."""

import numpy as np

from .params import flatten, map_tree

EPS = 1e-6  # for float64: the error of the formula, ε², and of the rounding, 1e-16 / ε, are both small


def both_sides(f, x, dx, dy, rng, eps=EPS):
    """⟨dx, v⟩ and ⟨dy, J·v⟩ by central difference for a random direction v, in the dtype of x.

    x and dx: arrays or trees of arrays (params.py); f(x) and dy: arrays or tuples of arrays."""
    v = each(lambda a: rng.standard_normal(a.shape).astype(a.dtype), x)
    ahead, behind = (as_tuple(f(each(lambda a, b, s=s: a + a.dtype.type(s * eps) * b, x, v))) for s in (1, -1))
    numeric = sum(np.sum(d * (a - b)) for d, a, b in zip(as_tuple(dy), ahead, behind, strict=True)) / (2 * eps)
    exact = sum(np.sum(a * b) for a, b in zip(leaves(dx), leaves(v), strict=True))
    return float(exact), float(numeric)


def each(f, *trees):
    return map_tree(f, *trees) if isinstance(trees[0], dict) else f(*trees)


def leaves(tree):
    return flatten(tree).values() if isinstance(tree, dict) else [tree]


def as_tuple(value):
    return value if isinstance(value, tuple | list) else (value,)
