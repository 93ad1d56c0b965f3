"""Operations that return their value and the way back: a function from its gradient to those of what went in.

    y, back = linear(x, p)
    dx, dp = back(dy)        # dp has the form of p
The project (project.py) is built of them, and of its student's own functions, which have the same form."""

import functools

import numpy as np

from ..core import ops
from ..core.params import map_tree, zeros_like

EPS = 1e-12


def linear(x, p):
    """x (..., I), p {"w": (O, I), "b": (O,)} -> y (..., O), and the way back: dy -> dx, dp"""
    return with_parameters(ops.linear, ops.linear_backward, x, p)


def layer_norm(x, p):
    """x (..., E), p {"w": (E,), "b": (E,)} -> y (..., E), and the way back: dy -> dx, dp"""
    return with_parameters(functools.partial(ops.layer_norm, eps=EPS), ops.layer_norm_backward, x, p)


def with_parameters(forward, backward, x, p):
    y = forward(x, p, cache=(cache := {}))

    def back(dy):
        g = zeros_like(p)
        return backward(dy, p, cache, g), g

    return y, back


def lookup(ids, p):
    """ids (...) whole numbers, p {"w": (V, E)} -> rows (..., E), and the way back: dy -> dp"""

    def back(dy):
        g = zeros_like(p)
        ops.embedding_backward(dy, ids, g)
        return g

    return ops.embedding(ids, p), back


def gelu(x):
    """x (...) -> y (...), and the way back: dy -> dx"""
    return with_activation(ops.gelu, x)


def tanh(x):
    """x (...) -> y (...), and the way back: dy -> dx"""
    return with_activation(ops.tanh, x)


def with_activation(function, x):
    y = function(x, cache := {})
    return y, lambda dy: ops.activation_backward(dy, cache)


def add_trees(a, b):
    """Two trees of one form, leaf by leaf."""
    return map_tree(np.add, a, b)


def apply(function, args):
    return function(*args)


def there_and_back(function, args):
    """((d, …), *arguments) -> all that function(*arguments) returns and what its way back makes of the gradients d."""
    pair = function(*args[1:])
    if type(pair) is not tuple or len(pair) != 2 or not callable(pair[1]):
        raise TypeError("it must return two things, the value and the way back, which is a function")
    return tuple(part for found in (pair[0], pair[1](*args[0])) for part in as_tuple(found))


def as_tuple(value):
    return value if type(value) is tuple else (value,)


def random_gradients(rng, *arrays):
    """As many gradients as arrays, of their shapes: what a draw of a function with a way back begins with."""
    return tuple(rng.standard_normal(np.shape(array)) for array in arrays)
