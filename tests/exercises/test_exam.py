"""The exam: as many answers as questions, and the numbers in the answers are what minilxmert computes."""

import re
from pathlib import Path

import numpy as np

from minilxmert.core import ops
from minilxmert.core.boxes import normalise_boxes
from minilxmert.core.losses import cross_entropy
from minilxmert.exercises import exercise
from minilxmert.training.metrics import official_score

EXAM = Path(__file__).parent / "exam"


def numbered(name):
    """{number: text} of a page."""
    found = re.findall(r"^(\d+)\. (.*(?:\n   .*)*)", (EXAM / name).read_text(), re.MULTILINE)
    return {int(number): " ".join(text.split()) for number, text in found}


def test_every_question_has_an_answer():
    assert list(numbered("questions.md")) == list(numbered("answers.md")) == list(range(1, 13))


def test_the_numbers_are_right():
    answers = numbered("answers.md")
    pieces = exercise(2).solution("playing", {"[UNK]", "play", "##ing", "##in", "##g", "pl"})
    assert answers[1].startswith(", ".join(f"`{piece}`" for piece in pieces))
    box = normalise_boxes(np.array([[24, 16, 48, 64]]), 96, 64)[0]
    assert answers[2].startswith(f"({', '.join(f'{x:g}' for x in box)})")
    shares = ops.softmax(np.array([2.0, 0, -1e4]))
    assert answers[3].startswith(", ".join(f"{x:.3f}" if x else "0" for x in shares))
    assert answers[4].startswith(f"{4 * 5 * 12}:")
    plain = {"w": np.ones(2), "b": np.zeros(2)}
    for row in ([1.0, 3], [10.0, 30]):
        np.testing.assert_allclose(ops.layer_norm(np.array([row]), plain, 0), [[-1, 1]])
    loss, gradient = cross_entropy(np.log([[0.7, 0.2, 0.1]]), np.array([1]))
    assert answers[8].startswith(f"{loss:.3f}") and str(tuple(gradient[0].round(9).tolist())) in answers[8]
    ops.layer_norm(np.array([[1.0, 3]]), plain, 0, cache := {})
    back = ops.layer_norm_backward(np.array([[1.0, 0]]), plain, cache, {"w": np.zeros(2), "b": np.zeros(2)})
    np.testing.assert_allclose(back, 0, atol=1e-12)
    scores = [official_score("red", ["red"] * n + ["blue"] * (10 - n)) for n in (2, 4)]
    assert answers[11] == f"{scores[0]:g}; with four, {scores[1]:g}."
