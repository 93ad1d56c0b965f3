"""Boxes: four numbers x0 y0 x1 y1 an object, in 0…1 of the picture's width and height; what goes wrong with them."""

import numpy as np

from ..errors import ShapeError

SLACK = 1e-3  # detectors round: a box may reach this far over the edge


def normalise_boxes(boxes, width, height, check=True):
    """Boxes in pixels (..., 4) -> x divided by width, y by height, float32, as published. Raises ShapeError.

    check: refuse boxes that already are in 0…1, or that reach outside the picture."""
    boxes = as_boxes(boxes).astype(np.float32)
    try:
        inside = 1 <= width < np.inf and 1 <= height < np.inf
    except TypeError:
        inside = False
    if not inside:
        raise ShapeError(f"boxes: a picture of {width} × {height} pixels has no inside")
    size = np.array([width, height, width, height], np.float32)
    if check and boxes.size:
        if 0 < boxes.max() <= 1 + SLACK and min(width, height) > 1:
            raise ShapeError(f"boxes: the largest value is {boxes.max():.3g}: they are already in 0…1")
        outside = ~(boxes <= size + 1).all(-1)  # a pixel of slack; NaN is outside, too
        if outside.any():
            first = format_box(boxes[outside][0])
            raise ShapeError(f"boxes: {first} reaches outside {width} × {height} pixels: are width and height swapped?")
    return boxes / size


def boxes_from_xywh(boxes):
    """Boxes as corner, width and height (..., x y w h) -> as two corners (..., x0 y0 x1 y1)"""
    boxes = as_boxes(boxes)
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def check_boxes(boxes):
    """Refuse boxes (..., 4) that are not x0 y0 x1 y1 in 0…1, naming the likely cause and the fix. Raises ShapeError.

    Merely reversed corners pass (the published reference inputs are random numbers) unless every box read as x, y,
    width, height lies inside the picture: then that is what they are."""
    boxes = as_boxes(boxes).reshape(-1, 4)
    wrong = ~((boxes >= -SLACK) & (boxes <= 1 + SLACK)).all(1)  # NaN is wrong too
    if wrong.any():
        first = int(wrong.argmax())
        raise ShapeError(
            f"visual_pos: box {first} is {format_box(boxes[first])}, outside 0…1. {guess_cause(boxes[first])}"
        )
    reversed_ = (boxes[:, 2:] < boxes[:, :2]).any(1)
    if reversed_.any() and (boxes[:, :2] + boxes[:, 2:] <= 1 + SLACK).all():
        first = int(reversed_.argmax())
        raise ShapeError(
            f"visual_pos: box {first} is {format_box(boxes[first])}: its second corner lies before its first. "
            "This looks like x, y, width, height: use boxes_from_xywh(boxes)"
        )


def as_boxes(boxes):
    """Boxes as an array (..., 4) of numbers, or a ShapeError."""
    try:
        boxes = np.asarray(boxes)
    except ValueError:
        raise ShapeError("boxes: expected four numbers each, found rows of different lengths") from None
    if boxes.shape[-1:] != (4,) or boxes.dtype.kind not in "fiu":
        raise ShapeError(f"boxes: expected numbers of shape (..., 4), found {boxes.dtype} of shape {boxes.shape}")
    return boxes


def guess_cause(box):
    if not np.isfinite(box).all():
        return "The detector gave no number"
    if box.max() > 2:
        return "This looks like pixels: use normalise_boxes(boxes, width, height)"
    return "Divide x by the picture's width and y by its height: normalise_boxes(boxes, width, height)"


def format_box(box):
    return "(" + ", ".join(f"{value:.4g}" for value in box) + ")"
