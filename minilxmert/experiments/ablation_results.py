"""The tables of the ablations, and what was found: means over seeds with 95 % intervals, beside the paper's figures;
and, pair by pair of rows, whether the miniature agrees with the paper.

    print(Results("runs/ablation", [*PAPER, *LEFT_OUT]))
A difference is taken seed by seed, since both rows of a seed saw the same pictures; intervals are Student's."""

import itertools
import math
import re
import statistics
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ConfigError
from ..files import read_json
from ..training.recipes import WITHOUT

ABLATED, RESULT = ("vqa", "gqa", "nlvr2"), "result.json"
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)  # 97.5 %, of 1, 2 … degrees of freedom


@dataclass(frozen=True)
class TableRow:
    """A line of a table. paper: its figures for VQA, GQA and NLVR2 there, None where it has none; config: changes to
    the miniature's; kind: one of FACES (ablation.py), or "majority" (no model)."""

    name: str
    paper: tuple = (None, None, None)
    config: dict = field(default_factory=dict)
    bert: bool = False  # whether the language encoder starts from a miniature BERT
    pretrained: bool = False
    kind: str = "trained"

    @property
    def key(self):
        return re.sub("[^a-z0-9]+", "-", self.name.lower())


NO_OBJECT_LAYERS = {"r_layers": 0}
BUTD = {**NO_OBJECT_LAYERS, "x_layers": 0}
FULL = TableRow("Pre-train + scratch", (69.9, 60.0, 74.9), pretrained=True)
PAPER = (  # Table 3 of Tan & Bansal 2019, dev sets
    TableRow("most frequent answer", kind="majority"),
    TableRow("LSTM + BUTD", (63.1, 50.0, 52.6), {**BUTD, "l_layers": 0}, kind="recurrent"),
    TableRow("BERT + BUTD", (62.8, 52.1, 51.9), BUTD, bert=True, kind="bottom up"),
    TableRow("BERT + 1 CrossAtt", (64.6, 55.5, 52.4), {**NO_OBJECT_LAYERS, "x_layers": 1}, bert=True),
    TableRow("BERT + 2 CrossAtt", (65.8, 56.1, 50.9), {**NO_OBJECT_LAYERS, "x_layers": 2}, bert=True),
    TableRow("BERT + 3 CrossAtt", (66.4, 56.6, 50.9), {**NO_OBJECT_LAYERS, "x_layers": 3}, bert=True),
    TableRow("BERT + 4 CrossAtt", (66.4, 56.0, 50.9), {**NO_OBJECT_LAYERS, "x_layers": 4}, bert=True),
    TableRow("BERT + 5 CrossAtt", (66.5, 56.3, 50.9), {**NO_OBJECT_LAYERS, "x_layers": 5}, bert=True),
    TableRow("Train + BERT", (65.5, 56.2, 50.9), bert=True),
    TableRow("Train + scratch", (65.1, 50.0, 50.9)),
    TableRow("Pre-train + BERT", (68.8, 58.3, 70.1), bert=True, pretrained=True),
    FULL,
)
LEFT_OUT = (  # where the paper has the row, its figures are those of Table 5; of "no questions", Table 4
    FULL,
    TableRow("no masked words", config=WITHOUT["words"], pretrained=True),
    TableRow("no matching", config=WITHOUT["matching"], pretrained=True),
    TableRow("no objects", (66.3, 57.1, 50.9), WITHOUT["objects"], pretrained=True),
    TableRow("no questions", (68.9, 58.2, 72.4), WITHOUT["questions"], pretrained=True),
    TableRow("no labels", (69.2, 59.5, 72.9), WITHOUT["labels"], pretrained=True),
    TableRow("no features", (69.5, 59.3, 73.5), WITHOUT["features"], pretrained=True),
)
TITLES = {"paper": "Table 3 of the paper, in miniature", "tasks": "Pre-training tasks left out in turn"}
STEPS = ("BERT + BUTD", "BERT + 1 CrossAtt", "BERT + 3 CrossAtt", "BERT + 5 CrossAtt")
COMPARED = [*itertools.pairwise(STEPS), ("Train + scratch", "Train + BERT")]
COMPARED += [("Train + scratch", FULL.name), ("Pre-train + BERT", FULL.name)]
COMPARED += [(FULL.name, row.name) for row in LEFT_OUT if row is not FULL]
UNDECIDED, AGREES, DISAGREES, ALONE = "undecided", "agrees", "DISAGREES", "not in the paper"


@dataclass(frozen=True)
class Estimate:
    """Percentages, one a seed: their mean, and half the width of its 95 % interval (None with fewer than two seeds)."""

    values: tuple

    @property
    def mean(self):
        return statistics.fmean(self.values) if self.values else math.nan

    @property
    def half(self):
        count = len(self.values)
        if count < 2:
            return None
        return STUDENT[min(count - 1, len(STUDENT)) - 1] * statistics.stdev(self.values) / math.sqrt(count)

    @property
    def sign(self):
        """1 or -1 if the interval lies on that side of 0, else 0."""
        if self.half is None or abs(self.mean) <= self.half:
            return 0
        return 1 if self.mean > 0 else -1

    def text(self, form="5.1f"):
        if not self.values:
            return "-"
        return f"{self.mean:{form}}" + ("" if self.half is None else f" ± {self.half:.1f}")


class Results:
    """The cells of a folder that are done. Raises ConfigError for a file that holds no result."""

    def __init__(self, folder, rows=PAPER + LEFT_OUT):
        self.rows = list({row.key: row for row in rows}.values())
        self.cells = {}  # {(row's name, task): {seed's folder: percentage}}
        for row in self.rows:
            for task in ABLATED:
                paths = sorted(Path(folder).glob(f"seed-*/{row.key}/{task}/{RESULT}"))
                self.cells[row.name, task] = {path.parts[-4]: share_of(path) for path in paths}

    def estimate(self, name, task):
        return Estimate(tuple(self.cells[name, task].values()))

    def difference(self, first, second, task):
        """The second row less the first, over the seeds that both have."""
        a, b = self.cells[first, task], self.cells[second, task]
        return Estimate(tuple(b[seed] - a[seed] for seed in sorted(a.keys() & b.keys())))

    def comparisons(self):
        """[(first row, second row, task, the paper's difference or None, Estimate here, verdict)]"""
        made, paper = [], {row.name: dict(zip(ABLATED, row.paper, strict=True)) for row in self.rows}
        for first, second in COMPARED:
            for task in ABLATED:
                if first in paper and second in paper and (here := self.difference(first, second, task)).values:
                    figures = paper[first][task], paper[second][task]
                    there = None if None in figures else round(figures[1] - figures[0], 1)
                    made.append((first, second, task, there, here, verdict(there, here)))
        return made

    def table(self, title, rows):
        head = "".join(f"{task.upper():>14}" for task in ABLATED)
        lines = [f"{title} (accuracy in %)", f"{'':<22}{head}      paper: VQA   GQA NLVR2"]
        for row in rows:
            if row in self.rows:
                here = "".join(f"{self.estimate(row.name, task).text():>14}" for task in ABLATED)
                there = "".join(f"{'-' if figure is None else figure:>6}" for figure in row.paper)
                lines.append(f"{row.name:<22}{here}      {there:>21}".rstrip())
        return "\n".join(lines)

    def __str__(self):
        tables = [
            self.table(TITLES[name], rows)
            for name, rows in (("paper", PAPER), ("tasks", LEFT_OUT))
            if any(row in self.rows for row in rows if row is not FULL or self.rows == [FULL])
        ]
        return "\n\n".join([*tables, self.seeds_text(), self.verdicts_text()]).rstrip()

    def seeds_text(self):
        counts = sorted({len(cell) for cell in self.cells.values() if cell})
        if not counts:
            return "no cell is done yet"
        seeds = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
        note = "" if counts[0] > 1 else "; a single seed has no interval, and decides nothing"
        return f"here: mean over seeds ({seeds}) ± half its 95 % interval (Student){note}; paper: one run, its dev sets"

    def verdicts_text(self):
        made = self.comparisons()
        if not made:
            return ""
        lines = [f"{'from one row to another':<44}{'task':>6}{'paper':>8}{'here':>16}"]
        for first, second, task, there, here, said in made:
            paper = "-" if there is None else f"{there:+.1f}"
            lines.append(f"{first + ' → ' + second:<44}{task:>6}{paper:>8}{here.text('+.1f'):>16}  {said}")
        return "\n".join(lines)

    def to_json(self):
        rows = []
        for row in self.rows:
            here = {task: self.cells[row.name, task] for task in ABLATED}
            rows.append({"name": row.name, "paper": dict(zip(ABLATED, row.paper, strict=True)), "here": here})
        keys = ("from", "to", "task", "paper", "here", "verdict")
        compared = [dict(zip(keys, (*c[:4], {"mean": c[4].mean, "half": c[4].half}, c[5]), strict=True)) for c in
                    self.comparisons()]  # fmt: skip
        return {"rows": rows, "comparisons": compared}


def verdict(there, here):
    """Whether a difference here has the sign that it has in the paper."""
    if there is None:
        return ALONE if here.sign else UNDECIDED
    if not here.sign:
        return UNDECIDED
    return AGREES if here.sign * there > 0 else DISAGREES


def share_of(path):
    """The percentage in a result.json."""
    value = read_json(path, ConfigError)
    good = isinstance(value, dict) and all(isinstance(value.get(name), int | float) for name in ("right", "of"))
    if not good or not value["of"] > 0:
        raise ConfigError.at(path, None, '{"right": a number, "of": a number}', repr(value)[:80])
    return 100 * value["right"] / value["of"]
