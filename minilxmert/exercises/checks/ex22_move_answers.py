"""An answer head moved to another list of answers, by what the answers say."""

import numpy as np

from ...core import answers
from ..checking import Exercise

WORDS = [f"answer {letter}" for letter in "abcdefghijkl"]


def solution(w, b, old, new):
    return answers.move_answers(w, b, old, new)[:2]


def draws(rng):
    """Lists in another order, shorter, longer, with nothing in common, and the same one."""
    for number in range(24):
        words = [str(word) for word in rng.permutation(WORDS)]
        old = words[: 1 + number % 7]
        new = [str(word) for word in rng.permutation(words[: 3 + number % 9])]
        new = words[7:] if number == 5 else list(old) if number == 11 else new
        yield rng.standard_normal((len(old), 3)), rng.standard_normal(len(old)), old, new


def placed(find):
    def move(w, b, old, new):
        rows = [find(text, place, old) for place, text in enumerate(new)]
        found = [row is not None for row in rows]
        rows = [row or 0 for row in rows]
        return w[rows] * np.array(found)[:, None], b[rows] * np.array(found)

    return move


def unknown_as(row):
    return placed(lambda text, place, old: old.index(text) if text in old else row % len(old))


def backwards(w, b, old, new):
    moved_w, moved_b = np.zeros((len(new), w.shape[1])), np.zeros(len(new))
    for row, text in enumerate(old):
        if text in new and row < len(new):
            moved_w[row], moved_b[row] = w[new.index(text) % len(old)], b[new.index(text) % len(old)]
    return moved_w, moved_b


EXERCISE = Exercise(
    title="Move a head to other answers",
    minutes=20,
    chapter=10,
    teaches="what a row of an answer head means; transfer by text, not by position",
    solution=solution,
    draws=draws,
    solved=(answers.move_answers,),
    outputs=("w", "b"),
    mistakes=(
        (
            "rows are copied by position; row 5 of the old head is another answer than row 5 of the new one",
            placed(lambda text, place, old: place if place < len(old) else None),
        ),
        ("answers that are new get the last old row (index -1?); they start at 0", unknown_as(-1)),
        ("answers that are new get the first old row; they start at 0", unknown_as(0)),
        ("old and new are exchanged: row i of the result belongs to new[i]", backwards),
    ),
)
