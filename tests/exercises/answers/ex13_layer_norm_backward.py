"""Typical answers to exercise 13. The docstring of a wrong one: words that the verdict on it must hold."""

import numpy as np

from minilxmert.core import ops


def normalised(x, eps):
    root = np.sqrt(x.var(-1, keepdims=True) + x.dtype.type(eps))
    return (x - x.mean(-1, keepdims=True)) / root, root


def over_rows(a):
    return a.reshape(-1, a.shape[-1]).sum(0)


def right_in_three_ways(dy, x, w, eps):
    """The direct way, the way through the variance, the way through the mean, as on paper."""
    unit, root = normalised(x, eps)
    d, e = dy * w, x.shape[-1]
    dvariance = (d * unit).sum(-1, keepdims=True) * -0.5 / root**2
    dmean = -d.sum(-1, keepdims=True) / root
    return d / root + dvariance * 2 * unit * root / e + dmean / e, over_rows(dy * unit), over_rows(dy)


def right_as_the_package(dy, x, w, eps):
    p, g = {"w": w, "b": np.zeros_like(w)}, {"w": np.zeros_like(w), "b": np.zeros_like(w)}
    ops.layer_norm(x, p, eps, cache := {})
    return ops.layer_norm_backward(dy, p, cache, g), g["w"], g["b"]


def wrong_without_means(dy, x, w, eps):
    """both mean terms"""
    unit, root = normalised(x, eps)
    return dy * w / root, over_rows(dy * unit), over_rows(dy)


def wrong_without_variance(dy, x, w, eps):
    """term of the variance"""
    unit, root = normalised(x, eps)
    d = dy * w / root
    return d - d.mean(-1, keepdims=True), over_rows(dy * unit), over_rows(dy)


def wrong_gamma_forgotten(dy, x, w, eps):
    """w is forgotten"""
    return right_in_three_ways(dy, x, np.ones_like(w), eps)


def wrong_axes(dy, x, w, eps):
    """must have the shape"""
    unit, _ = normalised(x, eps)
    return right_in_three_ways(dy, x, w, eps)[0], (dy * unit).sum(0), dy.sum(0)


def wrong_dw_of_x(dy, x, w, eps):
    """dw: it is multiplied by x"""
    dx, _, db = right_in_three_ways(dy, x, w, eps)
    return dx, over_rows(dy * x), db


def wrong_sign(dy, x, w, eps):
    """sign"""
    dx, dw, db = right_in_three_ways(dy, x, w, eps)
    return -dx, dw, db


def wrong_count(dy, x, w, eps):
    """3 values"""
    return right_in_three_ways(dy, x, w, eps)[0]
