"""Exercise 22: move a head to other answers. About 20 minutes; chapter 10."""

import numpy as np


def move_answers(w, b, old, new):
    """The last linear map of an answer head, for another list of answers: what it knows goes along.

    w (A, I) and b (A,): row i belongs to the answer old[i]; old: a list of A texts, new: a list of any length
    -> w (len(new), I), b (len(new),): row i belongs to new[i], and is 0 where old does not have this answer

    Hints
    - {text: row for row, text in enumerate(old)} finds the row of an answer.
    - Copying the first rows, whatever they mean, is what `resize` does in some libraries. It runs, and knows nothing.
    """
    raise NotImplementedError("exercise 22")
