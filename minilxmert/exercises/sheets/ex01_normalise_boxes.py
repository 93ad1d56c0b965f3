"""Boxes in 0…1: the box convention x0 y0 x1 y1; dividing x by the width and y by the height.

10 minutes; chapter 3."""

import numpy as np

from ...core import boxes as room


def normalise_boxes(boxes, width, height):
    """Boxes in pixels as parts of the picture, so that a box means the same in a picture of any size.

    boxes (M, 4) of x0 y0 x1 y1 in pixels (whole numbers or not), width and height of the picture in pixels
    -> (M, 4) float32 in 0…1: every x divided by the width, every y by the height

    Hints
    - A picture of 96 × 64 pixels is 96 wide: the box (48, 32, 96, 64) is its lower right quarter, (0.5, 0.5, 1, 1).
    - An array (M, 4) divided by an array (4,) divides every row by it.
    - array.astype(np.float32) is a copy in float32; boxes itself must stay as it is.
    """
    return (boxes / [width, height, width, height]).astype(np.float32)


def draws(rng):
    """Pictures that are not square, whole and broken pixels, and a picture without objects."""
    for number in range(24):
        width, height = (96, 64) if number == 0 else map(int, rng.integers(20, 900, 2))
        corners = rng.random((number % 5, 2, 2)) * (width, height)
        boxes = np.concatenate([corners.min(1), corners.max(1)], -1)
        yield boxes.astype([np.float32, np.int64, np.float64][number % 3]), width, height


def with_sizes(boxes, width, height):
    x0, y0, x1, y1 = normalise_boxes(boxes, width, height).T
    return np.stack([x0, y0, x1 - x0, y1 - y0], -1)


VARIES = (
    "boxes * k",
    "the boxes are in pixels of the picture before it was made {k} times smaller, to width and height",
)
SOLVED = (room.normalise_boxes,)
KEEPS_DTYPE = True
SLIPS = """
are width and height swapped? x is divided by the width
    [width, height, width, height] => [height, width, height, width]
everything is divided by the width; y belongs to the height
    [width, height, width, height] => width
everything is divided by the height; x belongs to the width
    [width, height, width, height] => height
the fraction is lost: whole numbers divided with // or rounded
    / => //
the four columns stand for x0 y0 x1 y1: every other one is an x
    [width, height, width, height] => [width, width, height, height]
1 is subtracted from the size; divide by width and height
    [width, height, width, height] => ([width - 1, height - 1] * 2)
"""
MISTAKES = (("it gives x, y, width, height; the second half is the other corner, x1 y1", with_sizes),)
