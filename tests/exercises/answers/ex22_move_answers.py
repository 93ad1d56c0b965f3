"""Typical answers to exercise 22. The docstring of a wrong one: words that the verdict on it must hold."""

import numpy as np

from minilxmert.core import answers


def right_by_matrix(w, b, old, new):
    """A matrix of 1 where the texts are equal picks the rows."""
    same = np.array([[float(a == c) for c in old] for a in new]).reshape(len(new), len(old))
    return same @ w, same @ b


def right_as_the_package(w, b, old, new):
    return answers.move_answers(w, b, old, new)[:2]


def wrong_first_rows(w, b, old, new):
    """by position"""
    n = min(len(old), len(new))
    new_w, new_b = np.zeros((len(new), w.shape[1])), np.zeros(len(new))
    new_w[:n], new_b[:n] = w[:n], b[:n]
    return new_w, new_b


def wrong_last_row(w, b, old, new):
    """index -1"""
    rows = [old.index(text) if text in old else -1 for text in new]
    return w[rows], b[rows]


def wrong_missing(w, b, old, new):
    """fails on"""
    rows = [old.index(text) for text in new]
    return w[rows], b[rows]


def wrong_known_only(w, b, old, new):
    """must have the shape"""
    rows = [old.index(text) for text in new if text in old]
    return w[rows], b[rows]


def wrong_bias_forgotten(w, b, old, new):
    """all zeros"""
    return right_by_matrix(w, b, old, new)[0], np.zeros(len(new))


def wrong_random(w, b, old, new):
    """of the values differ"""
    new_w, new_b = right_by_matrix(w, b, old, new)
    fresh = [text not in old for text in new]
    new_w[fresh] = np.random.default_rng(0).standard_normal((sum(fresh), w.shape[1]))
    return new_w, new_b
