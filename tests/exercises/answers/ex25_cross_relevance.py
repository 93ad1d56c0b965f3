"""Typical answers to exercise 25. The docstring of a wrong one: words that the verdict on it must hold."""

import numpy as np

from minilxmert.explain.relevance import cross_rule


def scaled(r):
    result = r - np.eye(len(r))
    for row in result:
        if row.sum() > 0:
            row /= row.sum()
    return result + np.eye(len(r))


def right_by_einsum(cam, ss, sq, qs, qq):
    return ss + cam @ qs, sq + np.einsum("ab,ac,cd->bd", scaled(ss), cam, scaled(qq))


def right_as_the_package(cam, ss, sq, qs, qq):
    return cross_rule(cam, ss, sq, qs, qq)


def wrong_not_normalised(cam, ss, sq, qs, qq):
    """not normalised"""
    return ss + cam @ qs, sq + ss.T @ cam @ qq


def wrong_identity_scaled(cam, ss, sq, qs, qq):
    """take the identity off"""
    return ss + cam @ qs, sq + (ss / ss.sum(1, keepdims=True)).T @ cam @ (qq / qq.sum(1, keepdims=True))


def wrong_not_transposed(cam, ss, sq, qs, qq):
    """to be transposed"""
    return ss + cam @ qs, sq + scaled(ss) @ cam @ scaled(qq)


def wrong_new_read(cam, ss, sq, qs, qq):
    """read the old matrices"""
    ss = ss + cam @ qs
    return ss, sq + scaled(ss).T @ cam @ scaled(qq)


def wrong_nothing_kept(cam, ss, sq, qs, qq):
    """the rules add"""
    return cam @ qs, scaled(ss).T @ cam @ scaled(qq)


def wrong_division_by_zero(cam, ss, sq, qs, qq):
    """NaN"""
    a, b = (r - np.eye(len(r)) for r in (ss, qq))
    a, b = (r / r.sum(1, keepdims=True) + np.eye(len(r)) for r in (a, b))
    return ss + cam @ qs, sq + a.T @ cam @ b


def wrong_in_place(cam, ss, sq, qs, qq):
    """changes its input"""
    ss += cam @ qs
    return ss, sq + scaled(ss).T @ cam @ scaled(qq)
