"""A folder of submissions, graded: each file in a process of its own with limits on time and memory.

The limits stop accidents (an endless loop, an array that fills the memory), not malice: a submission runs with the
teacher's rights. Whoever does not trust a class grades in a container."""

import contextlib
import csv
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..errors import MinilxmertError
from ..files import read_small, strict_json, write_file
from . import number_of
from .answering import check_file

SECONDS, MEGABYTES = 60, 4096  # of a submission; Numba's compiler alone reserves a good part of the memory


@dataclass(frozen=True)
class Grade:
    """One line of the table."""

    student: str
    exercise: int
    right: bool
    verdict: str
    file: str


def grade(folder, seconds=SECONDS, megabytes=MEGABYTES, workers=None):
    """A Grade for every submission in a folder, by student and exercise. Raises MinilxmertError when there is none."""
    files = submissions(folder)
    if not files:
        raise MinilxmertError.at(folder, None, "submissions such as ada/ex06_layer_norm.py", "none")
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        verdicts = list(pool.map(lambda entry: verdict_of(entry[1], entry[2], seconds, megabytes), files))
    return [Grade(who, n, *verdict, str(path)) for (who, n, path), verdict in zip(files, verdicts, strict=True)]


def submissions(folder):
    """[(student, exercise, file)]: a folder a student, or files such as ada_ex06_layer_norm.py; links are passed by."""
    folder, found = Path(folder), []
    for path in sorted(folder.rglob("*.py")):
        number = number_of(path.name)
        if number and path.is_file() and not path.is_symlink():
            first = path.relative_to(folder).parts[0]
            lone = path.name[: path.name.lower().index(f"ex{number:02}")].rstrip("_- ") or "(no name)"
            found.append((lone if first == path.name else first, number, path))
    return sorted(found, key=lambda entry: (entry[0].lower(), entry[1]))


def verdict_of(number, path, seconds, megabytes):
    """(right, sentence) of one submission, from a process of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        told = Path(home) / "verdict.json"
        command = [sys.executable, "-m", __name__, str(number), path.resolve(), told, str(seconds), str(megabytes)]
        package = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
        places = {"HOME": home, "TMPDIR": home, "NUMBA_CACHE_DIR": home, "PYTHONPATH": package}
        process = subprocess.Popen(
            command, cwd=home, env={**os.environ, **places, "OPENBLAS_NUM_THREADS": "1"}, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            process.wait(3 * seconds + 30)  # on a busy machine, a second of work takes longer
        except subprocess.TimeoutExpired:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # and whatever it has started
        code = process.wait()
        try:
            verdict = strict_json(read_small(told), told)
            return bool(verdict["right"]), str(verdict["text"])
        except (MinilxmertError, KeyError, TypeError):
            return False, ended(code, seconds, megabytes)


def ended(code, seconds, megabytes):
    """Why a process gave no verdict."""
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"stopped: no result within {seconds} seconds (an endless loop?)"
    return f"ended without a verdict (exit code {code}; the limit is {megabytes} MB)"


def limit(seconds, megabytes):
    """Let this process use so much and no more, where the system can limit it."""
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
        resource.setrlimit(resource.RLIMIT_FSIZE, (16 << 20, 16 << 20))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def table(grades):
    """The grades as text, a line each, and the count of right ones for each student."""
    width = max(len(grade.student) for grade in grades)
    lines = []
    for g in grades:
        verdict = g.verdict if g.right else f"WRONG: {g.verdict}"
        lines.append(f"{g.student:<{width}}  {g.exercise:>2}  {verdict}")
    for student in dict.fromkeys(grade.student for grade in grades):
        mine = [grade.right for grade in grades if grade.student == student]
        lines.append(f"{student:<{width}}  {sum(mine)} of {len(mine)} right")
    return "\n".join(lines)


def as_csv(grades):
    """The grades as CSV text; a cell that a spreadsheet would take for a formula gets an apostrophe."""

    def safe(text):
        return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text

    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["student", "exercise", "right", "verdict", "file"])
    rows.writerows([safe(g.student), g.exercise, int(g.right), safe(g.verdict), safe(g.file)] for g in grades)
    return text.getvalue()


def child(number, path, told, seconds, megabytes):
    """In the process of one submission: check it and write the verdict to the file `told`."""
    limit(int(seconds), int(megabytes))
    sys.dont_write_bytecode = True  # in the student's folder
    verdict = check_file(int(number), path)
    write_file(told, json.dumps({"right": verdict.right, "text": verdict.text}))


if __name__ == "__main__":
    child(*sys.argv[1:])
