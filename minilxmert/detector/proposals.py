"""Where something may be: the region proposal network (Ren et al. 2015, arXiv 1506.01497).

Around every cell of the map stand the same few boxes, the anchors. The network says of each how much it looks like a
thing, and how to move it; the best survive."""

import math

import numpy as np

from .arithmetic import convolve, suppress

STRIDE = 16  # pixels a cell
LARGEST_LOG = np.float32(math.log(1000 / 16))  # a box grows at most so much


def propose(x, p, anchors, size, settings, least_side):
    """The map (1, H, W, C) -> proposals (N, 4), best first, clipped to `size` (height, width), and their logits (N,)

    anchors (A, 4): the boxes of the cell at 0, 0. least_side: shorter ones are dropped."""
    logits, deltas = rpn(x, p)
    best = np.argsort(-logits, kind="stable")[: settings.candidates]
    boxes = decode(deltas[best], place_anchors(anchors, x.shape[1:3])[best], (1, 1, 1, 1))
    boxes, logits = clip(boxes, size), logits[best]
    sides = boxes[:, 2:] - boxes[:, :2]
    large = ((sides > 0) & (sides >= least_side)).all(1)
    boxes, logits = boxes[large], logits[large]
    kept = suppress(boxes, settings.overlap, settings.proposals)
    return boxes[kept], logits[kept]


def rpn(x, p):
    """The map (1, H, W, C) -> logits (H·W·A,) and deltas (H·W·A, 4) of the anchors: by row, column, anchor"""
    hidden = convolve(x, p["conv"], size=3, padding=1)
    return convolve(hidden, p["objectness"], None).ravel(), convolve(hidden, p["deltas"], None).reshape(-1, 4)


def place_anchors(anchors, shape):
    """The anchors (A, 4) around every cell of a map of shape (H, W): (H·W·A, 4) float32, no half cell in between"""
    y, x = (STRIDE * np.indices(shape, np.float32)).reshape(2, -1)
    return (np.stack([x, y, x, y], 1)[:, None] + anchors).reshape(-1, 4)


def decode(deltas, boxes, weights):
    """Boxes (N, 4) moved and stretched by deltas (N, 4): x and y in widths and heights, sides by their logarithm"""
    dx, dy, dw, dh = (deltas / np.array(weights, np.float32)).T
    w, h = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    half = np.float32(0.5)
    x, y = dx * w + (boxes[:, 0] + half * w), dy * h + (boxes[:, 1] + half * h)
    w, h = np.exp(np.minimum(dw, LARGEST_LOG)) * w, np.exp(np.minimum(dh, LARGEST_LOG)) * h
    return np.stack([x - half * w, y - half * h, x + half * w, y + half * h], 1)


def clip(boxes, size):
    """Boxes (N, 4) within a picture of size (height, width)"""
    h, w = size
    return boxes.clip(0, np.array([w, h, w, h], np.float32))
