"""The curves of a run: what its log says, as lines of text, or as a picture (extra "tutorials")."""

import json
from itertools import pairwise
from pathlib import Path

from ..errors import MinilxmertError, TaskFileError
from ..files import replacing, strict_json
from .loop import LOG, complete
from .recipes import STAGES

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 60  # characters of a curve


def runs_in(folder):
    """The folders with logs that a folder stands for: itself, or the stages of a pre-training."""
    stages = [Path(folder) / name for name in STAGES if (Path(folder) / name / LOG).exists()]
    return stages if stages and not (Path(folder) / LOG).exists() else [folder]


def read_log(folder, name=LOG):
    """The rows of a run's log, [{"step", "losses", "rate", "gradient_norm", "seconds"}]. Raises TaskFileError.

    name: of the file in the folder. A last line that was not written to its end, as a killed run leaves it, does not
    count."""
    path = Path(folder) / name
    try:
        lines = path.read_bytes().splitlines()
    except OSError as problem:
        raise TaskFileError.at(path, None, "the log of a run", problem.strerror) from None
    if lines and not complete(lines[-1]):
        lines.pop()
    rows = [checked(strict_json(line, path, TaskFileError), path, n) for n, line in enumerate(lines, 1)]
    if not rows:
        raise TaskFileError.at(path, None, "at least one line", "none")
    return rows


def checked(row, path, number):
    """A row that has what curves are made of."""
    sound = isinstance(row, dict) and isinstance(row.get("step"), int) and isinstance(row.get("losses"), dict)
    values = [*row["losses"].values(), row.get("rate"), row.get("gradient_norm")] if sound else [None]
    if not all(isinstance(value, int | float) for value in values):
        raise TaskFileError.at(path, f"line {number}", "step, losses, rate and gradient_norm", json.dumps(row))
    return row


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
        told = f"{values[0]:.4g} → {values[-1]:.4g}, lowest {min(values):.4g}"
        lines.append(f"  {name:<15} {sparkline(values):<{WIDTH}} {told}")
    return lines


def draw_curves(folders, path):
    """Write a picture with one panel a curve and one line a run. Raises MinilxmertError without matplotlib."""
    runs = {str(folder): curves_of(read_log(folder)) for folder in folders}
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MinilxmertError("a picture needs matplotlib: pip install 'minilxmert[tutorials]'") from None
    names = list(dict.fromkeys(name for curves in runs.values() for name in curves))
    figure = Figure(figsize=(8, 2.2 * len(names)), layout="constrained")
    for name, panel in zip(names, figure.subplots(len(names), 1, squeeze=False)[:, 0], strict=True):
        for run, curves in runs.items():
            if name in curves:
                panel.plot(*curves[name], label=run)
        panel.set(title=name, xlabel="step")
        panel.legend()
    kind = Path(path).suffix.removeprefix(".") or "png"
    if kind not in figure.canvas.get_supported_filetypes():
        raise MinilxmertError(f"{path}: expected a picture as .png, .svg or .pdf")
    with replacing(path) as temporary:
        figure.savefig(temporary, format=kind)
