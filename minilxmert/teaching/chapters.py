"""The chapters of the tutorials: Python files of cells, and their notebooks and pages, which are built from them.

    # %% [markdown]
    # # 1 · A question and a picture, answered
    # %%
    show(draw_picture(picture))
A chapter runs as a script, is stepped through with a debugger, and opens as a notebook in Jupyter or VS Code."""

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import MinilxmertError
from ..files import write_file
from .example import beside

MARK = re.compile(r"^# %%(.*)$", re.MULTILINE)
TITLE = re.compile(r"^# (\d+ · .+)$", re.MULTILINE)
SECONDS = 300  # a cell may take in a build


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
    return Chapter(Path(path), tuple(cell(*pair) for pair in zip(pieces[::2], pieces[1::2], strict=True)))


def cell(mark, text):
    if "[markdown]" not in mark:
        return Cell(False, text.strip("\n"))
    return Cell(True, "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.strip("\n").split("\n")))


def chapters(folder=None):
    """All Chapters, in order; without a folder, of the nearest `tutorials`. Raises MinilxmertError."""
    folder = Path(folder) if folder else beside("tutorials", "README.md")
    return [read_chapter(path) for path in sorted(folder.glob("[0-9][0-9]_*.py"))]


def build(chapter, out):
    """Run a chapter as a notebook; write it with what it shows, as .ipynb and .html. -> both paths

    Raises MinilxmertError without the extra `tutorials`, or where a cell fails."""
    try:
        import jupytext
        import nbformat
        from nbclient.exceptions import CellExecutionError
        from nbconvert import HTMLExporter
        from nbconvert.preprocessors import ExecutePreprocessor
    except ImportError as missing:
        found = f"{missing.name} is missing"
        raise MinilxmertError.at("tutorials build", None, 'pip install "minilxmert[tutorials]"', found) from None
    notebook = jupytext.read(chapter.path)
    where = {"metadata": {"path": str(chapter.path.parent)}}
    try:
        ExecutePreprocessor(timeout=SECONDS, kernel_name="python3").preprocess(notebook, where)
    except CellExecutionError as error:
        raise MinilxmertError.at(chapter.path, None, "cells that run", f"{error.ename}: {error.evalue}") from None
    target = Path(out) / chapter.path.stem
    target.parent.mkdir(parents=True, exist_ok=True)
    page, _ = HTMLExporter().from_notebook_node(notebook)
    written = {target.with_suffix(".ipynb"): nbformat.writes(notebook) + "\n", target.with_suffix(".html"): page}
    for path, text in written.items():
        write_file(path, text)
    return tuple(written)
