"""Figures for papers, where matplotlib is installed: what is drawn is what the page's data say."""

import builtins
import io
from pathlib import Path

import numpy as np
import pytest

from minilxmert import ConfigError, LxmertForQuestionAnswering, LxmertTokenizer, MinilxmertError
from minilxmert.cli import main
from minilxmert.explain.figures import figure, habits_figure
from minilxmert.explain.observations import observe
from minilxmert.explain.page import window
from minilxmert.vision.features import open_features

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


def png(drawn):
    """The figure as a PNG file's bytes: every text of it is laid out, and nothing fails."""
    file = io.BytesIO()
    drawn.savefig(file, dpi=50)
    return file.getvalue()


def test_the_matrix_and_the_boxes(plots, page):
    drawn = figure(page, "words_to_objects", layer=0, head=1, word=5)
    left, right = drawn.axes
    expected = np.array(page.data["families"][2]["maps"])[0, 1]
    np.testing.assert_array_equal(right.images[0].get_array(), expected)
    assert [t.get_text() for t in right.get_yticklabels()] == page.data["words"]
    assert len(left.patches) == 12
    thickest = max(left.patches, key=lambda patch: patch.get_linewidth())
    np.testing.assert_allclose(thickest.get_xy(), page.data["boxes"][expected[5].argmax()][:2])
    assert png(drawn).startswith(b"\x89PNG")


def test_relevance(plots, page):
    left, right = figure(page, "relevance", answer=1).axes
    widths = np.array([bar.get_width() for bar in right.patches])
    words = np.array(page.data["answers"][1]["words"])
    np.testing.assert_allclose(widths, 100 * words / words.sum())
    assert png(left.figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("family", ["language", "objects", "objects_to_words", "cross_language", "cross_objects"])
def test_every_family(plots, page, family):
    assert png(figure(page, family)).startswith(b"\x89PNG")


def test_the_picture_lies_under_the_boxes(plots):
    from matplotlib.image import imsave

    file = io.BytesIO()
    imsave(file, np.full((6, 8, 3), 200, np.uint8), format="png")
    left, _ = figure(window(MODEL, TOKENIZER, "what ?", KITCHEN, file.getvalue())).axes
    assert left.images[0].get_extent() == [0, KITCHEN.width, KITCHEN.height, 0] and left.get_ylim()[0] == KITCHEN.height


def test_habits(plots):
    found = observe(MODEL, TOKENIZER, ["what is this ?"], [KITCHEN])
    drawn = habits_figure(found)
    titles = [ax.get_title() for ax in drawn.axes if ax.images]
    assert len(titles) == 2 * 5 + 6 and titles[0] == "language: next"
    np.testing.assert_allclose(drawn.axes[0].images[0].get_array(), found.habits["language"]["next"])
    assert png(drawn).startswith(b"\x89PNG")


def test_the_command_draws_them(plots, tmp_path, capsys):
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
    assert main(["analyze", *map(str, arguments), "--plot", str(tmp_path / "heads.png")]) == 0
    assert (tmp_path / "heads.png").read_bytes().startswith(b"\x89PNG") and "one-hot" in capsys.readouterr().out


def test_mistakes_are_explained(plots, page):
    with pytest.raises(ConfigError, match="words_to_objects"):
        figure(page, "words")


def test_without_matplotlib_the_message_says_what_to_install(page, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MinilxmertError, match=r"minilxmert\[tutorials\]"):
        figure(page)
