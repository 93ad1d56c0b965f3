"""Figures for papers: what is drawn is what the page's data say."""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from minilxmert import ConfigError, LxmertForQuestionAnswering, LxmertTokenizer, MinilxmertError
from minilxmert.cli import main
from minilxmert.explain.figures import figure, habits_figure
from minilxmert.explain.observations import observe
from minilxmert.explain.page import window
from minilxmert.vision.drawings import Drawing, rectangle
from minilxmert.vision.features import open_features
from minilxmert.vision.pictures import encode_png

WEIGHTS = Path(__file__).parents[1] / "sample"
MODEL, TOKENIZER = LxmertForQuestionAnswering.from_pretrained(WEIGHTS), LxmertTokenizer.from_pretrained(WEIGHTS)
KITCHEN = open_features(WEIGHTS / "objects.tsv")["kitchen"]
QUESTION = "what color is the $cup ?"  # a sign that matplotlib would read as mathematics


@pytest.fixture(scope="module")
def page():
    return window(MODEL, TOKENIZER, QUESTION, KITCHEN, names=[f"thing $ {i}" for i in range(12)])


@pytest.fixture
def plots():
    return pytest.importorskip("matplotlib")


def elements(drawn, name):
    """The SVG elements of a name; parsing proves that it is XML."""
    return ET.fromstring(drawn.svg).findall(f".//{{http://www.w3.org/2000/svg}}{name}")


def texts(drawn):
    return [element.text or "" for element in elements(drawn, "text")]


def test_the_matrix_and_the_boxes(page):
    drawn = figure(page, "words_to_objects", layer=0, head=1, word=5)
    expected = np.array(page.data["families"][2]["maps"])[0, 1]
    boxes, cells = elements(drawn, "rect")[1:13], elements(drawn, "rect")[13:]
    depths = [float(cell.get("fill-opacity")) for cell in cells]
    np.testing.assert_allclose(depths, expected.ravel() / expected.max(), atol=6e-4)
    assert set(page.data["words"]) <= set(texts(drawn))
    thickest, scale = max(boxes, key=lambda box: float(box.get("stroke-width"))), 384 / KITCHEN.width
    place = [float(thickest.get(name)) for name in "xy"]
    np.testing.assert_allclose(place, np.array(page.data["boxes"][expected[5].argmax()][:2]) * scale, rtol=1e-4)
    assert f"thing $ {expected[5].argmax()} {expected[5].max():.0%}" in texts(drawn)


def test_relevance(page):
    drawn = figure(page, "relevance", answer=1)
    widths = np.array([float(bar.get("width")) for bar in elements(drawn, "rect")[13:]])
    words = np.array(page.data["answers"][1]["words"])
    np.testing.assert_allclose(widths, 300 * words / words.max(), rtol=1e-4)


@pytest.mark.parametrize("family", ["language", "objects", "objects_to_words", "cross_language", "cross_objects"])
def test_every_family(page, family):
    drawn = figure(page, family)
    assert len(elements(drawn, "rect")) > 13 and page.data["words"][1] in repr(drawn)


@pytest.mark.parametrize("kind, start", [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_the_picture_lies_under_the_boxes_in_other_formats_too(plots, tmp_path, kind, start):
    picture = encode_png(np.full((6, 8, 3), 200, np.uint8))
    drawn = figure(window(MODEL, TOKENIZER, "what ?", KITCHEN, picture))
    (image,) = elements(drawn, "image")
    assert float(image.get("height")) == pytest.approx(384 * KITCHEN.height / KITCHEN.width, rel=1e-4)
    assert drawn.svg.index("<image") < drawn.svg.index("<rect x=")
    drawn.save(tmp_path / f"it.{kind}")
    assert (tmp_path / f"it.{kind}").read_bytes().startswith(start)


def test_what_is_printed_is_what_was_drawn(plots, tmp_path):
    """A PNG by matplotlib has the colours of the SVG where the SVG has them."""
    from matplotlib.image import imread

    body = rectangle(20, 10, 40, 30, "#0072b2") + '<g transform="translate(60 40)">'
    Drawing(120, 80, body + rectangle(10, 5, 20, 20, "#d55e00") + "</g>", "").save(tmp_path / "two.png")
    pixels = np.rint(255 * imread(tmp_path / "two.png")[..., :3]).astype(int)
    high, wide = pixels.shape[:2]
    for (x, y), color in {(40, 25): (0, 114, 178), (80, 55): (213, 94, 0), (5, 5): (255, 255, 255)}.items():
        assert tuple(pixels[int(high * y / 80), int(wide * x / 120)]) == color


def test_habits():
    found = observe(MODEL, TOKENIZER, ["what is this ?"], [KITCHEN])
    drawn = habits_figure(found)
    shown = texts(drawn)
    assert "language: next" in shown and sum(": " in text for text in shown) == 2 * 5 + 6
    assert f"{found.habits['language']['next'][1, 2]:.2f}" in shown


def test_the_command_draws_them(tmp_path, capsys):
    arguments = [
        "--weights",
        WEIGHTS,
        "--features",
        WEIGHTS / "objects.tsv",
        "--image",
        "street",
        "--question",
        "what ?",
    ]
    assert main(["analyze", *map(str, arguments), "--plot", str(tmp_path / "heads.svg")]) == 0
    assert "<svg" in (tmp_path / "heads.svg").read_text() and "one-hot" in capsys.readouterr().out


def test_mistakes_are_explained(page):
    with pytest.raises(ConfigError, match="words_to_objects"):
        figure(page, "words")


def test_without_matplotlib_the_message_says_what_to_install(page, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MinilxmertError, match=r"minilxmert\[tutorials\]"):
        figure(page).save(tmp_path / "it.png")
