"""Overlap of boxes: intersection over union of all pairs by broadcasting, and what can go wrong at an edge.

20 minutes; chapter 3."""

import numpy as np


def box_iou(a, b):
    """How much every box of a overlaps every box of b: the area of both over the area of either.

    a (A, 4), b (B, 4) of x0 y0 x1 y1 -> (A, B) in 0…1: 0 where they only touch, or where neither has an area

    Hints
    - a[:, None, :2] has the shape (A, 1, 2), b[None, :, :2] has (1, B, 2): np.maximum of the two has (A, B, 2).
    - Two boxes apart in both directions: what do the two negative sides multiply to?
    - The union is the sum of the two areas less what was counted twice.
    """
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.maximum(high - low, 0).prod(-1)
    area_a, area_b = ((x[..., 2:] - x[..., :2]).prod(-1) for x in (a[:, None], b[None]))
    union = area_a + area_b - both
    return both / np.where(union > 0, union, 1)


def draws(rng):
    """Apart, touching, one in the other, the same, without an area, and no boxes at all."""
    special = np.array([[0, 0, 1, 1], [1, 0, 2, 1], [2, 2, 3, 3], [0.25, 0.25, 0.5, 0.75], [1, 1, 1, 1], [0, 0, 2, 2]])
    yield special, special.copy()
    for number in range(23):
        sets = []
        for count in ((3, 5), (4, 4), (1, 1), (0, 3))[number % 4]:
            corners = rng.random((count, 2, 2))
            sets.append(np.concatenate([corners.min(1), corners.max(1)], -1))
        yield tuple(sets)


VARIES = "a * k", "a is in pixels of a picture {k} times as large as that of b: compare both in the picture of b"
SLIPS = """
boxes apart in both directions overlap: negative × negative; clip the sides at 0
    np.maximum(high - low, 0) => (high - low)
1 is added to the sides, as in whole pixels; boxes here are not whole pixels
    high - low => high - low + 1
    2:] - x[..., :2] => 2:] - x[..., :2] + 1
it is NaN for boxes without an area: 0 / 0
    np.where(union > 0, union, 1) => union
the overlap is counted twice: union = area a + area b - both
    - both =>
it is divided by the first box alone
    area_a + area_b - both => area_a + 0 * area_b
it is divided by the smaller box
    area_a + area_b - both => np.minimum(area_a, area_b)
it is the area of the overlap; divide by that of the union
    / np.where(union > 0, union, 1) =>
"""
