"""The project: a student's eight functions become a model that agrees with minilxmert's, learns, and is graded."""

import functools
import inspect
import shutil
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from minilxmert import LxmertForQuestionAnswering, MinilxmertError
from minilxmert.cli import main
from minilxmert.core.params import flatten, zeros_like
from minilxmert.exercises import NAMES, exercise, report
from minilxmert.exercises.project import MILESTONES, SIZES, OwnAdam, OwnModel, pieces_of, train
from minilxmert.exercises.report import accuracies, load_trained, points_table
from minilxmert.scenes.world import SMALL
from minilxmert.training.miniature import miniature_config
from minilxmert.training.optimizer import Adam

ROOT = Path(__file__).parents[2]


@pytest.fixture
def student(tmp_path, monkeypatch):
    """A folder with the eight functions solved, which import each other; it is not imported from afterwards."""
    folder = tmp_path / "ada"
    folder.mkdir()
    for number in MILESTONES:
        task = exercise(number)
        (folder / f"{NAMES[number]}.py").write_text(f"{task.imports}\n\n\n{inspect.getsource(task.solution)}")
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield folder
    for number in MILESTONES:
        sys.modules.pop(NAMES[number], None)


def test_each_milestone_names_four_mistakes_or_more():
    assert [number for number in NAMES if "Project" in exercise(number).title] == list(MILESTONES)
    for number in MILESTONES:
        assert len({sentence for sentence, _ in exercise(number).mistakes}) >= 4


def test_the_assembled_model_is_minilxmerts(student):
    """Scores, loss and every gradient agree with the package's model, the optimizer's step with Adam's."""
    config = miniature_config(SMALL, **SIZES)
    own, whole = (face(config, seed=3, dtype="float64") for face in (OwnModel, LxmertForQuestionAnswering))
    own.pieces, rng = pieces_of(student), np.random.default_rng(0)
    boxes = np.sort(rng.random((3, 4, 2, 2)), axis=2).reshape(3, 4, 4)
    call = {"input_ids": rng.integers(5, config.vocab_size, (3, 6)), "visual_pos": boxes}
    call |= {"visual_feats": rng.standard_normal((3, 4, config.visual_feat_dim)), "labels": np.array([1, -100, 0])}
    call["attention_mask"] = np.array([[1] * 6, [1, 1, 1, 1, 0, 0], [1] * 5 + [0]])
    trees = [zeros_like(own.params), zeros_like(whole.params)]
    losses = [model.add_gradients(g, **call).losses["ans"] for model, g in zip((own, whole), trees, strict=True)]
    assert abs(losses[0] - losses[1]) < 1e-9
    for (path, mine), right in zip(flatten(trees[0]).items(), flatten(trees[1]).values(), strict=True):
        np.testing.assert_allclose(mine, right, rtol=0, atol=1e-9, err_msg=path)
    optimizers = OwnAdam(0.1, 9, corrected=True), Adam(0.1, 9, decay=0.0, corrected=True)
    optimizers[0].step_of = own.pieces["adam"]
    p, g = rng.standard_normal((2, 50))
    found = [p.copy(), p.copy()]
    for step in range(3):
        for optimizer, parameters in zip(optimizers, found, strict=True):
            optimizer.update(parameters, g.copy(), step)
    np.testing.assert_allclose(*found, rtol=0, atol=1e-6)


def test_what_is_missing_is_told(student):
    (student / f"{NAMES[36]}.py").write_text("def answer(lang, p):\n    raise NotImplementedError('exercise 36')\n")
    with pytest.raises(MinilxmertError, match="exercise 36"):
        train(student, steps=2, scenes=4)
    (student / f"{NAMES[36]}.py").unlink()
    with pytest.raises(MinilxmertError, match="one file ex36_answer"):
        pieces_of(student)
    with pytest.raises(MinilxmertError, match="project train"):
        load_trained(student)


@pytest.fixture
def asked(monkeypatch):
    """The questions that a project is asked, drawn once for all commands."""
    monkeypatch.setattr(report, "fresh_questions", functools.cache(report.fresh_questions))
    return report.fresh_questions()


def walk(student, asked, capsys, steps, scenes):
    """Train, report and grade, all from the command line -> the accuracies, the points.

    Others of the class: bob has handed in no milestone, cyd one, in a folder further in, with ada's model, and dan
    takes the weights that minilxmert ships for his model."""
    assert main(["project", "train", str(student), "--steps", str(steps), "--scenes", str(scenes)]) == 0
    assert main(["project", "report", str(student)]) == 0
    page = (student / "report.html").read_text()
    assert "largest difference" in page and page.count("<svg") == 2 and (student / "attention.html").exists()
    assert "http" not in page.replace("http://www.w3.org", "")
    first = f"{NAMES[MILESTONES[0]]}.py"
    for model, place in ((student / "model", "cyd/own"), (ROOT / "weights", "dan")):
        shutil.copytree(model, student.parent / place / "model")
        shutil.copy(student / first, student.parent / place / first)
    (student.parent / "bob").mkdir()
    (student.parent / "bob" / "ex10_gelu.py").write_text("x = 1")
    capsys.readouterr()
    assert main(["project", "grade", str(student.parent), "--csv", str(student.parent / "points.csv")]) == 0
    rows = [line.split(",") for line in (student.parent / "points.csv").read_text().splitlines()[1:]]
    right, points, shares = ({row[0]: row[place] for row in rows} for place in (3, 1, 4))
    assert right == {"ada": "8", "bob": "0", "cyd": "1", "dan": "1"}, capsys.readouterr().out
    assert shares["cyd"] == shares["ada"] and shares["bob"] == shares["dan"] == ""
    assert int(points["ada"]) - int(points["cyd"]) == 70 and points["bob"] == "0" and points["dan"] == "10"
    return accuracies(load_trained(student), asked), int(points["ada"])


def test_no_student_is_a_formula_in_the_points():
    lines = points_table([("=1+1", 10, 1, None), ("ada", 95, 8, 0.6)]).splitlines()
    assert lines == ["student,points,of,milestones,accuracy", "'=1+1,10,100,1,", "ada,95,100,8,0.600"]


def test_the_walk_ends_at_a_model_that_sees(student, asked, capsys):
    """Measured: 50 %. Whoever sees no picture has at most 39 %, the commonest answer to each kind of question."""
    shares, points = walk(student, asked, capsys, steps=120, scenes=120)
    kinds = Counter(sentence.kind.name for sentence, _ in asked)
    right, blind = np.transpose([shares[kind] for kind in kinds]) @ list(kinds.values()) / len(asked)
    np.testing.assert_allclose(shares["all"], (right, blind))
    assert right > blind + 0.08 and points == 80 + round(20 * (right - blind) / (0.75 - blind))
