"""Typical answers to exercise 11. The docstring of a wrong one: words that the verdict on it must hold."""

import numpy as np

from minilxmert import kernels
from minilxmert.core import heads
from minilxmert.core.config import LxmertConfig
from minilxmert.core.ops import gelu, layer_norm


def right_by_einsum(x, p, eps):
    z = gelu(np.einsum("bi,oi->bo", x, p["inner"]["w"]) + p["inner"]["b"])
    return np.einsum("bi,oi->bo", layer_norm(z, p["norm"], eps), p["outer"]["w"]) + p["outer"]["b"]


def right_as_the_package(x, p, eps):
    with kernels.backend("numpy"):
        return heads.classify(x, p, LxmertConfig(layer_norm_eps=eps))


def wrong_norm_first(x, p, eps):
    """before the GELU"""
    z = layer_norm(x @ p["inner"]["w"].T + p["inner"]["b"], p["norm"], eps)
    return gelu(z) @ p["outer"]["w"].T + p["outer"]["b"]


def wrong_no_gelu(x, p, eps):
    """GELU is missing"""
    z = layer_norm(x @ p["inner"]["w"].T + p["inner"]["b"], p["norm"], eps)
    return z @ p["outer"]["w"].T + p["outer"]["b"]


def wrong_softmax(x, p, eps):
    """belongs to the loss"""
    e = np.exp(right_by_einsum(x, p, eps))
    return e / e.sum(-1, keepdims=True)


def wrong_not_transposed(x, p, eps):
    """fails on"""
    z = gelu(x @ p["inner"]["w"] + p["inner"]["b"])
    return layer_norm(z, p["norm"], eps) @ p["outer"]["w"] + p["outer"]["b"]


def wrong_no_bias(x, p, eps):
    """bias of the last"""
    z = gelu(x @ p["inner"]["w"].T + p["inner"]["b"])
    return layer_norm(z, p["norm"], eps) @ p["outer"]["w"].T


def wrong_relu(x, p, eps):
    """ReLU instead"""
    z = np.maximum(x @ p["inner"]["w"].T + p["inner"]["b"], 0)
    return layer_norm(z, p["norm"], eps) @ p["outer"]["w"].T + p["outer"]["b"]
