"""The loop: batch, gradients, optimizer step; saved every so often, and resumed as if it had never stopped.

All randomness comes from (seed, step), so that a checkpoint needs no generator's state: the weights, the optimizer's
two vectors and the number of the step are all there is. Same seed, same bits, however often a run was interrupted."""

import json
import math
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..checkpoints.hdf5_file import read_hdf5
from ..checkpoints.own_h5 import write_own
from ..errors import CheckpointError, MinilxmertError
from ..files import write_file
from ..kernels.packing import release
from .optimizer import lay_flat, marked, views

STATE, LOG = "training.h5", "log.jsonl"
MOMENTS = ("optimizer.first", "optimizer.second")


class TrainingError(MinilxmertError):
    """Training cannot go on: a loss or a gradient is no number any more."""


@dataclass
class Training:
    """A run of training. model: a face; batches: see batches.py; optimizer: an Adam whose `steps` end the run.

    folder: where training.h5 and log.jsonl go; None: nowhere. frozen: parts of the parameter tree that stay as they
    are, by the start of their path ("language", "cross.0"). accumulate: batches a step. A run whose folder holds a
    checkpoint goes on from it. Raises TrainingError, CheckpointError."""

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
        self.parameters, tree = lay_flat(self.model.params)
        release()  # copies of the weights that the kernels may hold
        self.model.set_params(tree, self.model.precision)
        self.gradients = np.zeros_like(self.parameters)
        self.gradient_tree = views(self.gradients, tree)
        if self.frozen:
            self.optimizer.moves = marked(tree, lambda path, _: not path.startswith(tuple(self.frozen)))
        if self.folder:
            self.folder = Path(self.folder)
            self.folder.mkdir(parents=True, exist_ok=True)
            if (self.folder / STATE).exists():
                self.resume()

    def run(self, progress=None):
        """Train to the end, or until Ctrl-C. progress: called with (step, steps, losses, seconds left). -> self"""
        release()
        recent, began, first = [], time.perf_counter() - self.seconds, self.step
        with quietly_interrupted() as wanted:
            while self.step < self.optimizer.steps and not wanted:
                losses, norm = self.one_step()
                recent.append(losses)
                self.step += 1
                self.seconds = time.perf_counter() - began
                if self.step % self.log_every == 0 or self.step == self.optimizer.steps:
                    mean = {task: float(np.mean([losses[task] for losses in recent])) for task in losses}
                    recent = []
                    self.note(mean, norm)
                    if progress:
                        left = (self.optimizer.steps - self.step) * (time.perf_counter() - began) / self.step
                        progress(self.step, self.optimizer.steps, mean, left)
                if self.folder and self.step % self.save_every == 0:
                    self.save()
        self.interrupted = self.step < self.optimizer.steps
        if self.folder and (self.step > first or not (self.folder / STATE).exists()):
            self.save()
        return self

    def one_step(self):
        """-> the losses by task, and the norm of the gradients. The parameters change only if all are numbers."""
        self.gradients[:] = 0
        total = {}
        for part in range(self.accumulate):
            place = self.step * self.accumulate + part
            rng = np.random.default_rng([self.seed, place])
            call = self.batches.batch(self.rows(place), rng)
            output = self.model.add_gradients(self.gradient_tree, rng if self.dropout else None, **call)
            for task, loss in output.losses.items():
                if not math.isfinite(loss):
                    raise TrainingError(f"step {self.step}, task {task}: the loss is {loss}; the weights are as before")
                total[task] = total.get(task, 0.0) + float(loss) / self.accumulate
        if self.accumulate > 1:
            self.gradients /= self.accumulate
        if not np.isfinite(self.gradients).all():
            raise TrainingError(f"step {self.step}: a gradient is not finite; the weights are as before")
        return total, self.optimizer.update(self.parameters, self.gradients, self.step)

    def rows(self, place):
        """The examples of batch number `place`: every epoch goes through all of them, in an order of its own."""
        count = len(self.batches)
        chosen = [divmod(place * self.batch_size + i, count) for i in range(self.batch_size)]
        return [int(self.order(epoch)[i]) for epoch, i in chosen]

    def order(self, epoch):
        if getattr(self, "shuffled", (None,))[0] != epoch:
            self.shuffled = epoch, np.random.default_rng([self.seed, 1, epoch]).permutation(len(self.batches))
        return self.shuffled[1]

    def note(self, losses, norm):
        """Add a line to the log."""
        row = {"step": self.step, "losses": {task: round(loss, 6) for task, loss in losses.items()}}
        row |= {"rate": self.optimizer.rate_at(self.step - 1), "gradient_norm": round(norm, 6)}
        self.history.append(row)
        if self.folder:
            with open(self.folder / LOG, "a", encoding="utf-8") as file:
                file.write(json.dumps({**row, "seconds": round(self.seconds, 1)}) + "\n")

    # --- saving and resuming -----------------------------------------------------------------------------------------

    def save(self):
        """Write the checkpoint: whole or not at all."""
        arrays = self.model.published(self.model.params)
        zeros = np.zeros_like(self.parameters)
        moments = (zeros if m is None else m for m in (self.optimizer.first, self.optimizer.second))
        about = {"step": self.step, "seconds": self.seconds, **self.identity()}
        everything = {**arrays, **dict(zip(MOMENTS, moments, strict=True))}
        write_own(self.folder / STATE, everything, self.model.config.to_dict(), self.model.answers, about)

    def identity(self):
        """What must be the same for a run to go on."""
        o = self.optimizer
        return {"seed": self.seed, "batch_size": self.batch_size, "steps": o.steps, "rate": o.rate,
                "examples": len(self.batches), "accumulate": self.accumulate}  # fmt: skip

    def resume(self):
        """Take up the checkpoint of the folder; later lines of the log go."""
        path = self.folder / STATE
        _, arrays, metadata = read_hdf5(path)
        about = metadata["provenance"]
        for name, mine in self.identity().items():
            if about.get(name) != mine:
                raise CheckpointError.at(path, name, f"{mine}, as this run has (or another folder)", about.get(name))
        self.optimizer.first, self.optimizer.second = (np.array(arrays.pop(name)) for name in MOMENTS)
        for name, target in self.model.published(self.model.params).items():
            target[...] = arrays[name]
        self.step, self.seconds = about["step"], about["seconds"]
        log = self.folder / LOG
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        kept = [line for line in lines if complete(line) and json.loads(line)["step"] <= self.step]
        self.history = [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in kept]
        write_file(log, "".join(line + "\n" for line in kept))


def complete(line):
    """Whether a line of the log was written to its end."""
    try:
        return "step" in json.loads(line)
    except ValueError:
        return False


@contextmanager
def quietly_interrupted():
    """Inside the block the first Ctrl-C (or SIGTERM) only fills the list that is the context's value; a second one
    interrupts at once. Outside the main thread nothing changes."""
    wanted, before = [], {}

    def remember(number, frame):
        if wanted:
            raise KeyboardInterrupt
        wanted.append(number)

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, remember)
    except ValueError:  # not in the main thread
        pass
    try:
        yield wanted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
