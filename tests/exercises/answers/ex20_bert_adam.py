"""Typical answers to exercise 20. The docstring of a wrong one: words that the verdict on it must hold."""

import math

import numpy as np

from minilxmert.training.optimizer import Adam, lay_flat


def step(p, g, m, v, rate, decay, scale, decays):
    new_p, new_m, new_v = {}, {}, {}
    for name in p:
        new_m[name] = 0.9 * m[name] + 0.1 * g[name] * scale(name)
        new_v[name] = 0.999 * v[name] + 0.001 * (g[name] * scale(name)) ** 2
        change = new_m[name] / (np.sqrt(new_v[name]) + 1e-6)
        new_p[name] = p[name] - rate * (change + decay * decays(name) * p[name])
    return new_p, new_m, new_v


def is_weight(name):
    return name.endswith(".w") and not name.startswith("norm")


def right_with_one_long_vector(p, g, m, v, rate, decay, max_norm):
    norm = np.linalg.norm(np.concatenate([x.ravel() for x in g.values()]))
    return step(p, g, m, v, rate, decay, lambda name: max_norm / (norm + 1e-6) if norm > max_norm else 1, is_weight)


def right_as_the_package(p, g, m, v, rate, decay, max_norm):
    decayed = {name: (1 - is_weight(name) * rate * decay) * x for name, x in p.items()}
    (flat_p, p), (flat_g, _), (flat_m, m), (flat_v, v) = map(lay_flat, (decayed, g, m, v))
    Adam(rate, 1, 0, decay=0, max_norm=max_norm, first=flat_m, second=flat_v).update(flat_p, flat_g, 0)
    return p, m, v


def wrong_clip_apart(p, g, m, v, rate, decay, max_norm):
    """norm of all together"""

    def scale(name):
        return min(1, max_norm / (np.linalg.norm(g[name]) + 1e-6))

    return step(p, g, m, v, rate, decay, scale, is_weight)


def wrong_not_clipped(p, g, m, v, rate, decay, max_norm):
    """not clipped"""
    return step(p, g, m, v, rate, decay, lambda name: 1, is_weight)


def wrong_everything_decays(p, g, m, v, rate, decay, max_norm):
    """must not decay"""
    norm = math.sqrt(sum((x * x).sum() for x in g.values()))
    return step(p, g, m, v, rate, decay, lambda name: min(1, max_norm / (norm + 1e-6)), lambda name: 1)


def wrong_bias_correction(p, g, m, v, rate, decay, max_norm):
    """bias correction"""
    _, new_m, new_v = right_with_one_long_vector(p, g, m, v, rate, decay, max_norm)
    new_p = {}
    for name in p:
        change = new_m[name] / (1 - 0.9) / (np.sqrt(new_v[name] / (1 - 0.999)) + 1e-6)
        new_p[name] = p[name] - rate * (change + decay * is_weight(name) * p[name])
    return new_p, new_m, new_v


def wrong_l2(p, g, m, v, rate, decay, max_norm):
    """L2"""
    norm = math.sqrt(sum((x * x).sum() for x in g.values()))
    scale = min(1, max_norm / (norm + 1e-6))
    g = {name: x * scale + decay * is_weight(name) * p[name] for name, x in g.items()}
    return step(p, g, m, v, rate, 0, lambda name: 1, is_weight)


def wrong_in_place(p, g, m, v, rate, decay, max_norm):
    """changes its input"""
    new_p, new_m, new_v = right_with_one_long_vector(p, g, m, v, rate, decay, max_norm)
    for name in p:
        p[name] -= p[name] - new_p[name]
    return p, new_m, new_v


def wrong_always_scaled(p, g, m, v, rate, decay, max_norm):
    """clip only long ones"""
    norm = np.sqrt(sum((x * x).sum() for x in g.values()))
    return step(p, g, m, v, rate, decay, lambda name: max_norm / (norm + 1e-6), is_weight)
