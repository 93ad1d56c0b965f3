"""The training loop: same bits whatever happens to it, nothing lost that was saved, and it learns."""

import json
import math
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import training_run
from test_loading import SMALL as BERT_SIZES
from test_loading import bert, save_as
from training_run import BATCHES, CONFIG, WORLD, tiny_run, tokenizer

from minilxmert import (
    CheckpointError,
    ConfigError,
    LxmertForPreTraining,
    LxmertForQuestionAnswering,
    MinilxmertError,
)
from minilxmert.checkpoints.h5 import read_hdf5
from minilxmert.core.params import flatten
from minilxmert.experiments.benchmark import draw_batch
from minilxmert.scenes.language import VQA
from minilxmert.scenes.sentences import Teller
from minilxmert.scenes.world import SMALL
from minilxmert.training import loop
from minilxmert.training.batches import Batches, Example, QuestionBatches
from minilxmert.training.loop import LOG, STATE, TrainingError
from minilxmert.training.miniature import Miniature, miniature_config
from minilxmert.training.optimizer import Adam


def everything(run):
    """What must be the same to the bit: weights and both moments."""
    return [array.tobytes() for array in (run.parameters, run.optimizer.first, run.optimizer.second)]


def log_of(folder):
    """The log without the times."""
    rows = [json.loads(line) for line in (Path(folder) / LOG).read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def assert_same_run(one, other):
    assert everything(one) == everything(other)
    assert one.step == other.step == 20 and one.history == other.history


def stopped(run, steps, number=signal.SIGINT):
    """Run until a signal comes in the midst of the last of these steps."""
    one_step = run.one_step

    def interrupted():
        if run.step == steps - 1:
            signal.raise_signal(number)
        return one_step()

    run.one_step = interrupted
    return run.run()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """20 steps without a stop."""
    return tiny_run(tmp_path_factory.mktemp("whole")).run()


def test_a_rerun_has_the_same_bits(whole):
    again = tiny_run().run()
    assert_same_run(again, whole)
    assert log_of(whole.folder) == whole.history and [row["step"] for row in whole.history] == [4, 8, 12, 16, 20]
    assert everything(tiny_run(seed=1).run()) != everything(whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_saves_and_a_resume_has_the_same_bits(whole, tmp_path, number):
    before = signal.getsignal(number)
    first = stopped(tiny_run(tmp_path, save_every=50), 10, number)
    assert first.interrupted and first.step == 10 and signal.getsignal(number) is before
    assert read_hdf5(tmp_path / STATE)[2]["provenance"]["step"] == 10
    (tmp_path / LOG).unlink()
    second = tiny_run(tmp_path)
    assert second.step == 10
    second.run()
    assert not second.interrupted and everything(second) == everything(whole)
    assert second.history == whole.history[2:]  # the log was lost; its next line still counts steps 9 and 10


@pytest.mark.parametrize("threads", [2, pytest.param(1, marks=pytest.mark.nightly)])  # the whole run has one
def test_a_killed_run_goes_on_in_a_new_process_with_the_same_bits(whole, tmp_path, threads):
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads), "NUMBA_NUM_THREADS": str(threads)}

    def start(die_at):
        command = [sys.executable, training_run.__file__, tmp_path, str(die_at)]
        return subprocess.run(command, env=environment, check=False).returncode

    assert start(13) == -signal.SIGKILL
    assert log_of(tmp_path)[-1]["step"] == 12 and read_hdf5(tmp_path / STATE)[2]["provenance"]["step"] == 10
    assert start(0) == 0
    assert (tmp_path / STATE).read_bytes()  # and what it holds:
    assert_same_run(tiny_run(tmp_path), whole)
    assert log_of(tmp_path) == whole.history


@pytest.mark.parametrize("kills", [4, pytest.param(150, marks=pytest.mark.nightly)])
def test_kill_at_any_moment_loses_at_most_what_was_not_saved(tmp_path, kills):
    """Children that save every second step are killed at random moments; a pipe tells how far they had come. What the
    last of them left has the bits of a run that nobody stopped."""
    rng, step = np.random.default_rng(0), 0
    for _ in range(kills):
        come = killed_child(tmp_path, rng.integers(5), rng.uniform(0, 0.02))
        saved = read_hdf5(tmp_path / STATE)[2]["provenance"]["step"] if (tmp_path / STATE).exists() else 0
        assert max(step, come - 2) <= saved <= come
        step = saved
        run = endless_run(tmp_path)  # the next start
        assert run.step == saved and not list(tmp_path.glob("*.tmp.*"))
        assert [row["step"] for row in log_of(tmp_path)] == list(range(1, saved + 1))
        run.alone.release()
    assert step >= kills / 2
    unstopped = endless_run(None)
    while unstopped.step < step:
        unstopped.one_step()
        unstopped.step += 1
    assert everything(run) == everything(unstopped)


def endless_run(folder):
    return tiny_run(folder, save_every=2, log_every=1, optimizer=Adam(rate=1e-3, steps=10**6))


def killed_child(folder, steps, seconds):
    """Train in a forked child that is killed some time after some steps -> the number of the last one it told of."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        run = endless_run(folder)
        os.write(writer, b"%9d" % run.step)
        run.run(lambda step, *_: os.write(writer, b"%9d" % step))
        os._exit(0)
    os.close(writer)
    for _ in range(steps + 1):
        told = os.read(reader, 9)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    while more := os.read(reader, 9):
        told = more
    os.close(reader)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    return int(told)


def test_a_second_interrupt_ends_at_once(tmp_path):
    def twice(*_):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    run = tiny_run(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run.run(twice)
    assert run.step == 4 and not (tmp_path / STATE).exists()


def test_training_outside_the_main_thread(whole):
    run = tiny_run()
    thread = threading.Thread(target=run.run)
    thread.start()
    thread.join()
    assert_same_run(run, whole)


# --- what must stop a run --------------------------------------------------------------------------------------------


def test_a_loss_that_is_no_number_names_step_and_task_and_changes_nothing(tmp_path):
    run = tiny_run(tmp_path)
    learn = run.model.learn

    def spoilt(*args, **kwargs):
        output = learn(*args, **kwargs)
        if run.step == 7:
            output.losses["visual"] = np.float32(np.nan)
        return output

    run.model.learn = spoilt
    with pytest.raises(TrainingError, match="step 7, task visual: the loss is nan"):
        run.run()
    unspoilt = tiny_run(optimizer=Adam(rate=1e-3, steps=20))
    for _ in range(7):
        unspoilt.one_step()
        unspoilt.step += 1
    assert everything(run) == everything(unspoilt)
    assert read_hdf5(tmp_path / STATE)[2]["provenance"]["step"] == 5


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "leaf, value, message",
    [
        ("b", [3e38, -3e38], "step 0, task matched: the loss is inf"),
        ("b", [3e7, -3e7], "step 0, task matched: the loss is [1-6].*; the weights are as before"),
        (
            "w",
            [[1.5e38], [-1.5e38]],
            r"step 0, gradient of objects\.feats\.b: not finite, while the losses are .*matched \d.*e\+3[78]",
        ),
    ],
)
def test_an_explosion_is_told(leaf, value, message, monkeypatch):
    if "gradient" in message:  # of a loss that is let pass
        monkeypatch.setattr(loop, "EXPLODED", math.inf)
    """Weights of the matching head so large that its loss, or only a gradient behind it, is infinite."""
    run = tiny_run()
    run.model.params["matching"][leaf][...] = value
    before = run.parameters.copy()
    with pytest.raises(TrainingError, match=message):
        run.run()
    np.testing.assert_array_equal(run.parameters, before)


def test_a_full_disk_leaves_the_checkpoint(tmp_path):
    stopped(tiny_run(tmp_path), 8)
    good = (tmp_path / STATE).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for share in (0.01, 0.3, 0.6, 0.9, 0.999):
        run = tiny_run(tmp_path)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(share * len(good)), limits[1]))
            with pytest.raises(CheckpointError, match=STATE):
                run.run()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert run.step == 10 and (tmp_path / STATE).read_bytes() == good
        assert not list(tmp_path.glob("*.tmp.*"))


def test_a_log_that_cannot_be_written_is_an_error_of_ours(tmp_path):
    run = tiny_run(tmp_path)
    (tmp_path / LOG).unlink()
    (tmp_path / LOG).mkdir()
    with pytest.raises(CheckpointError, match="a folder that can be written"):
        run.run()


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MinilxmertError, match="a folder to write into"):
        tiny_run(tmp_path / "file" / "run")
    closed = tmp_path / "closed"
    closed.mkdir()
    tmp_path.chmod(0o755)
    closed.chmod(0o500)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)  # root may write anywhere; this one may not
        with pytest.raises(CheckpointError, match=r"closed: expected a folder that can be written, found Permission"):
            tiny_run(closed)
    finally:
        os.seteuid(user)


@pytest.mark.parametrize(
    "changes, name",
    [
        ({"seed": 1}, "seed"), ({"batch_size": 4}, "batch_size"), ({"accumulate": 2}, "accumulate"),
        ({"dropout": False}, "dropout"), ({"frozen": ("pooler",)}, "frozen"),
        ({"optimizer": Adam(rate=2e-3, steps=20)}, "rate"), ({"optimizer": Adam(rate=1e-3, steps=30)}, "steps"),
        ({"optimizer": Adam(rate=1e-3, steps=20, corrected=True)}, "corrected"),
        ({"model": LxmertForPreTraining(CONFIG.replace(hidden_size=32))}, "hidden_size"),
        ({"model": LxmertForPreTraining(CONFIG.replace(visual_loss_normalizer=2.0))}, "visual_loss_normalizer"),
        ({"model": LxmertForQuestionAnswering(CONFIG)}, "tensors"),
        ({"batches": QuestionBatches(WORLD.pictures, WORLD.pretraining[:9], tokenizer())}, "examples"),
    ],
)  # fmt: skip
def test_another_run_does_not_take_up_the_checkpoint(whole, tmp_path, changes, name):
    shutil.copytree(whole.folder, tmp_path, dirs_exist_ok=True)
    before = (tmp_path / LOG).read_text()
    with pytest.raises(CheckpointError, match=rf"{STATE}: {name}: expected .*, found") as caught:
        tiny_run(tmp_path, **changes)
    assert len(str(caught.value)) <= 300 and (tmp_path / LOG).read_text() == before


def test_a_damaged_or_foreign_checkpoint_is_refused(whole, tmp_path):
    data = bytearray((whole.folder / STATE).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / STATE).write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged"):
        tiny_run(tmp_path)
    shutil.copy(whole.model.save_pretrained(tmp_path / "model"), tmp_path / STATE)
    with pytest.raises(CheckpointError, match="tensors"):
        tiny_run(tmp_path)


def test_the_log_of_a_run_that_never_saved_begins_anew(whole, tmp_path):
    (tmp_path / LOG).write_text('{"step": 4, "losses"')
    run = tiny_run(tmp_path).run()
    assert_same_run(run, whole)
    assert log_of(tmp_path) == whole.history


# --- what is trained -------------------------------------------------------------------------------------------------


def test_accumulated_batches_are_one_large_batch():
    examples = [Example(e.image, e.text, e.answers) for e in WORLD.task("vqa").examples]
    batches = QuestionBatches(WORLD.pictures, examples, tokenizer(), WORLD.answers)
    large, parts = (
        tiny_run(model=LxmertForQuestionAnswering(CONFIG, dtype="float64"), batches=batches, dropout=False, **sizes)
        for sizes in ({"batch_size": 12}, {"batch_size": 4, "accumulate": 3})
    )
    for _ in range(4):
        (one, norm), (other, norm3) = large.one_step(), parts.one_step()
        assert one["ans"] == pytest.approx(other["ans"], rel=1e-9) and norm == pytest.approx(norm3, rel=1e-9)
        large.step, parts.step = large.step + 1, parts.step + 1
    np.testing.assert_allclose(parts.parameters, large.parameters, rtol=1e-7, atol=1e-9)


def test_frozen_parts_do_not_move_a_bit():
    run = tiny_run(frozen=("language", "embeddings.word", "objects"))
    before = {path: leaf.tobytes() for path, leaf in flatten(run.model.params).items()}
    run.run()
    frozen = {path for path, leaf in flatten(run.model.params).items() if leaf.tobytes() == before[path]}
    expected = {path for path in before if path.startswith(("language.", "embeddings.word.", "objects."))}
    assert frozen == expected  # "objects" is not "objects_head"


def test_a_part_that_does_not_exist_cannot_be_frozen():
    with pytest.raises(ConfigError, match=r"expected parts of the model: embeddings, .*found cross_layers"):
        tiny_run(frozen=("cross_layers",))


@pytest.mark.parametrize(
    "switch, task, idle",
    [
        ("task_mask_lm", "masked_lm", "masked_lm."), ("task_matched", "matched", "matching."),
        ("task_obj_predict", "visual", "objects_head."), ("task_qa", "ans", "answer."),
    ],
)  # fmt: skip
def test_each_task_can_be_switched_off(switch, task, idle):
    run = tiny_run(model=LxmertForPreTraining(CONFIG.replace(**{switch: False})))
    losses, _ = run.one_step()
    assert losses.keys() == {"masked_lm", "matched", "visual", "ans"} - {task}
    assert not any(g.any() for path, g in flatten(run.gradient_tree).items() if path.startswith(idle))


@pytest.mark.parametrize("kind", ["obj", "attr", "feat"])
def test_each_kind_of_the_object_task_can_be_switched_off(kind):
    run = tiny_run(model=LxmertForPreTraining(CONFIG.replace(**{f"visual_{kind}_loss": False})))
    losses, _ = run.one_step()
    every = tiny_run().one_step()[0]
    assert 0 < losses["visual"] < every["visual"] and kind not in run.model.params["objects_head"]


def test_a_model_may_be_used_while_it_is_trained(whole):
    """An evaluation between two steps makes packed copies of the weights: training goes on, and they are not stale."""
    run, call = tiny_run(), BATCHES.batch([0, 1], np.random.default_rng(0))
    losses = []
    run.run(lambda *_: losses.append(float(run.model(**call).loss)))
    assert_same_run(run, whole)
    assert len(set(losses)) == 5 and float(run.model(**call).loss) == losses[-1]


def test_it_learns_what_the_text_alone_cannot_tell():
    """Questions for colours in 50 pictures. A model that sees only the text can at best give each answer as often as it
    is true for that text: its loss is at least the entropy of the answers given the text."""
    scenes = replace(SMALL, most=2)
    world = Miniature(scenes, "train", scenes=50)
    teller, color = Teller(scenes, np.random.default_rng(0)), next(kind for kind in VQA if kind.name == "color")
    asked = [(n, teller.sentence(color, scene)) for n, scene in enumerate(world.scenes) for _ in range(3)]
    examples = [Example(str(n), s.text, {s.answer: 1.0}) for n, s in asked if s]
    batches = QuestionBatches(world.pictures, examples, tokenizer(), world.answers)
    sizes = {"hidden_size": 48, "intermediate_size": 96, "l_layers": 1, "x_layers": 1, "initializer_range": 0.1}
    model = LxmertForQuestionAnswering(miniature_config(scenes, **sizes))
    tiny_run(model=model, batches=batches, batch_size=32, optimizer=Adam(rate=1.5e-3, steps=150)).run()
    call, bound = batches.batch(range(len(examples)), np.random.default_rng(0)), entropy_given_text(examples)
    assert bound > 0.9 and model(**call).loss < 0.25 * bound


def entropy_given_text(examples):
    """The mean of -log(share of this answer among those to the same text)."""
    answers = defaultdict(Counter)
    for example in examples:
        answers[example.text].update(example.answers.keys())
    counts = [(n, counter.total()) for counter in answers.values() for n in counter.values()]
    return -sum(n * math.log(n / total) for n, total in counts) / len(examples)


class Drawn(Batches):
    """Random batches for a model of any sizes."""

    def __init__(self, config):
        self.config = config

    def __len__(self):
        return 8

    def batch(self, rows, rng):
        call = draw_batch(self.config, len(rows), 6, 3)
        return {**call, "labels": rng.integers(self.config.num_qa_labels, size=len(rows))}


def test_training_begins_with_the_language_layers_of_a_bert(tmp_path):
    arrays = bert("bert.", "bias", "weight")
    path = save_as(tmp_path / "bert", arrays)
    (path / "config.json").write_text(json.dumps({"model_type": "bert", "num_attention_heads": 3}))
    model = LxmertForQuestionAnswering.from_pretrained(path, config=BERT_SIZES, fresh_heads=True)
    run = tiny_run(model=model, batches=Drawn(BERT_SIZES))
    trained = {
        name.replace("lxmert.", "bert.", 1): leaf for name, leaf in run.model.published(run.model.params).items()
    }
    language = [name for name in trained if name in arrays]
    assert len(language) == 2 * 16 + 5 + 2  # two layers of 16 tensors, the embeddings, the pooler
    for name in language:
        np.testing.assert_array_equal(trained[name], arrays[name])
    run.run()
    assert all((trained[name] != arrays[name]).any() for name in language)
