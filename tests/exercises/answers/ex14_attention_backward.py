"""Typical answers to exercise 14. The docstring of a wrong one: words that the verdict on it must hold."""

import numpy as np

from minilxmert.core import ops
from minilxmert.core.ops import merge_heads, softmax, split_heads


def right_by_jacobians(dy, q, k, v, mask, heads):
    q, k, v, dz = (split_heads(x, heads) for x in (q, k, v, dy))
    root = q.dtype.type(q.shape[-1] ** 0.5)
    a = softmax(np.einsum("bhnd,bhmd->bhnm", q, k) / root + mask)
    jacobian = np.einsum("bhnm,mk->bhnmk", a, np.eye(a.shape[-1], dtype=a.dtype)) - np.einsum("...m,...k->...mk", a, a)
    ds = np.einsum("bhnd,bhmd,bhnmk->bhnk", dz, v, jacobian) / root
    dq, dk = np.einsum("bhnm,bhmd->bhnd", ds, k), np.einsum("bhnm,bhnd->bhmd", ds, q)
    return merge_heads(dq), merge_heads(dk), merge_heads(np.einsum("bhnm,bhnd->bhmd", a, dz))


def right_as_the_package(dy, q, k, v, mask, heads):
    ops.attend(q, k, v, mask, heads, cache=(cache := {}))
    return ops.attend_backward(dy, cache)


def pieces(dy, q, k, v, mask, heads):
    q, k, v, dz = (split_heads(x, heads) for x in (q, k, v, dy))
    root = q.shape[-1] ** -0.5
    a = softmax(q @ k.swapaxes(2, 3) * root + mask)
    return q, k, dz, a, dz @ v.swapaxes(2, 3), root


def wrong_no_softmax(dy, q, k, v, mask, heads):
    """softmax's backward is left out"""
    q, k, dz, a, da, root = pieces(dy, q, k, v, mask, heads)
    ds = da * root
    return merge_heads(ds @ k), merge_heads(ds.swapaxes(2, 3) @ q), merge_heads(a.swapaxes(2, 3) @ dz)


def wrong_half_a_softmax(dy, q, k, v, mask, heads):
    """the sum is missing"""
    q, k, dz, a, da, root = pieces(dy, q, k, v, mask, heads)
    ds = a * da * root
    return merge_heads(ds @ k), merge_heads(ds.swapaxes(2, 3) @ q), merge_heads(a.swapaxes(2, 3) @ dz)


def wrong_scale_of_dk(dy, q, k, v, mask, heads):
    """dk: the scale 1/√D is missing"""
    q, k, dz, a, da, root = pieces(dy, q, k, v, mask, heads)
    ds = a * (da - (da * a).sum(-1, keepdims=True))
    return merge_heads(ds @ k * root), merge_heads(ds.swapaxes(2, 3) @ q), merge_heads(a.swapaxes(2, 3) @ dz)


def wrong_transpose(dy, q, k, v, mask, heads):
    """fails on"""
    q, k, dz, a, da, root = pieces(dy, q, k, v, mask, heads)
    ds = a * (da - (da * a).sum(-1, keepdims=True)) * root
    return merge_heads(ds @ k), merge_heads(ds @ q), merge_heads(a @ dz)


def wrong_reshape(dy, q, k, v, mask, heads):
    """wrong places"""
    dq, dk, dv = right_by_jacobians(dy, q, k, v, mask, heads)
    return split_heads(dq, heads).reshape(dq.shape), dk, dv


def wrong_sign(dy, q, k, v, mask, heads):
    """dq: the sign is wrong"""
    dq, dk, dv = right_by_jacobians(dy, q, k, v, mask, heads)
    return -dq, dk, dv
