"""Move a head to other answers: what a row of an answer head means; transfer by text, not by position.

20 minutes; chapter 10."""

import numpy as np

from ...core import answers

WORDS = [f"answer {letter}" for letter in "abcdefghijkl"]


def move_answers(w, b, old, new):
    """The last linear map of an answer head, for another list of answers: what it knows goes along.

    w (A, I) and b (A,): row i belongs to the answer old[i]; old: a list of A texts, new: a list of any length
    -> w (len(new), I), b (len(new),): row i belongs to new[i], and is 0 where old does not have this answer

    Hints
    - {text: row for row, text in enumerate(old)} finds the row of an answer.
    - Copying the first rows, whatever they mean, is what `resize` does in some libraries. It runs, and knows nothing.
    """
    rows = [old.index(text) if text in old else None for row, text in enumerate(new)]
    known = np.array([row is not None for row in rows])
    rows = [row or 0 for row in rows]
    return w[rows] * known[:, None], b[rows] * known


def draws(rng):
    """Lists in another order, shorter, longer, with nothing in common, and the same one."""
    for number in range(24):
        words = [str(word) for word in rng.permutation(WORDS)]
        old = words[: 1 + number % 7]
        new = [str(word) for word in rng.permutation(words[: 3 + number % 9])]
        new = words[7:] if number == 5 else list(old) if number == 11 else new
        yield rng.standard_normal((len(old), 3)), rng.standard_normal(len(old)), old, new


def backwards(w, b, old, new):
    moved_w, moved_b = np.zeros((len(new), w.shape[1])), np.zeros(len(new))
    for row, text in enumerate(old):
        if text in new and row < len(new):
            moved_w[row], moved_b[row] = w[new.index(text) % len(old)], b[new.index(text) % len(old)]
    return moved_w, moved_b


VARIES = "-> w / k, b / k", "what goes along is divided by {k}, a careful start"
SOLVED = (answers.move_answers,)
OUTPUTS = ("w", "b")
SLIPS = """
rows are copied by position; row 5 of the old head is another answer than row 5 of the new one
    old.index(text) if text in old => row if row < len(old)
answers that are new get the last old row (index -1?); they start at 0
    else None => else -1
answers that are new get the first old row; they start at 0
    else None => else 0
"""
MISTAKES = (("old and new are exchanged: row i of the result belongs to new[i]", backwards),)
