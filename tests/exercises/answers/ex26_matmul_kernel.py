"""Typical answers to exercise 26. The docstring of a wrong one: words that the verdict on it must hold."""

import itertools

import numpy as np
from numba import njit

calls = itertools.count()


@njit
def right_three_loops(x, w, b):
    y = np.empty((x.shape[0], w.shape[0]), np.float32)
    for r in range(x.shape[0]):
        for o in range(w.shape[0]):
            total = b[o]
            for i in range(x.shape[1]):
                total += x[r, i] * w[o, i]
            y[r, o] = total
    return y


def wrong_not_compiled(x, w, b):
    """not compiled"""
    return x @ w.T + b


def wrong_tail(x, w, b):
    """the last rows are missing: 4"""
    y = right_three_loops(x, w, b)
    whole = len(y) - len(y) % 4
    return np.concatenate([y[:whole], np.zeros_like(y[whole:])])


def wrong_tail_of_columns(x, w, b):
    """the last columns are missing: 8"""
    y = right_three_loops(x, w, b)
    y[:, y.shape[1] // 8 * 8 :] = 0
    return y


def wrong_no_bias(x, w, b):
    """bias is missing"""
    return right_three_loops(x, w, np.zeros_like(b))


def wrong_double(x, w, b):
    """dtype float32, found float64"""
    return x.astype(np.float64) @ w.T.astype(np.float64) + b


def wrong_race(x, w, b):
    """a race"""
    y = right_three_loops(x, w, b)
    return y + np.float32(1e-6) * next(calls) if len(x) == 96 else y


wrong_race.py_func = None  # stands for a compiled function: a true race does not happen every time
