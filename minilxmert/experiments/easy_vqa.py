"""easy-VQA: 48,248 questions about 5,000 drawn pictures of 64 × 64, as the package `easy-vqa` of PyPI ships them.

    questions, answers = read_easy_vqa(find_easy_vqa(), "test")
    read_picture(questions[0].picture)
The package need not be installed: its unpacked folder will do (pip download easy-vqa, then unzip). Nothing of it runs.
Source: Victor Zhou, easy-VQA 1.0."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from ..errors import TaskFileError
from ..files import read_text
from ..files.reading import refuse_repeated
from ..training.entries import is_text, read_json

SPLITS = ("train", "test")


@dataclass(frozen=True, slots=True)
class EasyQuestion:
    """A question about a drawn picture, and its one right answer."""

    question: str
    answer: str
    image_id: int
    picture: Path


def find_easy_vqa(folder=None):
    """The folder that holds answers.txt, train/ and test/: at or in `folder`, or in the installed package.

    The package is looked up, not imported. Raises TaskFileError."""
    if folder is None:
        package = importlib.util.find_spec("easy_vqa")
        folder = Path(package.origin).parent if package and package.origin else Path("easy_vqa")
    places = [Path(folder, *inner) for inner in ((), ("data",), ("easy_vqa", "data"))]
    found = next((place for place in places if (place / "answers.txt").is_file()), None)
    if found is None:
        raise TaskFileError.at(folder, None, "the data of easy-vqa (pip install easy-vqa)", "no answers.txt")
    return found


def read_easy_vqa(folder, split):
    """The questions of a split, train or test, and all answers -> [EasyQuestion], [text]. Raises TaskFileError."""
    if split not in SPLITS:
        raise TaskFileError.at(folder, "split", " or ".join(SPLITS), split)
    data = find_easy_vqa(folder)
    answers = read_answer_lines(data / "answers.txt")
    path, images = data / split / "questions.json", data / split / "images"
    rows = read_json(path)
    if not isinstance(rows, list):
        raise TaskFileError.at(path, None, "a list of questions", type(rows).__name__)
    return [easy_question(path, number, row, images, answers) for number, row in enumerate(rows)], answers


def read_answer_lines(path):
    """The answers of a text file, one a line."""
    lines = read_text(path, "answers, one a line", TaskFileError).splitlines()
    answers = [line.strip() for line in lines if line.strip()]
    refuse_repeated(path, answers)
    return answers


def easy_question(path, number, row, images, answers):
    """One row, [question, answer, number of the picture] -> EasyQuestion."""
    good = isinstance(row, list) and len(row) == 3 and is_text(row[0]) and type(row[2]) is int and row[2] >= 0
    if not good or row[1] not in answers:
        raise TaskFileError.at(
            path, f"entry {number}", "[question, one of the answers, number of a picture]", repr(row)
        )
    return EasyQuestion(*row, images / f"{row[2]}.png")
