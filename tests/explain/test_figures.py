"""Figures of what heads do: what is drawn is what was measured, in every format."""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from minilxmert import LxmertForQuestionAnswering, LxmertTokenizer, MinilxmertError
from minilxmert.cli import main
from minilxmert.explain.observations import habits_figure, observe
from minilxmert.vision.drawings import Drawing, rectangle
from minilxmert.vision.features import open_features

WEIGHTS = Path(__file__).parents[1] / "sample"
KITCHEN = open_features(WEIGHTS / "objects.tsv")["kitchen"]


@pytest.fixture(scope="module")
def found():
    model, tokenizer = LxmertForQuestionAnswering.from_pretrained(WEIGHTS), LxmertTokenizer.from_pretrained(WEIGHTS)
    return observe(model, tokenizer, ["what is this ?"], [KITCHEN])


@pytest.fixture
def plots():
    return pytest.importorskip("matplotlib")


def test_habits(found):
    drawn = habits_figure(found)
    shown = [text.text or "" for text in ET.fromstring(drawn.svg).findall(".//{http://www.w3.org/2000/svg}text")]
    assert "language: next" in shown and sum(": " in text for text in shown) == 2 * 5 + 6
    assert f"{found.habits['language']['next'][1, 2]:.2f}" in shown


@pytest.mark.parametrize("kind, start", [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_other_formats(plots, tmp_path, found, kind, start):
    habits_figure(found).save(tmp_path / f"it.{kind}")
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


def test_the_command_draws_them(tmp_path, capsys):
    seen = ["--features", str(WEIGHTS / "objects.tsv"), "--image", "street"]
    asked = ["--weights", str(WEIGHTS), "--question", "what ?"]
    assert main(["analyze", *asked, *seen, "--plot", str(tmp_path / "heads.svg")]) == 0
    assert "<svg" in (tmp_path / "heads.svg").read_text() and "one-hot" in capsys.readouterr().out


def test_without_matplotlib_the_message_says_what_to_install(found, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MinilxmertError, match=r"minilxmert\[tutorials\]"):
        habits_figure(found).save(tmp_path / "it.png")
