"""Photographs: never let loose on the miniature's detector, answered and shown with the detector of the paper."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from browser import browser, in_browser
from conftest import REFERENCE
from test_detector import compressed, smoothed, three_boxes
from test_jpeg import FILES

from minilxmert import FasterRcnn, LxmertConfig, LxmertForQuestionAnswering, PictureError
from minilxmert.ask import look
from minilxmert.cli import main
from minilxmert.scenes.detector import LARGEST, is_photograph
from minilxmert.scenes.world import RICH, SMALL, Scene
from minilxmert.vision.pictures import write_png

ROOT = Path(__file__).parents[2]
SAMPLE, DETECTOR = ROOT / "tests" / "sample", REFERENCE / "frcnn"
with np.load(DETECTOR / "picture.npz") as archive:
    CAT = archive["picture"]


@pytest.fixture
def photo(tmp_path):
    write_png(tmp_path / "cat.png", CAT)
    return tmp_path / "cat.png"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A fresh model as wide as the small detector's features, with the sample's words."""
    folder = tmp_path_factory.mktemp("model")
    config = LxmertConfig.from_pretrained(SAMPLE).replace(visual_feat_dim=128)
    LxmertForQuestionAnswering(config).save_pretrained(folder)
    shutil.copy(SAMPLE / "vocab.txt", folder)
    return folder


# --- told apart ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 2, 4])
def test_a_photograph_is_one_at_any_size(step):
    assert is_photograph(np.ascontiguousarray(CAT[::step, ::step]))
    assert is_photograph(np.tile(CAT, (1, 2 * LARGEST // CAT.shape[1], 1)))


@pytest.mark.parametrize("draw", [Scene.picture, smoothed, compressed])
def test_drawn_scenes_are_not(draw):
    rng = np.random.default_rng(3)
    assert not any(is_photograph(draw(world.scene(rng), rng)) for world in (SMALL, RICH) for _ in range(25))


def test_other_drawings_are_not():
    rng = np.random.default_rng(4)
    assert not any(is_photograph(three_boxes(rng, factor)[0]) for factor in (1, 4) for _ in range(5))
    for shape in ((1, 1), (7, 900), (3000, 5), (8, 8)):
        assert not is_photograph(np.full((*shape, 3), 99, np.uint8))


def test_a_thousand_flat_things_are_no_drawing():
    picture = np.repeat(np.repeat(np.random.default_rng(0).integers(0, 2, (30, 40, 1)) * 250, 9, 0), 9, 1)
    assert is_photograph(np.repeat(picture, 3, 2).astype(np.uint8))


def test_without_a_detector_a_photograph_is_refused(photo, capsys):
    with pytest.raises(PictureError, match=r"cat\.png: expected a drawn scene.*found a photograph.*--detector"):
        look(photo)
    for command in (["answer"], ["show", "--out", str(photo.with_name("page.html"))]):
        arguments = ["--weights", str(ROOT / "weights"), "--image", str(photo), "--question", "what is it ?"]
        assert main([*command, *arguments]) == 1
        assert "--detector" in capsys.readouterr().err
    assert not photo.with_name("page.html").exists()


def test_a_drawn_scene_may_be_a_jpeg(capsys):
    answers = []
    for file in (ROOT / "weights" / "scene.png", REFERENCE / "jpeg" / "scene.jpg"):
        question = "what color is the thing left of the blue square ?"
        main(["answer", "--weights", str(ROOT / "weights"), "--image", str(file), "--question", question])
        answers.append(capsys.readouterr().out.splitlines()[1:])
    assert answers[0][0] == answers[1][0] and "red" in answers[0][0]


# --- with the detector -----------------------------------------------------------------------------------------------


def test_looking_with_a_detector(photo):
    detector = FasterRcnn.from_pretrained(DETECTOR)
    objects = look(photo, detector, "huggingface")
    assert objects.image_id == "cat.png" and len(objects) == 36
    np.testing.assert_array_equal(objects.boxes, detector(CAT, "huggingface").boxes)


def test_answers_about_a_photograph(photo, weights, capsys):
    command = ["answer", "--weights", str(weights), "--detector", str(DETECTOR), "--image", str(photo)]
    assert main([*command, "--question", "what is it ?"]) == 0
    out = capsys.readouterr().out
    assert "  seen: attribute " in out and " object " in out and "shapes" not in out


@pytest.mark.parametrize("own", [True, False])
def test_the_model_says_that_it_learnt_from_another_detector(photo, weights, tmp_path, capsys, own):
    model = LxmertForQuestionAnswering.from_pretrained(weights)
    about = FasterRcnn.from_pretrained(DETECTOR).about("authors")
    model.take_detector(about if own else about | {"weights": "0123456789abcdef"}, "x.h5", learn=True)
    model.save_pretrained(tmp_path / "learnt")
    shutil.copy(SAMPLE / "vocab.txt", tmp_path / "learnt")
    command = ["answer", "--weights", str(tmp_path / "learnt"), "--detector", str(DETECTOR), "--image", str(photo)]
    assert main([*command, "--question", "what is it ?"]) == 0
    said = capsys.readouterr().err
    assert ("learnt from those of recipe authors, weights 0123456789abcdef" in said) == (not own)


def test_a_batch_looks_once_at_each_photograph(photo, weights, capsys, monkeypatch):
    looked = []
    call = FasterRcnn.__call__
    monkeypatch.setattr(FasterRcnn, "__call__", lambda *a: looked.append(a[-1]) or call(*a))
    rows = [{"image": str(photo), "question": q} for q in ("what is it ?", "what color is it ?", "is it a cup ?")]
    batch = photo.with_name("batch.jsonl")
    batch.write_text("\n".join(map(json.dumps, rows)))
    command = ["answer", "--weights", str(weights), "--detector", str(DETECTOR), "--recipe", "huggingface"]
    assert main([*command, "--batch", str(batch), "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3 and looked == ["cat.png"]


def test_the_window_shows_the_photograph(photo, weights):
    page = photo.with_name("page.html")
    command = ["show", "--weights", str(weights), "--detector", str(DETECTOR), "--image", str(photo)]
    assert main([*command, "--question", "what is it ?", "--out", str(page)]) == 0
    text = page.read_text()
    assert "data:image/png;base64," in text and "attribute " in text
    assert "http://" not in text.replace("http://www.w3.org", "") and "https://" not in text


@browser
def test_pointing_at_what_was_found_in_a_photograph(weights, tmp_path, capsys):
    (tmp_path / "photo.jpg").write_bytes(FILES["orientation-6.jpg"])
    out = tmp_path / "shown.html"
    command = ["show", "--weights", str(weights), "--detector", str(DETECTOR), "--image", str(tmp_path / "photo.jpg")]
    assert main([*command, "--recipe", "huggingface", "--question", "what is it ?", "--out", str(out)]) == 0
    found = in_browser(out.read_text(), """
        find("[value=objects_to_words]").click();
        const box = all("#picture .box")[0], image = find("#picture image");
        fire(box, "pointerenter");
        const status = find("#status").textContent;
        fire(box, "pointerleave");
        return [image.getAttribute("href").slice(0, 23), +image.getAttribute("width"), +image.getAttribute("height"),
                all("#picture .box").length, all("#objects button").length, status];""", tmp_path)  # fmt: skip
    kind, width, height, boxes, buttons, status = found
    assert (kind, width, height) == ("data:image/jpeg;base64,", 16, 24) and boxes == buttons == 36
    assert status.startswith("“attribute ") and " looks at: " in status


def test_features_and_detector_are_one_too_many(photo, weights, capsys):
    command = ["answer", "--weights", str(weights), "--detector", str(DETECTOR), "--features", "x.h5"]
    assert main([*command, "--image", str(photo), "--question", "what is it ?"]) == 1
    assert "either --features or --detector" in capsys.readouterr().err


def test_a_model_for_other_features_is_refused_in_words(photo, capsys):
    command = ["answer", "--weights", str(ROOT / "weights"), "--detector", str(DETECTOR), "--image", str(photo)]
    assert main([*command, "--question", "what is it ?"]) == 1
    assert "numbers an object, found 128" in capsys.readouterr().err
