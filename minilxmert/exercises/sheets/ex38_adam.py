"""Project 8, the optimizer: one step of Adam over all parameters, as one long vector.

30 minutes; chapter 10."""

import numpy as np

from ...training.optimizer import Adam
from . import sized


def adam(p, g, m, v, step, rate):
    """One step of Adam, with its bias correction.

    p (n,) all parameters one after the other, g (n,) their gradients, m and v (n,) moving means of gradient and squared
    gradient, step 0, 1, 2 …, rate a number -> new p, m, v, in the dtype of p (the given ones stay as they are)

        m = 0.9 · m + 0.1 · g
        v = 0.999 · v + 0.001 · g²
        p = p - rate · (m / (1 - 0.9ᵗ)) / (√(v / (1 - 0.999ᵗ)) + 1e-6)        with t = step + 1

    Hints
    - m and v begin as zeros: without the division they would be too small for the first steps. How much, at t = 1?
    - Python's own numbers leave a float32 array in float32.
    """
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g * g
    t = step + 1
    change = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-6)
    return p - rate * change, m, v


@sized((5, 0), (1, 1), (8, 7), (3, 200))
def draws(rng, n, step):
    p, g, m, v = rng.standard_normal((4, n))
    return p, g * rng.choice([1e-5, 1]), 0.1 * m * (step > 0), 0.01 * v * v * (step > 0), step, 0.05


SOLVED = (Adam.update, Adam.update_part)
OUTPUTS = ("p", "m", "v")
KEEPS_DTYPE = True
SLIPS = """
the bias correction is missing: divide by 1 - 0.9ᵗ and 1 - 0.999ᵗ
    / (1 - 0.9**t) =>
    / (1 - 0.999**t) =>
t begins at 1: it is step + 1
    step + 1 => step + 2
eps belongs outside the square root
    (np.sqrt(v / (1 - 0.999**t)) + 1e-6) => np.sqrt(v / (1 - 0.999**t) + 1e-6)
it goes uphill: subtract the change
    p - rate => p + rate
the square root is missing
    np.sqrt( => (
"""
