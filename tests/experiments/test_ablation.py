"""The ablations: the bottom-up face, a table trained in seconds, its resumption, and the sums behind it."""

import json
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from gradients import check_direction, random_tree

from minilxmert import ConfigError
from minilxmert.cli import main
from minilxmert.core.params import flatten, zeros_like
from minilxmert.experiments import ablation
from minilxmert.experiments.ablation import Laboratory, Size, run_seeds
from minilxmert.experiments.ablation_results import (
    AGREES,
    ALONE,
    DISAGREES,
    FULL,
    LEFT_OUT,
    PAPER,
    UNDECIDED,
    Estimate,
    Results,
    verdict,
)
from minilxmert.experiments.baselines import (
    BottomUpForQuestionAnswering,
    BottomUpForVisualReasoning,
    RecurrentForQuestionAnswering,
    RecurrentForVisualReasoning,
    lstm,
    lstm_backward,
    lstm_shapes,
)
from minilxmert.scenes.world import SMALL
from minilxmert.training.loop import TrainingError
from minilxmert.training.miniature import miniature_config

NARROW = {"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 12, "l_layers": 1}
CONFIG = miniature_config(SMALL, **NARROW, x_layers=0, r_layers=0)
SIZE = Size(12, 2, 2, 3, batch_size=4, test_scenes=4)
NAMED = {row.name: row for row in PAPER + LEFT_OUT}
ROWS = [NAMED["most frequent answer"], NAMED["LSTM + BUTD"], NAMED["BERT + BUTD"], NAMED["no questions"]]


def quiet(sentence):
    pass


# --- a language encoder that looks at the objects once ---------------------------------------------------------------


def call(rng, pictures=()):
    shape = (2, *pictures, 3)
    corners = np.sort(rng.random((*shape, 2, 2)), axis=-2).reshape(*shape, 4)
    words = rng.integers(5, 20, (2, 4))
    return {"input_ids": words, "visual_feats": rng.random((*shape, CONFIG.visual_feat_dim)), "visual_pos": corners}


def test_gradients_of_the_lstm():
    rng, p = np.random.default_rng(0), random_tree(lstm_shapes(6, 5), np.random.default_rng(1))
    shown = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1]], bool)  # padded behind, and within
    x, cache, g, dy = {"x": rng.standard_normal((3, 4, 6)), "p": p}, {}, zeros_like(p), rng.standard_normal((3, 5))
    state = lstm(x["x"], shown, p, cache)
    np.testing.assert_array_equal(state, lstm(x["x"], shown, p))
    dx = lstm_backward(dy, p, cache, g)
    check_direction(lambda x: lstm(x["x"], shown, x["p"]), x, {"x": dx, "p": g}, dy, rng)
    assert not dx[~shown].any()
    short = lstm(x["x"][2:, [1, 3]], np.ones((1, 2), bool), p)
    np.testing.assert_allclose(state[2:], short, rtol=1e-12)  # hidden words are as if they were not there


@pytest.mark.reference
def test_the_lstm_is_that_of_torch():
    import torch

    torch.manual_seed(0)
    theirs = torch.nn.LSTM(6, 5, batch_first=True, dtype=torch.float64)
    made = {name: array.detach().numpy() for name, array in theirs.named_parameters()}
    p = {"input": {"w": made["weight_ih_l0"], "b": made["bias_ih_l0"]}}
    p["state"] = {"w": made["weight_hh_l0"], "b": made["bias_hh_l0"]}
    x = np.random.default_rng(0).standard_normal((3, 7, 6))
    _, (state, _) = theirs(torch.from_numpy(x))
    np.testing.assert_allclose(lstm(x, np.ones((3, 7), bool), p), state[0].detach().numpy(), rtol=1e-9)


KEYS = {"objects.boxes.w", "bottom_up.key.b"}
BERT_KEYS = {*KEYS, "language.0.attention.key.b"}
BOTTOM_UP_FACES = [
    (BottomUpForQuestionAnswering, (), CONFIG, BERT_KEYS),
    (BottomUpForVisualReasoning, (2,), CONFIG, BERT_KEYS),
    (RecurrentForQuestionAnswering, (), CONFIG.replace(l_layers=0), KEYS),
    (RecurrentForVisualReasoning, (2,), CONFIG.replace(l_layers=0), KEYS),
]


@pytest.mark.parametrize("face, pictures, config, without", BOTTOM_UP_FACES)
def test_gradients_of_the_bottom_up_faces(face, pictures, config, without):
    """Of all parameters at once, in a random direction, but of the tables, whose padding rows do not learn. The boxes'
    map alone has no gradient, for boxes are not looked at (and the keys' bias, which shifts all scores alike)."""
    rng, model = np.random.default_rng(1), face(config, dtype="float64")
    shapes = face.shapes(config)
    model.params = {**shapes, **random_tree(shapes, rng)}  # stacks without layers stay empty
    inputs = call(rng, pictures) | {"labels": np.array([0, 1])}
    g, tables = zeros_like(model.params), model.params.pop("embeddings")
    params, model.params = model.params, {"embeddings": tables, **model.params}
    model.add_gradients(g, **inputs)
    g.pop("embeddings")

    def loss(tree):
        model.params = {"embeddings": tables, **tree}
        return model(**inputs).loss

    check_direction(loss, params, g, 1.0, rng)
    small = {path for path, gradient in flatten(g).items() if np.abs(gradient).max() < 1e-12}
    assert small == without


def test_the_bottom_up_face_sees_features_and_neither_boxes_nor_hidden_objects():
    rng, model = np.random.default_rng(2), BottomUpForQuestionAnswering(CONFIG)
    inputs = call(rng)
    visible = np.array([[1, 1, 0], [1, 1, 0]])

    def scores(**changes):
        return model(**{**inputs, "visual_attention_mask": visible, **changes}).question_answering_score

    feats = inputs["visual_feats"].copy()
    feats[:, 2] = 7
    np.testing.assert_array_equal(scores(), scores(visual_feats=feats))
    np.testing.assert_array_equal(scores(), scores(visual_pos=call(rng)["visual_pos"]))
    feats[:, 0] = 7
    assert np.abs(scores() - scores(visual_feats=feats)).max() > 1e-6


# --- a table in seconds ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ablation")
    with pytest.MonkeyPatch.context() as patch:
        narrow(patch)
        assert run_seeds(folder, SIZE, 1, ROWS, say=quiet)
    return folder


def narrow(patch):
    """Narrow models, whose kernels are quick."""
    whole = ablation.fresh_miniature
    patch.setattr(ablation, "fresh_miniature", lambda *args, **config: whole(*args, **{**config, **NARROW}))


def test_a_table_is_trained_and_told(small_table):
    results = Results(small_table, ROWS)
    lines = str(results).splitlines()
    assert [line[:20].strip() for line in lines[2:6]] == [row.name for row in PAPER[:3]] + [""]
    assert all(len(cell) == 1 for cell in results.cells.values())
    assert results.estimate("most frequent answer", "nlvr2").mean == 50  # every statement is true of half its pairs


def test_what_is_done_is_not_done_again(small_table, monkeypatch):
    monkeypatch.setattr(Laboratory, "train", property(lambda self: pytest.fail("data were made again")))
    assert run_seeds(small_table, SIZE, 1, ROWS, say=pytest.fail)


def test_an_interrupted_table_goes_on_to_the_same_figures(small_table, tmp_path, monkeypatch):
    narrow(monkeypatch)

    def interrupt(sentence):
        raise KeyboardInterrupt

    sessions = 1
    while not run_seeds(tmp_path, SIZE, 1, ROWS[2:3], say=interrupt):
        sessions += 1
    assert sessions == 5  # the BERT and three cells, each told of and left, and a session that finds all done
    for task in ablation.ABLATED:
        whole, parts = (Results(folder, ROWS[2:3]).cells["BERT + BUTD", task] for folder in (small_table, tmp_path))
        assert whole == parts


def test_seeds_in_processes_of_their_own_find_the_same(small_table, tmp_path):
    assert run_seeds(tmp_path, SIZE, 2, ROWS[:1], jobs=2)
    alone, two = (Results(folder, ROWS[:1]).cells for folder in (small_table, tmp_path))
    assert all(two[cell].keys() == {"seed-0", "seed-1"} for cell in two)
    assert {cell: {"seed-0": found["seed-0"]} for cell, found in two.items()} == alone


@pytest.fixture
def begun(monkeypatch):
    """A process begins that runs some code instead of a seed; the processes that have begun."""
    processes = []

    def begin(code):
        def start(*_, **options):
            processes.append(subprocess.Popen([sys.executable, "-c", code], **options))
            return processes[-1]

        monkeypatch.setattr(ablation, "start_process", start)
        return processes

    return begin


def test_a_process_that_is_ended_from_outside_is_told_of(tmp_path, begun):
    begun("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(TrainingError, match=r"ended from outside.*goes on"):
        run_seeds(tmp_path, SIZE, 2, [ROWS[0]], jobs=2)


def test_ctrl_c_ends_the_processes_and_begins_no_other(tmp_path, begun):
    processes = begun("import time; time.sleep(60)")
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    assert not run_seeds(tmp_path, SIZE, 3, [ROWS[0]], jobs=2)
    assert len(processes) == 2 and all(process.returncode for process in processes)


def test_a_folder_holds_one_recipe(small_table, tmp_path, capsys):
    with pytest.raises(ConfigError, match=r"ablation\.json.*or another folder"):
        run_seeds(small_table, "smoke", 1, ROWS)
    assert main(["ablate", "--out", str(tmp_path), "--recipe", "huge"]) == 1
    assert "one of smoke, small, larger" in capsys.readouterr().err


def test_one_row_of_a_table_is_trained_alone(tmp_path, capsys):
    begin = ["ablate", "--out", str(tmp_path), "--recipe", "smoke", "--seeds", "1"]
    assert main([*begin, "--row", "most frequent answer"]) == 0
    assert [path.name for path in (tmp_path / "seed-0").iterdir()] == ["most-frequent-answer"]
    printed = capsys.readouterr().out
    assert "most frequent answer" in printed and "LSTM" not in printed
    assert Results(tmp_path, [FULL]).table("", [FULL]) in str(Results(tmp_path, [FULL]))
    assert main([*begin, "--table", "tasks", "--row", "LSTM + BUTD"]) == 1
    assert "--row" in capsys.readouterr().err


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_one_task_is_trained_alone(tmp_path, capsys, jobs):
    begin = ["ablate", "--out", str(tmp_path), "--recipe", "smoke", "--seeds", "2", "--row", "most frequent answer"]
    assert main([*begin, "--task", "gqa", "--jobs", jobs]) == 0
    assert sorted(path.parent.name for path in tmp_path.rglob("result.json")) == ["gqa", "gqa"]
    assert "most frequent answer               -" in capsys.readouterr().out  # of VQA there is nothing


# --- the sums --------------------------------------------------------------------------------------------------------


def test_estimates_worked_by_hand():
    found = Estimate((60.0, 62.0, 64.0))  # deviation 2, of a mean of three 2 / √3, times 4.303
    assert found.mean == 62 and found.half == pytest.approx(4.9687, abs=1e-4)
    assert found.text() == " 62.0 ± 5.0" and found.sign == 1
    assert Estimate((-1.0, 1.0)).sign == 0 and Estimate((-5.0, -5.1)).sign == -1
    assert Estimate((5.0,)).half is None and Estimate((5.0,)).sign == 0 and Estimate(()).text() == "-"


@pytest.mark.parametrize(
    "there, values, said",
    [
        (4.8, (20.0, 21.0), AGREES),
        (-1.5, (20.0, 21.0), DISAGREES),
        (0.0, (20.0, 21.0), DISAGREES),
        (4.8, (-20.0, 21.0), UNDECIDED),
        (4.8, (20.0,), UNDECIDED),
        (None, (20.0, 21.0), ALONE),
    ],
)
def test_verdicts(there, values, said):
    assert verdict(there, Estimate(values)) == said


def write_result(folder, seed, row, task, right, of=10):
    path = folder / f"seed-{seed}" / row.key / task / "result.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"right": right, "of": of}))


def test_differences_are_taken_seed_by_seed(tmp_path):
    """The rows' intervals overlap, yet every seed says the same: + 10 points. A seed of one row alone is left out."""
    for seed, right in enumerate((2, 5, 8)):
        write_result(tmp_path, seed, NAMED["Train + scratch"], "vqa", right)
        write_result(tmp_path, seed, FULL, "vqa", right + 1)
    write_result(tmp_path, 3, FULL, "vqa", 0)
    found = [c for c in Results(tmp_path, PAPER).comparisons() if c[2] == "vqa"]
    assert [(c[0], c[1], c[3], c[4].mean, c[5]) for c in found] == [
        ("Train + scratch", FULL.name, 4.8, pytest.approx(10), AGREES)
    ]


def test_a_broken_result_is_refused(tmp_path):
    write_result(tmp_path, 0, FULL, "vqa", 1, of=0)
    with pytest.raises(ConfigError, match=r"result\.json"):
        Results(tmp_path)
