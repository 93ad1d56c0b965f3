"""Typical answers to exercise 10. The docstring of a wrong one: words that the verdict on it must hold."""

import math

import numpy as np

from minilxmert.core import ops
from minilxmert.core.ops import erf


def phi(x):
    return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def cumulated(x):
    return (1 + erf(x / math.sqrt(2))) / 2


def right_by_math(x):
    exact = np.vectorize(lambda t: (1 + math.erf(t / math.sqrt(2))) / 2, otypes=[x.dtype])(x)
    return x * exact, exact + x * phi(x)


def right_as_the_package(x):
    return ops.gelu(x, cache := {}), cache["slope"]


def wrong_tanh(x):
    """tanh approximation"""
    t = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    return 0.5 * x * (1 + t), cumulated(x) + x * phi(x)


def wrong_slope_of_tanh(x):
    """slope: it is the tanh approximation"""
    c = math.sqrt(2 / math.pi)
    t = np.tanh(c * (x + 0.044715 * x**3))
    return x * cumulated(x), (1 + t) / 2 + x * (1 - t**2) / 2 * c * (1 + 3 * 0.044715 * x**2)


def wrong_root(x):
    """the √2 is missing"""
    return x * (1 + erf(x)) / 2, cumulated(x) + x * phi(x)


def wrong_half_a_product_rule(x):
    """two terms"""
    return x * cumulated(x), cumulated(x)


def wrong_no_slope(x):
    """2 values (y, slope)"""
    return x * cumulated(x)


def wrong_dtype(x):
    """dtype float32, found float64"""
    y, slope = right_by_math(x)
    return y.astype(np.float64), slope
