"""A course in a folder: what it holds, what it leaves out, and that a chapter and an exercise work from it alone."""

import subprocess
import sys
from pathlib import Path

from minilxmert.cli import main
from minilxmert.exercises import NAMES
from minilxmert.teaching.course import start_course
from minilxmert.teaching.example import REFERENCE

ROOT = Path(__file__).parents[2]


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
    (folder / "README.md").write_text("mine")
    assert start_course(folder) == [] and (folder / "README.md").read_text() == "mine"
    env = {"PYTHONPATH": str(ROOT), "PATH": ""}
    command = [sys.executable, "tutorials/02_words.py"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
