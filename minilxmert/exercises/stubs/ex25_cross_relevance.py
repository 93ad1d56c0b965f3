"""Exercise 25: relevance across modalities. About 45 minutes; chapter 11."""

import numpy as np


def cross_relevance(cam, ss, sq, qs, qq):
    """One cross-attention's step of the relevancy matrices (Chefer, Gur & Wolf 2021, equations 8 to 11).

    s is the side that looks (N words), q the side that is looked at (M objects); R_xy says for each x how much of each
    y has gone into it: ss (N, N), sq (N, M), qs (M, N), qq (M, M). cam (N, M) is the mean over heads of the positive
    part of gradient times map -> the new ss (N, N), the new sq (N, M)

        new R_ss = R_ss + Ā · R_qs
        new R_sq = R_sq + normalised(R_ss)ᵀ · Ā · normalised(R_qq)

    normalised(R): take the identity off, scale every row to sum to 1, add the identity again. A row of zeros stays.

    Hints
    - All right-hand sides are the old matrices.
    - np.where(total > 0, total, 1) is safe to divide by.
    """
    raise NotImplementedError("exercise 25")
