"""What belongs together is told by its content: answers, tokens, features and config of a run, and one run a folder."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import warnings
from functools import partial

import numpy as np
import pytest
import training_run
from conftest import check_mutants
from test_tasks import tsv_row
from training_run import CONFIG, WORLD, tiny_run, tokenizer

from minilxmert import CheckpointError, ConfigError, LxmertForPreTraining, LxmertForQuestionAnswering, LxmertTokenizer
from minilxmert.ask import ask
from minilxmert.checkpoints.h5 import read_hdf5, write_own
from minilxmert.errors import MinilxmertError
from minilxmert.files.saving import LOCK
from minilxmert.training.log import log_rows
from minilxmert.training.loop import LOG, STATE
from minilxmert.training.optimizer import Adam
from minilxmert.training.recipes import finetune, pretrain_files, start_model
from minilxmert.training.resuming import check_progress
from minilxmert.training.tasks import TaskData, batches_of, predict, take_detector
from minilxmert.vision.features import convert_to_hdf5, open_features

DATA = WORLD.task("vqa").cut(12)
ANSWERS, TOKENS = list(WORLD.answers), tokenizer().tokens


def turned(texts):
    """The same texts, the last two exchanged."""
    return [*texts[:-2], texts[-1], texts[-2]]


def moved(objects):
    """The same picture from another feature file."""
    return dataclasses.replace(objects, features=objects.features + np.float32(0.5))


OTHER = {  # the same size, other content
    "answers": {"answers": turned(ANSWERS)},
    "tokens": {"tokens": turned(TOKENS)},
    "features": {"pictures": {name: moved(objects) for name, objects in WORLD.pictures.items()}},
    "detector": {"recipe": "huggingface"},
    "config": {"config": {"hidden_act": "relu"}},
}
DIFFERENCE = {
    "answers": rf"answer {len(ANSWERS) - 2}: '{ANSWERS[-1]}' here, '{ANSWERS[-2]}' there",
    "tokens": rf"token {len(TOKENS) - 2}: '{TOKENS[-1]}' here, '{TOKENS[-2]}' there",
    "features": r"picture \d+: expected the features that the run began with",
    "config": "hidden_act: expected",
    "detector": "objects of recipe huggingface; .* learnt from those of recipe authors",
}


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A checkpoint that knows neither its answers nor its tokens, as the published ones."""
    folder = tmp_path_factory.mktemp("bare")
    LxmertForQuestionAnswering(CONFIG).save_pretrained(folder)
    return folder


class Found(dict):
    """Objects by picture, as a feature file of a detector gives them."""

    path = "found.h5"

    def __init__(self, pictures, recipe):
        super().__init__(pictures)
        self.about = {"recipe": recipe}


def session(
    weights, out, stop_at=None, answers=ANSWERS, tokens=TOKENS, pictures=WORLD.pictures, config=None, recipe="authors"
):
    """One session of fine-tuning: 6 steps, or interrupted after some."""

    def progress(step, *rest):
        if step == stop_at:
            signal.raise_signal(signal.SIGINT)

    data = TaskData("vqa", DATA.records, Found(pictures, recipe))
    model = start_model(data, weights, answers)
    model.config = model.config.replace(**config or {})
    how = out, Adam(1e-2, 6), 4
    return finetune(model, data, LxmertTokenizer(tokens), *how, progress=progress, log_every=1)


@pytest.fixture(scope="module")
def begun(bare, tmp_path_factory):
    """The folder of a run that was interrupted after three steps."""
    folder = tmp_path_factory.mktemp("begun")
    with pytest.warns(UserWarning, match="has no list of answers: it takes the given list"):
        assert session(bare, folder, 3).step == 3
    return folder


@pytest.fixture(scope="module")
def ended(bare, tmp_path_factory):
    """The folder of a run that came to its end."""
    folder = tmp_path_factory.mktemp("ended")
    session(bare, folder)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != LOCK}


@pytest.mark.filterwarnings("ignore:.*it takes the")
def test_a_run_goes_on_with_the_same_from_other_files(bare, begun, ended, tmp_path):
    """Weights copied elsewhere, lists that are equal and not the same objects, objects that were written and read."""
    shutil.copytree(begun, tmp_path / "run")
    shutil.copytree(bare, tmp_path / "weights")
    copies = {name: dataclasses.replace(o, features=o.features.copy()) for name, o in WORLD.pictures.items()}
    run = session(tmp_path / "weights", tmp_path / "run", None, list(ANSWERS), list(TOKENS), copies)
    assert run.step == 6 and run.model.answers == ANSWERS and run.model.tokens == TOKENS
    here, there = (read_hdf5(folder / STATE)[1] for folder in (tmp_path / "run", ended))
    for name, array in there.items():
        np.testing.assert_array_equal(here[name], array)


# --- each thing at each meeting --------------------------------------------------------------------------------------


def edited(folder, to, changes):
    """A copy of a model's folder with some fields of its config.json changed."""
    shutil.copytree(folder, to)
    config = json.loads((to / "config.json").read_text())
    (to / "config.json").write_text(json.dumps({**config, **changes}))
    return to


def loaded(place, ended, given, face=LxmertForQuestionAnswering):
    folder = edited(ended, place / "model", given.pop("config", {}))
    model = face.from_pretrained(folder, answers=given["answers"])
    return model, LxmertTokenizer(given["tokens"]), Found(given["pictures"], given["recipe"])


def go_on(place, bare, begun, ended, given):
    session(bare, shutil.copytree(begun, place / "run"), **given)


def begin(place, bare, begun, ended, given):
    session(edited(ended, place / "model", given.pop("config", {})), place / "run", 1, **given)


def pretrain(place, bare, begun, ended, given):
    objects = {image: moved(o) for image, o in given["pictures"].items()}  # of another split
    rows = [tsv_row(*item) for item in objects.items()]
    (place / "obj.tsv").write_text("\n".join(rows) + "\n")
    convert_to_hdf5(place / "obj.tsv", place / "obj.h5", about={"recipe": given["recipe"]})
    told = [{"img_id": image, "sentf": {"mscoco": ["a red circle"]}, "labelf": {}} for image in objects]
    (place / "sentences.json").write_text(json.dumps(told))
    (place / "answers.json").write_text(json.dumps([{"ans": text, "dsets": []} for text in given["answers"]]))
    files = [place / "sentences.json"], [place / "obj.h5"], place / "answers.json"
    folder = edited(ended, place / "model", given.get("config", {}))
    pretrain_files(files, None, folder, LxmertTokenizer(given["tokens"]), place / "run", 4, 1e-3, 1, steps=2)


def be_asked(place, bare, begun, ended, given):
    model, words, found = loaded(place, ended, given)
    ask(model, words, ["what color is it ?"], [found["0"]])
    take_detector(model, found, learn=False)  # as the command does


def be_evaluated(place, bare, begun, ended, given):
    model, words, found = loaded(place, ended, given)
    said = predict(model, words, TaskData("vqa", DATA.records, found))
    assert len(said) == len(DATA) and len(DATA.report(said).rows) == 4


def be_exported(place, bare, begun, ended, given):
    model, words, _ = loaded(place, ended, given)
    model.save_pretrained(place / "out", "safetensors", tokenizer=words)
    again = LxmertForQuestionAnswering.from_pretrained(place / "out")
    assert (again.answers, again.tokens, again.detector) == (ANSWERS, TOKENS, {"recipe": "authors"})


MEETINGS = [go_on, begin, pretrain, be_asked, be_evaluated, be_exported]
FINE = {("answers", begin), ("answers", pretrain), ("detector", be_exported)}  # answers move by text
FINE |= {("features", meeting) for meeting in MEETINGS[1:]}  # of another split


@pytest.mark.filterwarnings("ignore:.*it takes the")
@pytest.mark.parametrize("meeting", MEETINGS)
@pytest.mark.parametrize("thing", ["nothing", *OTHER])
def test_what_belongs_together_is_told_by_its_content(bare, begun, ended, tmp_path, thing, meeting):
    """The same content from other files is accepted without a word, at every meeting."""
    same = {"answers": list(ANSWERS), "tokens": list(TOKENS), "pictures": dict(WORLD.pictures), "recipe": "authors"}
    meet = partial(meeting, tmp_path, bare, begun, ended, {**same, **OTHER.get(thing, {})})
    before = contents(begun), contents(ended)
    with warnings.catch_warnings(record=True) as said:
        if thing == "nothing" or thing == "detector" or (thing, meeting) in FINE:
            meet()
        else:
            with pytest.raises(MinilxmertError, match=DIFFERENCE[thing]):
                meet()
    told = [str(w.message) for w in said if "it takes the" not in str(w.message)]
    if thing == "detector" and meeting not in (go_on, be_exported):  # a run goes on with the same features
        assert len(told) == 1 and re.search(DIFFERENCE[thing], told[0])
    else:
        assert told == []
    assert (contents(begun), contents(ended)) == before


def test_a_model_remembers_the_detector_of_what_it_learnt_from(ended, tmp_path):
    assert LxmertForQuestionAnswering.from_pretrained(ended).detector == {"recipe": "authors"}
    assert read_hdf5(ended / STATE)[2]["provenance"]["detector"] == {"recipe": "authors"}
    with pytest.warns(UserWarning, match=DIFFERENCE["detector"]):
        session(ended, tmp_path, recipe="huggingface")
    assert LxmertForQuestionAnswering.from_pretrained(tmp_path).detector == {"recipe": "huggingface"}


def test_answers_of_a_run_that_begins_move_by_text(ended):
    model, own = start_model(DATA, ended, turned(ANSWERS)), LxmertForQuestionAnswering.from_pretrained(ended)
    head, before = (m.params["answer"]["outer"]["w"] for m in (model, own))
    np.testing.assert_array_equal(head, before[[*range(len(ANSWERS) - 2), -1, -2]])


def test_a_list_that_a_checkpoint_lacks_is_taken_with_one_line_each(bare, tmp_path):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        session(bare, tmp_path)
    assert sorted(str(w.message).split(": ")[-1].split(",")[0] for w in told) == [
        "it takes the given list", "it takes the vocabulary",
    ]  # fmt: skip
    model = LxmertForQuestionAnswering.from_pretrained(tmp_path)
    assert model.answers == ANSWERS and model.tokens == TOKENS


@pytest.mark.filterwarnings("ignore:.*it takes the")
@pytest.mark.parametrize("lacks", ["sample", "answers", "tokens"])
def test_a_run_begun_by_an_earlier_version_is_refused_as_such(bare, begun, tmp_path, lacks):
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    _, arrays, told = read_hdf5(tmp_path / STATE)
    arrays = {name: np.array(array) for name, array in arrays.items()}
    told["provenance"].pop(lacks, None)
    lists = {name: None if name == lacks else told[name] for name in ("answers", "tokens")}
    write_own(tmp_path / STATE, arrays, told["config"], provenance=told["provenance"], **lists)
    with pytest.raises(CheckpointError, match="earlier version" if lacks == "sample" else "none there"):
        session(bare, tmp_path)


def test_the_sample_is_the_same_for_every_kind_of_feature_file(tmp_path):
    (tmp_path / "obj.tsv").write_text("\n".join(tsv_row(*item) for item in WORLD.pictures.items()) + "\n")
    convert_to_hdf5(tmp_path / "obj.tsv", tmp_path / "obj.h5")
    model = LxmertForPreTraining(CONFIG)
    model.answers = ANSWERS
    samples = [
        batches_of(TaskData("vqa", WORLD.task("vqa").records, pictures), model, tokenizer())
        for pictures in (WORLD.pictures, open_features(tmp_path / "obj.tsv"), open_features(tmp_path / "obj.h5"))
    ]
    from minilxmert.training.resuming import sample_of

    first, *others = map(sample_of, samples)
    assert len(first) == len(WORLD.pictures) and others == [first, first]


# --- one run a folder ------------------------------------------------------------------------------------------------


def test_a_second_run_in_the_folder_is_refused_and_touches_nothing(tmp_path):
    run = tiny_run(tmp_path)
    run.step, before = 4, contents(tmp_path)
    with pytest.raises(MinilxmertError, match="nobody trains into"):
        tiny_run(tmp_path, seed=1)
    started = subprocess.run([sys.executable, training_run.__file__, tmp_path, "0"], capture_output=True, text=True)
    assert started.returncode == 1 and "nobody trains into" in started.stderr
    assert contents(tmp_path) == before
    run.run()
    assert not (tmp_path / LOCK).exists() and tiny_run(tmp_path).step == 20


def test_an_ended_process_leaves_no_lock(tmp_path):
    started = subprocess.run([sys.executable, training_run.__file__, tmp_path, "7"], check=False)
    assert started.returncode == -signal.SIGKILL and (tmp_path / LOCK).exists()
    assert tiny_run(tmp_path).step == 5


def test_a_refused_run_leaves_no_lock(tmp_path):
    tiny_run(tmp_path).run()
    with pytest.raises(CheckpointError, match="seed"):
        tiny_run(tmp_path, seed=1)
    assert not (tmp_path / LOCK).exists() and tiny_run(tmp_path).step == 20


# --- a damaged folder ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    tiny_run(folder).run()
    return folder


@pytest.mark.parametrize(
    "damage, place",
    [
        (b"\xff\xfe", "line 2"), (b"[" * 2000, "line 2"), (b"7", "line 2"), (b'{"step": 8}', "line 2"), (b"", "line 2"),
        (b'{"step": "8", "losses": {}, "rate": 0, "gradient_norm": 1}', "line 2"),
        (b'{"step": 8, "losses": {"ans": null}, "rate": 0, "gradient_norm": 1}', "line 2"),
        (b'{"step": 8, "losses": {}, "rate": 0, "gradient_norm": 1, "seconds": "x"}', "line 2"),
    ],
)  # fmt: skip
def test_a_damaged_log_is_named_by_line_and_the_run_is_not_touched(whole, tmp_path, damage, place):
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    lines = (tmp_path / LOG).read_bytes().splitlines(keepends=True)
    (tmp_path / LOG).write_bytes(b"".join([lines[0], damage + b"\n", *lines[2:]]))
    before = contents(tmp_path)
    with pytest.raises(MinilxmertError, match=f"{LOG}.*{place}"):
        tiny_run(tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("count", [100, pytest.param(4000, marks=pytest.mark.nightly)])
def test_mutants_of_a_log_are_read_or_refused(whole, tmp_path, count):
    check_mutants((whole / LOG).read_bytes(), log_rows, tmp_path / LOG, count)


ODD = (None, True, -1, 1.5, "5", "", [], {}, [5], {"a": None}, 10**18, 1e300)


@pytest.mark.parametrize("name", ["step", "seconds", "unlogged", "unlogged_steps"])
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_progress_that_no_run_writes_is_refused(name, value):
    about = {"step": 5, "seconds": 1.5, "unlogged": {"ans": 0.5}, "unlogged_steps": 1}
    if (name, value) in (("unlogged", {}), ("seconds", 1.5), ("seconds", 10**18), ("seconds", 1e300)):
        return check_progress("x", {**about, name: value}, 20)
    if name == "unlogged_steps" and value == 10**18:
        return check_progress("x", {**about, name: value}, 20)
    with pytest.raises(CheckpointError, match=f"x: {name}"):
        check_progress("x", {**about, name: value}, 20)


@pytest.mark.parametrize("settings", [None, [], {"sample": 3}, {"sample": {}, "batches": 4}], ids=repr)
def test_provenance_of_another_type_is_refused(whole, tmp_path, settings):
    _, arrays, told = read_hdf5(whole / STATE)
    arrays = {name: np.array(array) for name, array in arrays.items()}
    lists = {name: told[name] for name in ("answers", "tokens")}
    write_own(tmp_path / STATE, arrays, told["config"], provenance=settings, **lists)
    with pytest.raises(CheckpointError, match=STATE):
        tiny_run(tmp_path)


# --- settings at the edge --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [{"rate": -1.0}, {"rate": float("nan")}, {"rate": float("inf")}, {"rate": 2.0}, {"steps": 0}, {"steps": 2.5},
     {"warmup": -0.1}, {"decay": -1}, {"beta2": 1.5}, {"eps": float("nan")}, {"max_norm": -1}],
    ids=str,
)  # fmt: skip
def test_an_optimizer_that_would_spoil_the_weights_is_refused(changes):
    with pytest.raises(ConfigError, match=next(iter(changes))):
        Adam(**{"rate": 1e-3, "steps": 20, **changes})


@pytest.mark.parametrize(
    "changes", [{"batch_size": 0}, {"accumulate": 0}, {"save_every": 0}, {"log_every": -1}, {"seed": -1}], ids=str
)
def test_a_run_of_no_size_is_refused(changes):
    with pytest.raises(ConfigError, match=next(iter(changes))):
        tiny_run(**changes)


def test_a_single_step_learns():
    run = tiny_run(optimizer=Adam(1e-3, 1))
    before = run.parameters.copy()
    run.run()
    assert (run.parameters != before).mean() > 0.5


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "0", "2", "fast"])
def test_a_rate_that_is_none_is_wrong_use(text, capsys, tmp_path):
    from minilxmert.cli import main

    command = ["finetune", "vqa", "--world", "small", "--out", str(tmp_path / "run"), f"--rate={text}"]
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2 and "above 0, at most 1" in capsys.readouterr().err
    assert not os.path.exists(tmp_path / "run")


def test_a_schedule_too_short_to_learn_is_refused(tmp_path, bare, capsys):
    from minilxmert.cli import main
    from minilxmert.training.entries import write_entries

    (tmp_path / "obj.tsv").write_text("\n".join(tsv_row(*item) for item in WORLD.pictures.items()) + "\n")
    write_entries(tmp_path / "vqa.json", DATA.records[:8])
    (tmp_path / "vocab.txt").write_text("".join(f"{token}\n" for token in TOKENS))
    (tmp_path / "answers.json").write_text(json.dumps(ANSWERS))
    command = [
        "finetune",
        "vqa",
        "--weights",
        bare,
        "--data",
        tmp_path / "vqa.json",
        "--features",
        tmp_path / "obj.tsv",
    ]
    command += ["--vocab", tmp_path / "vocab.txt", "--answers", tmp_path / "answers.json", "--out", tmp_path / "run"]
    assert main([str(word) for word in command]) == 1
    assert "8 examples × 4 epochs in batches of 32" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
