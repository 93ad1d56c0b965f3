"""A folder of submissions, graded: each file in a process of its own with limits on time and memory.

The inputs are drawn and the verdicts made here, out of a submission's reach, and what it starts ends with it. Still it
runs with the teacher's rights: whoever does not trust a class grades in a container."""

import contextlib
import csv
import functools
import io
import json
import re
import tempfile
import time
import unicodedata
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import MinilxmertError, visible
from ..kernels import get_num_threads
from . import exercise, number_of
from .answering import check_file
from .apart import LIMITS, NoProcess, adopting

NOT_HANDED_IN = "not handed in"
ATTEMPT = r"_[^\W\d_]+_\d{4}(?:-\d\d){5}"  # of Blackboard, in the language of the school
PLATFORMS = (  # how others name a student's files, and folders of them; what the student called them comes after that
    r"(?P<name>.+?)_(?P<student>\d+)_assignsubmission_",  # Moodle
    r"(?P<student>\d+)-\d+ - (?P<name>.+?) ?- .*\d{3,4}",  # Brightspace: student, folder, name, date
    rf"[^_]+_(?P<name>.+)(?P<student>){ATTEMPT}",  # Blackboard: of what, the user's name
    r"(?:late_)?(?P<name>anon_[^_]+)(?P<student>)_\d{3,}_",  # Canvas: the last number is a file's, of all its courses
    r"(?P<name>.+?)(?:_late)?_(?P<student>\d+)_\d{3,}_",
)
NOBODYS = re.compile(r"\.|~\$|(?:conftest\.py|__MACOSX|__pycache__|\$RECYCLE\.BIN|@eaDir|site-packages)$")
HANDED_IN = re.compile(r"(?:^|[^a-z])ex\d\d|\.(?:py|ipynb|zip|rar|7z|t?gz)$", re.IGNORECASE)


@dataclass(frozen=True)
class Grade:
    """One line of the table."""

    student: str
    exercise: int
    right: bool
    verdict: str
    file: str


def grade(folder, limits=LIMITS, workers=None, numbers=(), seed=0, progress=None, variant=0):
    """A Grade for every submission in a folder, by student and exercise, and for every one that is missing.

    numbers: the exercises that were set (default: those that anybody has handed in); workers: at a time (default: as
    many as this process has processors); progress(done, total); variant: what counts, whatever a file says. Raises
    MinilxmertError when there is no submission, exercise or variant of that number, or no process can be started."""
    everybody = submissions(folder)
    files = [entry for entry in everybody if not numbers or entry[1] in numbers]
    if not everybody:
        raise MinilxmertError.at(folder, None, "submissions such as ada/ex06_layer_norm.py", "none")
    for number in {*numbers, *(entry[1] for entry in files)}:
        exercise(number, variant)  # is there
    marks = functools.partial(verdict_of, limits=limits, seed=seed, variant=variant)
    verdicts = all_of(marks, [entry[1:] for entry in files], workers or get_num_threads(), progress)
    found = best([Grade(who, n, *verdict, str(path)) for (who, n, path), verdict in zip(files, verdicts, strict=True)])
    there, wanted = {(g.student, g.exercise) for g in found}, sorted(numbers or {g.exercise for g in found})
    missing = [(who, n) for who in {who for who, *_ in everybody} for n in wanted if (who, n) not in there]
    found += [Grade(who, n, False, NOT_HANDED_IN, "") for who, n in missing]
    return sorted(found, key=lambda g: (g.student.lower(), g.exercise))


def best(grades):
    """Of several files of a student for one exercise (attempts, copies of a browser) a right one, else the last."""
    rooms = {}
    for g in grades:
        rooms.setdefault((g.student, g.exercise), []).append(g)
    chosen = [(max(reversed(several), key=lambda g: g.right), len(several)) for several in rooms.values()]
    return [replace(g, verdict=f"{g.verdict} (of {count} files)") if count > 1 else g for g, count in chosen]


def submissions(folder):
    """[(student, exercise, file)]: a folder a student, or files such as ada_ex06_layer_norm.py.

    Both may be named as learning platforms do, as ada_1815_7001_ex06_layer_norm.py. A student's number is only shown
    where two students have one name."""
    found = []
    for path in files_in(folder):
        number, (first, *further) = number_of(path.name), path.relative_to(folder).parts
        if number and path.is_file() and not path.is_symlink():
            name = unicodedata.normalize("NFC", first)  # macOS takes letters apart
            named = by_platform(name) if further else owner(name)
            found.append((noted_user(Path(folder, first)) or named, number, path))
    names = Counter(name for name, _ in {who for who, *_ in found if isinstance(who, tuple)})
    taken = {who for who, *_ in found if isinstance(who, str)}

    def display_name(who):
        alone = isinstance(who, tuple) and names[who[0]] == 1 and who[0] not in taken
        return who if isinstance(who, str) else who[0] if alone else "_".join(filter(None, who))

    return sorted(
        ((display_name(who), number, path) for who, number, path in found), key=lambda e: (e[0].lower(), e[1])
    )


def owner(filename):
    """Whose a file is by its name: "ada", or ("ada", "1815") where a learning platform has named it"""
    before = filename[: re.search(r"(?:^|[^a-z])(ex\d\d)", filename, re.IGNORECASE).start(1)]
    before = re.sub("^(copy of )+", "", before, flags=re.IGNORECASE)
    return by_platform(before) if before.rstrip("_- ") else "(no name)"


def noted_user(path):
    """The user's name in the note that Blackboard lays beside an attempt; None elsewhere.

    The attempt's own name does not tell: names of users and of problem sets may hold the sign between them."""
    if attempt := re.match(f".+{ATTEMPT}", path.name):
        note = path.with_name(f"{attempt[0]}.txt")
        with contextlib.suppress(OSError), note.open(encoding="utf-8", errors="replace") as lines:
            user = re.search(r"\(([^()]+)\)\s*$", lines.readline(1000))
            return user[1] if user and f"_{user[1]}_" in attempt[0] else None
    return None


def by_platform(name):
    """("ada", "1815") of a name that a learning platform has made of them, else the name"""
    for pattern in PLATFORMS:
        if found := re.match(pattern, name, re.IGNORECASE):
            return found["name"], found["student"]
    return name.rstrip("_- ") or name


def passed_by(folder):
    """The files of a folder that look handed in and are no answer: links, archives, notebooks, names without number."""
    taken = {path for _, _, path in submissions(folder)}
    return [path for path in files_in(folder) if HANDED_IN.search(path.name) and path not in taken]


def files_in(folder):
    """Those that somebody has written: no hidden copies, as Jupyter and macOS make them, and no packages."""
    for path in sorted(Path(folder).rglob("*")):
        parts = path.relative_to(folder).parts
        if not path.is_dir() and not any(map(NOBODYS.match, parts)):
            yield path


def all_of(marks, entries, workers, progress):
    """marks(running, *entry) of every entry, several at a time. When it is interrupted, what runs is ended first."""
    running = set()
    with warnings.catch_warnings(), adopting(), ThreadPoolExecutor(workers) as pool:
        warnings.simplefilter("ignore")  # once for all threads, which share the filter; usual mistakes divide by zero
        futures = [pool.submit(marks, running, *entry) for entry in entries]
        try:
            for done, future in enumerate(futures, 1):
                future.result()
                if progress:
                    progress(done, len(futures))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(future.done() for future in futures):
                for submission in tuple(running):
                    submission.kill()
                time.sleep(0.01)
            raise
        return [future.result() for future in futures]


def verdict_of(running, number, path, **options):
    """(right, sentence) of one submission. Raises MinilxmertError where no process can be started."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        try:
            verdict = check_file(number, path, here=False, home=home, running=running, **options)
        except NoProcess as problem:
            raise MinilxmertError.at("grade", None, "a machine on which processes can be started", problem) from None
        except MinilxmertError as unreadable:
            return False, visible(str(unreadable))
    return verdict.right, verdict.text


def grades_table(grades):
    """The grades as text, a line each, then the count of right ones for each student and each exercise."""
    width, lines = max(len("exercise 26"), *(len(visible(grade.student)) for grade in grades)), []
    for g in grades:
        verdict = g.verdict if g.right or g.verdict == NOT_HANDED_IN else f"WRONG: {g.verdict}"
        lines.append(f"{visible(g.student):<{width}}  {g.exercise:>2}  {visible(verdict)}")
    for student in dict.fromkeys(g.student for g in grades):
        lines.append(f"{visible(student):<{width}}  {count_text([g for g in grades if g.student == student])}")
    for number in sorted({g.exercise for g in grades}):
        lines.append(f"{f'exercise {number}':<{width}}  {count_text([g for g in grades if g.exercise == number])}")
    return "\n".join(lines)


def count_text(grades):
    """ "2 of 3 right, 1 not handed in" """
    missing = sum(g.verdict == NOT_HANDED_IN for g in grades)
    return f"{sum(g.right for g in grades)} of {len(grades)} right" + f", {missing} {NOT_HANDED_IN}" * bool(missing)


def as_json(grades):
    """The grades as JSON text: of one student what Gradescope reads as results.json, of several that for each."""
    results = {}
    for g in grades:
        test = {"name": f"exercise {g.exercise}: {exercise(g.exercise).title}", "score": int(g.right), "max_score": 1}
        test |= {"status": "passed" if g.right else "failed", "output": visible(g.verdict)}
        results.setdefault(visible(g.student), {"tests": []})["tests"].append(test)
    one = results if len(results) > 1 else next(iter(results.values()))
    return json.dumps(one, indent=1, ensure_ascii=False) + "\n"


def as_csv(grades):
    """The grades as CSV text."""
    rows = ((g.student, g.exercise, int(g.right), g.verdict, g.file) for g in grades)
    return csv_text([("student", "exercise", "right", "verdict", "file"), *rows])


def csv_text(rows):
    """Rows as CSV text; a text that a spreadsheet would take for a formula gets an apostrophe."""

    def safe(cell):
        if not isinstance(cell, str):
            return cell
        return visible(f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell)

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([map(safe, row) for row in rows])
    return text.getvalue()
