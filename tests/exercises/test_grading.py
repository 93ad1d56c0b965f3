"""Students' files as they are: odd, hostile, named by a learning platform; verdicts that nobody can forge."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from minilxmert import MinilxmertError
from minilxmert.cli import main
from minilxmert.errors import visible
from minilxmert.exercises import NAMES, apart, exercise
from minilxmert.exercises.answering import check_file, solved_in
from minilxmert.exercises.apart import Limits
from minilxmert.exercises.checking import Verdict, check
from minilxmert.exercises.grading import (
    NOT_HANDED_IN,
    Grade,
    as_csv,
    as_json,
    grade,
    grades_table,
    passed_by,
    submissions,
)
from minilxmert.exercises.plain import LARGEST, Other, TooLarge, pack, plain, unpack
from minilxmert.exercises.student import Wrong, read_student

ROOT = Path(__file__).parents[2]
RIGHT = """import math
import numpy as np
from minilxmert.core.ops import erf
def gelu(x):
    share = (1 + erf(x / math.sqrt(2))) / 2
    return x * share, share + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
"""


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


# --- plain values


def test_plain_values_are_the_same_after_a_journey():
    value = {"a": [1, 2.5, None, True, "é\ud83d"], (1, "b"): (np.arange(6.0).reshape(2, 3), np.float32(2)), "s": {1, 2}}
    found = plain(value)
    assert found["a"] == value["a"] and found["s"] == {1, 2}
    array, scalar = found[1, "b"]
    assert np.array_equal(array, value[1, "b"][0]) and array.flags.writeable
    assert type(scalar) is np.float32 and plain(np.zeros((0, 3), np.int16)).shape == (0, 3)
    rng = np.random.default_rng(3)
    copied, twice = unpack(pack([rng, max], functions := []), functions.__getitem__)
    assert copied.random() == rng.random() and twice is max


class Liar(np.ndarray):
    """Equal to everything."""

    def __eq__(self, other):
        return True

    __hash__ = None

    def __array_function__(self, *_):
        return np.True_


class Pretender:
    """An array, it says, of a length that no list has."""

    __class__ = property(lambda self: np.ndarray)
    shape = dtype = property(lambda self: 1 / 0)

    def __len__(self):
        return -1

    __str__ = __repr__ = __eq__ = __hash__ = lambda *_: 1 / 0


def test_what_is_not_plain_is_only_named():
    liar, pretender = np.zeros(3).view(Liar), Pretender()
    assert plain([liar, pretender, max, np.array(None)]) == [
        Other("Liar"), Other("Pretender"), Other("builtin_function_or_method"), Other("array of object"),
    ]  # fmt: skip
    for result in (liar, pretender, [pretender], {1: pretender}):
        verdict = check(exercise(6), lambda x, w, b, eps, result=result: result)
        assert not verdict.right and "must be an array, found a " in verdict.text
    endless = []
    endless.append(endless)
    for value in (np.broadcast_to(0.0, (LARGEST, 9)), endless, [0] * 10**6, "a" * 10**7):
        with pytest.raises(TooLarge):
            plain(value)
    assert "more than any right answer" in check(exercise(6), lambda x, w, b, eps: endless).text


def test_exceptions_that_lie_are_told():
    class Evil(BaseException):
        def __str__(self):
            raise self

    def answer(x, w, b, eps):
        raise Evil

    verdict = check(exercise(6), answer)
    assert not verdict.right and "Evil" in verdict.text


def test_damaged_messages_are_refused_or_plain():
    data = pack({"result": (np.arange(6.0), "text", [1, {"a": 2}]), "after": ()})
    rng, refused = np.random.default_rng(0), 0
    for _ in range(500):
        damaged = bytearray(data)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            damaged[place] = rng.integers(0, 256)
        try:
            plain(unpack(bytes(damaged[: rng.integers(1, len(data) + 1)])))
        except apart.NO_PLAIN_VALUE:
            refused += 1
    assert 100 < refused < 500


# --- files


DATACLASS = """from __future__ import annotations
from dataclasses import dataclass
@dataclass
class Point:
    x: float
"""
LATE_IMPORT = """def gelu(x):
    from ways import both
    return both(x)
"""
NOISY = """import sys, warnings
from ways import both
warnings.warn("old")
def gelu(x):
    print("40 %", end="\\r", file=sys.stderr)
    warnings.warn("odd")
    return both(x)
"""
FILES = {
    "mark": b"\xef\xbb\xbf# coding: utf-8\n" + RIGHT.encode(),
    "coding": f"# coding: latin-1\n# für alle\n{RIGHT}".encode("latin-1"),
    "lines": RIGHT.replace("\n", "\r\n"),
    "dataclass": DATACLASS + RIGHT,
    "late": LATE_IMPORT,
    "guard": RIGHT + "if __name__ == '__main__':\n    raise SystemExit\n",
    "source": RIGHT + "import inspect\nassert 'erf' in inspect.getsource(gelu)\n",
}
APART = {
    "noisy": NOISY,
    "split": RIGHT.replace("(x):\n", "(x):\n    import os; os.fork()\n"),
    "closed": "import sys\nassert sys.argv[1:] == []\nsys.stdout.close()\nsys.stderr.close()\n" + RIGHT,
    "threads": "import numba\nassert numba.config.NUMBA_NUM_THREADS <= 4\n" + RIGHT,
    "late": LATE_IMPORT,
}
NOT_READ = {  # a file: words of its verdict
    RIGHT.encode("utf-16"): "Save it as UTF-8",
    "# coding: klingon\n" + RIGHT: "line 1: unknown encoding",
    RIGHT.replace("    return", "\treturn"): "line 6: inconsistent use of tabs and spaces",
    "%matplotlib inline\n" + RIGHT: "a notebook's command: delete the line",
    "get_ipython().system('ls')\n" + RIGHT: "a notebook's command: delete the line",
    RIGHT.encode() + b"x = '\xf6'\n": "invalid start byte; save the file as UTF-8",
    b"PK\x03\x04\x00\x00": "it is no text, or saved as UTF-16",
    '{"cells": [],\n "nbformat": null}': "it is a notebook with another ending",
    RIGHT + "exec('1 +')\n": "SyntaxError: invalid syntax (<string>, line 1)",
    "raise ValueError('a\x1b[31m\\nb')\n": "ValueError: a\\u001b[31m in line 1",
    "def gelu(x):\n    raise GeneratorExit\n": "GeneratorExit in line 2",
    "def gelu(:": "does not understand line 1",
    "import nonsense_of_a_module": "ModuleNotFoundError",
    "x = 1": "no function called gelu",
    "raise SystemExit": "fails before the check begins",
    "def gelu(x):\n    y = x\n    return y.nothing\n": "in line 3, `return y.nothing`",
    "async def gelu(x):\n    return x\n": "found a coroutine",
}


@pytest.fixture
def here(monkeypatch):
    """check(file) in this process, which forgets the file afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))

    def verdict(path):
        try:
            return check(exercise(10), read_student(path, "gelu"))
        except Wrong as wrong:
            return Verdict(False, visible(str(wrong)))

    return verdict


def test_files_that_python_runs_are_read(tmp_path, here):
    write(tmp_path, {f"{name}.py": text for name, text in FILES.items()} | {"ways.py": RIGHT.replace("gelu", "both")})
    for name in FILES:
        verdict = here(tmp_path / f"{name}.py")
        assert verdict.right, f"{name}: {verdict.text}"


def test_what_cannot_be_read_is_told(tmp_path, here):
    for number, (text, words) in enumerate(NOT_READ.items()):
        verdict = here(write(tmp_path, {f"f{number}.py": text}) / f"f{number}.py")
        assert not verdict.right and words in verdict.text and verdict.text.isprintable(), verdict.text


def test_what_a_file_does_beside_costs_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    for name, text in APART.items():
        write(tmp_path / name, {"ex10_gelu.py": text, "ways.py": RIGHT.replace("gelu", "both")})
    for found in grade(tmp_path):
        assert found.right, f"{found.student}: {found.verdict}"


FORGERIES = {
    "a verdict that is always right": """import minilxmert.exercises.checking as room
room.Verdict.right = True
room.check = room.judge = lambda *args: room.Verdict(True, "right")
def gelu(x):
    return x, x
""",
    "an array that is equal to all": """import numpy as np
class Equal(np.ndarray):
    def __eq__(self, other):
        return True
def gelu(x):
    return x.view(Equal), x.view(Equal)
""",
    "the solution": "from minilxmert.exercises.sheets.ex10_gelu import solution as gelu\n",
    "the solution, later": """from minilxmert.exercises import exercise
def gelu(x):
    return exercise(10).solution(x)
""",
    "the package's function": """from minilxmert import ops
def gelu(x):
    cache = {}
    return ops.gelu(x, cache), cache["slope"]
""",
    "by the way to the parent": """import os
def gelu(x):
    for file in range(3, 30):
        try:
            os.write(file, bytes(7) + b"\\x09nonsense!")
        except OSError:
            pass
    return x, x
""",
}
TOLD = {"the solution": "solutions", "the solution, later": "write it yourself", "the package's function": "ops.gelu"}


def test_no_grade_can_be_forged(tmp_path):
    write(tmp_path, {f"{name}/ex10.py": text for name, text in FORGERIES.items()})
    grades = {g.student: g for g in grade(tmp_path, Limits(20))}
    assert set(grades) == set(FORGERIES)
    for name, found in grades.items():
        assert not found.right and TOLD.get(name, "") in found.verdict, f"{name}: {found.verdict}"


def test_the_functions_that_solve_an_exercise_are_noted(tmp_path):
    """By the switch over them, by a method, and by what calls them; the package's other functions may be used."""
    head = "from minilxmert import kernels, ops\nfrom minilxmert.training.optimizer import Adam\n"
    wrapped = "getattr(ops.layer_norm, '__wrapped__', ops.layer_norm)"
    texts = [
        (6, "def layer_norm(x, w, b, eps):\n    return kernels.layer_norm(x, {'w': w, 'b': b}, eps)\n"),
        (6, f"def layer_norm(x, w, b, eps):\n    return {wrapped}(x, {{'w': w, 'b': b}}, eps)\n"),
        (20, "def bert_adam(p, g, m, v, rate, decay, max_norm):\n    return Adam.update(None, p, g, 0)\n"),
        (5, "def masked_softmax(s, v):\n    return ops.attend_rows(s, s, s, [0], [0], None, 1)\n"),
    ]
    for number, text in texts:
        verdict = check_file(number, write(tmp_path, {"a.py": head + text}) / "a.py")
        assert not verdict.right, verdict.text
        assert (number == 5) != ("write it yourself" in verdict.text), verdict.text
    assert all(solved_in(exercise(number)) for number in NAMES if number not in (15, 29))


IN_A_LOOP = """def gelu(x):
    n = 0
    while True:
        n += 1
"""
ENDS = {  # a file: words of its verdict
    IN_A_LOOP: "1 seconds (an endless loop?); it stood in line ",
    "import re\nre.match('(a+)+$', 'a' * 40 + 'b')\n": "; it stood in line 2, `re.match",
    "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n": "signal SIGSEGV",
    "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n": "SIGKILL, as when the machine's memory is full",
    "import os\nos._exit(7)\n": "exit code 7",
    "import os, time\nos.closerange(0, 99)\ntime.sleep(99)\n": "without a verdict (it hung up",
    "def gelu(x):\n    return bytearray(5 << 30)\n": "MemoryError: none is left in line 2",
    "raise KeyboardInterrupt\n": "KeyboardInterrupt",
    "import os\nraise ValueError(os.environ['NUMBA_NUM_THREADS'])\n": "ValueError: 4",
    "def gelu(x):\n    return input()\n": "EOFError",
    "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True:\n    pass\n": "within 1 seconds",
}


def test_what_ended_it_is_told(tmp_path):
    write(tmp_path, {f"{n:02}/ex10_gelu.py": text for n, text in enumerate(ENDS)})
    for found, words in zip(grade(tmp_path, Limits(1)), ENDS.values(), strict=True):
        assert not found.right and words in found.verdict, found.verdict


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="only Linux tells of processes that have left their group")
def test_what_a_submission_starts_ends_with_it(tmp_path):
    text = """import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(99)", MARK], start_new_session=True, env={})
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(99)
    os._exit(0)
os._exit(0)
"""
    write(tmp_path, {"ada/ex10_gelu.py": text.replace("MARK", repr(str(tmp_path)))})
    grade(tmp_path)
    assert not alive(tmp_path)


HIDING = """import os, resource, subprocess, sys
if os.fork() == 0:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_RTTIME, (1, 1))
    for n in range(2):
        code = "import os, time; os.fork(); os.setpgid(0, 0); time.sleep(99)"
        subprocess.Popen([sys.executable, "-c", code, MARK], env={})
    os._exit(0)
os.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to whom asks for them")
def test_what_hides_ends_with_the_grading_and_what_others_have_started_goes_on(tmp_path):
    write(
        tmp_path, {f"{who}/ex10.py": HIDING.replace("MARK", repr(str(tmp_path))) + end for who, end in ENDINGS.items()}
    )
    mine = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    before = {pid for pid, *_ in apart.children()}
    right = {g.student: g.right for g in grade(tmp_path, workers=3)}
    assert right == {"ada": True, "bob": False, "cleo": True}
    assert not alive(tmp_path) and mine.poll() is None
    assert {pid for pid, *_ in apart.children()} <= before
    mine.communicate(b"\n")
    assert mine.returncode == 0


ENDINGS = {"ada": RIGHT, "bob": "os._exit(0)\n", "cleo": RIGHT}


def alive(path):
    """Whether a process runs that has a path among its arguments."""
    lines = [place.read_bytes() for place in Path("/proc").glob("[0-9]*/cmdline") if place.exists()]
    return any(os.fsencode(path) in line for line in lines)


def test_a_check_has_limits_and_tells_the_line(capsys, tmp_path):
    write(tmp_path, {"ex10.py": "def gelu(x):\n    print('begun\\x1b[2K', end='\\r')\n    while True:\n        pass\n"})
    started = time.monotonic()
    assert main(["exercise", "check", "10", str(tmp_path / "ex10.py"), "--seconds", "1"]) == 1
    out = capsys.readouterr().out
    assert "1 seconds" in out and "it stood in line" in out and time.monotonic() - started < 40
    assert out.startswith("begun\\u001b[2K\n")
    write(tmp_path, {"ex10.py": "def gelu(x):\n    return bytearray(2 << 30)\n"})
    assert main(["exercise", "check", "10", str(tmp_path / "ex10.py"), "--memory", "2048"]) == 1
    assert "MemoryError: none is left in line 2" in capsys.readouterr().out


def test_without_processes_a_check_says_so_and_grading_is_refused(tmp_path, monkeypatch):
    def refuse(*args, **options):
        raise OSError("no processes here")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    file = write(tmp_path, {"ada/ex10.py": RIGHT}) / "ada" / "ex10.py"
    verdict = check_file(10, file)
    assert verdict.right and "in this process" in verdict.text
    with pytest.raises(MinilxmertError, match="no processes here"):
        grade(tmp_path)


# --- a class


NOTE = "Name: Tam {0} ({0})\nAssignment: HW_1\n"
PLATFORMS = {
    # instructure/canvas-lms, lib/content_zipper.rb: add_upload_submission, get_filename
    "Canvas": {
        "lovelace_1815_7001_ex06_layer_norm.py": ("lovelace", 6),
        "lovelace_LATE_1815_7002_ex07_split_heads-1.py": ("lovelace", 7),
        "lovelace_1815_7003_my_ex08.py": ("lovelace", 8),
        "smith_11_7003_ex06.py": ("smith_11", 6),
        "smith_12_7004_ex06.py": ("smith_12", 6),
        "o_neill_13_7004_ex06.py": ("o_neill", 6),
        "anon_x7k2p_7006_ex06.py": ("anon_x7k2p", 6),
        "LATE_anon_x7k2p_7007_ex07-1.py": ("anon_x7k2p", 7),
        "lovelace_1815_7009_my-lxmert/ex31_embed.py": ("lovelace", 31),  # an archive, unpacked
    },
    # moodle/moodle, mod/assign/locallib.php: download_submissions; in folders, and without; of groups; not named
    "Moodle": {
        "Bo Li_77_assignsubmission_file_ex06_layer_norm.py": ("Bo Li", 6),
        "Bo Li_77_assignsubmission_file_final_ex07.py": ("Bo Li", 7),
        "Eve Hu_88_assignsubmission_file_/ex06.py": ("Eve Hu", 6),
        "Eve Hu_88_assignsubmission_file/further/ex07.py": ("Eve Hu", 7),
        "Ida_99_assignsubmission_onlinetext_ex06.py": ("Ida", 6),
        "Team 1-Jo_100_assignsubmission_file_/ex06.py": ("Team 1-Jo", 6),
        "Participant_101_assignsubmission_file_/ex06.py": ("Participant_101", 6),
        "Participant_102_assignsubmission_file_/ex06.py": ("Participant_102", 6),
    },
    # kwurst/bb-file-cleanup, README.md: the names; its note of an attempt begins with "Name: Tam Ng (t_ng)"
    "Blackboard": {
        "Set 1_fay_attempt_2026-09-01-12-00-00_ex06.py": ("fay", 6),
        "Set 2_fay_attempt_2026-09-08-12-00-00_ex07.py": ("fay", 7),
        "Set 1_j_doe_attempt_2026-09-01-12-00-00_ex06.py": ("j_doe", 6),
        "Set 2_j_doe_attempt_2026-09-08-12-00-00_my_ex07.py": ("j_doe", 7),
        "HW_1_t_ng_attempt_2026-09-01-12-00-00_ex06.py": ("t_ng", 6),
        "HW_1_t_ng_attempt_2026-09-01-12-00-00.txt": NOTE.format("t_ng"),
        "HW_2_t_ng_poging_2026-09-08-12-00-00_ex07.py": ("t_ng", 7),
        "HW_2_t_ng_poging_2026-09-08-12-00-00.txt": NOTE.format("t_ng"),
        "HW_2_t_ng_poging_2026-09-08-12-00-00_my-lxmert/own/ex31_embed.py": ("t_ng", 31),
        "HW_1_b_ng_attempt_2026-09-01-12-00-00_ex06.py": ("b_ng", 6),
        "HW_1_b_ng_attempt_2026-09-01-12-00-00.txt": NOTE.format("b_ng"),
    },
    # "13394-80551 - Eric Gillotti - Mar 29, 2018 1205 PM - EGillotti - Homework 6.zip" in the tests of a reader of them
    "Brightspace": {
        "12-34 - Gil Ng - Sep 1, 2026 1200 PM/ex06.py": ("Gil Ng", 6),
        "12-35 - Gil Ng - Sep 8, 2026 905 AM/ex07.py": ("Gil Ng", 7),
        "13-34 - Ann-Marie Lee - Sep 1, 2026 1200 PM - ex06.py": ("Ann-Marie Lee", 6),
        "13-34 - Ann-Marie Lee- Sep 2, 2026 1200 PM - ALee - ex07.py": ("Ann-Marie Lee", 7),
        "14-34 - Li Wu - 1 sept. 2026 1405 - ex06.py": ("Li Wu_14", 6),
        "15-34 - Li Wu - 1 sept. 2026 1406 - ex06.py": ("Li Wu_15", 6),
    },
}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_student_is_one_student_however_a_platform_names_the_files(tmp_path, platform):
    names = PLATFORMS[platform]
    write(tmp_path, {name: told if isinstance(told, str) else "" for name, told in names.items()})
    expected = sorted(told for told in names.values() if not isinstance(told, str))
    assert sorted((who, number) for who, number, _ in submissions(tmp_path)) == expected
    assert passed_by(tmp_path) == []


def test_copies_that_nobody_made_and_names_of_files(tmp_path):
    names = {
        "ada/ex10_gelu.py": ("ada", 10),
        "ada/.ipynb_checkpoints/ex10_gelu-checkpoint.py": None,
        "__MACOSX/ada/._ex10_gelu.py": None,
        "._ex10_gelu.py": None,
        ".cache/ex10.py": None,
        "cyd_ex06.py": ("cyd", 6),
        "ex06.py": ("(no name)", 6),
        "ada_1_7005_EX07.PY": ("ada_1", 7),
        "Copy of jo_ex06.py": ("jo", 6),
        "Zoe\u0308/ex06.py": ("Zo\u00eb", 6),
        "Zo\u00eb/ex07.py": ("Zo\u00eb", 7),
        "~$ex06.py": None,
        "ada/$RECYCLE.BIN/ex06.py": None,
        "ada/venv/lib/python3.11/site-packages/ex06.py": None,
        "group_1_2/ex06.py": ("group_1_2", 6),
        "group_1_3/ex06.py": ("group_1_3", 6),
        "team_1_2_final/ex06.py": ("team_1_2_final", 6),
        "team_1_3_final/ex06.py": ("team_1_3_final", 6),
        "team_1_4_ex06.py": ("team_1_4", 6),
        "jo_2026_11_28_ex06.py": ("jo_2026_11_28", 6),
        "ada/__pycache__/ex10_gelu.cpython-311.pyc": None,
        "ada/.DS_Store": None,
        "ada/conftest.py": None,
    }
    strange = ["ada/helper.py", "bob.zip", "cyd/ex06.ipynb", "dan/ex06_layer_norm.py.txt"]
    write(tmp_path, dict.fromkeys([*names, *strange, "notes.txt"], ""))
    expected = sorted(answer for answer in names.values() if answer)
    assert sorted((who, number) for who, number, _ in submissions(tmp_path)) == expected
    assert [path.relative_to(tmp_path).as_posix() for path in passed_by(tmp_path)] == strange


def test_of_several_files_for_one_exercise_one_counts(tmp_path):
    write(tmp_path, {"ada/ex10.py": RIGHT, "ada/ex10 (1).py": "x = 1", "bob/ex10_1.py": "x = 1", "bob/ex10_2.py": "y("})
    ada, bob = grade(tmp_path)
    assert ada.right and ada.verdict.endswith("(of 2 files)")
    assert not bob.right and "does not understand line 1" in bob.verdict and bob.file.endswith("_2.py")


def test_what_is_missing_is_counted_and_what_is_passed_by_is_listed(capsys, tmp_path):
    wrong = RIGHT.replace("x * share, share", "x * share, x")
    write(tmp_path, {"ada/ex10.py": RIGHT, "ada/ex06.py": "x = 1", "bob/ex10.py": wrong, "bob/layernorm.py": RIGHT})
    sheet = tmp_path / "grades.csv"
    assert main(["exercise", "grade", str(tmp_path), "6", "10", "--csv", str(sheet)]) == 0
    found = capsys.readouterr()
    lines = [" ".join(line.split()) for line in found.out.splitlines()]
    assert "bob 6 not handed in" in lines and "bob 0 of 2 right, 1 not handed in" in lines
    assert "ada 1 of 2 right" in lines and "exercise 10 1 of 2 right" in lines
    assert "exercise 6 0 of 2 right, 1 not handed in" in lines and "3 of 3" in found.err
    assert any(line.startswith("passed by: ") and "layernorm.py" in line for line in lines)
    rows = [(row["student"], row["exercise"], row["right"]) for row in csv.DictReader(sheet.open())]
    assert rows == [("ada", "6", "0"), ("ada", "10", "1"), ("bob", "6", "0"), ("bob", "10", "0")]
    assert [g.exercise for g in grade(tmp_path, numbers=(6,)) if g.verdict == NOT_HANDED_IN] == [6]


def test_no_control_character_reaches_the_table(tmp_path):
    text = "def gelu(x):\n    raise ValueError('\\x1b[2K\\x9b1G\\u202e right')\n"
    write(tmp_path, {"a\nb/ex10.py": text, "c\x1b[1Gd/ex10.py": RIGHT, os.fsdecode(b"\xff") + "/ex10.py": "x = 1"})
    grades = grade(tmp_path)
    told = grades_table(grades)
    assert not any(bad in told for bad in "\x1b\x9b\u202e") and len(told.splitlines()) == 3 + 3 + 1
    assert as_csv(grades).encode().count(b"\n") == 4


def test_a_grading_that_is_interrupted_leaves_nothing(tmp_path):
    write(tmp_path, {f"s{n}/ex10.py": "import time\ntime.sleep(99)\n" for n in range(3)})
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "minilxmert", "exercise", "grade", str(tmp_path)]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, as its
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # children would
    signal.signal(signal.SIGINT, before)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and b"Traceback" not in err and not out
    assert not apart.find_marked(f"{apart.MARK}=".encode())


@pytest.mark.nightly
def test_many_processors_do_not_cost_a_right_answer(tmp_path, monkeypatch):
    text = """import numpy as np
from numba import njit, prange
@njit(parallel=True)
def matmul_kernel(x, w, b):
    y = np.empty((x.shape[0], w.shape[0]), np.float32)
    for r in prange(x.shape[0]):
        for o in range(w.shape[0]):
            total = b[o]
            for i in range(x.shape[1]):
                total += x[r, i] * w[o, i]
            y[r, o] = total
    return y
"""
    monkeypatch.setenv("NUMBA_NUM_THREADS", "128")
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1024")
    (found,) = grade(write(tmp_path, {"ada/ex26.py": text}))
    assert found.right, found.verdict


def test_an_autograder_gets_json(tmp_path):
    """In the format of Gradescope's results.json for one student, for each of several otherwise."""
    write(tmp_path, {"one/ex10.py": RIGHT, "one/ex06.py": "x = 1"})
    arguments = [str(tmp_path / "one"), "--json", str(tmp_path / "results.json")]
    assert main(["exercise", "grade", *arguments]) == 0
    tests = json.loads((tmp_path / "results.json").read_text())["tests"]
    assert [(t["score"], t["max_score"], t["status"]) for t in tests] == [(0, 1, "failed"), (1, 1, "passed")]
    assert tests[0]["name"] == "exercise 6: Layer normalisation" and "no function" in tests[0]["output"]
    two = [Grade(who, 6, True, "right", "") for who in ("ada", "bob")]
    assert {who: len(told["tests"]) for who, told in json.loads(as_json(two)).items()} == {"ada": 1, "bob": 1}
