"""Typical answers to exercise 3. The docstring of a wrong one: words that the verdict on it must hold."""

import numpy as np

from minilxmert import kernels
from minilxmert.core import encoder
from minilxmert.core.config import LxmertConfig
from minilxmert.core.ops import layer_norm


def right_word_by_word(ids, types, p, eps):
    b, n = ids.shape
    result = np.empty((b, n, p["word"]["w"].shape[1]), p["word"]["w"].dtype)
    for i in range(b):
        for j in range(n):
            x = p["word"]["w"][ids[i, j]] + p["position"]["w"][j] + p["token_type"]["w"][types[i, j]]
            result[i, j] = layer_norm(x, p["norm"], eps)
    return result


def right_as_the_package(ids, types, p, eps):
    places = np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
    with kernels.backend("numpy"):
        return encoder.embed_words(ids, places, types, p, LxmertConfig(layer_norm_eps=eps))


def wrong_no_places(ids, types, p, eps):
    """order of the words is lost"""
    return layer_norm(p["word"]["w"][ids] + p["token_type"]["w"][types], p["norm"], eps)


def wrong_no_segments(ids, types, p, eps):
    """segments"""
    return layer_norm(p["word"]["w"][ids] + p["position"]["w"][: ids.shape[1]], p["norm"], eps)


def wrong_places_from_one(ids, types, p, eps):
    """begin at 1"""
    places = np.arange(ids.shape[1]) + 1
    x = p["word"]["w"][ids] + p["position"]["w"][places] + p["token_type"]["w"][types]
    return layer_norm(x, p["norm"], eps)


def wrong_no_norm(ids, types, p, eps):
    """LayerNorm is missing"""
    return p["word"]["w"][ids] + p["position"]["w"][np.arange(ids.shape[1])] + p["token_type"]["w"][types]


def wrong_three_norms(ids, types, p, eps):
    """over the sum"""
    parts = p["word"]["w"][ids], p["position"]["w"][: ids.shape[1]], p["token_type"]["w"][types]
    return sum(layer_norm(x, p["norm"], eps) for x in parts)


def wrong_accumulating(ids, types, p, eps):
    """changes its input"""
    p["word"]["w"] += 0.001
    return right_word_by_word(ids, types, p, eps)
