"""Pairs of a sentence and a picture: what stands in many pairs is encoded once, and picked for each of them."""

import numpy as np

from .attention import Rows


def paired(x, mask, of, cache=None):
    """The states and the mask of each pair's sentence (or picture): x (A, N, E), of (B,) or None -> (B, N, E)"""
    if isinstance(mask, Rows) and of is not None:
        rows, mask = mask.chosen(of)
        return x[rows], mask
    return pick(x, of, cache), pick(mask, of)


def pick(x, of, cache=None):
    """x (A, …), of (B,) numbers of its rows -> (B, …); a row may be picked often. None: x as it is"""
    if cache is not None:
        cache.update(of=of, count=len(x))
    return x if of is None else x[of]


def pick_backward(dy, cache):
    """dy (B, …) -> dx (A, …): the gradients of a row that was picked often add up"""
    if cache["of"] is None:
        return dy
    dx = np.zeros((cache["count"], *dy.shape[1:]), dy.dtype)
    for row, d in zip(cache["of"], dy, strict=True):
        dx[row] += d
    return dx
