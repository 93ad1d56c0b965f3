"""Lists of answers, and moving an answer head by text."""

import json

import numpy as np
import pytest
from conftest import check_mutants
from hypothesis import given
from hypothesis import strategies as st

from minilxmert import ShapeError, VocabularyError
from minilxmert.core.answers import move_answers, published_form, read_answers

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
    [], {}, ["\ud800"], {"\udfff": 0}, {"0": "\ud800"},
]  # fmt: skip


@pytest.mark.parametrize("value", WRONG, ids=str)
def test_wrong_lists(tmp_path, value):
    with pytest.raises(VocabularyError, match=r"answers\.json"):
        read_answers(write(tmp_path, value))


def test_another_length(tmp_path):
    with pytest.raises(VocabularyError, match="4 answers"):
        read_answers(write(tmp_path, ["a"]), expected_size=4)


def test_answers_move_by_text_never_by_position():
    w, b = np.arange(8.0).reshape(4, 2), np.arange(4.0)
    new_w, new_b, report = move_answers(w, b, list("abcd"), ["d", "new", "a"])
    np.testing.assert_array_equal(new_w, [w[3], [0, 0], w[0]])
    np.testing.assert_array_equal(new_b, [3, 0, 0])
    assert report.kept == 2 and report.new == ["new"] and "1 are new: new" in str(report)


@given(st.permutations(range(5)))
def test_a_shuffled_list_and_back(order):
    names, w, b = list("abcde"), np.arange(10.0).reshape(5, 2), np.arange(5.0)
    shuffled = [names[i] for i in order]
    there_w, there_b, report = move_answers(w, b, names, shuffled)
    np.testing.assert_array_equal(there_w, w[order])
    back_w, back_b, _ = move_answers(there_w, there_b, shuffled, names)
    np.testing.assert_array_equal(back_w, w)
    np.testing.assert_array_equal(back_b, b)
    assert report.kept == 5


SPELLINGS = {  # worked by hand from the rules of the published table
    "Yes": "yes", "red.": "red", "The man": "man", "a  cup .": "cup", "An owl": "owl", "grey": "gray", "Ten": "10",
    "a the two": "2", "the a two": "a two", "the": "the", "another": "another", "": "", ".": "", "eleven": "eleven",
}  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS)
def test_answers_spelled_as_published(text):
    assert published_form(text) == SPELLINGS[text]


def test_an_answer_is_found_under_its_published_spelling():
    w, b = np.arange(6.0).reshape(3, 2), np.arange(3.0)
    moved, _, report = move_answers(w, b, ["2", "gray", "Two"], ["Grey", "two", "Two", "three"])
    np.testing.assert_array_equal(moved, [w[1], w[0], w[2], [0, 0]])  # its very text comes first
    assert report.kept == 3 and report.new == ["three"]


def test_no_answer_is_known():
    w, b, report = move_answers(np.ones((2, 3)), np.ones(2), ["a", "b"], ["c", "d", "e"])
    assert w.shape == (3, 3) and not w.any() and not b.any() and report.kept == 0


@pytest.mark.parametrize("w, b", [((2, 3), (2,)), ((3, 3), (2,)), ((3,), (3,)), ((3, 3), (3, 1))])
def test_rows_that_are_not_those_of_the_answers(w, b):
    with pytest.raises(ShapeError, match="3 answers"):
        move_answers(np.ones(w), np.ones(b), ["a", "b", "c"], ["a"])


def fuzz(tmp_path, form, count, seed):
    data = json.dumps(FORMS[form]).encode()
    check_mutants(data, lambda path: read_answers(path, 3), tmp_path / "mutant.json", count, seed)


@pytest.mark.parametrize("form", FORMS)
def test_mutants(tmp_path, form):
    fuzz(tmp_path, form, 200, seed=6)


@pytest.mark.nightly
@pytest.mark.parametrize("form", FORMS)
def test_many_mutants(tmp_path, form):
    fuzz(tmp_path, form, 2000, seed=7)
