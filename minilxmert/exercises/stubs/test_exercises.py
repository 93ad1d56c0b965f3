"""The checks of the answers in this folder: `pytest -m exercise_06`, or `pytest` for all of them."""

from pathlib import Path

import pytest

from minilxmert.exercises import number_of
from minilxmert.exercises.answering import check_file

FILES = {path: number_of(path.name) for path in sorted(Path(__file__).parent.glob("*.py"))}


@pytest.mark.parametrize(
    "path, number",
    [pytest.param(p, n, id=p.stem, marks=getattr(pytest.mark, f"exercise_{n:02}")) for p, n in FILES.items() if n],
)
def test_answer(path, number):
    verdict = check_file(number, path, hear=print)
    if not verdict.right:
        pytest.fail(verdict.text, pytrace=False)
