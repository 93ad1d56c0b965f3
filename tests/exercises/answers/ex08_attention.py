"""Typical answers to exercise 8. The docstring of a wrong one: words that the verdict on it must hold."""

import math

import numpy as np

from minilxmert.core import ops
from minilxmert.core.ops import merge_heads, softmax, split_heads


def right_by_loops(q, k, v, mask, heads):
    d = q.shape[-1] // heads
    result = np.empty_like(q)
    for b in range(len(q)):
        for head in range(heads):
            part = slice(head * d, (head + 1) * d)
            for n in range(q.shape[1]):
                scores = k[b, :, part] @ q[b, n, part] / math.sqrt(d) + mask[b, 0, 0]
                e = np.exp(scores - scores.max())
                result[b, n, part] = e @ v[b, :, part] / e.sum()
    return result


def right_as_the_package(q, k, v, mask, heads):
    return ops.attend(q, k, v, mask, heads)


def wrong_scaled_by_width(q, k, v, mask, heads):
    """√E"""
    scale = q.shape[-1] ** -0.5
    q, k, v = (split_heads(x, heads) for x in (q, k, v))
    return merge_heads(softmax(q @ k.swapaxes(-1, -2) * scale + mask) @ v)


def wrong_unscaled(q, k, v, mask, heads):
    """not divided by √D"""
    q, k, v = (split_heads(x, heads) for x in (q, k, v))
    return merge_heads(softmax(q @ k.swapaxes(-1, -2) + mask) @ v)


def wrong_mask_forgotten(q, k, v, mask, heads):
    """mask is not used"""
    return right_by_loops(q, k, v, np.zeros_like(mask), heads)


def wrong_heads_put_together(q, k, v, mask, heads):
    """put together without a transpose"""
    shape = q.shape
    q, k, v = (split_heads(x, heads) for x in (q, k, v))
    return (softmax(q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1]) + mask) @ v).reshape(shape)


def wrong_softmax_axis(q, k, v, mask, heads):
    """goes over the words"""
    q, k, v = (split_heads(x, heads) for x in (q, k, v))
    scores = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1]) + mask
    e = np.exp(scores - scores.max(axis=-2, keepdims=True))
    return merge_heads(e / e.sum(axis=-2, keepdims=True) @ v)


def wrong_one_head(q, k, v, mask, heads):
    """one wide head"""
    return softmax(q @ k.swapaxes(1, 2) / math.sqrt(q.shape[-1]) + mask[:, 0]) @ v


def wrong_transpose(q, k, v, mask, heads):
    """fails on"""
    q, k, v = (split_heads(x, heads) for x in (q, k, v))
    return merge_heads(softmax(q @ k.T / math.sqrt(q.shape[-1]) + mask) @ v)


def right_with_a_numpy_root(q, k, v, mask, heads):
    """In float32 this root is a float64, and so is the result: no mistake."""
    q, k, v = (split_heads(x, heads) for x in (q, k, v))
    return merge_heads(softmax(q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]) + mask) @ v)
