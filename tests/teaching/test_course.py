"""A course in a folder: what it holds, what it leaves out, and that a chapter and an exercise work from it alone."""

import os
import re
import subprocess
import sys
from pathlib import Path

from minilxmert.cli import main
from minilxmert.exercises import NAMES
from minilxmert.teaching.chapters import read_chapter
from minilxmert.teaching.course import start_course
from minilxmert.teaching.example import REFERENCE

ROOT = Path(__file__).parents[2]


def links_lead_somewhere(folder):
    """Every one that names no host, in pages and in the chapters' prose; a chapter's code is as it was."""
    count = 0
    for path in [*folder.rglob("*.md"), *(folder / "tutorials").glob("*.py")]:
        kept = ROOT / path.relative_to(folder)
        text = read_chapter(path).prose if path.suffix == ".py" else path.read_text(encoding="utf-8")
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            count += 1
            assert (path.parent / link).exists(), f"{path}: {link}"
        if path.suffix == ".py":
            assert [c for c in read_chapter(path).cells if not c.markdown] == [
                c for c in read_chapter(kept).cells if not c.markdown
            ]
            assert text.count("minilxmert/") >= read_chapter(kept).prose.count("](../minilxmert/") > 0
    assert count > 38


def test_a_course_holds_all_a_student_needs_and_nothing_for_teachers(tmp_path, capsys):
    assert main(["start-course", str(tmp_path / "course")]) == 0
    folder = tmp_path / "course"
    assert {path.name for path in (folder / "exercises").glob("ex*.py")} == {f"{name}.py" for name in NAMES.values()}
    chapters = {path.name for path in (ROOT / "tutorials").glob("*.py")}
    assert {path.name for path in (folder / "tutorials").glob("*.py")} == chapters
    assert (folder / "weights" / "model.h5").read_bytes() == (ROOT / "weights" / "model.h5").read_bytes()
    assert {path.name for path in (folder / "tests" / "reference").iterdir()} == set(REFERENCE)
    assert (folder / "tutorials" / "pictures" / "scene.svg").exists()
    assert not [path for path in folder.rglob("*") if "teach" in path.name or "exam" in path.name]
    links_lead_somewhere(folder)
    (folder / "README.md").write_text("mine")
    assert start_course(folder) == [] and (folder / "README.md").read_text() == "mine"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": ""}
    command = [sys.executable, "tutorials/02_words.py"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
