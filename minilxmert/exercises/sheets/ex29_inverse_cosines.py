"""The inverse cosine transform: how 64 numbers of a JPEG become 8 × 8 pixels; a sum over two indices as two matrix
products.

25 minutes; chapter 14."""

import numpy as np


def inverse_cosines(amounts):
    """Add up 64 cosines, each as strong as its amount: what a JPEG keeps of a block -> the block.

    amounts (8, 8): row v, column u is how much there is of the cosine that goes v half waves down and u across
    -> (8, 8): at row y, column x  Σ Σ amounts[v, u] · s(v) · s(u) · cos((2y + 1) v π / 16) · cos((2x + 1) u π / 16)

    with s(0) = √⅛ and s(k) = ½ for k = 1 … 7. Nothing is rounded, and no 128 is added.

    Hints
    - Make the table c[k, n] = s(k) · cos((2n + 1) k π / 16) once, (8, 8). np.mgrid[:8, :8] gives k and n.
    - The double sum is two matrix products with that table. On which side must it be turned round?
    - amounts with a single number tell much: at [0, 0] it gives a constant, at [0, 1] stripes that change from left to
      right.
    """
    k, n = np.mgrid[:8, :8]
    c = np.where(k == 0, np.sqrt(1 / 8), 1 / 2) * np.cos((2 * n + 1) * k * np.pi / 16)
    return c.T @ amounts @ c


def draws(rng):
    """Blocks as files have them, few amounts and those whole; single cosines; nothing at all."""
    for number in range(12):
        amounts = np.rint(rng.normal(0, 40, (8, 8)) / (1 + np.add.outer(np.arange(8), np.arange(8))))
        yield (amounts + number % 2 * 0.25,)
    for place in ((0, 0), (0, 1), (5, 0), (2, 6), (7, 7)):
        amounts = np.zeros((8, 8))
        amounts[place] = 10
        yield (amounts,)
    yield (np.zeros((8, 8)),)


VARIES = "amounts / k", "amounts are stored divided by {k}, as a JPEG's table says: multiply them by {k} before"
SLIPS = """
rows and columns are swapped: the first axis of amounts goes down, the second across
    @ amounts @ => @ amounts.T @
it is the forward transform, from a block to amounts; turn the table round
    c.T @ amounts @ c => c @ amounts @ c.T
the first cosine is as strong as the others; s(0) is √⅛
    np.where(k == 0, np.sqrt(1 / 8), 1 / 2) => np.full((8, 8), 1 / 2)
s(0) is ⅛; it is the root of it
    np.sqrt(1 / 8) => 1 / 8
the cosines are of 2n; of 2n + 1, in the middle of a pixel, they should be
    2 * n + 1 => 2 * n
only the columns are transformed; do the same across
    c.T @ amounts @ c => c.T @ amounts
only the rows are transformed; do the same down
    c.T @ amounts @ c => amounts @ c
128 is added; that comes later
    c.T @ amounts @ c => c.T @ amounts @ c + 128
it is rounded to whole numbers; that comes later
    c.T @ amounts @ c => np.rint(c.T @ amounts @ c)
the angle is in degrees; np.cos takes radians, π for a half turn
    np.pi / 16 => 180 / 16
"""
