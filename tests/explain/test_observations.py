"""What heads do, by hand: maps whose habits are known, and means over examples."""

from pathlib import Path

import numpy as np
import pytest

from minilxmert import LxmertForQuestionAnswering, LxmertTokenizer
from minilxmert.cli import main
from minilxmert.explain.attention import FAMILIES, Attention, attention
from minilxmert.explain.observations import head_habits, head_marks, lifts, mean_known, observe, sharpest
from minilxmert.vision.features import open_features

WEIGHTS = Path(__file__).parents[1] / "sample"
WORDS = ["[CLS]", "a", "red", "cup", "[SEP]"]


def heads(*maps):
    """One layer of heads, each an (N, M) map."""
    return np.array(maps, float)[None]


def moved(by, n=5):
    """Every word looks at the one `by` places on; who has none looks at itself."""
    a = np.eye(n, k=by)
    a[a.sum(1) == 0] = np.eye(n)[a.sum(1) == 0]
    return a


FIRST, LAST, EVEN = np.eye(5)[[0] * 5], np.eye(5)[[4] * 5], np.full((5, 5), 0.2)


def test_habits_of_heads_that_are_known():
    found = head_habits(heads(moved(1), moved(-1), np.eye(5), FIRST, LAST, EVEN), WORDS)
    np.testing.assert_allclose(found["next"][0], [1, 0, 0, 0, 1 / 4, 0.2])  # of four words that have a next one
    np.testing.assert_allclose(found["previous"][0], [0, 1, 0, 1 / 4, 0, 0.2])
    np.testing.assert_allclose(found["itself"][0], [1 / 5, 1 / 5, 1, 1 / 5, 1 / 5, 0.2])
    np.testing.assert_allclose(found["[CLS]"][0], [0, 1 / 4, 0, 1, 0, 0.2])  # [CLS] itself does not count
    np.testing.assert_allclose(found["[SEP]"][0], [1 / 4, 0, 0, 0, 1, 0.2])


def test_a_habit_that_no_word_can_have_is_unknown():
    found = head_habits(np.ones((2, 3, 1, 1)), ["cup"])
    assert found["next"].shape == (2, 3) and np.isnan(found["next"]).all() and (found["itself"] == 1).all()
    assert np.isnan(found["[CLS]"]).all()


def test_marks_name_what_is_clear():
    words = heads(moved(1), moved(-1), np.eye(5), FIRST, LAST, EVEN)
    things = heads(np.eye(3), np.eye(3)[[1, 1, 1]], np.full((3, 3), 1 / 3))
    across = heads(np.eye(5)[[4] * 3], np.eye(5)[[1, 2, 3]], np.full((3, 5), 0.2))
    maps = Attention(WORDS, ["x", "y", "z"], {"language": words, "objects": things, "objects_to_words": across})
    assert head_marks(maps, "language") == [["next", "previous", "itself", "[CLS]", "[SEP]", ""]]
    assert head_marks(maps, "objects") == [["itself", "one-hot", ""]]
    assert head_marks(maps, "objects_to_words") == [["[SEP]", "one-hot", ""]]


def test_sharpness_and_lift():
    a = heads([[1, 0, 0], [0.5, 0.25, 0.25]], [[1 / 3] * 3] * 2)
    np.testing.assert_allclose(sharpest(a), [[0.75, 1 / 3]])
    np.testing.assert_allclose(lifts(heads([[1, 0, 0], [1, 0, 0]])), [3, 0, 0])  # all on one of three: 3 times even
    np.testing.assert_allclose(lifts(heads([[1 / 3] * 3] * 2)), 1)
    assert np.isnan(sharpest(np.zeros((2, 4, 3, 0)))).all() and not lifts(np.zeros((2, 4, 3, 0))).size


def test_unknown_values_do_not_count():
    np.testing.assert_array_equal(mean_known([[1.0, np.nan], [3.0, np.nan]]), [2, np.nan])


@pytest.fixture(scope="module")
def sample():
    model, tokenizer = LxmertForQuestionAnswering.from_pretrained(WEIGHTS), LxmertTokenizer.from_pretrained(WEIGHTS)
    pictures = open_features(WEIGHTS / "objects.tsv")
    return model, tokenizer, ["what color is the cup ?", "what is this ?"], [pictures["kitchen"], pictures["garden"]]


def test_means_over_examples(sample):
    model, tokenizer, questions, objects = sample
    names = [["cup"] * 12, ["cup"] * 4 + ["tree"] * 4]
    found = observe(model, tokenizer, questions, objects, names, {"colours": {"color"}})
    one, two = (attention(model, tokenizer, q, o) for q, o in zip(questions, objects, strict=True))
    assert found.examples == 2 and set(found.sharpness) == set(FAMILIES)
    for family in ("language", "cross_language"):
        for habit, shares in found.habits[family].items():
            both = [head_habits(x[family], x.words)[habit] for x in (one, two)]
            np.testing.assert_allclose(shares, np.mean(both, 0))
    np.testing.assert_allclose(found.sharpness["objects"], (sharpest(one["objects"]) + sharpest(two["objects"])) / 2)
    table = {name: (lift, count) for name, lift, count in found.objects}
    cups = np.concatenate([lifts(one["words_to_objects"]), lifts(two["words_to_objects"])[:4]])
    assert table["cup"] == (pytest.approx(cups.mean()), 16) and table["tree"][1] == 4
    assert [lift for _, lift, _ in found.objects] == sorted((lift for _, lift, _ in found.objects), reverse=True)
    colour = lifts(one["objects_to_words"])[one.words.index("color")]
    assert found.word_classes["colours"] == (pytest.approx(colour), 1)
    assert found.word_classes["nouns"][1] == 2 and found.word_classes["special"][1] == 4


def test_the_command_prints_them(capsys):
    arguments = ["--weights", WEIGHTS, "--features", WEIGHTS / "objects.tsv", "--image", "street"]
    arguments += ["--question", "what is the cup ?", "--nouns", "cup"]
    assert main(["analyze", *map(str, arguments)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("1 examples") and len([line for line in out.splitlines() if "one-hot: " in line]) == 6
    assert "  nouns " in out and "–" in out  # no pronoun was there
    assert main(["analyze", "--weights", str(WEIGHTS), "--image", "street", "--question", "a"]) == 1
    assert "street: expected a readable file" in capsys.readouterr().err  # without --features it is a picture's path
