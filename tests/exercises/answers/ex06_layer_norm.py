"""Typical answers to exercise 6. The docstring of a wrong one: words that the verdict on it must hold."""

import numpy as np


def right_by_var(x, w, b, eps):
    for _ in range(2):
        x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt(x.var(-1, keepdims=True) + x.dtype.type(eps)) * w + b


def wrong_centred_once(x, w, b, eps):
    """subtract its mean once more"""
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + x.dtype.type(eps)) * w + b


def wrong_eps_outside(x, w, b, eps):
    """outside the square root"""
    return (x - x.mean(-1, keepdims=True)) / (x.std(-1, keepdims=True) + eps) * w + b


def wrong_sample_variance(x, w, b, eps):
    """ddof=1"""
    centred = x - x.mean(-1, keepdims=True)
    variance = (centred**2).sum(-1, keepdims=True) / (x.shape[-1] - 1)
    return centred / np.sqrt(variance + eps) * w + b


def wrong_axis(x, w, b, eps):
    """wrong axis"""
    return (x - x.mean(0)) / np.sqrt(x.var(0) + eps) * w + b


def wrong_whole_array(x, w, b, eps):
    """the whole array"""
    return (x - np.mean(x)) / np.sqrt(np.var(x) + eps) * w + b


def wrong_in_place(x, w, b, eps):
    """changes its input"""
    x -= x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * w + b


def wrong_no_keepdims(x, w, b, eps):
    """fails on"""
    return (x - x.mean(-1)) / np.sqrt(x.var(-1) + eps) * w + b


def wrong_forgotten_return(x, w, b, eps):
    """return"""
    (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + eps) * w + b
