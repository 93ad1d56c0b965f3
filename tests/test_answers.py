"""Lists of answers, and moving an answer head by text."""

import json

import numpy as np
import pytest
from conftest import check_mutants

from minilxmert import VocabularyError
from minilxmert.answers import move_answers, read_answers

FORMS = {
    "list": ["yes", "no", "2"],
    "ans2label": {"no": 1, "2": 2, "yes": 0},
    "id2label": {"2": "2", "0": "yes", "1": "no"},
    "all_ans": [{"ans": "yes", "dsets": ["vqa"]}, {"ans": "no", "dsets": []}, {"ans": "2", "dsets": ["gqa"]}],
}


def write(tmp_path, value):
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(value))
    return path


@pytest.mark.parametrize("form", FORMS)
def test_every_published_form(tmp_path, form):
    assert read_answers(write(tmp_path, FORMS[form]), expected_size=3) == ["yes", "no", "2"]


WRONG = [
    5, {"a": 0, "b": 0}, {"a": 0, "b": 2}, {"a": -1}, {"a": True}, {"a": 0.0}, ["a", "a"], ["a", 1],
    {"0": "a", "2": "b"}, {"0": "a", "1": "a"}, {"x": "a"}, [{"answer": "a"}], {"00": "a", "0": "b"},
]  # fmt: skip


@pytest.mark.parametrize("value", WRONG, ids=str)
def test_wrong_lists(tmp_path, value):
    with pytest.raises(VocabularyError, match=r"answers\.json"):
        read_answers(write(tmp_path, value))


def test_another_length(tmp_path):
    with pytest.raises(VocabularyError, match="4 answers"):
        read_answers(write(tmp_path, ["a"]), expected_size=4)


def test_corpus(corpus):
    folder, cases = corpus
    for case in (case for case in cases if case["format"] == "labels"):
        if case["expected"] == "ok":
            assert read_answers(folder / case["file"]) == case["labels"]
        else:
            with pytest.raises(VocabularyError, match=case["file"]):
                read_answers(folder / case["file"], expected_size=5)


def test_answers_move_by_text_never_by_position():
    w, b = np.arange(8.0).reshape(4, 2), np.arange(4.0)
    new_w, new_b, report = move_answers(w, b, list("abcd"), ["d", "new", "a"])
    np.testing.assert_array_equal(new_w, [w[3], [0, 0], w[0]])
    np.testing.assert_array_equal(new_b, [3, 0, 0])
    assert report.kept == 2 and report.new == ["new"] and "1 are new: new" in str(report)


@pytest.mark.parametrize("form", FORMS)
def test_mutants(tmp_path, form):
    data = json.dumps(FORMS[form]).encode()
    check_mutants(data, lambda path: read_answers(path, 3), tmp_path / "mutant.json", 200, seed=6)
