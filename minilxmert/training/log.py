"""The log of a run, log.jsonl: a line every so many steps, read strictly."""

import json
from pathlib import Path

from ..errors import TaskFileError
from ..files import strict_json

LOG = "log.jsonl"


def log_rows(path):
    """The rows of a log, [{"step", "losses", "rate", "gradient_norm", "seconds"}]. Raises TaskFileError (the line).

    A last line that was not written to its end, as a killed run leaves it, does not count."""
    try:
        lines = Path(path).read_bytes().splitlines()
    except OSError as problem:
        raise TaskFileError.at(path, None, "the log of a run", problem.strerror) from None
    if lines and not complete(lines[-1]):
        lines.pop()
    return [checked(line, path, f"line {number}") for number, line in enumerate(lines, 1)]


def complete(line):
    """Whether a line was written to its end."""
    return line.endswith(b"}") and line.count(b"{") == line.count(b"}")


def checked(line, path, place):
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
