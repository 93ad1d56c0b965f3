"""Tables of answers: which answers the head of pre-training knows, and from which data sets (all_ans.json).

    table = read_answer_table("all_ans.json", dsets=["vqa", "gqa"])
    table.labels({"Grey.": 0.9, "unheard of": 0.3})     # {number: score}
Source: AnswerTable and LXMERTDataset of the LXMERT authors."""

import json
from dataclasses import dataclass
from functools import cached_property

from ..core.answers import published_form, refuse_repeated
from ..errors import TaskFileError
from ..files import write_file
from .entries import read_entries


@dataclass(frozen=True)
class AnswerTable:
    """Answers by number, and the data sets that each comes from."""

    answers: list
    dsets: list

    @cached_property
    def numbers(self):
        """{answer: number}"""
        return {answer: number for number, answer in enumerate(self.answers)}

    def __len__(self):
        return len(self.answers)

    def labels(self, scores):
        """{answer: score} as files have it -> {number: score}; answers that the table lacks are left out.

        Answers are looked up as the authors spell them; where two become one, the greater score stays."""
        found = {}
        for answer, score in scores.items():
            number = self.numbers.get(published_form(answer))
            if number is not None:
                found[number] = max(score, found.get(number, 0.0))
        return found


def read_answer_table(path, dsets=None):
    """all_ans.json -> AnswerTable; dsets: only the answers of these (vqa, gqa, visual7w). Raises TaskFileError."""

    def answer(entry):
        return entry.text("ans"), entry.texts("dsets")

    listed = [(text, sets) for text, sets in read_entries(path, answer) if dsets is None or set(sets) & set(dsets)]
    if not listed:
        raise TaskFileError.at(path, None, "answers", "none")
    texts = [text for text, _ in listed]
    refuse_repeated(path, texts)
    return AnswerTable(texts, [sets for _, sets in listed])


def write_answer_table(path, table):
    """Write an AnswerTable in the form of all_ans.json."""
    rows = [{"ans": text, "dsets": sets} for text, sets in zip(table.answers, table.dsets, strict=True)]
    write_file(path, json.dumps(rows, indent=4, ensure_ascii=False) + "\n")


def write_label2ans(path, answers):
    """Write texts by number: trainval_label2ans.json, a list. `answers.read_answers` reads it back."""
    refuse_repeated(path, answers)
    write_file(path, json.dumps(list(answers), indent=4, ensure_ascii=False) + "\n")


def write_ans2label(path, answers):
    """Write numbers by text: trainval_ans2label.json, an object. `answers.read_answers` reads it back."""
    refuse_repeated(path, answers)
    numbers = {text: number for number, text in enumerate(answers)}
    write_file(path, json.dumps(numbers, indent=4, ensure_ascii=False) + "\n")
