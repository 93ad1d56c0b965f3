"""How much boxes overlap: intersection over union of every pair."""

import numpy as np

from ..checking import Exercise


def solution(a, b):
    """One pair at a time, as it is defined."""
    result = np.zeros((len(a), len(b)))
    for i, (ax0, ay0, ax1, ay1) in enumerate(a):
        for j, (bx0, by0, bx1, by1) in enumerate(b):
            width, height = min(ax1, bx1) - max(ax0, bx0), min(ay1, by1) - max(ay0, by0)
            both = width * height if width > 0 and height > 0 else 0.0
            union = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - both
            result[i, j] = both / union if union > 0 else 0.0
    return result


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


def changed(pixel=0, clip=True, over=lambda both, a, b: a + b - both, safe=True):
    """All pairs at once, with one piece changed."""

    def iou(a, b):
        low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
        sides = high - low + pixel
        both = (np.maximum(sides, 0) if clip else sides).prod(-1)
        areas = [(x[:, 2:] - x[:, :2] + pixel).prod(-1) for x in (a, b)]
        union = over(both, areas[0][:, None], areas[1][None])
        return both / np.where(union > 0, union, 1) if safe else both / union

    return iou


EXERCISE = Exercise(
    title="Overlap of boxes",
    minutes=20,
    chapter=3,
    teaches="intersection over union of all pairs by broadcasting, and what can go wrong at an edge",
    solution=solution,
    draws=draws,
    mistakes=(
        (
            "boxes apart in both directions overlap: negative × negative; clip the sides at 0",
            changed(clip=False),
        ),
        ("1 is added to the sides, as in whole pixels; boxes here are not whole pixels", changed(pixel=1)),
        ("it is NaN for boxes without an area: 0 / 0", changed(safe=False)),
        ("the overlap is counted twice: union = area a + area b - both", changed(over=lambda both, a, b: a + b)),
        ("it is divided by the first box alone", changed(over=lambda both, a, b: a + 0 * b)),
        ("it is divided by the smaller box", changed(over=lambda both, a, b: np.minimum(a, b))),
        (
            "it is the area of the overlap; divide by that of the union",
            changed(over=lambda both, a, b: both * 0 + 1),
        ),
    ),
)
