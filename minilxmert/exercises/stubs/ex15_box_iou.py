"""Exercise 15: overlap of boxes. About 20 minutes; chapter 3."""

import numpy as np


def box_iou(a, b):
    """How much every box of a overlaps every box of b: the area of both over the area of either.

    a (A, 4), b (B, 4) of x0 y0 x1 y1 -> (A, B) in 0…1: 0 where they only touch, or where neither has an area

    Hints
    - a[:, None, :2] has the shape (A, 1, 2), b[None, :, :2] has (1, B, 2): np.maximum of the two has (A, B, 2).
    - Two boxes apart in both directions: what do the two negative sides multiply to?
    - The union is the sum of the two areas less what was counted twice.
    """
    raise NotImplementedError("exercise 15")
