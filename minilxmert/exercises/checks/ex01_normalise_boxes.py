"""Boxes from pixels to 0…1, whatever the shape of the picture."""

import numpy as np

from ...core import boxes as room
from ..checking import Exercise


def solution(boxes, width, height):
    return room.normalise_boxes(boxes, width, height, check=False)


def draws(rng):
    """Pictures that are not square, whole and broken pixels, and a picture without objects."""
    for number in range(24):
        width, height = (96, 64) if number == 0 else map(int, rng.integers(20, 900, 2))
        corners = rng.random((number % 5, 2, 2)) * (width, height)
        boxes = np.concatenate([corners.min(1), corners.max(1)], -1)
        yield boxes.astype([np.float32, np.int64, np.float64][number % 3]), width, height


def by(divide):
    return lambda boxes, width, height: divide(boxes, width, height).astype(np.float32)


def with_sizes(b, w, h):
    return np.concatenate([b[:, :2], b[:, 2:] - b[:, :2]], 1) / [w, h, w, h]


EXERCISE = Exercise(
    title="Boxes in 0…1",
    minutes=10,
    chapter=3,
    teaches="the box convention x0 y0 x1 y1; dividing x by the width and y by the height",
    solution=solution,
    draws=draws,
    solved=(room.normalise_boxes,),
    mistakes=(
        ("are width and height swapped? x is divided by the width", by(lambda b, w, h: b / [h, w, h, w])),
        ("everything is divided by the width; y belongs to the height", by(lambda b, w, h: b / w)),
        ("everything is divided by the height; x belongs to the width", by(lambda b, w, h: b / h)),
        ("the fraction is lost: whole numbers divided with // or rounded", by(lambda b, w, h: b // [w, h, w, h])),
        ("it gives x, y, width, height; the second half is the other corner, x1 y1", by(with_sizes)),
        ("the four columns stand for x0 y0 x1 y1: every other one is an x", by(lambda b, w, h: b / [w, w, h, h])),
        ("1 is subtracted from the size; divide by width and height", by(lambda b, w, h: b / ([w - 1, h - 1] * 2))),
    ),
)
