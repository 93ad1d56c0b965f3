"""One step of BertAdam: Adam without bias correction, weight decay beside the gradient, a global clip."""

import numpy as np

from ...training.optimizer import Adam, lay_flat, marked
from ..checking import Exercise

BETA, EPS = (0.9, 0.999), 1e-6
SHAPES = {"query.w": (3, 2), "query.b": (3,), "norm.w": (3,), "norm.b": (3,)}


def together(g, whole, most):
    return g * min(1.0, most / (whole + EPS))


def apart(g, whole, most):
    return together(g, np.sqrt((g**2).sum()), most)


def stays(name):
    return name.endswith(".b") or "norm" in name


def outside(v):
    return np.sqrt(v) + EPS


def changed(clip=together, exempt=stays, root=outside, correct=False, l2=False, of_rate=True, old=False, beta=BETA):
    """A step with one piece changed; as it stands, the right one."""

    def step(p, g, m, v, rate, decay, max_norm):
        whole = sum((x**2).sum() for x in g.values()) ** 0.5
        new_p, new_m, new_v = {}, {}, {}
        for name in p:
            held = (0 if exempt(name) else decay) * p[name]
            d = clip(g[name], whole, max_norm) + (held if l2 else 0)
            new_m[name] = beta[0] * m[name] + (1 - beta[0]) * d
            new_v[name] = beta[1] * v[name] + (1 - beta[1]) * d * d
            mean, square = (m[name], v[name]) if old else (new_m[name], new_v[name])
            if correct:
                mean, square = mean / (1 - beta[0]), square / (1 - beta[1])
            decayed = 0 if l2 else held * (rate if of_rate else 1)
            new_p[name] = p[name] - rate * mean / root(square) - decayed
        return new_p, new_m, new_v

    return step


def solution(p, g, m, v, rate, decay, max_norm):
    (flat_p, p), (flat_g, _), (flat_m, m), (flat_v, v) = map(lay_flat, (p, g, m, v))
    decays = marked(p, lambda path, leaf: not (path.endswith(".b") or "norm" in path))
    adam = Adam(rate, 1, 0, decay, max_norm=max_norm, decays=decays, first=flat_m, second=flat_v)
    adam.update(flat_p, flat_g, 0)
    return p, m, v


def draws(rng):
    """A first step (moments 0) and later ones, gradients shorter and longer than max_norm, and all zero."""
    for number in range(24):
        p, g, m, v = ({name: rng.standard_normal(shape) for name, shape in SHAPES.items()} for _ in range(4))
        size = (0.05, 3.0, 0.3)[number % 3] * (number != 11)
        g = {name: size * x for name, x in g.items()}
        m = {name: 0.1 * x * (number > 5) for name, x in m.items()}
        v = {name: 0.1 * x * x * (number > 5) for name, x in v.items()}
        yield p, g, m, v, 0.05, 0.2, 1.0


EXERCISE = Exercise(
    title="One step of BertAdam",
    minutes=60,
    chapter=10,
    teaches="moving means of gradient and square, decoupled weight decay, the norm of all gradients together",
    solution=solution,
    draws=draws,
    solved=(Adam.update,),
    outputs=("p", "m", "v"),
    mistakes=(
        ("is there Adam's bias correction? BertAdam has none", changed(correct=True)),
        ("the decay is added to the gradient (L2); it belongs to the change, beside m / √v", changed(l2=True)),
        ("the decay is not multiplied by the rate", changed(of_rate=False)),
        ("biases and LayerNorms must not decay", changed(exempt=lambda name: False)),
        (
            "LayerNorms must not decay, too: norm.w does here",
            changed(exempt=lambda name: name.endswith(".b")),
        ),
        ("nothing decays: the weights (not biases, not norms) must", changed(exempt=lambda name: True)),
        ("each gradient is clipped by its own norm; clip by the norm of all together", changed(clip=apart)),
        ("the gradients are not clipped", changed(clip=lambda g, whole, most: g)),
        (
            "short gradients are made longer; clip only long ones",
            changed(clip=lambda g, w, n: g * n / (w + EPS)),
        ),
        ("the values are clipped one by one; scale all by one factor", changed(clip=lambda g, w, n: np.clip(g, -n, n))),
        ("eps belongs outside the square root here: √v + eps", changed(root=lambda v: np.sqrt(v + EPS))),
        ("the old moments are used; the new ones count", changed(old=True)),
        ("0.9 and 0.999 are exchanged", changed(beta=BETA[::-1])),
    ),
)
