"""The loop: batch, gradients, optimizer step; saved every so often, and resumed as if it had never stopped.

All randomness comes from (seed, step), so that a checkpoint needs no generator's state: the weights, the optimizer's
two vectors and the number of the step are all there is (and the losses since the last line of the log, so that the
log is the same too). Same seed, same bits, however often a run was interrupted."""

import json
import math
import time
import zlib
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ..checkpoints.h5 import read_hdf5, write_own
from ..core.losses import step_shares
from ..core.params import flatten
from ..errors import ConfigError, MinilxmertError
from ..files import FolderLock, make_folder, sweep, write_file
from .log import LOG, log_rows
from .optimizer import lay_flat, mark, views
from .resuming import check_progress, quietly_interrupted, refuse_another, sample_of, shapes_of, writing

EXPLODED = 1e6  # no loss of a model that learns comes near it
STATE = "training.h5"
MOMENTS = ("optimizer.first", "optimizer.second")


class TrainingError(MinilxmertError):
    """Training cannot go on: a loss or a gradient is no number any more."""


@dataclass
class Training:
    """A run of training. model: a face; batches: see batches.py; optimizer: an Adam whose `steps` end the run.

    folder: where training.h5 and log.jsonl go; None: nowhere. frozen: parts of the parameter tree that stay as they
    are, by their path ("language", "cross.0"). accumulate: batches a step. A run whose folder holds a checkpoint goes
    on from it, and is refused if it was another run's. Raises TrainingError, CheckpointError, ConfigError, or
    MinilxmertError where no folder can be made."""

    model: object
    batches: object
    optimizer: object
    batch_size: int = 64
    seed: int = 0
    folder: Path | None = None
    save_every: int = 500
    log_every: int = 50
    accumulate: int = 1
    frozen: tuple = ()
    dropout: bool = True
    step: int = 0
    interrupted: bool = False
    seconds: float = 0.0  # of all sessions together
    history: list = field(default_factory=list, repr=False)  # what the log holds

    def __post_init__(self):
        sizes = ("batch_size", "accumulate", "save_every", "log_every")
        for name, least in {**dict.fromkeys(sizes, 1), "seed": 0}.items():
            if type(getattr(self, name)) is not int or getattr(self, name) < least:
                raise ConfigError.at("training", name, f"a whole number from {least}", getattr(self, name))
        self.parameters, tree = lay_flat(self.model.params)
        self.model.set_params(tree, self.model.precision)
        self.gradients = np.zeros_like(self.parameters)
        self.gradient_tree = views(self.gradients, tree)
        self.began_with = zlib.crc32(self.parameters)
        self.freeze(tree)
        self.saved = None  # the step of the checkpoint in the folder
        self.unlogged = {}  # {task: sum of its losses since the last line of the log}
        self.unlogged_steps = 0
        self.shuffled = None, None  # an epoch, and its order
        self.alone = nullcontext()
        if self.folder:
            with writing(self.folder):
                self.folder = make_folder(self.folder)
                self.alone = FolderLock(self.folder)  # until `run` has ended
                with self.alone.unless_it_fails():
                    self.open_folder()

    def freeze(self, tree):
        paths = flatten(tree)
        for part in self.frozen:
            if not any(within(path, part) for path in paths):
                raise ConfigError.at("frozen", None, f"parts of the model: {', '.join(tree)}", part)
        if self.frozen:
            self.optimizer.moves = mark(tree, lambda path, _: not any(within(path, part) for part in self.frozen))

    def run(self, progress=None):
        """Train to the end, or until Ctrl-C. progress: called with (step, steps, losses, seconds left). -> self"""
        began, steps = time.perf_counter() - self.seconds, self.optimizer.steps
        with self.alone, quietly_interrupted() as wanted:
            while self.step < steps and not wanted:
                losses, norm = self.one_step()
                self.step += 1
                self.seconds = time.perf_counter() - began
                mean = self.mean_losses(losses)
                if self.step % self.log_every == 0 or self.step == steps:
                    self.note(mean, norm)
                    if progress:
                        progress(self.step, steps, mean, (steps - self.step) * self.seconds / self.step)
                if self.folder and self.step % self.save_every == 0:
                    self.save()
            self.interrupted = self.step < steps
            if self.folder and self.saved != self.step:
                self.save()
        return self

    def mean_losses(self, losses):
        """{task: mean loss} since the last line of the log, with those of one more step."""
        self.unlogged = {task: self.unlogged.get(task, 0.0) + loss for task, loss in losses.items()}
        self.unlogged_steps += 1
        return {task: total / self.unlogged_steps for task, total in self.unlogged.items()}

    @np.errstate(over="ignore", invalid="ignore")  # said in words below
    def one_step(self):
        """-> the losses by task, and the norm of the gradients. The parameters change only if all are numbers."""
        self.gradients[:] = 0
        parts, total = [self.part(self.step * self.accumulate + n) for n in range(self.accumulate)], Counter()
        for (inputs, targets, rng), shares in zip(parts, step_shares([part[1] for part in parts]), strict=True):
            output = self.model.learn(inputs, targets, self.gradient_tree, rng if self.dropout else None, shares)
            total.update({task: float(loss) for task, loss in output.losses.items()})
        for task, loss in total.items():
            if not loss < EXPLODED:  # NaN neither
                raise TrainingError(f"step {self.step}, task {task}: the loss is {loss}; the weights are as before")
        norm = self.optimizer.update(self.parameters, self.gradients, self.step)
        if not math.isfinite(norm):  # the heads are last in the tree, and where going backward begins
            bad = [path for path, g in flatten(self.gradient_tree).items() if not np.isfinite(g).all()]
            tasks = ", ".join(f"{task} {loss:.4g}" for task, loss in total.items())
            raise TrainingError(
                f"step {self.step}, gradient of {bad[-1]}: not finite, while the losses are {tasks}; "
                "the weights are as before"
            )
        return total, norm

    def part(self, place):
        """Batch number `place` -> inputs and labels as the model takes them, and the generator for its dropout."""
        rng = np.random.default_rng([self.seed, place])
        return *self.model.read(**self.batches.batch(self.rows(place), rng)), rng

    def rows(self, place):
        """The examples of batch number `place`: every epoch goes through all of them, in an order of its own."""
        count = len(self.batches)
        chosen = [divmod(place * self.batch_size + i, count) for i in range(self.batch_size)]
        return [int(self.order(epoch)[i]) for epoch, i in chosen]

    def order(self, epoch):
        if self.shuffled[0] != epoch:
            self.shuffled = epoch, np.random.default_rng([self.seed, 1, epoch]).permutation(len(self.batches))
        return self.shuffled[1]

    def note(self, losses, norm):
        self.unlogged, self.unlogged_steps = {}, 0
        row = {"step": self.step, "losses": {task: round(loss, 6) for task, loss in losses.items()}}
        row |= {"rate": self.optimizer.rate_at(self.step - 1), "gradient_norm": round(norm, 6)}
        self.history.append(row)
        if self.folder:
            with writing(self.folder), open(self.folder / LOG, "a", encoding="utf-8") as file:
                file.write(json.dumps({**row, "seconds": round(self.seconds, 1)}) + "\n")

    # --- saving and resuming -----------------------------------------------------------------------------------------

    @cached_property
    def sample(self):
        """Digests of some pictures' features (resuming.py)."""
        return sample_of(self.batches)

    def save(self):
        """Write the checkpoint: whole or not at all."""
        arrays = self.model.published(self.model.params)
        zeros = np.zeros_like(self.parameters)
        moments = (zeros if m is None else m for m in (self.optimizer.first, self.optimizer.second))
        about = {"step": self.step, "seconds": self.seconds, **self.identity()}
        about |= {"unlogged": self.unlogged, "unlogged_steps": self.unlogged_steps, "detector": self.model.detector}
        everything = {**arrays, **dict(zip(MOMENTS, moments, strict=True))}
        answers, tokens = self.lists()
        write_own(self.folder / STATE, everything, self.model.config.to_dict(), answers, about, tokens)
        self.saved = self.step

    def lists(self):
        return self.model.answers or list(self.batches.answers), self.model.tokens or self.batches.tokens

    def identity(self):
        """What must be the same for a run to go on, beside the model's config and the lists."""
        numbers = {name: n for name, n in vars(self.optimizer).items() if isinstance(n, int | float)}
        mine = {"seed": self.seed, "batch_size": self.batch_size, "examples": len(self.batches)}
        mine |= {"accumulate": self.accumulate, "dropout": self.dropout, "frozen": list(self.frozen)}
        mine |= {"batches": self.batches.about, "began_with": self.began_with}
        return {**numbers, **mine, "sample": self.sample}

    def open_folder(self):
        """Take up the checkpoint of the folder if there is one, and begin the log or cut it there.

        The log is written in any case: a folder that cannot be written is found now, not after the first steps.
        Where anything is refused, nothing there has changed."""
        sweep(self.folder / STATE)
        log, rows = self.folder / LOG, []
        if (self.folder / STATE).exists():
            rows = log_rows(log) if log.exists() else []
            self.resume()
        rows = [row for row in rows if row["step"] <= self.step]
        self.history = [{k: v for k, v in row.items() if k != "seconds"} for row in rows]
        write_file(log, "".join(json.dumps(row) + "\n" for row in rows))

    def resume(self):
        """Take up the checkpoint of the folder. Raises CheckpointError if it is damaged, or another run's."""
        path, targets = self.folder / STATE, self.model.published(self.model.params)
        _, arrays, metadata = read_hdf5(path, mapped=False)
        about, (answers, tokens) = metadata.get("provenance"), self.lists()
        expected = {**targets, **dict.fromkeys(MOMENTS, self.parameters)}
        mine = {"config": json.loads(self.model.config.to_json_string()), "tensors": shapes_of(expected)}
        mine |= {"answers": answers, "tokens": tokens, "settings": self.identity()}
        theirs = {name: metadata.get(name) for name in ("config", "answers", "tokens")}
        refuse_another(path, {**theirs, "tensors": shapes_of(arrays), "settings": about}, mine)
        check_progress(path, about, self.optimizer.steps)
        self.optimizer.first, self.optimizer.second = (np.array(arrays.pop(name)) for name in MOMENTS)
        for name, target in targets.items():
            target[...] = arrays[name]
        self.step = self.saved = about["step"]
        self.seconds, self.unlogged, self.unlogged_steps = (about[n] for n in ("seconds", "unlogged", "unlogged_steps"))


def within(path, part):
    return f"{path}.".startswith(f"{part}.")
