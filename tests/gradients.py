"""Gradient checks, and random parameters for them."""

import numpy as np

from minilxmert.core.gradients import both_sides
from minilxmert.core.params import flatten, unflatten

RTOL, ATOL = 1e-6, 1e-8


def check_direction(f, x, dx, dy, rng):
    """A gradient equals the finite difference along a random direction (gradients.py)."""
    np.testing.assert_allclose(*both_sides(f, x, dx, dy, rng), rtol=RTOL, atol=ATOL)


def random_tree(shapes, rng, scale=0.5):
    """A tree of random float64 arrays; LayerNorm weights are random too, so that no gradient cancels by symmetry."""
    return unflatten({path: scale * rng.standard_normal(shape) for path, shape in flatten(shapes).items()})
