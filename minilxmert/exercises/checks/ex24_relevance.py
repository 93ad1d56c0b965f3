"""Relevance through self-attention: gradient times attention, layer after layer."""

import numpy as np

from ...explain.relevance import head_mean, self_rule
from ..checking import Exercise


def changed(clamp_first=True, left=True, start=np.eye, plain=True, use=lambda a, da: a * da, hide=True):
    """The rule with one piece changed; as it stands, the right one."""

    def relevance(maps, gradients):
        r = start(maps.shape[-1])
        for a, da in zip(maps, gradients, strict=True):
            cam = use(a, da)
            cam = np.maximum(cam, 0).mean(0) if clamp_first else np.maximum(cam.mean(0), 0)
            gathered = cam @ r if left else r @ cam
            r = r + gathered if plain else gathered
        words = r[0].copy()
        if hide:
            words[0] = 0
        return words

    return relevance


def solution(maps, gradients):
    n = maps.shape[-1]
    relevance = np.eye(n)
    for a, da in zip(maps, gradients, strict=True):
        relevance = self_rule(head_mean(a[None], da[None])[0], relevance, relevance)[0]
    scores = relevance[0].copy()
    scores[0] = 0
    return scores


def draws(rng):
    """Attention maps with rows that sum to 1, gradients of both signs; also no layer, one layer and a single word."""
    for number in range(24):
        layers, heads, n = [(3, 2, 5), (1, 1, 4), (2, 3, 1), (0, 2, 3), (4, 4, 6)][number % 5]
        scores = np.exp(rng.standard_normal((layers, heads, n, n)))
        yield scores / scores.sum(-1, keepdims=True), rng.standard_normal((layers, heads, n, n))


def nothing(n):
    return np.zeros((n, n))


EXERCISE = Exercise(
    title="Relevance of words",
    minutes=40,
    chapter=11,
    teaches="why attention alone is no explanation; the rule R + Ā·R and where the positive part is taken",
    solution=solution,
    draws=draws,
    solved=(self_rule,),
    mistakes=(
        ("the positive part is taken after the mean over heads; take it before", changed(clamp_first=False)),
        ("the order is Ā·R, not R·Ā (or the layers are taken from the last to the first)", changed(left=False)),
        ("nothing is passed on: R starts from the identity, and Ā · R multiplies matrices", changed(start=nothing)),
        ("what a word was before is lost: R + Ā·R (the residual)", changed(plain=False)),
        ("the gradients are not used: that is attention rollout", changed(use=lambda a, da: a)),
        ("the maps are not used: multiply them by their gradients", changed(use=lambda a, da: da)),
        ("[CLS] itself must be 0: what it starts from says nothing about the sentence", changed(hide=False)),
    ),
)
