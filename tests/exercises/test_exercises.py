"""Every exercise: its check accepts right answers, refuses each typical wrong one in fitting words, and the stub."""

import copy
import csv
import functools
import importlib.util
import inspect
import itertools
import re
import shlex
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from minilxmert import MinilxmertError
from minilxmert.cli import main, parser
from minilxmert.exercises import NAMES, exercise, function_name, number_of
from minilxmert.exercises.answering import stub, variant_of
from minilxmert.exercises.checking import check, drawn
from minilxmert.exercises.grading import grade
from minilxmert.exercises.in_model import PIECES, ROOMS, try_in_model
from minilxmert.exercises.project import MILESTONES

ROOT = Path(__file__).parents[2]
ANSWERS = Path(__file__).parent / "answers"
ALONE = [number for number in NAMES if number not in MILESTONES]  # test_project.py walks through the others


def functions(path, beginning):
    """{name: function} of a file whose names begin so."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: f for name, f in vars(module).items() if name.startswith(beginning)}


@pytest.mark.parametrize("number", ALONE)
def test_the_solution_and_other_right_answers_pass(number):
    task = exercise(number)
    right = {"the solution": task.solution, **functions(ANSWERS / f"{NAMES[number]}.py", "right_")}
    assert len(right) >= 2
    for name, answer in right.items():
        verdict = check(task, answer)
        assert verdict.right and verdict.text.startswith("right: "), f"{name}: {verdict.text}"


@pytest.mark.parametrize("number", NAMES)
def test_what_is_remembered_of_an_exercise_is_small(number):
    with np.errstate(all="ignore"):
        drawn(exercise(number), 1)  # what the first call imports is not counted
        tracemalloc.start()
        drawn(exercise(number), 2)
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert size < 1_000_000


@pytest.mark.parametrize("number", ALONE)
def test_typical_wrong_answers_are_refused_in_fitting_words(number):
    wrong = functions(ANSWERS / f"{NAMES[number]}.py", "wrong_")
    assert len(wrong) >= 4
    for name, answer in wrong.items():
        verdict = check(exercise(number), answer)
        assert not verdict.right and inspect.getdoc(answer) in verdict.text, f"{name}: {verdict.text}"
        assert len(verdict.text) < 400 and "\n" not in verdict.text


@pytest.mark.parametrize("number", ALONE)
def test_stubs_are_refused_as_not_written_and_hold_no_solution(number, tmp_path):
    path, task = tmp_path / f"{NAMES[number]}.py", exercise(number)
    path.write_text(stub(number))
    given = functions(path, function_name(number))[function_name(number)]
    assert "not written yet" in check(task, given).text
    assert inspect.signature(given) == inspect.signature(task.solution)
    assert inspect.getdoc(given) == inspect.getdoc(task.solution)
    assert "->" in given.__doc__ and "Hints" in given.__doc__
    head, _, body = path.read_text().rpartition('"""')
    assert body == f'\n    raise NotImplementedError("exercise {number}")\n'
    assert head.startswith(
        f'"""Exercise {number}: {task.title}. About {task.minutes} minutes; chapter {task.chapter}."""'
    )


def test_every_exercise_has_its_files_and_its_line_in_the_table():
    assert list(NAMES) == list(range(1, 39))
    assert {path.stem for path in ANSWERS.glob("ex*.py")} == {NAMES[number] for number in ALONE}
    table = (ROOT / "tutorials" / "exercises" / "README.md").read_text()
    for number, name in NAMES.items():
        task = exercise(number)
        line = next(line for line in table.splitlines() if f"{name}.py" in line)
        cells = [cell.strip() for cell in line.split("|")[1:6]]
        assert cells[::2] == [str(number), str(task.minutes), str(task.chapter)]
        assert task.title in cells[1] and task.teaches == cells[3]


def rows_of(text, heading=""):
    """[[cell, …], …] of the first table below a heading."""
    lines = text.partition(heading)[2].partition("\n|")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def numbers_in(text):
    """ "1, 4; 31 to 34" -> [1, 4, 31, 32, 33, 34]"""
    found = re.findall(r"\b(\d+)(?: to (\d+))?\b", text)
    return [number for first, last in found for number in range(int(first), int(last or first) + 1)]


def test_the_ten_weeks_use_nothing_before_it_is_taught():
    """Exercises in class and in problem sets come with their chapter or after it; the minutes are theirs."""
    pages = ROOT / "tutorials" / "exercises"
    weeks, read, when = rows_of((pages / "teaching.md").read_text(), "## Ten weeks"), set(), {}
    for number, (week, _, chapters, tasks, minutes, _) in enumerate(weeks, 1):
        read |= set(numbers_in(chapters))
        assert int(week) == number and all(exercise(n).chapter in read for n in numbers_in(tasks)), week
        spent = sum(exercise(n).minutes for n in numbers_in(re.sub(r" or \d+", "", tasks)))
        assert sum(numbers_in(minutes)) == spent, week
        when |= dict.fromkeys(read - set(when), number)
    assert read == set(range(1, 15)) - {12}
    sets = re.split(r"^## ", (pages / "problem_sets.md").read_text(), flags=re.MULTILINE)[1:5]
    for text in sets:
        last = numbers_in(text.splitlines()[0].partition("week")[2])[-1]
        for tasks in re.findall(r"[Ee]xercises? ([^.]*)\.", text):
            assert all(when[exercise(n).chapter] <= last for n in numbers_in(tasks)), tasks
        assert all(when[int(n)] <= last for n in re.findall(r"chapter (\d+)", text)), text


JUNK = (
    None, "a", [], {}, (), 3, 1j, np.float64("nan"), object(), iter([]), [[1], [2, 3]], np.array(None), np.array("a"),
    np.zeros(0), np.zeros((2, 3), complex), np.ma.zeros(3), np.zeros((1,) * 5), {"query.w": None, "norm.w": "a"},
)  # fmt: skip


@pytest.mark.parametrize("number", NAMES)
def test_results_of_any_kind_get_a_verdict(number):
    inputs = list(itertools.islice(exercise(number).draws(np.random.default_rng(0)), 2))
    task = replace(exercise(number), draws=lambda rng: copy.deepcopy(inputs))
    for junk in JUNK:
        for result in {id(x): x for x in (junk, (junk,) * len(task.outputs))}.values():
            verdict = check(task, lambda *args, result=result: result)
            assert not verdict.right and "\n" not in verdict.text and len(verdict.text) < 400


def test_every_command_of_the_pages_is_understood():
    for page in (ROOT / "tutorials" / "exercises").glob("*.md"):
        for line in re.findall(r"minilxmert exercise [a-z][^`\n]*", page.read_text()):
            assert parser().parse_args(shlex.split(line, comments=True)[1:]).command == "exercise"


def test_a_check_uses_the_same_inputs_for_the_same_seed():
    task = exercise(6)
    first, second, other = (next(task.draws(np.random.default_rng(seed)))[0] for seed in (0, 0, 1))
    assert np.array_equal(first, second) and not np.array_equal(first, other)


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda x, w, b: x, "arguments (x, w, b, eps)"),
        (3, "not a function"),
        (lambda x, w, b, eps: [1, 2], "must be an array, found a list"),
        (lambda x, w, b, eps: x[..., :1], "must have the shape"),
        (lambda x, w, b, eps: exercise(6).solution(x, w, b, eps).astype(np.float64), "dtype float32, found float64"),
        (lambda x, w, b, eps: x / 0, "not finite"),
        (lambda x, w, b, eps: 3 * exercise(6).solution(x, w, b, eps), "up to the factor 3"),
        (lambda x, w, b, eps: x.shape[-1] * exercise(6).solution(x, w, b, eps), "depends on the input"),
        (lambda x, w, b, eps: -exercise(6).solution(x, w, b, eps), "sign"),
        (lambda x, w, b, eps: exercise(6).solution(x, w, b, eps) + 1, "same amount"),
        (lambda x, w, b, eps: np.roll(exercise(6).solution(x, w, b, eps), 1, -1), "moved by one place"),
        (lambda x, w, b, eps: exercise(6).solution(x, w, b, eps)[..., ::-1], "wrong places"),
        (lambda x, w, b, eps: x * 0, "all zeros"),
        (lambda x, w, b, eps: x * x, "of the values differ"),
        (lambda x, w, b, eps: undefined, "NameError"),  # noqa: F821
    ],
)
def test_mistakes_of_any_kind_are_named(answer, words):
    verdict = check(exercise(6), answer)
    assert not verdict.right and words in verdict.text, verdict.text


def test_finite_differences_judge_a_backward_without_the_solution():
    """A solution that is itself wrong by a little is found out by its gradients."""
    task = exercise(13)

    def slightly_wrong(dy, x, w, eps):
        dx, dw, db = task.solution(dy, x, w, eps)
        return dx * (1 + 1e-5), dw, db

    assert "finite differences" in check(replace(task, solution=slightly_wrong), slightly_wrong).text


# --- the command line


def run(capsys, *arguments):
    code = main(["exercise", *map(str, arguments)])
    found = capsys.readouterr()
    return code, found.out, found.err


SOLVED = """import numpy as np
def layer_norm(x, w, b, eps):
    print("thinking aloud")
    x = x - x.mean(-1, keepdims=True)
    x = x - x.mean(-1, keepdims=True)
    return (x / np.sqrt((x * x).mean(-1, keepdims=True) + x.dtype.type(eps)) * w + b)
"""


def test_list_shows_all(capsys):
    code, out, _ = run(capsys, "list")
    assert code == 0 and all(exercise(number).title in out for number in NAMES)
    assert run(capsys)[1] == out


def test_start_check_and_pytest_in_a_started_folder(capsys, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    code, out, _ = run(capsys, "start", folder, 5, 6, 7)
    assert code == 0 and sorted(path.name for path in folder.glob("ex*")) == [f"{NAMES[n]}.py" for n in (5, 6, 7)]
    monkeypatch.chdir(folder)
    (folder / f"{NAMES[6]}.py").write_text(SOLVED.replace("aloud", r"\raloud"))
    code, out, _ = run(capsys, "check", 6)
    assert code == 0 and "exercise 6: right: " in out
    code, out, _ = run(capsys, "start", folder, 6)
    assert "left" in out and "aloud" in (folder / f"{NAMES[6]}.py").read_text()
    marks = "exercise_05 or exercise_06"
    command = [sys.executable, "-m", "pytest", "-q", "-rfP", "--strict-markers", "-p", "no:cacheprovider", "-m", marks]
    env = {"PYTHONPATH": str(ROOT), "PATH": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    out = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True).stdout
    assert out.count("thinking \naloud\n") > 20 and "\naloud\n\n" not in out
    assert "1 failed, 1 passed, 1 deselected" in out and "FAILED ex05_masked_softmax.py" in out, out
    assert "not written yet" in out and "Traceback" not in out


def test_a_right_answer_does_its_work_in_a_model(capsys, tmp_path):
    path = tmp_path / "ex06.py"
    path.write_text(SOLVED.replace('    print("thinking aloud")\n', ""))
    code, out, _ = run(capsys, "check", 6, path, "--in-model")
    assert code == 0 and "in the model: called " in out and "called 0" not in out
    assert "no piece of the forward pass" in run(capsys, "check", 1, solved(1, tmp_path), "--in-model")[2]


def solved(number, folder):
    """A file with a right answer."""
    path, name = folder / f"{NAMES[number]}.py", function_name(number)
    answers = (ANSWERS / path.name).read_text()
    path.write_text(f"{answers}\n{name} = {re.search('right_[a-z_]+', answers)[0]}\n")
    return path


@pytest.mark.parametrize("number", PIECES)
def test_pieces_of_the_model(number):
    for name, answer in functions(ANSWERS / f"{NAMES[number]}.py", "right_").items():
        assert try_in_model(number, answer).right, name

    def doubled(*args):
        result = exercise(number).solution(*args)
        return tuple(2 * part for part in result) if isinstance(result, tuple) else 2 * result

    assert not try_in_model(number, doubled).right
    before = [vars(room).copy() for room in ROOMS]
    assert "it fails" in try_in_model(number, lambda *args: 1 / 0).text
    assert before == [vars(room) for room in ROOMS]


def test_wrong_use_is_explained(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "expected one file ex06_layer_norm.py" in run(capsys, "check", 6)[2]
    assert "there is no exercise 99" in run(capsys, "check", 99)[2]
    assert "there is no exercise 99" in run(capsys, "start", tmp_path / "new", 99)[2]
    assert not (tmp_path / "new").exists()
    assert "readable" in run(capsys, "check", 6, "missing.py")[2]
    assert "submissions such as" in run(capsys, "grade", tmp_path)[2]


def test_a_folder_of_submissions_is_graded(capsys, tmp_path):
    texts = {
        "ada/ex06_layer_norm.py": SOLVED,
        "bob/homework/ex06.py": SOLVED.replace("+ b", ""),
        "cyd_ex06_layer_norm.py": "x = 1",
        "=dan/ex06_layer_norm.py": "import numpy\nx = numpy.ones(1 << 40)",
        "fay/ex06_layer_norm.py": SOLVED.replace("print(", "exit("),
        "gil/ex06_layer_norm.py": "open('verdict.json', 'w').write('{')\nimport os\nos._exit(0)",
        "hal/ex06_layer_norm.py": "from mean import mean\n" + SOLVED.replace("x.mean(", "mean(x, "),
        "hal/mean.py": "def mean(x, *args, **options):\n    return x.mean(*args, **options)",
        "ada/notes.py": "raise SystemExit",
    }
    for name, text in texts.items():
        (tmp_path / "all" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "all" / name).write_text(text)
    code, out, _ = run(capsys, "grade", tmp_path / "all", "--csv", tmp_path / "grades.csv")
    assert code == 0
    rows = {row["student"]: row for row in csv.DictReader((tmp_path / "grades.csv").open())}
    assert set(rows) == {"ada", "bob", "cyd", "'=dan", "fay", "gil", "hal"} and {
        row["exercise"] for row in rows.values()
    } == {"6"}
    assert {name for name, row in rows.items() if row["right"] == "1"} == {"ada", "hal"}
    assert "SystemExit" in rows["fay"]["verdict"] and "without a verdict" in rows["gil"]["verdict"]
    assert "emory" in rows["'=dan"]["verdict"] and re.search(r"ada +1 of 1 right", out)


def test_names_of_files_tell_the_exercise():
    names = {"ex06_layer_norm.py": 6, "ada_ex06.py": 6, "EX06.py": 6}
    names |= {"index06.py": None, "ex06.txt": None, "ex061.py": None, "ex99.py": None}
    assert {name: number_of(name) for name in names} == names


VARIED = [number for number in NAMES if exercise(number, 1).variant.number]


def in_variant(task, function):
    """A function that is like the solution, as a student writes it in this variant."""

    @functools.wraps(function)
    def answer(*args):
        return task.run(function, task.variant.scale_all(task.names, args, task.variant.given, back=True))

    return answer


@pytest.mark.parametrize("mistakes", [2, pytest.param(99, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("number", VARIED)
def test_each_variant_has_answers_of_its_own(number, mistakes):
    """Right in one is wrong in the others, and the exercise's mistakes are those of each."""
    task, other = exercise(number, 1), exercise(number, 2)
    assert check(task, in_variant(task, task.solution)).right
    assert not check(task, in_variant(other, task.solution)).right
    for one, answer in ((task, task.solution), (exercise(number), in_variant(task, task.solution))):
        verdict = check(one, answer)
        assert not verdict.right
        assert number == 17 or one is not task or "right without the variant" in verdict.text
    for sentence, mistaken in task.mistakes[:mistakes]:
        assert sentence in check(task, in_variant(task, mistaken)).text


def test_variants_are_told_in_the_stub_and_in_the_table():
    """Ten exercises have none; the teacher's page says why."""
    assert set(NAMES) - set(VARIED) == {7, 19, *MILESTONES}
    for number in VARIED:
        told = exercise(number, 4).variant.sentence
        assert "{" not in told and told in " ".join(stub(number, 4).split()) and "In this variant" not in stub(number)
        assert variant_of(stub(number, 4).encode()) == 4 and variant_of(stub(number).encode()) == 0
        assert len({exercise(number, variant).variant.sentence for variant in range(1, 9)}) == 8
    assert stub(7, 3) == stub(7)
    page = (ROOT / "tutorials" / "exercises" / "teaching.md").read_text()
    assert f"{len(VARIED)} exercises have variants" in page
    assert re.findall(r"^\| ([\d, …]+) \|", page.partition("### Variants")[2], re.MULTILINE) == ["7", "19", "31 … 38"]


def test_a_file_says_which_variant_it_was_made_for_and_the_teachers_counts(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "start", tmp_path, 6, "--variant", 2)[0] == 0
    path = tmp_path / "ex06_layer_norm.py"
    title, own = path.read_text().splitlines()[0], SOLVED.replace("type(eps)", "type(3 * eps)")
    path.write_text(f"{title}\n{own}")
    assert run(capsys, "check", 6, "--in-model")[0] == 0 and run(capsys, "check", 6, "--variant", 0)[0] == 1
    (found,) = grade(tmp_path, variant=2)
    assert found.right and "made for" not in found.verdict
    forgot = run(capsys, "grade", tmp_path)[1]
    assert "WRONG" in forgot and "this file was made for variant 2, and checked as variant 0" in forgot
    path.write_text(f"{title}\n{SOLVED}")  # the answer to an easier one, under the title of the class's
    found = [*grade(tmp_path, variant=2), *grade(tmp_path)]
    assert [g.right for g in found] == [False, True] and "made for variant 2" in found[1].verdict
    path.write_text(f"{title.replace('; variant 2', '')}\n{own}")
    (found,) = grade(tmp_path, variant=2)
    assert found.right and "made for variant 0, and checked as variant 2" in found.verdict
    path.write_text(own)
    (found,) = grade(tmp_path, variant=2)
    assert found.right and "made for" not in found.verdict


def test_there_are_eight_variants(capsys, tmp_path):
    assert run(capsys, "start", tmp_path / "new", 6, "--variant", 9)[0] == 1 and not (tmp_path / "new").exists()
    (tmp_path / "ex07.py").write_text("x = 1")
    code, out, err = run(capsys, "grade", tmp_path, "--variant", 9)
    assert code == 1 and not out and "expected a number from 1 to 8, found 9" in err
    assert "there is no exercise 99" in run(capsys, "grade", tmp_path, 99)[2]


def test_unknown_numbers_are_refused():
    with pytest.raises(MinilxmertError, match="no exercise 0"):
        exercise(0)


@pytest.mark.parametrize("number", NAMES)
def test_each_mistake_is_refused_with_its_own_sentence(number):
    """No mistake is taken for an earlier one."""
    task = exercise(number)
    for sentence, mistaken in task.mistakes:
        verdict = check(task, mistaken)
        assert not verdict.right and sentence in verdict.text, f"{sentence}: {verdict.text}"
