"""Relevance through cross-attention: what words gather from objects."""

import numpy as np

from ...explain.relevance import cross_rule
from ..checking import Exercise


def normalised(r, identity=True, whole=False):
    """R with the rows of R - I scaled to sum to 1, and the identity added again."""
    eye = np.eye(len(r))
    gathered = r if whole else r - eye
    total = gathered.sum(-1, keepdims=True)
    return gathered / np.where(total > 0, total, 1) + eye * identity


def changed(norm=normalised, turn=True, keep=1, fresh=False):
    """The rules with one piece changed; as they stand, the right ones."""

    def cross_relevance(cam, ss, sq, qs, qq):
        new_ss = keep * ss + cam @ qs
        left = norm(new_ss if fresh else ss)
        gathered = (left.T if turn else left) @ cam @ norm(qq)
        return new_ss, keep * sq + gathered

    return cross_relevance


def solution(cam, ss, sq, qs, qq):
    return cross_rule(cam, ss, sq, qs, qq)


def draws(rng):
    """As many words as objects in some draws; in others nothing has been gathered yet."""
    for number in range(24):
        n, m = [(3, 5), (4, 4), (1, 2), (2, 1)][number % 4]
        ss, sq, qs, qq = (rng.random(shape) * (number > 3) for shape in ((n, n), (n, m), (m, n), (m, m)))
        yield rng.random((n, m)), np.eye(n) + ss, sq, qs, np.eye(m) + qq


EXERCISE = Exercise(
    title="Relevance across modalities",
    minutes=45,
    chapter=11,
    teaches="how relevance crosses from objects to words; why what was gathered is scaled before it is mixed",
    solution=solution,
    draws=draws,
    solved=(cross_rule,),
    outputs=("new_ss", "new_sq"),
    mistakes=(
        ("the matrices are not normalised", changed(norm=lambda r: r)),
        ("the identity belongs back after the scaling", changed(norm=lambda r: normalised(r, identity=False))),
        ("take the identity off before the scaling", changed(norm=lambda r: normalised(r, False, True))),
        ("take the identity off before the scaling", changed(norm=lambda r: normalised(r, True, True))),
        ("the first matrix is to be transposed", changed(turn=False)),
        ("it uses the new R_ss; all rules read the old matrices", changed(fresh=True)),
        ("what was there before is lost: the rules add", changed(keep=0)),
    ),
)
