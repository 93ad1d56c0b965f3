"""Exercise 23: two pictures, one statement. About 25 minutes; chapter 10."""

import numpy as np


def two_images(ids, feats, read):
    """The states of both pictures of each statement, side by side, for a head that judges "true" or "false" (NLVR2).

    ids (B, N) words of the statements, feats (B, 2, M, F) objects of the left and the right picture,
    read: a function (ids (R, N), feats (R, M, F)) -> states (R, E), the model up to the pooler, for any number of rows
    -> (B, 2E): for each statement the state with the left picture, then the state with the right one

    Call read once, with R = 2B rows.

    Hints
    - Reshaping (B, 2, M, F) to (2B, M, F) puts the two pictures of a statement in rows 2i and 2i + 1.
    - np.repeat([a, b], 2) is a a b b, np.tile([a, b], 2) is a b a b.
    - With a batch of one statement every order looks right. Try three.
    """
    raise NotImplementedError("exercise 23")
