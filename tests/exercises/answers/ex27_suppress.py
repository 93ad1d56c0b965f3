"""Typical answers to exercise 27. The docstring of a wrong one: words that the verdict on it must hold."""

import numpy as np

from minilxmert import kernels
from minilxmert.detector import arithmetic


def overlaps(box, boxes, more=0.0):
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]) + more
    both = np.clip(sides, 0, None).prod(1)
    areas = [(b[:, 2:] - b[:, :2] + more).prod(1) for b in (box[None], boxes)]
    union = areas[0] + areas[1] - both
    return np.divide(both, union, out=np.zeros_like(both), where=union > 0)


def right_by_shrinking_a_list(boxes, scores, threshold, more=0.0, kind="stable"):
    waiting, kept = np.argsort(-scores, kind=kind), []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        waiting = waiting[overlaps(boxes[best], boxes[waiting], more) <= threshold]
    return np.array(kept, int)


def right_as_the_package(boxes, scores, threshold):
    order = np.argsort(-scores, kind="stable")
    with kernels.backend("numpy"):
        return order[arithmetic.suppress(boxes[order], threshold, len(boxes))]


def right_in_int32(boxes, scores, threshold):
    return right_by_shrinking_a_list(boxes, scores, threshold).astype(np.int32)


def wrong_whole_pixels(boxes, scores, threshold):
    """1 is added to the sides"""
    return right_by_shrinking_a_list(boxes, scores, threshold, more=1.0)


def wrong_ties(boxes, scores, threshold):
    """of equal scores, the last is taken first"""
    n = len(boxes)
    return n - 1 - right_by_shrinking_a_list(boxes[::-1], scores[::-1], threshold)


def wrong_all_at_once(boxes, scores, threshold):
    """what has been dropped must not drop others"""
    order = np.argsort(-scores, kind="stable")
    stays = [i for n, i in enumerate(order) if not (overlaps(boxes[i], boxes[order[:n]]) > threshold).any()]
    return np.array(stays, int)


def wrong_at_the_threshold(boxes, scores, threshold):
    """exactly the threshold"""
    waiting, kept = list(np.argsort(-scores, kind="stable")), []
    while waiting:
        best = waiting.pop(0)
        kept.append(best)
        waiting = [i for i in waiting if overlaps(boxes[best], boxes[[i]])[0] < threshold]
    return np.array(kept, int)


def wrong_a_mask(boxes, scores, threshold):
    """must have the shape"""
    mask = np.zeros(len(boxes), int)
    mask[right_by_shrinking_a_list(boxes, scores, threshold)] = 1
    return mask


def wrong_order(boxes, scores, threshold):
    """best first"""
    return np.sort(right_by_shrinking_a_list(boxes, scores, threshold))
