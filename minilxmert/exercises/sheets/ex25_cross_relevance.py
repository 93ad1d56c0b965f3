"""Relevance across modalities: how relevance crosses from objects to words; why what was gathered is scaled before it
is mixed.

45 minutes; chapter 11."""

import numpy as np

from ...explain.relevance import cross_rule
from . import sized


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

    def norm(r):
        gathered = r - np.eye(len(r))
        total = gathered.sum(-1, keepdims=True)
        return gathered / np.where(total > 0, total, 1) + np.eye(len(r))

    new_ss = ss + cam @ qs
    return new_ss, sq + norm(ss).T @ cam @ norm(qq)


@sized((3, 5), (4, 4), (1, 2), (2, 1))
def draws(rng, n, m):
    """As many words as objects in some draws; in others nothing has been gathered yet."""
    ss, sq, qs, qq = (rng.random(shape) * (rng.random() < 0.9) for shape in ((n, n), (n, m), (m, n), (m, m)))
    return rng.random((n, m)), np.eye(n) + ss, sq, qs, np.eye(m) + qq


VARIES = "cam * k", "cam is the sum over {k} heads: Ā is cam / {k}"
SOLVED = (cross_rule,)
OUTPUTS = ("new_ss", "new_sq")
SLIPS = """
the matrices are not normalised
    norm(ss).T @ cam @ norm(qq) => ss.T @ cam @ qq
the identity belongs back after the scaling
    + np.eye(len(r)) =>
take the identity off before the scaling
    - np.eye(len(r)) =>
    + np.eye(len(r)) =>
take the identity off before the scaling
    - np.eye(len(r)) =>
the first matrix is to be transposed
    norm(ss).T => norm(ss)
it uses the new R_ss; all rules read the old matrices
    norm(ss) => norm(new_ss)
what was there before is lost: the rules add
    = ss + => =
    sq + =>
"""
