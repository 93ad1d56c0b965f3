"""Drawn pictures that others made: easy-VQA and NLVR in their own layout, tiny, made here and learnt from pixels."""

import json

import numpy as np
import pytest

from minilxmert import ConfigError, LxmertForQuestionAnswering
from minilxmert.cli import main
from minilxmert.experiments import drawn
from minilxmert.experiments.drawn import add_words, easy_vqa_task, nlvr_task, starting_model
from minilxmert.experiments.easy_vqa import read_easy_vqa
from minilxmert.experiments.nlvr import read_nlvr
from minilxmert.scenes.world import SMALL
from minilxmert.training.recipes import fresh_miniature, miniature_tokenizer
from minilxmert.vision.pictures import write_png

INKS = {"red": (220, 40, 40), "teal": (0, 150, 150), "brown": (140, 80, 30)}
NARROW = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32, "l_layers": 1, "x_layers": 1}
EACH = 6  # pictures of a split


def square(ink, side=64, ground=255):
    picture = np.full((side, side, 3), ground, np.uint8)
    picture[20:44, 20:44] = INKS[ink]
    return picture


@pytest.fixture(scope="module")
def easy(tmp_path_factory):
    """In the layout of easy-VQA: one square a picture, asked for its colour and whether there is one."""
    root = tmp_path_factory.mktemp("easy_vqa")
    (root / "answers.txt").write_text("\n".join([*INKS, "yes", "no"]))
    for split in ("train", "test"):
        (root / split / "images").mkdir(parents=True)
        rows = []
        for number in range(EACH):
            ink = list(INKS)[number % 3]
            write_png(root / split / "images" / f"{number}.png", square(ink))
            rows.append(["what color is the shape?", ink, number])
            rows.append(["does the image contain a square?", "yes", number])
        (root / split / "questions.json").write_text(json.dumps(rows))
    return root


@pytest.fixture(scope="module")
def nlvr(tmp_path_factory):
    """In the layout of NLVR: three grey boxes in one picture; "There is a … square", true and false."""
    root = tmp_path_factory.mktemp("nlvr")
    (root / "images" / "1").mkdir(parents=True)
    lines = []
    for scene, ink in enumerate(INKS):
        box, gap = square(ink, 100, ground=211), np.full((100, 50, 3), 255, np.uint8)
        plain = np.full((100, 100, 3), 211, np.uint8)
        for k in range(6):
            boxes = np.roll(np.array([box, plain, plain]), k, axis=0)
            path = root / "images" / "1" / f"dev-{scene}-0-{k}.png"
            write_png(path, np.concatenate([boxes[0], gap, boxes[1], gap, boxes[2]], axis=1))
        label = "true" if ink == "teal" else "false"
        sentence = "There is an unmistakably teal square."
        lines.append({"sentence": sentence, "identifier": f"{scene}-0", "directory": "1", "label": label})
    path = root / "dev.json"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setattr(drawn, "fresh_miniature", lambda *args, **_: fresh_miniature(*args, **NARROW))


def test_new_words_come_last_and_known_ones_keep_their_embeddings():
    model = fresh_miniature(LxmertForQuestionAnswering, SMALL, **NARROW)
    tokenizer = miniature_tokenizer(SMALL)
    before, texts = model.params["embeddings"]["word"]["w"].copy(), ["What TEAL image?", "an image of red circles"]
    new = add_words(model, tokenizer, texts)
    assert new.tokens == [*tokenizer.tokens, "teal", "image"]
    after = model.params["embeddings"]["word"]["w"]
    np.testing.assert_array_equal(after[: len(before)], before)
    assert after.shape == (len(new), 16) and model.config.vocab_size == len(new) and after[len(before) :].any(1).all()
    assert not [new.unknown_words(text) for text in texts if new.unknown_words(text)]
    assert new("red circles")["input_ids"] == tokenizer("red circles")["input_ids"]
    again = add_words(model, new, texts)
    assert again.tokens == new.tokens  # nothing is new any more


def test_rare_words_stay_unknown():
    model = fresh_miniature(LxmertForQuestionAnswering, SMALL, **NARROW)
    texts = ["teal", "teal image", "Teal sqare"]
    new = add_words(model, miniature_tokenizer(SMALL), texts, least=2)
    assert new.tokens[-1] == "teal" and new.unknown_words("teal image sqare") == ["image", "sqare"]


def test_easy_vqa_is_learnt_from_pixels(easy, tmp_path, capsys, narrow):
    """The test is like the training here: every colour is told, which no model can that does not look."""
    out = tmp_path / "run"
    run = ["easy-vqa", "--data", str(easy), "--out", str(out), "--steps", "200", "--rate", "0.004"]
    assert main([*run, "--batch-size", "12"]) == 0
    told = capsys.readouterr().out
    overall = next(line for line in told.splitlines() if line.startswith("Overall")).split()
    assert overall[1] == "100.00%" and overall[-1] == str(2 * EACH)
    assert "easy-VQA" in told and "from scratch, 200 steps" in told
    saved = LxmertForQuestionAnswering.from_pretrained(out)
    assert saved.answers == [*INKS, "yes", "no"]
    data = easy_vqa_task(read_easy_vqa(easy, "test")[0], "test")
    model, tokenizer = starting_model(out, data, ["teal", "yes", "no", "maybe"])
    assert tokenizer.tokens == (out / "vocab.txt").read_text().split()  # it knows all words already
    outer, old = (m.params["answer"]["outer"]["w"] for m in (model, saved))
    np.testing.assert_array_equal(outer, np.stack([old[1], old[3], old[4], 0 * old[0]]))


def test_a_model_of_another_detector_is_refused(easy, tmp_path):
    other = fresh_miniature(LxmertForQuestionAnswering, SMALL, **NARROW, visual_feat_dim=5)
    other.save_pretrained(tmp_path)
    miniature_tokenizer(SMALL).save_pretrained(tmp_path)
    data = easy_vqa_task(read_easy_vqa(easy, "test")[0], "test")
    with pytest.raises(ConfigError, match=r"visual_feat_dim.*another detector"):
        starting_model(tmp_path, data, ["yes", "no"])


def test_three_boxes_are_one_picture(nlvr):
    examples = read_nlvr(nlvr)
    data = nlvr_task(examples)
    assert len(data) == len(data.pictures) == 18
    assert {len(objects) for objects in data.pictures.values()} == {1}
    assert [record.label for record in data.records[5:7]] == [{"no": 1.0}, {"yes": 1.0}]
    lefts = [round(float(data.pictures[r.img_id].boxes[0, 0])) for r in data.records[:3]]
    assert lefts == [20, 170, 320]  # the box moves, and with it the square


def test_nlvr_is_learnt_saved_and_measured(nlvr, tmp_path, capsys, narrow):
    out = str(tmp_path / "run")
    learn = ["nlvr", "--train", str(nlvr), "--test", str(nlvr), "--out", out, "--steps", "300", "--rate", "0.004"]
    assert main([*learn, "--batch-size", "18"]) == 0
    first = capsys.readouterr().out.splitlines()[-3:]
    assert first[1].split()[:2] == ["Accuracy", "100.00%"] and first[2].split()[0] == "Consistency"
    assert main(["nlvr", "--test", str(nlvr), "--weights", out]) == 0
    assert capsys.readouterr().out.splitlines()[-3:] == first


@pytest.mark.parametrize("command", ["easy-vqa", "nlvr --test x.json --train x.json", "nlvr --test {test}"])
def test_what_is_missing_is_named(command, nlvr, capsys):
    assert main(command.format(test=nlvr).split()) == 1
    assert "expected" in capsys.readouterr().err
