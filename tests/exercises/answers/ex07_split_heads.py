"""Typical answers to exercise 7. The docstring of a wrong one: words that the verdict on it must hold."""

import numpy as np

from minilxmert.core import ops


def right_by_cutting(x, heads):
    return np.stack(np.split(x, heads, axis=-1), axis=1)


def right_as_the_package(x, heads):
    return ops.split_heads(x, heads)


def wrong_reshape_only(x, heads):
    """then transpose"""
    b, n, e = x.shape
    return x.reshape(b, heads, n, e // heads)


def wrong_every_other(x, heads):
    """not every H-th"""
    return np.stack([x[:, :, head::heads] for head in range(heads)], axis=1)


def wrong_no_transpose(x, heads):
    """transpose heads before words"""
    b, n, _ = x.shape
    return x.reshape(b, n, heads, -1)


def wrong_swapped(x, heads):
    """(B, H, D, N)"""
    b, n, e = x.shape
    return x.reshape(b, n, heads, e // heads).transpose(0, 2, 3, 1)


def wrong_true_division(x, heads):
    """TypeError"""
    b, n, e = x.shape
    return x.reshape(b, n, heads, e / heads).transpose(0, 2, 1, 3)
