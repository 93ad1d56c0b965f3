"""Suppression: how a heap of boxes around one thing becomes one box; what is compared with what, and ties.

30 minutes; chapter 14."""

import numpy as np

from ...detector import arithmetic


def suppress(boxes, scores, threshold):
    """Keep the best box, drop all that overlap it by more than the threshold, keep the best of what is left, and so on.

    boxes (N, 4) of x0 y0 x1 y1, scores (N,), threshold in 0…1 -> the numbers of the boxes that stay, best first, (K,)

    The overlap is intersection over union; sides are x1 - x0 and y1 - y0. Of equal scores the first comes first.
    Boxes without an area overlap nothing.

    Hints
    - np.argsort(-scores, kind="stable") is the order, best first; without "stable", equal scores may change places.
    - Compare a box only with those that stay. A dropped box drops no other.
    - No division is needed: shared > threshold · union.
    """
    order, kept = np.argsort(-scores, kind="stable"), []
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for rank, i in enumerate(order):
        stays = rank >= 0
        for j in kept:
            low, high = np.maximum(boxes[i, :2], boxes[j, :2]), np.minimum(boxes[i, 2:], boxes[j, 2:])
            shared = np.maximum(high - low, 0).prod()
            stays &= not shared > threshold * (area[i] + area[j] - shared)
        if stays:
            kept.append(i)
    return np.array(kept, np.int64)


def draws(rng):
    """A chain, an overlap of exactly the threshold, equal scores, boxes apart, without an area; then heaps of boxes."""
    chain = np.array([[10.0 * i, 0, 10 * i + 20, 20] for i in range(6)])
    yield chain, np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4]), 0.3
    yield np.array([[0.0, 0, 2, 1], [0, 0, 1, 1], [1, 0, 2, 1]]), np.array([0.5, 0.9, 0.7]), 0.5
    yield chain, np.full(6, 0.25), 0.3
    yield (
        np.array([[0.0, 0, 10, 10], [20, 20, 30, 30], [5, 5, 5, 5], [5, 5, 5, 5]]),
        np.array([0.1, 0.9, 0.3, 0.2]),
        0.1,
    )
    yield np.zeros((0, 4)), np.zeros(0), 0.5
    for number in range(19):
        heaps = rng.random((1 + number % 3, 1, 2)) * 60 + rng.normal(0, 3, (1, 5, 2))
        sides = rng.uniform(12, 24, (*heaps.shape[:2], 2))
        boxes = np.concatenate([heaps, heaps + sides], -1).reshape(-1, 4)
        yield boxes, rng.integers(1, 9, len(boxes)) / 8, (0.3, 0.5, 0.7)[number % 3]


VARIES = "threshold * k", "threshold is in 0…{k}: {k} stands for an overlap of 1"
SOLVED = (arithmetic.suppress,)
SLIPS = """
1 is added to the sides, as in whole pixels; boxes here are not whole pixels
    boxes[:, 2] - boxes[:, 0] => boxes[:, 2] - boxes[:, 0] + 1
    boxes[:, 3] - boxes[:, 1] => boxes[:, 3] - boxes[:, 1] + 1
    high - low => high - low + 1
what has been dropped must not drop others: compare with the boxes that stay
    in kept: => in order[:rank]:
an overlap of exactly the threshold does not drop a box; only a larger one does
    shared > threshold => 0 < shared >= threshold
of equal scores, the last is taken first; the first should be
    np.argsort(-scores, kind="stable") => np.argsort(scores, kind="stable")[::-1]
the worst box is taken first
    np.argsort(-scores => np.argsort(scores
the right boxes stay, in another order: best first
    np.array(kept, np.int64) => np.sort(np.array(kept, np.int64))
the numbers count the boxes in order of their scores; give those of the boxes as they came
    np.array(kept, np.int64) => np.argsort(order)[np.array(kept, np.int64)]
boxes apart in both directions overlap: negative × negative; clip the sides at 0
    np.maximum(high - low, 0) => (high - low)
the overlap is divided by one of the areas; divide by that of the union
    (area[i] + area[j] - shared) => area[i]
the shared area is counted twice: union = area + area - shared
    - shared) => )
"""
