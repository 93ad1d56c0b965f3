"""The log of a run, log.jsonl: a line every so many steps, read strictly; and its curves, as text or as a drawing."""

import json
from itertools import pairwise
from pathlib import Path

from ..errors import TaskFileError
from ..files import strict_json
from ..vision.drawings import arrange, draw_curves

LOG = "log.jsonl"
STAGES = ("first_words", "pretraining")  # of pre-training a miniature: the folders of its runs
BARS = "▁▂▃▄▅▆▇█"
WIDTH = 60  # characters of a curve


def log_rows(path):
    """The rows of a log, [{"step", "losses", "rate", "gradient_norm", "seconds"}]. Raises TaskFileError (the line).

    A last line that was not written to its end, as a killed run leaves it, does not count."""
    try:
        lines = Path(path).read_bytes().splitlines()
    except OSError as problem:
        raise TaskFileError.at(path, None, "the log of a run", problem.strerror) from None
    if lines and not (lines[-1].endswith(b"}") and lines[-1].count(b"{") == lines[-1].count(b"}")):
        lines.pop()
    return [read_row(line, path, f"line {number}") for number, line in enumerate(lines, 1)]


def read_row(line, path, place):
    """A row that has what curves are made of."""
    row = strict_json(line, f"{path}, {place}", TaskFileError)
    sound = isinstance(row, dict) and is_count(row.get("step")) and isinstance(row.get("losses"), dict)
    values = [*row["losses"].values(), row.get("rate"), row.get("gradient_norm")] if sound else [None]
    if not all(map(is_number, [*values, row.get("seconds", 0)] if sound else values)):
        raise TaskFileError.at(path, place, "step, losses, rate and gradient_norm", json.dumps(row))
    return row


def is_count(value):
    return type(value) is int and value >= 0


def is_number(value):
    return type(value) in (int, float)


def runs_in(folder):
    """The folders with logs that a folder stands for: itself, or the stages of a pre-training."""
    stages = [Path(folder) / name for name in STAGES if (Path(folder) / name / LOG).exists()]
    return stages if stages and not (Path(folder) / LOG).exists() else [folder]


def read_log(folder, name=LOG):
    """The rows of the log of a run (log.py), at least one. Raises TaskFileError. name: of the file in the folder."""
    path = Path(folder) / name
    rows = log_rows(path)
    if not rows:
        raise TaskFileError.at(path, None, "at least one line", "none")
    return rows


def curves_of(rows):
    """{name: ([step], [value])}: the loss of every task, the learning rate and the norm of the gradients."""
    curves = {}
    for row in rows:
        found = {f"loss {task}": loss for task, loss in row["losses"].items()}
        for name, value in {**found, "rate": row["rate"], "gradient norm": row["gradient_norm"]}.items():
            steps, values = curves.setdefault(name, ([], []))
            steps.append(row["step"])
            values.append(value)
    return curves


def sparkline(values, width=WIDTH):
    """Values as a row of bars, lowest to highest; more values than characters are averaged."""
    count = min(width, len(values))
    edges = [round(i * len(values) / count) for i in range(count + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    return "".join(BARS[round((mean - low) / (high - low) * (len(BARS) - 1)) if high > low else 0] for mean in means)


def text_curves(folder):
    """Lines of text: every curve of a run with its first, lowest and last value."""
    rows = read_log(folder)
    lines = [f"{folder}: {rows[-1]['step']} steps"]
    lines[0] += f" in {rows[-1]['seconds']:.0f} s" if "seconds" in rows[-1] else ""
    for name, (_, values) in curves_of(rows).items():
        text = f"{values[0]:.4g} → {values[-1]:.4g}, lowest {min(values):.4g}"
        lines.append(f"  {name:<15} {sparkline(values):<{WIDTH}} {text}")
    return lines


def save_curves(folders, path):
    """Write a drawing with one panel a curve and one line a run. Raises MinilxmertError (Drawing.save)."""
    runs = {str(folder): curves_of(read_log(folder)) for folder in folders}
    names = dict.fromkeys(name for curves in runs.values() for name in curves)
    panels = [{run: curves[name] for run, curves in runs.items() if name in curves} for name in names]
    drawn = [draw_curves(None, panel, name) for panel, name in zip(panels, names, strict=True)]
    arrange([[panel] for panel in drawn]).save(path)
