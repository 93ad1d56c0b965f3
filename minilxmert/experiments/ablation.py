"""The paper's ablations in miniature: Table 3 (what the language encoder, the cross-modality layers and pre-training
are worth), and every pre-training task left out in turn; each cell trained with several seeds.

    run_seeds("runs/ablation", "small", seeds=3, rows=PAPER + LEFT_OUT, jobs=2)
    print(Results("runs/ablation"))  # ablation_results.py
A cell is a folder with its result: what is done is not done again, and an interrupted run goes on where it was.
A seed draws its own pictures, for training and for the test, and its own fresh weights."""

import concurrent.futures
import json
import multiprocessing
import os
import re
import signal
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

from ..core.params import map_tree
from ..errors import ConfigError
from ..files import read_json, write_file
from ..kernels import set_num_threads
from ..published.model import LxmertForPreTraining
from ..scenes.world import SMALL
from ..training.interrupts import quietly_interrupted
from ..training.loop import STATE, TrainingError
from ..training.miniature import Miniature
from ..training.optimizer import Adam
from ..training.recipes import (
    STAGES,
    WITHOUT,
    Recipe,
    finetune,
    fresh_miniature,
    miniature_tokenizer,
    pretrain_model,
    start_model,
)
from ..training.tasks import TASKS, majority, predict
from .baselines import (
    BottomUpForQuestionAnswering,
    BottomUpForVisualReasoning,
    RecurrentForQuestionAnswering,
    RecurrentForVisualReasoning,
)
from .speed import THREAD_SETTINGS

ABLATED = ("vqa", "gqa", "nlvr2")
FACES = {  # kind of a row: the face of every task
    "trained": {task: TASKS[task].face for task in ABLATED},
    "bottom up": dict.fromkeys(ABLATED, BottomUpForQuestionAnswering) | {"nlvr2": BottomUpForVisualReasoning},
    "recurrent": dict.fromkeys(ABLATED, RecurrentForQuestionAnswering) | {"nlvr2": RecurrentForVisualReasoning},
}
RESULT, ABOUT = "result.json", "ablation.json"


@dataclass(frozen=True)
class Row:
    """A line of a table. paper: its figures for VQA, GQA and NLVR2 there, None where it has none; config: changes to
    the miniature's; kind: one of FACES, or "majority" (no model)."""

    name: str
    paper: tuple = (None, None, None)
    config: dict = field(default_factory=dict)
    bert: bool = False  # whether the language encoder starts from a miniature BERT
    pretrained: bool = False
    kind: str = "trained"

    @property
    def key(self):
        """The name as a folder's."""
        return re.sub("[^a-z0-9]+", "-", self.name.lower())


@dataclass(frozen=True)
class Size(Recipe):
    """A Recipe for every model of the tables, and the number of scenes of the test."""

    test_scenes: int = 300


SIZES = {
    "smoke": Size(24, 2, 2, 2, batch_size=8, test_scenes=6),
    "small": Size(4000, 1000, 1200, 700),
    "larger": Size(10_000, 1500, 8000, 5000, test_scenes=1000),
}
NO_OBJECT_LAYERS = {"r_layers": 0}
BUTD = {**NO_OBJECT_LAYERS, "x_layers": 0}
TEXT_ALONE = {"x_layers": 0, "r_layers": 0, "task_matched": False, "task_obj_predict": False, "task_qa": False}
FULL = Row("Pre-train + scratch", (69.9, 60.0, 74.9), pretrained=True)
PAPER = (  # Table 3 of Tan & Bansal 2019, dev sets
    Row("most frequent answer", kind="majority"),
    Row("LSTM + BUTD", (63.1, 50.0, 52.6), {**BUTD, "l_layers": 0}, kind="recurrent"),
    Row("BERT + BUTD", (62.8, 52.1, 51.9), BUTD, bert=True, kind="bottom up"),
    Row("BERT + 1 CrossAtt", (64.6, 55.5, 52.4), {**NO_OBJECT_LAYERS, "x_layers": 1}, bert=True),
    Row("BERT + 2 CrossAtt", (65.8, 56.1, 50.9), {**NO_OBJECT_LAYERS, "x_layers": 2}, bert=True),
    Row("BERT + 3 CrossAtt", (66.4, 56.6, 50.9), {**NO_OBJECT_LAYERS, "x_layers": 3}, bert=True),
    Row("BERT + 4 CrossAtt", (66.4, 56.0, 50.9), {**NO_OBJECT_LAYERS, "x_layers": 4}, bert=True),
    Row("BERT + 5 CrossAtt", (66.5, 56.3, 50.9), {**NO_OBJECT_LAYERS, "x_layers": 5}, bert=True),
    Row("Train + BERT", (65.5, 56.2, 50.9), bert=True),
    Row("Train + scratch", (65.1, 50.0, 50.9)),
    Row("Pre-train + BERT", (68.8, 58.3, 70.1), bert=True, pretrained=True),
    FULL,
)
LEFT_OUT = (  # where the paper has the row, its figures are those of Table 5; of "no questions", Table 4
    FULL,
    Row("no masked words", config=WITHOUT["words"], pretrained=True),
    Row("no matching", config=WITHOUT["matching"], pretrained=True),
    Row("no objects", (66.3, 57.1, 50.9), WITHOUT["objects"], pretrained=True),
    Row("no questions", (68.9, 58.2, 72.4), WITHOUT["questions"], pretrained=True),
    Row("no labels", (69.2, 59.5, 72.9), WITHOUT["labels"], pretrained=True),
    Row("no features", (69.5, 59.3, 73.5), WITHOUT["features"], pretrained=True),
)


class Laboratory:
    """All that is trained with one seed. say: called with a sentence when something is done; stop: an Event that asks
    the training to be saved and left. Raises KeyboardInterrupt when it was left."""

    def __init__(self, folder, size, seed, say=print, stop=None):
        self.folder, self.size, self.seed, self.say, self.stop = Path(folder) / f"seed-{seed}", size, seed, say, stop
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
        self.listen()
        train, test, seconds = self.train.task(task), self.test.task(task), 0
        if row.kind == "majority":
            folder.mkdir(parents=True, exist_ok=True)
            predictions = majority(train, test)
        else:
            optimizer = Adam(self.size.rate, self.size.finetuning, corrected=True)
            how = optimizer, self.size.batch_size, self.seed, self.listen
            training = self.ended(finetune(self.start(row, task), train, self.tokenizer, folder, *how))
            predictions, seconds = predict(training.model, self.tokenizer, test), round(training.seconds, 1)
        measure = test.report(predictions).rows[0]
        write_file(folder / RESULT, json.dumps({"right": measure.right, "of": measure.total, "seconds": seconds}))
        for bulky in (STATE, "model.h5"):
            (folder / bulky).unlink(missing_ok=True)
        self.say(f"seed {self.seed}: {row.name}, {task}: {measure.share:.1%} after {seconds / 60:.1f} minutes")

    def start(self, row, task):
        """The model with which the training of a cell begins."""
        if row.pretrained:
            return start_model(self.train.task(task), self.pretrained(row), seed=self.seed)
        return self.fresh(FACES[row.kind][task], row)

    def fresh(self, face, row):
        model = fresh_miniature(face, SMALL, self.seed, **row.config)
        if row.bert:
            bert = LxmertForPreTraining.from_pretrained(self.bert()).params
            for part in ("embeddings", "language"):
                map_tree(lambda ours, theirs: ours.__setitem__(..., theirs), model.params[part], bert[part])
        return model

    def pretrained(self, row):
        """The folder of the pre-trained model of a row."""
        return self.once(row.key, lambda: self.fresh(LxmertForPreTraining, row))

    def bert(self):
        """The folder of a language encoder pre-trained by masked words alone, on the same sentences and as long."""
        return self.once("bert", lambda: fresh_miniature(LxmertForPreTraining, SMALL, self.seed, **TEXT_ALONE))

    def once(self, name, make):
        folder = self.folder / "pre-training" / name
        if not (folder / "model.h5").exists():
            how = self.train, self.tokenizer, self.size, folder, self.seed, self.listen
            self.ended(pretrain_model(make(), *how))
            self.say(f"seed {self.seed}: pre-training of {name}: done")
            for stage in STAGES:
                (folder / stage / STATE).unlink()
        return folder

    def listen(self, *progress):
        """Heed the wish to stop. A training (which tells its progress) answers Ctrl-C by saving itself."""
        if self.stop and self.stop.is_set():
            if not progress:
                raise KeyboardInterrupt
            signal.raise_signal(signal.SIGINT)

    def ended(self, training):
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
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, json.dumps(mine))


def run_seed(folder, size, seed, rows, say=print):
    """All cells of one seed. -> whether it came to its end, and was not interrupted"""
    try:
        laboratory = Laboratory(folder, size, seed, say, stopping)
        for row in rows:
            for task in ABLATED:
                laboratory.cell(row, task)
    except KeyboardInterrupt:
        return False
    return True


def run_seeds(folder, size, seeds, rows=PAPER + LEFT_OUT, jobs=1, say=print):
    """Everything, `jobs` seeds at a time, each in a process and on a thread of its own. -> whether all came to its end

    size: a name of SIZES or a Size. Ctrl-C saves; the same call goes on. Raises ConfigError, TrainingError."""
    if isinstance(size, str) and size not in SIZES:
        raise ConfigError.at("recipe", None, f"one of {', '.join(SIZES)}", size)
    size = SIZES.get(size, size)
    open_folder(folder, size)
    if jobs == 1:
        return all(run_seed(folder, size, seed, rows, say) for seed in range(seeds))
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = concurrent.futures.ProcessPoolExecutor(jobs, context, begin_process, (stop,))
    with quietly_interrupted() as wanted, pool:
        with environment(dict.fromkeys(THREAD_SETTINGS, "1")):  # of NumPy's products in the processes, which begin now
            runs = [pool.submit(run_in_process, folder, size, seed, rows, say) for seed in range(seeds)]
        while concurrent.futures.wait(runs, timeout=0.5).not_done:
            if wanted:
                stop.set()  # seeds that have not begun see it at once
        try:
            return all(run.result() for run in runs)
        except BrokenProcessPool:
            if wanted:
                return False
            reason = "a process was ended from outside (out of memory?); the same command goes on from there"
            raise TrainingError(f"{folder}: {reason}") from None


def run_in_process(*what):
    """run_seed in a process of its own, which goes when it is ended from outside: a pool would wait for it."""
    complete = run_seed(*what)
    if not complete and not stopping.is_set():
        os._exit(1)
    return complete


@contextmanager
def environment(changes):
    """Inside the block the environment has some variables more."""
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


stopping = None  # in a process of run_seeds: the Event by which it is asked to stop


def begin_process(stop):
    global stopping
    stopping = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C, and asks by the Event
    set_num_threads(1)
