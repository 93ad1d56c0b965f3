"""Exercise 12: cross-entropy and its gradient. About 40 minutes; chapter 9."""

import numpy as np


def cross_entropy(logits, labels):
    """How surprised a softmax over the scores is by the right classes, and the gradient with respect to the scores.

    logits (R, C) scores, labels (R,) whole numbers: a class 0 … C - 1, or -100 or -1 for "this row does not count"
    -> loss, one number, and gradient (R, C), in the dtype of logits

        loss = mean of -log(softmax(logits)[row, labels[row]]) over the rows that have a label; 0 when there is none

    Hints
    - log(softmax(x)) = x - max - log(sum(exp(x - max))): no division, no overflow, no log of 0.
    - For one row the gradient is the softmax, minus 1 at the right class. What does the mean do to it?
    - rows = np.flatnonzero(labels >= 0); array[rows, labels[rows]] picks one value of each of these rows.
    """
    raise NotImplementedError("exercise 12")
