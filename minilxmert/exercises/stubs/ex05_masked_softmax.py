"""Exercise 5: softmax with a mask. About 20 minutes; chapter 4."""

import numpy as np


def masked_softmax(scores, visible):
    """Turn each row of scores into shares that sum to 1, with a share of 0 for every hidden place.

    scores (..., M), visible (..., M) of 1 (visible) and 0 (hidden) -> (..., M), in the dtype of scores

        share = exp(score) / sum of exp(score) over the row

    Hints
    - exp(1000) is infinite. Subtracting the same number from a whole row changes no share: which number is safe?
    - A hidden place gets -10,000 added to its score, before the softmax. Why not after it? Why not minus infinity?
      (Try a row in which nothing is visible. The model adds the lowest number that the dtype has: what becomes of
      such a row then?)
    """
    raise NotImplementedError("exercise 5")
