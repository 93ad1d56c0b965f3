"""What the proposals show: each box pooled from the map, looked at by the last stage, named, moved, and described."""

import numpy as np

from ..core.ops import softmax
from ..kernels import linear, linear_act
from .arithmetic import roi_pool
from .proposals import STRIDE, clip, decode
from .resnet import stage

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
    deltas = linear(found, p["boxes"]).reshape(len(found), -1, 4)
    return clip(decode(deltas[np.arange(len(ids)), ids], boxes, weights), size)
