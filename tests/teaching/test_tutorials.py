"""Every chapter of the tutorials runs, keeps its form, and its links lead somewhere; the drawings and the building."""

import ast
import os
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from browser import CHROMIUM, hosts_asked

import minilxmert
from minilxmert import MinilxmertError
from minilxmert.cli import main
from minilxmert.scenes.detector import describe, detect
from minilxmert.scenes.language import explain
from minilxmert.teaching import (
    QUESTION,
    SCENE,
    example_picture,
    weights,
)
from minilxmert.teaching.chapters import chapters, read_chapter
from minilxmert.teaching.example import GALLERY
from minilxmert.training import optimizer
from minilxmert.training.optimizer import Adam

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
    """Every line; what is trained ends after 16 steps."""
    monkeypatch.setattr(optimizer, "Adam", lambda rate, steps, **how: Adam(rate, min(steps, 16), **how))
    run(chapter, backend, monkeypatch)
    assert capsys.readouterr().out


@pytest.mark.nightly
def test_what_is_trained_runs_whole(monkeypatch, capsys, keep_backend):
    run(CHAPTERS[9], "numba", monkeypatch)
    assert capsys.readouterr().out


def run(chapter, backend, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    minilxmert.backend(backend)
    runpy.run_path(str(chapter.path), run_name="__main__")


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


def test_a_chapter_names_its_exercises():
    """All that belong to it and no others; the project, exercises 31 to 38, has a page of its own."""
    from minilxmert.exercises import exercise

    belongs = {number: exercise(number).chapter for number in range(1, 31)}
    for chapter in CHAPTERS:
        prose = " ".join(chapter.prose.split())
        said = re.search(r"\[Exercises?\]\(exercises/README\.md\)(.*?) belongs? to this chapter", prose)
        named = re.findall(r"(\d+) \(", said[1]) if said else []
        here = [number for number, place in belongs.items() if place == int(chapter.path.name[:2])]
        assert list(map(int, named)) == here, chapter.path.name


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


def test_cells_are_read(tmp_path):
    path = tmp_path / "07_x.py"
    path.write_text("# %% [markdown]\n# # 7 · Title\n#\n# text\n\n# %%\nx = 1\n\n# %%\ny = 2\n")
    chapter = read_chapter(path)
    assert chapter.title == "7 · Title" and chapter.prose == "# 7 · Title\n\ntext"
    assert [cell.text for cell in chapter.cells if not cell.markdown] == ["x = 1", "y = 2"]
