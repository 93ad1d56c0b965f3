"""Exercise 19: pairs that match, and pairs that do not. About 30 minutes; chapter 9."""

import numpy as np


def matched_pairs(pictures, answers, rng):
    """Give about half of the pictures a sentence of another picture, for the model to find out.

    pictures (B,) of whole numbers: sentence b was written about picture number pictures[b] (several sentences may be
    about one picture; there are at least two pictures), answers (B,) the answer to each, rng a numpy random generator
    -> sentences (B,) which sentence to show with picture b: b itself, or one of a different picture
       matched (B,)   1 where the sentence belongs to the picture, 0 where it was swapped
       answers (B,)   the same, but -1 where the sentence was swapped

    Each picture keeps its sentence with probability 1/2, independently of the others; otherwise all sentences of
    different pictures are equally likely.

    Hints
    - Swapped for another sentence is not enough: it could be about the same picture.
    - rng.choice(array) draws one value; np.flatnonzero(condition) gives the places where it holds.
    """
    raise NotImplementedError("exercise 19")
