"""What the commands print gets through any encoding, acts on no terminal, and minds no reader that has gone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minilxmert.ask import Answer
from minilxmert.cli import Screen, lookalike, main, plainer
from minilxmert.cli.answering import print_answers
from minilxmert.errors import visible

ROOT = Path(__file__).parents[2]
SCENE = ["--weights", str(ROOT / "weights"), "--image", str(ROOT / "weights" / "scene.png")]


def program(*arguments, **options):
    """The finished process of a command."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "MINILXMERT_BACKEND": "numpy", **options.pop("env", {})}
    command = [sys.executable, "-m", "minilxmert", *arguments]
    return subprocess.run(command, env=env, stderr=subprocess.PIPE, **{"stdout": subprocess.PIPE, **options})


@pytest.mark.parametrize("encoding", ("ascii", "cp932", "utf-8:strict"))
def test_every_encoding_takes_what_is_printed(encoding, tmp_path):
    told = program(
        "world", os.fsencode(tmp_path / "scenes") + b"\xff", "--scenes", "1", env={"PYTHONIOENCODING": encoding}
    )
    assert told.returncode == 0 and b"Traceback" not in told.stderr and b"select picture" in told.stdout
    assert told.stdout.decode(encoding.partition(":")[0]).count("\\udcff") == 1


def test_a_character_that_a_stream_lacks_becomes_a_plainer_one():
    assert plainer("█ 3 × 4 … → é 狗", "ascii") == "# 3 x 4 ... -> e \\u72d7"
    assert plainer("█ × … é", "cp1252") == "# × … é" and plainer("狗 é", "cp932") == "狗 e"
    assert all(lookalike(chr(code)).isascii() for code in range(128, 0xD800))


def test_text_of_others_does_not_act_on_a_terminal(capsys):
    assert visible("a\x1b[2K\x9b1G\u202e\ud83d\n", kept="\n") == "a\\u001b[2K\\u009b1G\\u202e\\ud83d\n"
    print_answers({"question": "\x1b[2K ?", "image": "a\nb"}, [Answer("\x1b]0;title\x07red", 1.0, 0)])
    assert "\x1b" not in (out := capsys.readouterr().out) and out.count("\n") == 2
    Screen(sys.stdout, "\n").write("one\rtwo\x1b[2K\n")
    assert capsys.readouterr().out == "one\\u000dtwo\\u001b[2K\n"


def test_half_a_character_in_a_question(capsys, tmp_path):
    batch, page = tmp_path / "questions.jsonl", tmp_path / "page.html"
    rows = [{"image": SCENE[3], "question": f"what color is the star {end}?"} for end in ("", "\ud83d ", "\udcff ")]
    batch.write_text("\n".join(map(json.dumps, rows)))
    assert main(["answer", *SCENE[:2], "--batch", str(batch), "--json"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["question"] for row in answers] == [row["question"] for row in rows]
    assert answers[0]["answers"] == answers[1]["answers"] == answers[2]["answers"]  # the tokenizer passes it by
    assert main(["answer", *SCENE, "--question", rows[1]["question"]]) == 0
    assert "\\ud83d" in capsys.readouterr().out
    assert main(["show", *SCENE, "--question", rows[1]["question"], "--out", str(page)]) == 0
    assert "\\ud83d" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ("world --seed 3", "--version", "exercise --help", "", "inspect nothing.h5"))
def test_a_reader_that_has_gone(command):
    reading, writing = os.pipe()
    os.close(reading)
    told = program(*command.split(), stdout=writing, env={"PYTHONUNBUFFERED": ""})
    os.close(writing)
    wrong = command.startswith("inspect")  # says so on the other stream
    assert told.returncode == wrong and bool(told.stderr) == wrong and b"Traceback" not in told.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_full_disk_is_told_once():
    with open("/dev/full", "w") as full:
        told = program("world", stdout=full)
    assert told.returncode == 1 and told.stderr.decode().splitlines() == [
        "minilxmert world: [Errno 28] No space left on device"
    ]
