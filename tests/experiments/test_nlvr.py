"""NLVR in its own layout, tiny, made here: seen by the detector, split by sentence, learnt, judged, gone on with."""

import json
from itertools import permutations

import numpy as np
import pytest

from minilxmert.cli import main
from minilxmert.core.config import LxmertConfig
from minilxmert.experiments import nlvr as experiment
from minilxmert.experiments.nlvr import read_nlvr
from minilxmert.published.model import LxmertForPreTraining
from minilxmert.scenes.boxes import COLORS
from minilxmert.training import claims
from minilxmert.vision.pictures import write_png

INKS = {"yellow": (255, 213, 0), "black": (0, 0, 0), "blue": (0, 153, 255)}
NARROW = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32, "x_layers": 1}


@pytest.fixture(scope="module")
def nlvr(tmp_path_factory):
    """Towers of one to three blocks of one colour: "There is a … block", true of the first scene, not of the second."""
    root, lines = tmp_path_factory.mktemp("nlvr"), []
    (root / "images" / "1").mkdir(parents=True)
    for number, color in enumerate(COLORS):
        for scene, ink in enumerate((color, COLORS[number - 1])):
            for k, heights in enumerate(permutations((1, 2, 3))):
                picture = np.full((100, 400, 3), 255, np.uint8)
                for box, height in enumerate(heights):
                    picture[:, 150 * box : 150 * box + 100] = 211
                    for y in range(80, 80 - 21 * height, -21):
                        picture[y : y + 20, 150 * box + 40 : 150 * box + 60] = INKS[ink]
                write_png(root / "images" / "1" / f"dev-{number}-{scene}-{k}.png", picture)
            line = {"sentence": f"There is a {color} block", "identifier": f"{number}-{scene}", "directory": "1"}
            lines.append(json.dumps({**line, "label": ["true", "false"][scene]}))
    (root / "dev.json").write_text("\n".join(lines))
    return root / "dev.json"


@pytest.fixture
def narrow(monkeypatch):
    def model(seed=0, wide=experiment.claim_model):
        config = wide(seed).config
        return LxmertForPreTraining(
            LxmertConfig(**{**{n: getattr(config, n) for n in config.defaults()}, **NARROW}), seed
        )

    monkeypatch.setattr(experiment, "claim_model", model)
    monkeypatch.setattr(claims, "STORED", 20)
    monkeypatch.setattr(
        experiment, "random_claims", lambda rng, count, *p: claims.random_claims(rng, min(count, 30), *p)
    )


def test_pictures_become_scenes_and_sentences_stay_together(nlvr):
    data = experiment.look_at(read_nlvr(nlvr))
    assert len(data) == 36 and data.claims.scenes.there.sum((1, 2)).tolist() == [6] * 36
    assert data.claims.scenes.there[:2].sum(2).tolist() == [[1, 2, 3], [1, 3, 2]]  # the boxes in every order
    tested = []
    for learnt, asked in experiment.folds(data, 3):
        assert not set(data.sentences[learnt]) & set(data.sentences[asked]) and len(learnt) + len(asked) == 36
        tested += asked.tolist()
    assert sorted(tested) == list(range(36))


def test_nlvr_is_learnt_judged_and_gone_on_with(nlvr, tmp_path, capsys, narrow):
    run = ["nlvr", "--data", str(nlvr), "--out", str(tmp_path), "--claims", "30", "--pretraining", "3"]
    assert main([*run, "--folds", "2", "--finetuning", "2"]) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()[-5:]
    assert [line.split()[0] for line in lines] == ["NLVR", "pre-trained", "from", "commonest", "gain"]
    assert "made 30 of 30 claims" in told.err and "looked at 36 of 36 pictures" in told.err
    assert main([*run, "--folds", "2", "--finetuning", "2"]) == 0  # all is there: only judged again
    assert capsys.readouterr().out.splitlines()[-5:] == lines
    assert main([*run, "--test", str(nlvr), "--finetuning", "2"]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fold-0", "fold-1", "pretrained", "test"]


def test_what_people_said_is_learnt(nlvr, narrow, tmp_path):
    """Learning lowers the loss on three sentences, whose colours change at every step."""
    data = experiment.look_at(read_nlvr(nlvr))
    training = experiment.learn(data, None, experiment.Plan(finetuning=60), tmp_path)
    first, last = (training.history[place]["losses"]["matched"] for place in (0, -1))
    assert last < first < 0.8


def test_results_are_shares_consistency_and_the_gain(nlvr):
    examples = read_nlvr(nlvr)
    data = experiment.look_at(examples)
    right, always = data.claims.truths, np.ones(len(data), bool)
    lines = experiment.results(examples, data, {"pre-trained": right, "from scratch": always})
    shares = [line.split() for line in lines[1:]]
    assert shares[0][1] == shares[0][-1] == "100.0%" and shares[1][2] == "50.0%" and shares[1][-1] == "0.0%"
    assert shares[2][-1] == "50.0%" and shares[3][2] == "50.0%"


def test_an_interval_is_of_sentences():
    """Pictures of one sentence that agree say no more than one of them would."""
    values = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0])
    mean, ends = experiment.by_sentence(values, np.arange(8))
    assert mean == 0.625 and ends[0] < mean < ends[1]
    again = experiment.by_sentence(np.repeat(values, 6), np.repeat(np.arange(8), 6))
    assert again == (mean, ends)
    assert np.ptp(experiment.by_sentence(np.repeat(values, 6), np.arange(48))[1]) < np.ptp(ends)


def test_a_missing_picture_is_said_before_anything_is_learnt(nlvr, tmp_path, capsys):
    (tmp_path / "dev.json").write_text(nlvr.read_text())
    assert main(["nlvr", "--data", str(tmp_path / "dev.json"), "--out", str(tmp_path / "run")]) == 1
    assert "dev-0-0-0.png" in capsys.readouterr().err and not (tmp_path / "run").exists()
