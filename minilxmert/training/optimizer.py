"""BertAdam and AdamW over one long vector: all parameters one after the other, of which the tree holds views.

Source: Kingma & Ba 2015, Loshchilov & Hutter 2019; BertAdam (Devlin et al. 2019) leaves the bias correction out."""

import math
from dataclasses import dataclass, field

import numpy as np

from ..core import params
from ..errors import ConfigError

CHUNK = 1 << 14  # values


def lay_flat(tree):
    """A tree of arrays -> (vector of all their values, the same tree with views of it instead)."""
    leaves = params.flatten(tree)
    vector = np.concatenate([leaf.ravel() for leaf in leaves.values()])
    return vector, views(vector, tree)


def views(vector, tree):
    """A tree of the form of `tree` whose leaves are parts of a vector, in the tree's order."""
    start = 0

    def view(leaf):
        nonlocal start
        start += leaf.size
        return vector[start - leaf.size : start].reshape(leaf.shape)

    return params.map_tree(view, tree)


def mark(tree, choose):
    """A vector like lay_flat's with 1 where choose(path, leaf) says so and 0 elsewhere, float32."""
    leaves = params.flatten(tree)
    return np.concatenate([np.full(leaf.size, bool(choose(path, leaf)), np.float32) for path, leaf in leaves.items()])


def warmup_linear(progress, warmup):
    """The share of the learning rate at a progress of 0…1: up to 1 during warm-up, then down to 0 in a line."""
    if progress < warmup:
        return progress / warmup
    return max((progress - 1) / (warmup - 1), 0.0) if warmup < 1 else 1.0


def chunks(*vectors):
    """Vectors (or None) in parts that stay in the processor's cache while several operations pass over them."""
    for start in range(0, len(vectors[0]), CHUNK):
        yield [None if vector is None else vector[start : start + CHUNK] for vector in vectors]


def norm_of(g):
    """The length of a vector; summed in one order whatever the number of threads, and too wide to overflow."""
    return math.sqrt(sum(float(np.square(part, dtype=np.float64).sum()) for (part,) in chunks(g)))


@dataclass
class Adam:
    """The optimizer of a parameter vector. steps: of the whole schedule; max_norm: of all gradients together.

    corrected: with Adam's bias correction, as in AdamW; without it this is BertAdam, the published one. Weights decay
    everywhere, as published."""

    rate: float
    steps: int
    warmup: float = 0.05
    decay: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-6
    max_norm: float = 1.0
    corrected: bool = False
    moves: np.ndarray | None = None  # a vector of 1 for what learns and 0 for what is frozen; None: all learns
    first: np.ndarray | None = field(default=None, repr=False)  # running mean of the gradients
    second: np.ndarray | None = field(default=None, repr=False)  # … and of their squares

    def __post_init__(self):
        """Refuse what would spoil the weights. Raises ConfigError."""
        shares = {name: getattr(self, name) for name in ("rate", "warmup", "decay", "beta1", "beta2")}
        sound = {name: (0 <= share <= 1, "a number of 0 … 1") for name, share in shares.items()}
        sound["steps"] = type(self.steps) is int and self.steps > 0, "a whole number from 1"
        for name in ("eps", "max_norm"):
            sound[name] = 0 <= getattr(self, name) < math.inf, "a number from 0"
        for name, (good, expected) in sound.items():
            if not good:  # NaN neither
                raise ConfigError.at("optimizer", name, expected, getattr(self, name))

    def rate_at(self, step):
        """The learning rate of step 0, 1 …; the published schedule begins with 0, but for a run of a single step."""
        return self.rate * warmup_linear(step / self.steps, self.warmup if self.steps > 1 else 0)

    def update(self, p, g, step):
        """One step: p is changed in place, g is clipped in place. -> the norm of the gradients before; if that is not
        finite, nothing has changed."""
        if self.first is None:
            self.first, self.second = np.zeros_like(p), np.zeros_like(p)
        if self.moves is not None:
            g *= self.moves
        norm = norm_of(g)
        if math.isfinite(norm):
            share = self.max_norm / (norm + 1e-6) if self.max_norm and norm > self.max_norm else 1.0
            for part in chunks(p, g, self.first, self.second, self.moves):
                self.update_part(*part, g.dtype.type(share), step)
        return norm

    def update_part(self, p, g, m, v, moves, share, step):
        """Both running means, then p, in place."""
        g *= share
        m += (1 - self.beta1) * (g - m)
        v += (1 - self.beta2) * (g * g - v)
        late = (1 - self.beta1 ** (step + 1), 1 - self.beta2 ** (step + 1)) if self.corrected else (1.0, 1.0)
        change = m / late[0] / (np.sqrt(v / late[1]) + self.eps)
        change += self.decay * p
        if moves is not None:
            change *= moves
        p -= p.dtype.type(self.rate_at(step)) * change
