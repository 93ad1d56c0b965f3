"""Typical answers to exercise 24. The docstring of a wrong one: words that the verdict on it must hold."""

import numpy as np

from minilxmert.explain.relevance import head_mean, self_rule


def right_as_a_product(maps, gradients):
    """(I + Ā_L) … (I + Ā_2) · (I + Ā_1)"""
    r = identity = np.eye(maps.shape[-1])
    for cam in np.clip(maps * gradients, 0, None).mean(axis=1):
        r = (identity + cam) @ r
    return np.where(np.arange(len(r)) == 0, 0.0, r[0])


def right_as_the_package(maps, gradients):
    r = np.eye(maps.shape[-1])
    for cam in head_mean(maps, gradients):
        r, _ = self_rule(cam, r, r)
    return without_cls(r)


def without_cls(r):
    return np.concatenate([[0.0], r[0, 1:]])


def wrong_clamp_after_mean(maps, gradients):
    """take it before"""
    r = np.eye(maps.shape[-1])
    for cam in np.clip((maps * gradients).mean(axis=1), 0, None):
        r = r + cam @ r
    return without_cls(r)


def wrong_order(maps, gradients):
    """not R·Ā"""
    r = np.eye(maps.shape[-1])
    for cam in np.clip(maps * gradients, 0, None).mean(axis=1):
        r = r + r @ cam
    return without_cls(r)


def wrong_cls_kept(maps, gradients):
    """[CLS] itself must be 0"""
    r = np.eye(maps.shape[-1])
    for cam in np.clip(maps * gradients, 0, None).mean(axis=1):
        r = r + cam @ r
    return r[0]


def wrong_rollout(maps, gradients):
    """gradients are not used"""
    return right_as_a_product(maps, np.ones_like(gradients))


def wrong_elementwise(maps, gradients):
    """multiplies matrices"""
    r = np.eye(maps.shape[-1])
    for cam in np.clip(maps * gradients, 0, None).mean(axis=1):
        r = r + cam * r
    return without_cls(r)


def wrong_in_place(maps, gradients):
    """changes its input"""
    gradients[gradients < 0] = 0
    return right_as_a_product(maps, gradients)


def wrong_backwards(maps, gradients):
    """from the last to the first"""
    return right_as_a_product(maps[::-1], gradients[::-1])
