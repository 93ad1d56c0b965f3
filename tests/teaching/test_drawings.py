"""Drawings: what is drawn is what was given, as SVG and as characters."""

import sys
import types
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from minilxmert import MinilxmertError
from minilxmert.scenes.world import SMALL
from minilxmert.teaching import draw_road, example_picture
from minilxmert.training.miniature import miniature_config
from minilxmert.vision.drawings import (
    Drawing,
    draw_bars,
    draw_curves,
    draw_matrix,
    draw_picture,
    draw_tiles,
    show,
)
from minilxmert.vision.objects import Objects


def elements(drawing, name):
    """The SVG elements of a name; parsing proves that it is XML."""
    return ET.fromstring(drawing.svg).findall(f".//{{http://www.w3.org/2000/svg}}{name}")


def texts(drawing):
    return [element.text or "" for element in elements(drawing, "text")]


def test_tiles():
    drawing = draw_tiles(["[CLS]", "<a&b>"], [101, 7])
    assert texts(drawing) == ["[CLS]", "101", "<a&b>", "7"]
    assert repr(drawing).split() == ["[CLS]", "<a&b>", "101", "7"]


def test_matrix_shows_numbers_or_shades():
    small = draw_matrix([[0.25, -0.5]], ["row"], ["a", "b"])
    assert {"0.25", "-0.50", "row", "a", "b"} <= set(texts(small)) and repr(
        small
    ) == "          a      b\nrow    0.25  -0.50"
    depths = [rect.get("fill-opacity") for rect in elements(small, "rect")[1:]]
    assert depths == ["0.500", "1.000"]
    large = draw_matrix(np.linspace(0, 1, 500).reshape(5, 100))
    assert len(elements(large, "rect")) == 501 and "█" in repr(large) and "0.5" not in repr(large)
    with pytest.raises(MinilxmertError, match="2 × 1"):
        draw_matrix([[1.0]], ["a", "b"])


def test_bars_are_as_long_as_their_values():
    drawing = draw_bars(["yes", "no"], [0.75, 0.25])
    assert [float(rect.get("width")) for rect in elements(drawing, "rect")[1:]] == [300, 100]
    assert repr(drawing).splitlines()[0] == f"yes   75.0% {'█' * 30}"


@pytest.mark.parametrize("strengths, legend", [(None, "A one, B two"), ([1, 1], "A one 100%, B two 100%")])
def test_every_strength_has_its_number(strengths, legend):
    objects = Objects("p", 128, 96, np.array([[8, 6, 40, 42], [60, 50, 100, 90]], np.float32), np.zeros((2, 4), "f"))
    assert repr(draw_picture(example_picture(), objects, ["one", "two"], strengths)).splitlines()[-1] == legend


def test_names_of_curves_that_end_together_do_not_cover_each_other():
    drawing = draw_curves([0, 1], {name: [n, 0] for n, name in enumerate("abcdef")})
    places = sorted(float(text.get("y")) for text in elements(drawing, "text") if text.text in list("abcdef"))
    assert len(places) == 6 and min(np.diff(places)) >= 13


def test_curves_begin_and_end_where_their_values_do():
    drawing = draw_curves([0, 1], {"up": [0, 1], "flat": [0, 0]})
    up, flat = (line.get("points").split() for line in elements(drawing, "polyline"))
    assert up == ["50.0,224.0", "450.0,24.0"] and flat[1] == "450.0,224.0"
    steps = draw_curves([50, 2500], {"loss": [0.12345, 3]})
    assert repr(steps).endswith("across 50 … 2,500, up 0.123 … 3") and "2,500" in texts(steps)


def test_a_picture_with_boxes():
    boxes = np.array([[8, 6, 40, 42], [60, 50, 100, 90]], np.float32)
    objects = Objects("p", 128, 96, boxes, np.zeros((2, 4), np.float32))
    drawing = draw_picture(example_picture(), objects, ["one", "two"], [1, 0.5])
    second, first = elements(drawing, "rect")[1:]  # the stronger lies above
    assert [first.get(name) for name in ("x", "y", "width", "height")] == ["24", "18", "96", "108"]
    assert float(first.get("stroke-width")) > float(second.get("stroke-width"))
    assert texts(drawing) == ["two 50%", "one 100%"]
    lines = repr(drawing).splitlines()
    assert lines[1][4] == "┌" and lines[7][20] == "┘" and lines[-1] == "A one 100%, B two 50%"
    with pytest.raises(MinilxmertError, match="2 boxes, 1 names"):
        draw_picture(example_picture(), objects, ["one"])


def test_the_road_tells_the_shapes_of_its_config():
    drawing = draw_road(miniature_config(SMALL), 13, 5)
    assert {"(13, 80)", "(5, 80)", "2 language layers"} <= set(texts(drawing))
    assert "(13, 80) and (5, 80)" in repr(drawing)


def test_show_prints_where_there_is_no_notebook(capsys):
    show(Drawing(1, 1, "", "one"), Drawing(1, 1, "", "two"))
    assert capsys.readouterr().out == "one\n\ntwo\n\n"


def test_show_draws_in_a_notebook(monkeypatch, capsys):
    shown = []
    ipython = types.SimpleNamespace(get_ipython=lambda: object())
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=lambda *all: shown.extend(all)))
    drawing = Drawing(1, 1, "", "one")
    show(drawing)
    assert shown == [drawing] and not capsys.readouterr().out and drawing._repr_svg_().startswith("<svg")
