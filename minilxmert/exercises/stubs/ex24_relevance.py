"""Exercise 24: relevance of words. About 40 minutes; chapter 11."""

import numpy as np


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
    raise NotImplementedError("exercise 24")
