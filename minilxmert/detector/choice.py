"""Which of the boxes become objects: two published rules."""

import numpy as np

from .arithmetic import suppress

SURE = 0.2  # the authors keep every box of this score, if there are neither too few nor too many
STEP = 0.1  # by which the overlap is raised beyond those that the settings name, until enough boxes are left


def by_best_class(boxes, scores, settings):
    """The research project's rule: suppress by the best class's score (N,), at the first overlap that leaves enough.

    -> numbers of boxes, best first. Where no overlap leaves enough, all that there are."""
    order = np.argsort(-scores, kind="stable")
    overlaps = [*settings.overlaps, *np.arange(max(settings.overlaps) + STEP, 1 + STEP, STEP)]
    for overlap in overlaps:
        kept = suppress(boxes[order], overlap, settings.most)
        if len(kept) >= settings.least:
            break
    return order[kept]


def per_class(boxes, probabilities, overlap, settings):
    """The authors' rule: suppress within each class; a box's score is that of its best class that survived.

    boxes (N, 4), probabilities (N, K) -> numbers of boxes. Source: bottom-up-attention, tools/generate_tsv.py."""
    scores = np.zeros(len(boxes), np.float32)
    for column in probabilities.T:
        order = np.argsort(-column, kind="stable")
        kept = order[suppress(boxes[order], overlap, len(boxes))]
        scores[kept] = np.maximum(scores[kept], column[kept])
    sure = np.flatnonzero(scores >= SURE)
    best = np.argsort(-scores, kind="stable")
    if settings.least <= len(sure) <= settings.most:
        return sure
    return best[: settings.least if len(sure) < settings.least else settings.most]
