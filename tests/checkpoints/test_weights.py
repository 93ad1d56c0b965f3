"""The weights that the repository ships answer questions about drawn pictures they have never seen."""

from pathlib import Path

import numpy as np
import pytest

from minilxmert import LxmertForPreTraining, LxmertForQuestionAnswering, LxmertForVisualReasoning, LxmertTokenizer
from minilxmert.ask import ask, doubts, look
from minilxmert.cli import main
from minilxmert.experiments.calibration import figures, measure, strangers_table
from minilxmert.experiments.probing import foil_report
from minilxmert.scenes.detector import detect
from minilxmert.scenes.world import SMALL, Scene, Thing
from minilxmert.training.miniature import Miniature
from minilxmert.training.tasks import predict
from minilxmert.vision.pictures import write_png

WEIGHTS = Path(__file__).parents[2] / "weights"
TOKENIZER = LxmertTokenizer.from_pretrained(WEIGHTS)
HELD_OUT = Miniature(SMALL, "test", 60, seed=5)  # another seed than that of the card
BYTES = 12 << 20


@pytest.fixture(scope="module")
def model():
    return LxmertForQuestionAnswering.from_pretrained(WEIGHTS)


@pytest.mark.parametrize("task, least", [("vqa", 0.98), ("gqa", 0.98)])
def test_questions_about_unseen_scenes(model, task, least):
    data = HELD_OUT.task(task)
    assert data.report(predict(model, TOKENIZER, data))["Overall"].share >= least


def test_statements_about_two_unseen_scenes():
    reasoner, data = LxmertForVisualReasoning.from_pretrained(WEIGHTS / "nlvr2"), HELD_OUT.task("nlvr2")
    report = data.report(predict(reasoner, TOKENIZER, data))
    assert report["Accuracy"].share >= 0.97 and report["Consistency"].share >= 0.9


def test_one_wrong_word_is_noticed():
    pretrained = LxmertForPreTraining.from_pretrained(WEIGHTS / "pretrained")
    report = foil_report(pretrained, TOKENIZER, HELD_OUT)
    assert report["all"].share >= 0.95 and report["relation"].share >= 0.9 and report["larger number"].share >= 0.9


def test_a_picture_drawn_by_hand(model, tmp_path):
    things = Thing("circle", "red", "large", 30, 40, 13), Thing("star", "purple", "large", 95, 50, 13)
    write_png(tmp_path / "mine.png", Scene(SMALL, things).picture(np.random.default_rng(4)))
    objects = look(tmp_path / "mine.png")
    asked = {"what color is the circle ?": "red", "how many stars are there ?": "1", "is there a green star ?": "no"}
    asked |= {"is the circle left or right of the star ?": "left", "what shape is the red thing ?": "circle"}
    answers = ask(model, TOKENIZER, list(asked), [objects] * len(asked))
    assert [best.text for best, *_ in answers] == list(asked.values())
    assert all(best.probability > 0.9 for best, *_ in answers)


def test_spelling_makes_no_difference(model):
    """Neither in the answers nor in the doubts."""
    objects, plain = look(WEIGHTS / "scene.png"), "what color is the star ?"
    expected = ask(model, TOKENIZER, [plain], [objects])[0]
    for question in ("What colour is the star?", "what color is the star", "WHAT COLOR IS THE STAR ? "):
        assert ask(model, TOKENIZER, [question], [objects])[0] == expected
        assert not doubts(TOKENIZER, question, objects, expected[0], drawn=True)


def test_drawings_outside_its_world_are_answered_with_doubt():
    """On drawings outside of its world it is less sure, of the kinds that gave the numbers and of the others."""
    found = measure(LxmertForQuestionAnswering.from_pretrained(WEIGHTS), TOKENIZER, 6, seed=3)
    for half in ("fitted kinds", "other kinds"):
        shares = figures(found[half])
        assert shares["ECE, corrected"] < 0.1 and shares["sure, corrected"] < 0.02 < shares["sure, the model"]
    inside = found["inside the world"]
    assert all(before == after and not kind for _, before, after, kind in inside)
    assert "other kinds" in strangers_table(found)


def test_what_it_cannot_know_is_no_certainty(model, capsys, tmp_path):
    """Unknown words and empty pictures: named, and answered with less than certainty."""
    empty = detect(np.full((96, 128, 3), 205, np.uint8))
    drawn = HELD_OUT.pictures["0"]
    for question, objects in (("what color is the umbrella ?", drawn), ("how many cats are left of the dog ?", drawn)):
        best = ask(model, TOKENIZER, [question], [objects])[0][0]
        assert best.probability < 0.9 and doubts(TOKENIZER, question, objects, best)
    best = ask(model, TOKENIZER, ["what color is the star ?"], [empty])[0][0]
    assert "no object was found in the picture" in doubts(TOKENIZER, "what color is the star ?", empty, best)
    arguments = ["--weights", str(WEIGHTS), "--image", str(WEIGHTS / "scene.png")]
    assert main(["answer", *arguments, "--question", "where is the umbrella ?"]) == 0
    assert "umbrella" in capsys.readouterr().out.split("a guess:")[1]


@pytest.mark.parametrize(
    "question, told",
    [
        ("what color is the purple square ?", "the question speaks of one purple square, and none can be seen"),
        ("what color is the circle ?", "the question speaks of one circle, and 2 can be seen"),
        ("square the star is ?", "the model has learnt no such question"),
        (
            "what shape is the purple thing left of the blue square ?",
            "the question speaks of one purple thing, and none can be seen",
        ),
        ("there is a purple star", "the model has learnt no such question"),
        ("is there a purple square ?", None),
        ("what color is the thing left of the blue square ?", None),
        ("what shape is the yellow thing ?", None),
    ],
)
def test_questions_that_do_not_fit_the_picture(model, question, told):
    objects = look(WEIGHTS / "scene.png")
    best = ask(model, TOKENIZER, [question], [objects])[0][0]
    found = doubts(TOKENIZER, question, objects, best, drawn=True)
    assert told in found if told else not found
    assert told not in doubts(TOKENIZER, question, objects, best)  # of another detector's objects nothing is known


def test_a_picture_with_more_than_its_world_has(model):
    things = [Thing("circle", "red", "small", 10 + 20 * n, 40, 5) for n in range(6)]
    objects = detect(Scene(SMALL, tuple(things)).picture(np.random.default_rng(0)))
    question = "how many circles are there ?"
    best = ask(model, TOKENIZER, [question], [objects])[0][0]
    assert "no picture of its world has more than 5 objects" in doubts(TOKENIZER, question, objects, best, drawn=True)


def test_they_are_small():
    assert sum(path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file()) <= BYTES
