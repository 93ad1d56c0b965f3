"""The chapters of the tutorials: Python files of cells, and their notebooks and pages, which are built from them.

    # %% [markdown]
    # # 1 · A question and a picture, answered
    # %%
    show(draw_picture(picture))
A chapter runs as a script, is stepped through with a debugger, and opens as a notebook in Jupyter or VS Code."""

import copy
import html
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import MinilxmertError
from ..explain.page import fill
from ..files import make_folder, write_file
from .example import find_folder
from .formulas import typeset

MARK = re.compile(r"^# %%(.*)$", re.MULTILINE)
TITLE = re.compile(r"^# (\d+ · .+)$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)\)")
CHAPTER = re.compile(r"\d\d_\w+\.py")
SECONDS = 300  # a cell may take in a build
QUIET = ["--log-level=ERROR"]  # a kernel warns at every start that its messages are not encrypted


@dataclass(frozen=True)
class Cell:
    """One cell; the text of a markdown cell without its comment signs."""

    markdown: bool
    text: str


@dataclass(frozen=True)
class Chapter:
    """One file of the tutorials."""

    path: Path
    cells: tuple

    @property
    def prose(self):
        """All that is written, without the code."""
        return "\n\n".join(cell.text for cell in self.cells if cell.markdown)

    @property
    def title(self):
        """ "1 · A question and a picture, answered" """
        found = TITLE.search(self.prose)
        return found[1] if found else self.path.stem


def read_chapter(path):
    """A percent-format file as a Chapter."""
    pieces = MARK.split(Path(path).read_text(encoding="utf-8"))[1:]  # a mark's rest and the text below, in turns
    return Chapter(Path(path), tuple(read_cell(*pair) for pair in zip(pieces[::2], pieces[1::2], strict=True)))


def read_cell(mark, text):
    if "[markdown]" not in mark:
        return Cell(False, text.strip("\n"))
    return Cell(True, "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.strip("\n").split("\n")))


def chapters(folder=None):
    """All Chapters, in order; without a folder, of the nearest `tutorials`. Raises MinilxmertError."""
    folder = Path(folder) if folder else find_folder("tutorials", "README.md")
    return [read_chapter(path) for path in sorted(folder.glob("[0-9][0-9]_*.py"))]


def build(chapter, out):
    """Run a chapter as a notebook; write it with what it shows, as .ipynb and .html. -> both paths

    Raises MinilxmertError without the extra `tutorials`, or where a cell fails."""
    notebook, out = run_chapter(chapter), make_folder(out)
    paths = tuple((out / chapter.path.stem).with_suffix(kind) for kind in (".ipynb", ".html"))
    for path in paths:
        made = copy.deepcopy(notebook)
        for cell in made.cells:
            if cell.cell_type == "markdown":
                cell.source = relink(cell.source, chapter.path.parent, path)
        write_file(path, page(chapter.title, made) if path.suffix == ".html" else json.dumps(made, indent=1))
    return paths


def run_chapter(chapter):
    """A chapter as a notebook with what its cells show."""
    try:
        import jupytext
        from nbclient.exceptions import CellExecutionError
        from nbconvert.preprocessors import ExecutePreprocessor
    except ImportError as missing:
        found = f"{missing.name} is missing"
        raise MinilxmertError.at("tutorials build", None, 'pip install "minilxmert[tutorials]"', found) from None
    notebook = jupytext.read(chapter.path)
    where = {"metadata": {"path": str(chapter.path.parent)}}
    try:
        ExecutePreprocessor(timeout=SECONDS, kernel_name="python3", extra_arguments=QUIET).preprocess(notebook, where)
    except CellExecutionError as error:
        raise MinilxmertError.at(chapter.path, None, "cells that run", f"{error.ename}: {error.evalue}") from None
    return notebook


def relink(prose, folder, path):
    """Links to chapters lead to what is built of them, those to other files from where `path` will be."""

    def link(found):
        if CHAPTER.fullmatch(found[1]):
            return f"]({found[1][:-3]}{path.suffix})"
        return f"]({Path(os.path.relpath(folder / found[1], path.parent)).as_posix()})"

    return LINK.sub(link, prose)


def page(title, notebook):
    """A notebook as one page that asks no other host for anything; its policy forbids it, too."""
    from nbconvert import HTMLExporter
    from pygments.formatters import HtmlFormatter

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = typeset(cell.source)
    plain = {"template_name": "basic", "exclude_input_prompt": True, "exclude_output_prompt": True}
    body, _ = HTMLExporter(**plain).from_notebook_node(notebook)
    style = HtmlFormatter().get_style_defs(".highlight")
    return fill(__package__, "page.html", title=html.escape(title), style=style, body=body)
