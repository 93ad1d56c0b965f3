"""Relevance of words: why attention alone is no explanation; the rule R + Ā·R and where the positive part is taken.

40 minutes; chapter 11."""

import numpy as np

from ...explain.relevance import self_rule
from . import sized


def relevance(maps, gradients):
    """How much each word has gone into the state of [CLS], from which the answer is read (Chefer, Gur & Wolf 2021).

    maps (L, H, N, N) attention of L layers and H heads, gradients (L, H, N, N) of the answer's score with respect to
    them -> (N,): the row of [CLS], which is word 0, with 0 for [CLS] itself

        R = identity                              each word is relevant to itself
        Ā = mean over heads of (gradient · map where that is positive, else 0)
        R = R + Ā · R                             for each layer, the first one first

    Hints
    - `·` between gradient and map is value by value, between Ā and R a product of matrices.
    - Where the gradient is negative, more attention would have lowered the score.
    """
    r = np.eye(maps.shape[-1])
    for a, da in zip(maps, gradients, strict=True):
        cam = np.maximum(a * da, 0).mean(0)
        r = r + cam @ r
    words = r[0].copy()
    words[0] = 0
    return words


@sized((3, 2, 5), (1, 1, 4), (2, 3, 1), (0, 2, 3), (4, 4, 6))
def draws(rng, layers, heads, n):
    """Attention maps with rows that sum to 1, gradients of both signs; also no layer, one layer and a single word."""
    scores = np.exp(rng.standard_normal((layers, heads, n, n)))
    return scores / scores.sum(-1, keepdims=True), rng.standard_normal((layers, heads, n, n))


VARIES = "gradients * k", "the gradients are those of {k} times the score: divide them by {k} before anything else"
SOLVED = (self_rule,)
SLIPS = """
the positive part is taken after the mean over heads; take it before
    np.maximum(a * da, 0).mean(0) => np.maximum((a * da).mean(0), 0)
the order is Ā·R, not R·Ā (or the layers are taken from the last to the first)
    cam @ r => r @ cam
nothing is passed on: R starts from the identity, and Ā · R multiplies matrices
    np.eye( => 0 * np.eye(
what a word was before is lost: R + Ā·R (the residual)
    r + cam @ r => cam @ r
the gradients are not used: that is attention rollout
    a * da => a
the maps are not used: multiply them by their gradients
    a * da => da
[CLS] itself must be 0: what it starts from says nothing about the sentence
    words[0] = 0 =>
"""
