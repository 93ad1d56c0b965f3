"""The paper's ablations in miniature: Table 3 (what the language encoder, the cross-modality layers and pre-training
are worth), and every pre-training task left out in turn; each cell trained with several seeds.

    run_seeds("runs/ablation", "small", seeds=3, rows=PAPER + LEFT_OUT, jobs=2)
    print(Results("runs/ablation"))  # ablation_results.py, with the tables
A cell is a folder with its result: what is done is not done again, and an interrupted run goes on where it was.
A seed draws its own pictures, for training and for the test, and its own fresh weights."""

import json
import sys
import time
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from ..core.params import map_tree
from ..errors import ConfigError, MinilxmertError
from ..files import make_folder, read_json, write_file
from ..published.model import LxmertForPreTraining
from ..scenes.world import SMALL
from ..training.loop import STATE, TrainingError
from ..training.miniature import Miniature
from ..training.optimizer import Adam
from ..training.recipes import (
    STAGES,
    Recipe,
    finetune,
    fresh_miniature,
    miniature_tokenizer,
    pretrain_model,
    start_model,
)
from ..training.resuming import quietly_interrupted
from ..training.tasks import TASKS, majority, predict
from .ablation_results import ABLATED, LEFT_OUT, PAPER, RESULT
from .baselines import (
    BottomUpForQuestionAnswering,
    BottomUpForVisualReasoning,
    RecurrentForQuestionAnswering,
    RecurrentForVisualReasoning,
)
from .timing import start_process

FACES = {  # kind of a row: the face of every task
    "trained": {task: TASKS[task].face for task in ABLATED},
    "bottom up": dict.fromkeys(ABLATED, BottomUpForQuestionAnswering) | {"nlvr2": BottomUpForVisualReasoning},
    "recurrent": dict.fromkeys(ABLATED, RecurrentForQuestionAnswering) | {"nlvr2": RecurrentForVisualReasoning},
}
ABOUT, FAILED = "ablation.json", 1  # FAILED: the exit code of a seed
TEXT_ALONE = {"x_layers": 0, "r_layers": 0, "task_matched": False, "task_obj_predict": False, "task_qa": False}


@dataclass(frozen=True)
class Size(Recipe):
    """A Recipe for every model of the tables, and the number of scenes of the test."""

    test_scenes: int = 300


SIZES = {
    "smoke": Size(24, 2, 2, 2, batch_size=8, test_scenes=6),
    "small": Size(4000, 1000, 1200, 700),
    "larger": Size(10_000, 1500, 8000, 5000, test_scenes=1000),
}


class Laboratory:
    """All that is trained with one seed. say: called with a sentence when something is done. Raises KeyboardInterrupt
    when a training was interrupted, which has saved itself."""

    def __init__(self, folder, size, seed, say=print):
        self.folder, self.size, self.seed, self.say = Path(folder) / f"seed-{seed}", size, seed, say
        self.tokenizer = miniature_tokenizer(SMALL)

    @cached_property
    def train(self):
        return Miniature(SMALL, "train", self.size.scenes, self.seed)

    @cached_property
    def test(self):
        return Miniature(SMALL, "test", self.size.test_scenes, self.seed)

    def cell(self, row, task):
        """Train and measure one cell of a table, unless that has been done; its folder then holds result.json."""
        folder = self.folder / row.key / task
        if (folder / RESULT).exists():
            return
        train, test, seconds = self.train.task(task), self.test.task(task), 0
        if row.kind == "majority":
            make_folder(folder)
            predictions = majority(train, test)
        else:
            optimizer = Adam(self.size.rate, self.size.finetuning, corrected=True)
            how = self.tokenizer, folder, optimizer, self.size.batch_size, self.seed
            training = ended(finetune(self.start(row, task), train, *how))
            predictions, seconds = predict(training.model, self.tokenizer, test), round(training.seconds, 1)
        measure = test.report(predictions).rows[0]
        write_file(folder / RESULT, json.dumps({"right": measure.right, "of": measure.total, "seconds": seconds}))
        for bulky in (STATE, "model.h5"):
            (folder / bulky).unlink(missing_ok=True)
        self.say(f"seed {self.seed}: {row.name}, {task}: {measure.share:.1%} after {seconds / 60:.1f} minutes")

    def start(self, row, task):
        if row.pretrained:
            folder = self.pretrained(row.key, lambda: self.fresh(LxmertForPreTraining, row))
            return start_model(self.train.task(task), folder, seed=self.seed)
        return self.fresh(FACES[row.kind][task], row)

    def fresh(self, face, row):
        model = fresh_miniature(face, SMALL, self.seed, **row.config)
        if row.bert:  # a language encoder pre-trained by masked words alone, on the same sentences and as long
            alone = self.pretrained(
                "bert", lambda: fresh_miniature(LxmertForPreTraining, SMALL, self.seed, **TEXT_ALONE)
            )
            bert = LxmertForPreTraining.from_pretrained(alone).params
            for part in ("embeddings", "language"):
                map_tree(lambda ours, theirs: ours.__setitem__(..., theirs), model.params[part], bert[part])
        return model

    def pretrained(self, name, make):
        """The folder of a pre-trained model; make: a function that gives the fresh one."""
        folder = self.folder / "pre-training" / name
        if not (folder / "model.h5").exists():
            ended(pretrain_model(make(), self.train, self.tokenizer, self.size, folder, self.seed))
            self.say(f"seed {self.seed}: pre-training of {name}: done")
            for stage in STAGES:
                (folder / stage / STATE).unlink()
        return folder


def ended(training):
    if training.interrupted:
        raise KeyboardInterrupt
    return training


def open_folder(folder, size):
    """Begin a folder of cells, or go on with one of the same recipe. Raises ConfigError if it has another's."""
    path = Path(folder) / ABOUT
    mine = asdict(size)
    if path.exists():
        theirs = read_json(path, ConfigError)
        if theirs != mine:
            raise ConfigError.at(path, None, f"{mine}, the recipe asked for (or another folder)", theirs)
    make_folder(path.parent)
    write_file(path, json.dumps(mine))


def run_seed(folder, size, seed, rows, tasks=ABLATED, say=print):
    """All cells of one seed. -> whether it came to its end, and was not interrupted"""
    try:
        laboratory = Laboratory(folder, size, seed, say)
        for row in rows:
            for task in tasks:
                laboratory.cell(row, task)
    except KeyboardInterrupt:
        return False
    return True


def run_seeds(folder, size, seeds, rows=PAPER + LEFT_OUT, tasks=ABLATED, jobs=1, say=print):
    """Everything, `jobs` seeds at a time, each in a process and on a thread of its own. -> whether all came to its end

    size: a name of SIZES or a Size. Ctrl-C saves; the same call goes on. Raises ConfigError, TrainingError."""
    if isinstance(size, str) and size not in SIZES:
        raise ConfigError.at("recipe", None, f"one of {', '.join(SIZES)}", size)
    size = SIZES.get(size, size)
    open_folder(folder, size)
    if jobs == 1:
        return all(run_seed(folder, size, seed, rows, tasks, say) for seed in range(seeds))
    return run_processes(folder, list(range(seeds)), [",".join(tasks), *(row.key for row in rows)], jobs)


def run_processes(folder, seeds, cells, jobs):
    """Seeds in processes of their own, `jobs` at a time. -> whether all came to their end"""
    running = []
    with quietly_interrupted() as wanted:
        try:
            while running or (seeds and not wanted):
                while seeds and len(running) < jobs and not wanted:
                    running.append(start_process(__name__, 1, folder, seeds.pop(0), *cells, start_new_session=True))
                time.sleep(0.1)
                if wanted:
                    stop(running)
                elif codes := {process.poll() for process in running} - {None, 0}:
                    reason = "a seed failed, as said above" if FAILED in codes else "a process was ended from outside"
                    raise TrainingError(f"{folder}: {reason} (out of memory?); the same command goes on from there")
                running = [process for process in running if process.poll() is None]
        finally:
            stop(running)
    return not wanted


def stop(processes):
    """Ask processes to save and end, and wait for it."""
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait()


def main(folder, seed, tasks, *keys):
    """run_seed in a process of its own -> its exit code. tasks: with commas between; keys: of rows"""
    rows = {row.key: row for row in PAPER + LEFT_OUT if row.key in keys}

    def say(sentence):
        print(sentence, file=sys.stderr, flush=True)

    try:
        size = Size(**read_json(Path(folder) / ABOUT, ConfigError))
        return 0 if run_seed(folder, size, int(seed), list(rows.values()), tasks.split(","), say) else 130
    except MinilxmertError as problem:
        say(problem)
        return FAILED


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
