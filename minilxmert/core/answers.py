"""Lists of answers: what the answer head's numbers mean, and moving a head from one list to another by text."""

import re
from dataclasses import dataclass

import numpy as np

from ..errors import ShapeError, VocabularyError
from ..files import read_json
from ..files.reading import refuse_repeated

SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which no file can hold
SPELLED_NUMBERS = "one two three four five six seven eight nine ten".split()
SPELLED = {"grey": "gray"} | {word: str(number) for number, word in enumerate(SPELLED_NUMBERS, 1)}
LIMIT = 16 << 20  # bytes; the published 9,500 answers take 0.6 MB


@dataclass(frozen=True)
class MoveReport:
    """What happened to the answers of a head: how many kept their weights, and which are new."""

    kept: int
    new: list

    def __str__(self):
        sample = ", ".join(self.new[:5]) + ("…" if len(self.new) > 5 else "")
        return f"kept {self.kept} answers, {len(self.new)} are new{f': {sample}' if self.new else ''}"


def read_answers(path, expected_size=None):
    """The texts of the answers, by number, from JSON in any published form. Raises VocabularyError.

    Forms: a list of texts (trainval_label2ans.json), of {"ans": text, …} (all_ans.json), {text: number}
    (trainval_ans2label.json) or {number: text} (id2label)."""
    value = read_json(path, VocabularyError, LIMIT)
    if isinstance(value, dict):
        texts = from_numbers(path, value)
    elif isinstance(value, list):
        texts = [entry.get("ans") if isinstance(entry, dict) else entry for entry in value]
    else:
        raise VocabularyError.at(path, None, "a list or an object of answers", type(value).__name__)
    return check_answers(path, texts, expected_size)


def check_answers(path, texts, expected_size=None):
    """Texts, if they can be a list of answers. Raises VocabularyError, naming `path` and the answer."""
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise VocabularyError.at(path, f"answer {number}", "a text", type(text).__name__)
        if SURROGATE.search(text):
            raise VocabularyError.at(path, f"answer {number}", "whole characters", "half of a surrogate pair")
    if not texts:
        raise VocabularyError.at(path, None, "answers", "an empty list")
    refuse_repeated(path, texts)
    if expected_size is not None and len(texts) != expected_size:
        raise VocabularyError.at(path, None, f"{expected_size} answers, as the model has", f"{len(texts)}")
    return texts


def from_numbers(path, value):
    """{text: number} or {number as text: text} -> texts by number; the numbers must be 0, 1, 2 … without a gap."""
    if value and all(isinstance(text, str) for text in value.values()):
        refuse_repeated(path, list(value.values()))
        value = {text: int(key) if re.fullmatch("[0-9]{1,9}", key) else key for key, text in value.items()}
    texts = [None] * len(value)
    for text, number in value.items():
        if type(number) is not int or not 0 <= number < len(value) or texts[number] is not None:
            raise VocabularyError.at(path, text, f"a number of its own, 0 … {len(value) - 1}", repr(number))
        texts[number] = text
    return texts


def published_form(answer):
    """An answer as the authors' 9,500 are spelled: lower case, no full stop or article, numbers to ten in digits.

    Source: AnswerTable.convert_ans of the authors' code."""
    answer = answer.lower()
    if answer.endswith("."):
        answer = answer[:-1].strip()
    for article in ("a ", "an ", "the "):
        if answer.startswith(article):
            answer = answer.removeprefix(article).strip()
    return SPELLED.get(answer, answer)


def move_answers(w, b, old, new):
    """The authors' answer surgery: rows of an answer layer, w (A, I) and b (A,), moved from the list `old` to `new`.

    Answers of both lists keep their weights, wherever they stand; new ones start at zero. An answer is found by its
    text or, as published, by published_form of it. -> w, b, MoveReport. Raises ShapeError."""
    w, b = np.asarray(w), np.asarray(b)
    if w.ndim != 2 or not len(w) == len(old) or b.shape != (len(old),):
        raise ShapeError(f"move_answers: expected a row for each of {len(old)} answers, found {w.shape} and {b.shape}")
    rows = {text: number for number, text in enumerate(old)}
    found = [rows.get(text, rows.get(published_form(text))) for text in new]
    known = [number for number, row in enumerate(found) if row is not None]
    source = [found[number] for number in known]
    moved_w, moved_b = np.zeros((len(new), w.shape[1]), w.dtype), np.zeros(len(new), b.dtype)
    moved_w[known], moved_b[known] = w[source], b[source]
    return moved_w, moved_b, MoveReport(len(known), [text for text, row in zip(new, found, strict=True) if row is None])
