"""Gradient checks with a random cotangent: two forward calls, whatever the size."""

import numpy as np

from minilxmert.params import flatten, map_tree, unflatten

EPS, RTOL, ATOL = 1e-6, 1e-6, 1e-8


def check_direction(f, x, dx, dy, rng):
    """<dy, J v> by central difference equals <dx, v>, for trees or arrays x; f(x) and dy may be tuples."""
    v = each(lambda a: rng.standard_normal(a.shape), x)
    ahead, behind = (as_tuple(f(each(lambda a, b, s=s: a + s * EPS * b, x, v))) for s in (1, -1))
    numeric = sum(np.sum(d * (a - b)) for d, a, b in zip(as_tuple(dy), ahead, behind, strict=True)) / (2 * EPS)
    exact = sum(np.sum(a * b) for a, b in zip(leaves(dx), leaves(v), strict=True))
    np.testing.assert_allclose(exact, numeric, rtol=RTOL, atol=ATOL)


def each(f, *trees):
    return map_tree(f, *trees) if isinstance(trees[0], dict) else f(*trees)


def leaves(tree):
    return flatten(tree).values() if isinstance(tree, dict) else [tree]


def as_tuple(value):
    return value if isinstance(value, tuple | list) else (value,)


def random_tree(shapes, rng, scale=0.5):
    """A tree of random float64 arrays; LayerNorm weights are random too, so that no gradient cancels by symmetry."""
    return unflatten({path: scale * rng.standard_normal(shape) for path, shape in flatten(shapes).items()})
