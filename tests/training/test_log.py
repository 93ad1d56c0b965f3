"""The log of a run as curves: text and SVG without any extra, PNG with matplotlib."""

import json
import sys

import pytest

from minilxmert import MinilxmertError, TaskFileError
from minilxmert.cli import main
from minilxmert.training.log import curves_of, read_log, runs_in, save_curves, sparkline, text_curves


def write_log(folder, losses, ending=""):
    folder.mkdir(exist_ok=True)
    rows = [
        {"step": 10 * n, "losses": {"ans": loss}, "rate": 0.1, "gradient_norm": 2.0, "seconds": float(n)}
        for n, loss in enumerate(losses, 1)
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + ending)
    return folder


@pytest.mark.parametrize(
    "values, width, expected",
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 60, "▁▂▃▄▅▆▇█"),
        ([7, 0], 60, "█▁"),
        ([5, 5, 5], 60, "▁▁▁"),
        ([0, 2, 13, 15], 2, "▁█"),  # means 1 and 14
    ],
)
def test_bars(values, width, expected):
    assert sparkline(values, width) == expected


def test_long_curves_keep_every_value():
    assert len(sparkline(list(range(1000)))) == 60
    assert sparkline([0] * 99 + [1], 10) == "▁▁▁▁▁▁▁▁▁█"


def test_a_log_becomes_curves(tmp_path):
    rows = read_log(write_log(tmp_path, [3.0, 1.0, 2.0]))
    assert curves_of(rows) == {
        "loss ans": ([10, 20, 30], [3.0, 1.0, 2.0]),
        "rate": ([10, 20, 30], [0.1] * 3),
        "gradient norm": ([10, 20, 30], [2.0] * 3),
    }
    first, loss, *_ = text_curves(tmp_path)
    assert first.endswith(": 30 steps in 3 s")
    assert loss.split(maxsplit=3) == ["loss", "ans", "█▁▅", "3 → 2, lowest 1"]


def test_a_last_line_that_was_cut_does_not_count(tmp_path):
    assert len(read_log(write_log(tmp_path, [3.0, 1.0], ending='{"step": 30, "lo'))) == 2


@pytest.mark.parametrize("log", ["", "[]\n{}\n", '{"step": "a"}\n{"step": 1}\n', '{"step": 1, "losses": {"a": "b"}}\n'])
def test_other_files_are_refused(tmp_path, log):
    (tmp_path / "log.jsonl").write_text(log)
    with pytest.raises(TaskFileError, match=r"log\.jsonl"):
        read_log(tmp_path)


def test_the_command(tmp_path, capsys):
    one, two = write_log(tmp_path / "one", [3.0, 1.0]), write_log(tmp_path / "two", [1.0, 2.0])
    assert main(["plot-run", str(one), str(two)]) == 0
    out = capsys.readouterr().out
    assert "█▁" in out and "▁█" in out and f"{two}: 20 steps" in out
    assert main(["plot-run", str(tmp_path / "none")]) == 1
    assert "expected the log of a run" in capsys.readouterr().err


def test_without_matplotlib_a_picture_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MinilxmertError, match=r"minilxmert\[tutorials\]"):
        save_curves([write_log(tmp_path / "run", [3.0, 1.0])], tmp_path / "curves.png")
    assert not (tmp_path / "curves.png").exists()


def test_a_picture(tmp_path):
    pytest.importorskip("matplotlib")
    run = write_log(tmp_path / "run", [3.0, 1.0])
    save_curves([run, run], tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    save_curves([run], tmp_path / "curves.svg")
    assert "<svg" in (tmp_path / "curves.svg").read_text()
    with pytest.raises(MinilxmertError, match="expected a picture"):
        save_curves([run], tmp_path / "curves.xyz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.png", "curves.svg", "run"]


def test_the_stages_of_a_pretraining_are_runs(tmp_path):
    for name in ("first_words", "pretraining"):
        (tmp_path / name).mkdir()
        write_log(tmp_path / name, [3.0, 1.0])
    assert [folder.name for folder in runs_in(tmp_path)] == ["first_words", "pretraining"]
    write_log(tmp_path, [3.0, 1.0])
    assert runs_in(tmp_path) == [tmp_path]
