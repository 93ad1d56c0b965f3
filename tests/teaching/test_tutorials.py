"""Every chapter of the tutorials runs, keeps its form, and its links lead somewhere; the drawings and the building."""

import ast
import os
import re
import runpy
import sys
import types
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from browser import CHROMIUM, hosts_asked
from gradients import check_direction

import minilxmert
from minilxmert import MinilxmertError
from minilxmert.cli import main
from minilxmert.core.ops import softmax
from minilxmert.scenes.detector import describe, detect
from minilxmert.scenes.language import explain
from minilxmert.scenes.world import SMALL
from minilxmert.teaching import (
    QUESTION,
    SCENE,
    Drawing,
    draw_bars,
    draw_curves,
    draw_matrix,
    draw_picture,
    draw_road,
    draw_tiles,
    example_picture,
    show,
    weights,
)
from minilxmert.teaching.chapters import chapters, read_chapter
from minilxmert.teaching.formulas import mathml, typeset
from minilxmert.teaching.gallery import GALLERY
from minilxmert.training.miniature import miniature_config
from minilxmert.vision.objects import Objects

ROOT = Path(__file__).parents[2]
CHAPTERS = chapters(ROOT / "tutorials")
SLOW = ("10", "11", "12")  # chapters that take long in plain NumPy, where BLAS has threads that wait for each other
RUNS = [
    pytest.param(chapter, backend, id=f"{chapter.path.stem}-{backend}",
                 marks=[pytest.mark.nightly] * (backend == "numpy" and chapter.path.name.startswith(SLOW)))
    for chapter in CHAPTERS for backend in ("numba", "numpy")
]  # fmt: skip


@pytest.fixture
def keep_backend():
    before = minilxmert.current_backend()
    yield
    minilxmert.backend(before)


@pytest.mark.parametrize("chapter, backend", RUNS)
def test_runs(chapter, backend, monkeypatch, capsys, keep_backend):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    minilxmert.backend(backend)
    runpy.run_path(str(chapter.path), run_name="__main__")
    assert capsys.readouterr().out


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.path.stem)
def test_form(chapter):
    """Percent format, short cells, a picture early, the parts that every chapter has, three folded answers."""
    number, name = chapter.path.stem.split("_", 1)
    assert chapter.title.startswith(f"{int(number)} · ") and name
    assert chapter.cells[0].markdown and "**You will be able to**" in chapter.cells[0].text
    code = [cell.text for cell in chapter.cells if not cell.markdown]
    assert max(len(text.splitlines()) for text in code) <= 30
    assert any("show(" in text for text in code[:3])
    for part in ("## Files of this chapter\n", "## Questions\n"):
        assert chapter.prose.count(part) == 1, part
    asked = chapter.prose.split("## Questions\n")[1]
    assert re.findall(r"^\*\*(\d)\.\*\* ", asked, re.MULTILINE) == ["1", "2", "3"]
    answers = re.findall(r"<details><summary>Answer</summary>\n\n(.+?)\n</details>", asked, re.DOTALL)
    assert len(answers) == 3 == asked.count("<details>")


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.path.stem)
def test_needs_nothing_else(chapter):
    """A chapter takes in the package, NumPy and what comes with Python; all at its top."""
    tree = ast.parse(chapter.path.read_text(encoding="utf-8"))
    taken = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert all(node in tree.body for node in taken)
    names = [a.name for n in taken if isinstance(n, ast.Import) for a in n.names]
    names += [n.module for n in taken if isinstance(n, ast.ImportFrom)]
    assert {name.split(".")[0] for name in names} <= {"minilxmert", "numpy", *sys.stdlib_module_names}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.path.stem)
def test_links_lead_somewhere(chapter):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", chapter.prose)
    assert any(link.startswith("../minilxmert/") for link in links)  # the rooms it walks through
    for link in links:
        assert (chapter.path.parent / link).exists(), link


def test_the_list_names_every_chapter(capsys, monkeypatch):
    page = (ROOT / "tutorials" / "README.md").read_text(encoding="utf-8")
    monkeypatch.chdir(ROOT / "tutorials")
    assert main(["tutorials", "list"]) == 0
    told = capsys.readouterr().out
    for chapter in CHAPTERS:
        number, _, title = chapter.title.partition(" · ")
        assert f"| {number} | [{title}]({chapter.path.name}) |" in page
        assert f"{chapter.path.name} " in told and chapter.title in told


def test_exercises_belong_to_chapters():
    """The chapter that an exercise names has a link to the exercises, if it is there."""
    from minilxmert.exercises import NAMES, exercise

    numbers = {exercise(number).chapter for number in NAMES}
    for chapter in CHAPTERS:
        if int(chapter.path.name[:2]) in numbers:
            assert "exercises/README.md" in chapter.prose, chapter.path.name


def test_every_python_file_is_a_chapter():
    assert [chapter.path.name for chapter in CHAPTERS] == sorted(
        path.name for path in (ROOT / "tutorials").glob("*.py")
    )


# --- the running example ---------------------------------------------------------------------------------------------


def test_the_running_example():
    """Five things, two of them red; the detector sees what is there; the answer is red."""
    assert explain(QUESTION, SCENE).answer == "red"
    assert [thing.color for thing in SCENE.things].count("red") == 2
    seen = detect(example_picture())
    assert sorted(describe(seen)) == sorted(f"{thing.color} {thing.shape}" for thing in SCENE.things)
    np.testing.assert_array_equal(example_picture(), example_picture())


def test_weights_are_found_from_below(tmp_path, monkeypatch):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "config.json").write_text("{}")
    (tmp_path / "tutorials").mkdir()
    monkeypatch.chdir(tmp_path / "tutorials")
    assert weights() == tmp_path / "weights"
    (tmp_path / "weights" / "config.json").unlink()
    monkeypatch.setattr("minilxmert.teaching.example.__file__", str(tmp_path / "package" / "teaching" / "example.py"))
    with pytest.raises(MinilxmertError, match="clone of the repository"):
        weights()


# --- drawings --------------------------------------------------------------------------------------------------------


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


# --- building --------------------------------------------------------------------------------------------------------


def test_the_committed_pictures_are_those_of_the_command(tmp_path):
    """All but the bytes of the compressed picture inside, which may differ from one zlib to another."""
    assert main(["tutorials", "pictures", "--out", str(tmp_path)]) == 0
    folder = ROOT / "tutorials" / "pictures"
    assert {path.stem for path in folder.glob("*.svg")} == set(GALLERY)  # window.png is a photograph of a browser
    for path in folder.glob("*.svg"):
        made, kept = (re.sub('base64,[^"]+', "", (f / path.name).read_text()) for f in (tmp_path, folder))
        assert made == kept, path.name
        assert path.stat().st_size < 60_000


def test_building_says_what_is_missing(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "jupytext", None)
    monkeypatch.chdir(ROOT)
    assert main(["tutorials", "build", "1"]) == 1
    assert 'pip install "minilxmert[tutorials]"' in capsys.readouterr().err


SMALL_CHAPTER = r"""# %% [markdown]
# # 1 · Small
# a half: $\frac{1}{2}$, [next](02_next.py), [all](README.md)
# %%
from minilxmert import LxmertForQuestionAnswering, LxmertTokenizer
from minilxmert.explain.page import window
from minilxmert.teaching import draw_tiles, show
from minilxmert.vision.features import open_features

show(draw_tiles(["x"]))
kitchen = open_features("SAMPLE/objects.tsv")["kitchen"]
model, tokenizer = LxmertForQuestionAnswering.from_pretrained("SAMPLE"), LxmertTokenizer.from_pretrained("SAMPLE")
window(model, tokenizer, "what is it ?", kitchen)
"""


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A small chapter built as a notebook and a page, where the extra is installed. -> its file, the folder"""
    for name in ("jupytext", "nbconvert", "ipykernel"):
        pytest.importorskip(name)
    folder = tmp_path / "tutorials"
    folder.mkdir()
    (folder / "README.md").write_text("")
    chapter = folder / "01_small.py"
    chapter.write_text(SMALL_CHAPTER.replace("SAMPLE", str(ROOT / "tests" / "sample")), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    assert main(["tutorials", "build", "--out", "built"]) == 0
    return chapter, tmp_path / "built"


def test_a_chapter_is_built(built, tmp_path, capsys):
    """A notebook and a page, with drawing, formula and window, that ask no host for anything."""
    chapter, folder = built
    page, notebook = ((folder / f"01_small.{kind}").read_text(encoding="utf-8") for kind in ("html", "ipynb"))
    assert "image/svg+xml" in page and "image/svg+xml" in notebook and "srcdoc=" in page
    assert "<mfrac>" in page and "$\\frac" not in page and r"$\\frac{1}{2}$" in notebook
    assert 'href="02_next.html"' in page and "(02_next.ipynb)" in notebook and 'href="../tutorials/README.md"' in page
    outside = page.replace("http://www.w3.org", "")
    assert not re.search(r'(?:src|href)="(?!data:|#|\.|0)|@import|url\((?!#)|https?:', outside)
    if CHROMIUM:
        control = tmp_path / "control.html"
        control.write_text('<img src="http://control.example/x.png">')
        assert hosts_asked([folder / "01_small.html", control], tmp_path) == {"control.example"}
    chapter.write_text("# %%\n1 / 0\n")
    assert main(["tutorials", "build", "--out", "built"]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize(
    "latex, inner",
    [
        ("x", "<mi>x</mi>"),
        (r"\frac{1}{2}", "<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>"),
        ("x_i^2", "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>"),
        ("x^2_i", "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>"),
        ("σ < 3.5", "<mi>σ</mi><mo>&lt;</mo><mn>3.5</mn>"),
        (r"\sum_k", "<munder><mo>∑</mo><mi>k</mi></munder>"),
        (r"\sqrt{D}", "<msqrt><mrow><mi>D</mi></mrow></msqrt>"),
        (r"\bar{A}", '<mover accent="true"><mrow><mi>A</mi></mrow><mo>¯</mo></mover>'),
        (r"\text{mean}_h", "<msub><mtext>mean</mtext><mi>h</mi></msub>"),
    ],
)
def test_formulas_become_mathml(latex, inner):
    assert mathml(latex) == f'<math display="inline"><mrow>{inner}</mrow></math>'
    ET.fromstring(mathml(latex))


@pytest.mark.parametrize("latex", [r"\begin{matrix}", "x_", "{x", r"\frac{1}", "x}", "^2"])
def test_formulas_beyond_the_small_part_are_refused(latex):
    with pytest.raises(MinilxmertError, match="formula"):
        mathml(latex)


def test_code_keeps_its_dollars():
    text = "`$a$` and\n```bash\necho $HOME $x\n```\n$y$"
    assert typeset(text) == text.replace("$y$", mathml("y"))


def test_every_formula_of_the_chapters_is_typeset():
    found = [math for chapter in CHAPTERS for math in re.findall("<math.*?</math>", typeset(chapter.prose), re.DOTALL)]
    assert len(found) > 40
    for math in found:
        ET.fromstring(math)
    assert not any("$" in re.sub("`[^`]*`|```.*?```", "", typeset(c.prose), flags=re.DOTALL) for c in CHAPTERS)


# of every line in chapter 13 that computes a gradient: what it is the gradient of, as a function of its variable
DERIVED = {
    "Softmax": {
        "dz": lambda n, z: n["e"] / z,
        "de": lambda n, e: e / e.sum(),
        "ds": lambda n, s: np.exp(s) / np.exp(s).sum(),
        "ds_short": lambda n, s: np.exp(s) / np.exp(s).sum(),
    },
    "LayerNorm": {
        "dw": lambda n, w: w * n["u"] + n["b"],
        "db": lambda n, b: n["w"] * n["u"] + b,
        "du": lambda n, u: n["w"] * u + n["b"],
        "dr": lambda n, r: n["w"] * r * n["c"] + n["b"],
        "dv": lambda n, v: n["w"] * n["c"] / np.sqrt(v + n["eps"]) + n["b"],
        "dc": lambda n, c: n["w"] * c / np.sqrt((c * c).mean() + n["eps"]) + n["b"],
        "dx": lambda n, x: n["w"] * (x - x.mean()) / np.sqrt(x.var() + n["eps"]) + n["b"],
        "dx_short": lambda n, x: n["w"] * (x - x.mean()) / np.sqrt(x.var() + n["eps"]) + n["b"],
    },
    "Cross-entropy": {
        "dfirst": lambda n, s: np.log(np.exp(s).sum()),
        "ds": lambda n, s: np.log(np.exp(s).sum()) - s[n["t"]],
        "dscores": lambda n, x: np.mean([np.log(np.exp(x[i]).sum()) - x[i][n["labels"][i]] for i in (0, 2)]),
    },
    "Attention": {
        "dV": lambda n, V: n["A"] @ V,
        "dA": lambda n, A: A @ n["V"],
        "dS": lambda n, S: softmax(S) @ n["V"],
        "dQ": lambda n, Q: softmax(Q @ n["K"].T / np.sqrt(n["D"])) @ n["V"],
        "dK": lambda n, K: softmax(n["Q"] @ K.T / np.sqrt(n["D"])) @ n["V"],
    },
}
ENDS = {"Softmax": "da", "LayerNorm": "dy", "Attention": "dY"}  # the gradients that come in


@pytest.mark.parametrize("section", DERIVED)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_derived_line_is_the_gradient_it_says(section, seed, capsys):
    """The code beside each formula, run with other numbers, agrees with finite differences."""
    cells = read_chapter(ROOT / "tutorials" / "13_backwards_derived.py").cells
    names, here = {}, None
    for cell in cells:
        if cell.markdown:
            heading = re.search("^## (.+)$", cell.text, re.MULTILINE)
            here = heading[1] if heading else here
        elif here in (None, section):
            exec(cell.text, names)  # noqa: S102
            if here is None:
                names["rng"] = np.random.default_rng(seed)
    computed = {name for name in names if re.fullmatch("d[A-Za-z]+(_short)?", name)}
    assert computed - {ENDS.get(section)} == set(DERIVED[section])
    for name, f in DERIVED[section].items():
        variable = {"dfirst": "s"}.get(name, name[1:].removesuffix("_short"))
        x, end = np.asarray(names[variable]), np.asarray(names[ENDS[section]] if section in ENDS else 1.0)
        check_direction(lambda value, f=f: np.asarray(f(names, value)), x, names[name], end, names["rng"])


def test_cells_are_read(tmp_path):
    path = tmp_path / "07_x.py"
    path.write_text("# %% [markdown]\n# # 7 · Title\n#\n# text\n\n# %%\nx = 1\n\n# %%\ny = 2\n")
    chapter = read_chapter(path)
    assert chapter.title == "7 · Title" and chapter.prose == "# 7 · Title\n\ntext"
    assert [cell.text for cell in chapter.cells if not cell.markdown] == ["x = 1", "y = 2"]
