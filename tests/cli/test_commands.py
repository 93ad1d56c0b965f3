"""Commands help those who misspell, and work from any folder, on the files that travel with the package."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import numpy as np
import pytest

from minilxmert.cli import COMMANDS, answering, main
from minilxmert.cli.showing import print_observations
from minilxmert.kernels.kept import kept_folders
from minilxmert.teaching.chapters import chapters
from minilxmert.teaching.example import REFERENCE

ROOT = Path(__file__).parents[2]
QUESTION = ["--image", "weights/scene.png", "--question", "what color is the star ?"]


def test_help_shows_every_command_in_its_group(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    assert all(f"\n  {name:<14}{text}\n" in out for name, (_, _, text) in COMMANDS.items())
    places = [out.index(f"\n{group}:\n") for group in ("ask", "learn", "measure", "files", "teach")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "words, meant",
    [("anser", "answer"), ("answer --imge a", "--image"), ("world --size smal", "small"), ("exercise chek 6", "check")],
)
def test_a_misspelt_word_gets_the_nearest(capsys, words, meant):
    with pytest.raises(SystemExit) as stop:
        main(words.split())
    assert stop.value.code == 2 and f"did you mean {meant}?" in capsys.readouterr().err


def test_a_long_name_stays_apart_from_its_number(capsys):
    objects = [("attribute 10 object 13", 1.04, 1), ("cup", 2.0, 3)]
    print_observations(types.SimpleNamespace(examples=1, habits={}, sharpness={}, objects=objects, word_classes={}))
    printed = capsys.readouterr().out
    assert "  attribute 10 object 13  1.04  1\n  cup                     2.00  3\n" in printed


def test_an_option_of_another_command_is_not_meant(capsys):
    with pytest.raises(SystemExit):
        main(["world", "--dtype", "bfloat16"])
    assert "did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, threads",
    [("project train nowhere", "1"), ("evaluate vqa --world=small --weights no", "1"), ("cache", None)],
)
def test_small_models_get_one_thread_of_blas_before_numpy_is_read(words, threads):
    code = """import os, sys
from minilxmert.__main__ import program
assert "numpy" not in sys.modules
try:
    program()
finally:
    print("threads", os.environ.get("OPENBLAS_NUM_THREADS"))
"""
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-c", code, *words.split()]
    told = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert told.stdout.endswith(f"threads {threads}\n"), told.stderr


def test_commands_work_from_any_folder(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["answer", *QUESTION, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["answers"][0]["answer"] == "yellow" and "yellow star at (106, 28)" in found["seen"]
    assert main(["show", *QUESTION, "--out", "page.html"]) == 0 and (tmp_path / "page.html").exists()
    assert main(["analyze", *QUESTION]) == 0 and "yellow star" in capsys.readouterr().out
    assert len(chapters()) == 14
    assert main(["answer", "--image", "weights/none.png", *QUESTION[2:]]) == 1
    assert "weights/none.png" in capsys.readouterr().err


def test_the_wheel_takes_what_they_need():
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["minilxmert"]
    places = ("tutorials", "weights", *(f"tests/reference/{name}" for name in REFERENCE))
    assert wheel["force-include"] == {place: f"minilxmert/{place}" for place in places}


def test_the_compiled_kernels_are_shown_and_cleared(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    ours, others = tmp_path / f"numba-0.1.0-{'0123456789abcdef'}", tmp_path / "numba-of-others"
    for folder in (ours, others):
        folder.mkdir()
        (folder / "kernel.nbc").write_bytes(bytes(2_000_000))
    (tmp_path / f"numba-0.0.1-{'0123456789abcdef'}").touch()  # what only has such a name stays, and stops nothing
    (tmp_path / f"numba-0.0.2-{'0123456789abcdef'}").symlink_to(others)
    assert main(["cache"]) == 0
    out = capsys.readouterr().out
    assert str(tmp_path) in out and f"{ours.name}  2.0 MB" in out and others.name not in out
    assert main(["cache", "clear"]) == 0 and "removed" in capsys.readouterr().out
    assert not ours.exists() and len([*tmp_path.glob("numba-0.0.*")]) == 2 and not kept_folders()
    shutil.rmtree(others)


def test_the_objects_of_pictures_are_remembered_while_there_is_room(monkeypatch):
    looks = []

    def look(path, detector, recipe):
        looks.append(path)
        return types.SimpleNamespace(features=np.zeros((36, 2048), np.float32))

    monkeypatch.setattr(answering, "look", look)
    seen = answering.Looked(None, "authors")
    for path in ("a", "b", "a", *range(1000), "a"):
        assert seen[path] is seen[path]
        assert sum(found.features.nbytes for found in seen.values()) <= answering.REMEMBERED + 36 * 2048 * 4
    assert looks == ["a", "b", *range(1000), "a"]
