"""The network, a stage a function: ResNet, proposals, what is read of each box, and the choice among boxes.

ResNet has its stride in the first 1 × 1 convolution; normalisations are folded away (He et al. 2016, arXiv 1512.03385).
A stage's parameters are {"0": block, "1": block, …}; a block has conv1, conv2, conv3 and, the first one, shortcut."""

import math

import numpy as np

from ..core.ops import softmax
from ..kernels import linear, linear_act
from .arithmetic import add_relu, convolve, max_pool, roi_pool, suppress


def backbone(x, p):
    """A picture (1, H, W, 3) -> the map that proposals and boxes are read from, (1, H/16, W/16, C), rounded up"""
    x = stem(x, p["stem"])
    x = stage(x, p["res2"])
    x = stage(x, p["res3"], stride=2)
    return stage(x, p["res4"], stride=2)


def stem(x, p):
    """7 × 7, every second pixel, then the largest of 3 × 3: (1, H, W, 3) -> (1, H/4, W/4, C)"""
    return max_pool(convolve(x, p, size=7, stride=2, padding=3))


def stage(x, p, stride=1, dilation=1):
    """Blocks one after the other, the first with the stride: (N, H, W, C) -> (N, H/stride, W/stride, C')"""
    for name, block in p.items():
        x = bottleneck(x, block, stride if name == "0" else 1, dilation)
    return x


def bottleneck(x, p, stride, dilation):
    """Narrow, look around, widen, add: (N, H, W, C) -> (N, H/stride, W/stride, C')"""
    shortcut = convolve(x, p["shortcut"], None, stride=stride) if "shortcut" in p else x
    y = convolve(x, p["conv1"], stride=stride)
    y = convolve(y, p["conv2"], size=3, padding=dilation, dilation=dilation)
    return add_relu(convolve(y, p["conv3"], None), shortcut)


# --- proposals: where something may be -------------------------------------------------------------------------------

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


# --- heads: what is in a box -----------------------------------------------------------------------------------------

CHUNK = 8  # boxes at a time: their maps stay in the cache


def features(x, boxes, p, resolution):
    """x (H, W, C), boxes (N, 4) -> what LXMERT reads of each box: the mean of res5's map, (N, F)"""
    x, found = np.ascontiguousarray(x), np.empty((len(boxes), len(p["0"]["shortcut"]["b"])), np.float32)
    for first in range(0, len(boxes), CHUNK):
        pooled = roi_pool(x, boxes[first : first + CHUNK], resolution, 1 / STRIDE)
        found[first : first + CHUNK] = stage(pooled, p, dilation=2).mean((1, 2))
    return found


def classify(found, p):
    """Features (N, F) -> probabilities of the classes (N, K), background left out, and the likeliest of all (N,)"""
    logits = linear(found, p["classes"])
    return softmax(logits)[:, :-1], logits.argmax(1)


def describe(found, likeliest, p):
    """Features (N, F), classes (N,), the last being background -> probabilities of the attributes (N, K')"""
    known = np.concatenate([found, p["embedding"][likeliest]], 1)
    return softmax(linear(linear_act(known, p["attribute_hidden"], "relu"), p["attributes"])[:, :-1])


def regress(found, boxes, ids, size, p, weights):
    """Features (N, F), boxes (N, 4), classes (N,) -> the boxes as each one's class moves them (N, 4)"""
    deltas = linear(found, p["boxes"]).reshape(len(found), len(p["boxes"]["b"]) // 4, 4)
    return clip(decode(deltas[np.arange(len(ids)), ids], boxes, weights), size)


# --- choice: which boxes become objects ------------------------------------------------------------------------------

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
