"""Drawn pictures that others made: easy-VQA in its own layout, tiny, made here and learnt from pixels."""

import json

import numpy as np
import pytest

from minilxmert import ConfigError, LxmertForQuestionAnswering
from minilxmert.cli import main
from minilxmert.experiments import easy_vqa
from minilxmert.experiments.easy_vqa import add_words, easy_vqa_task, read_easy_vqa, starting_model
from minilxmert.scenes.world import SMALL
from minilxmert.training.recipes import fresh_miniature, miniature_tokenizer
from minilxmert.vision.pictures import write_png

INKS = {"red": (220, 40, 40), "teal": (0, 150, 150), "brown": (140, 80, 30)}
NARROW = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32, "l_layers": 1, "x_layers": 1}
EACH = 6  # pictures of a split


def square(ink, side=64):
    picture = np.full((side, side, 3), 255, np.uint8)
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


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setattr(easy_vqa, "fresh_miniature", lambda *args, **_: fresh_miniature(*args, **NARROW))


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
    data = easy_vqa_task(read_easy_vqa(easy, "test")[0])
    model, tokenizer = starting_model(out, data, ["teal", "yes", "no", "maybe"])
    assert tokenizer.tokens == (out / "vocab.txt").read_text().split()  # it knows all words already
    outer, old = (m.params["answer"]["outer"]["w"] for m in (model, saved))
    np.testing.assert_array_equal(outer, np.stack([old[1], old[3], old[4], 0 * old[0]]))


def test_a_model_of_another_detector_is_refused(easy, tmp_path):
    other = fresh_miniature(LxmertForQuestionAnswering, SMALL, **NARROW, visual_feat_dim=5)
    other.save_pretrained(tmp_path)
    miniature_tokenizer(SMALL).save_pretrained(tmp_path)
    data = easy_vqa_task(read_easy_vqa(easy, "test")[0])
    with pytest.raises(ConfigError, match=r"visual_feat_dim.*another detector"):
        starting_model(tmp_path, data, ["yes", "no"])


def test_what_is_missing_is_named(capsys):
    assert main(["easy-vqa"]) == 1
    assert "expected" in capsys.readouterr().err
