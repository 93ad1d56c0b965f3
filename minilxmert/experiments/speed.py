"""How fast a training step is, and how much memory it takes, beside torch's: the miniature model, 64 examples, the five
tasks, AdamW, the same weights and the same batch.

Every measurement is made in a process of its own:
python -m minilxmert.experiments.speed time SECONDS ours torch, or peak ours, or peak torch"""

import importlib.util
import os
from pathlib import Path

import numpy as np

from ..errors import MinilxmertError
from ..published.model import LxmertForPreTraining
from ..scenes.world import SMALL
from ..training.batches import Batches, PretrainingBatches
from ..training.loop import Training
from ..training.miniature import Miniature, miniature_config
from ..training.optimizer import Adam
from ..training.recipes import miniature_tokenizer
from .timing import SAME, answer_process, measure_in_process, memory, thread_counts, time_in_turns, versus

BATCH, RATE, STEPS = 64, 1e-4, 10**6


class Repeated(Batches):
    """Batches that are always the same one."""

    def __init__(self, call):
        self.call = call

    def __len__(self):
        return BATCH

    def batch(self, rows, rng):
        return self.call


def draw_pretraining_batch():
    world = Miniature(SMALL, scenes=BATCH)
    tokenizer = miniature_tokenizer(SMALL)
    batches = PretrainingBatches(world.pictures, world.pretraining, tokenizer, world.answers)
    rows = np.linspace(0, len(batches) - 1, BATCH).astype(int)  # captions and questions of every kind
    return batches.batch(rows, np.random.default_rng(0))


def our_step(model, call):
    """A function that makes one step -> its loss"""
    optimizer = Adam(RATE, STEPS, warmup=0, corrected=True)
    training = Training(model, Repeated(call), optimizer, batch_size=BATCH)

    def step():
        losses, _ = training.one_step()
        training.step += 1
        return sum(losses.values())

    return step


def torch_step(model, call):
    """our_step by torch and transformers, with a copy of the model's weights."""
    import torch
    import transformers

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    theirs = transformers.LxmertForPreTraining(transformers.LxmertConfig(**vars(model.config)))
    theirs.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in model.state_dict().items()})
    optimizer = torch.optim.AdamW(theirs.train().parameters(), lr=RATE, eps=1e-6, weight_decay=0.01)
    call = as_tensors(call, torch)

    def step():
        optimizer.zero_grad()
        loss = theirs(**call).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        optimizer.step()
        return float(loss.detach())

    return step


def as_tensors(value, torch):
    """A tree of arrays as torch's; what has no label is -100 there."""
    if isinstance(value, dict):
        return {name: as_tensors(part, torch) for name, part in value.items()}
    if isinstance(value, tuple):
        return tuple(as_tensors(part, torch) for part in value)
    return torch.from_numpy(np.where(value < 0, -100, value) if value.dtype.kind == "i" else value)


STEP = {"ours": our_step, "torch": torch_step}


def time_steps(seconds, *names):
    """{name: median seconds a step}, measured only after the candidates agree on their losses."""
    call = draw_pretraining_batch()
    steps = {name: STEP[name](LxmertForPreTraining(miniature_config(SMALL)), call) for name in names}
    losses = [[step() for _ in range(3)] for step in steps.values()]
    if np.ptp(losses, axis=0).max() > SAME:
        raise MinilxmertError(f"the training steps differ: losses {losses}")
    return time_in_turns(steps, float(seconds))


def peak_of_steps(name):
    """(peak megabytes of this process after three steps, how far that is above what it held before them)"""
    step = STEP[name](LxmertForPreTraining(miniature_config(SMALL)), draw_pretraining_batch())
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    for _ in range(3):
        step()
    return memory("VmHWM"), memory("VmHWM") - before


def run_training_benchmark(seconds, peers=True, report=print):
    """Measure, reporting line by line -> the figures as a dict. peers: torch too, where it is installed."""
    peers = peers and all(importlib.util.find_spec(name) for name in ("torch", "transformers"))
    names = ("ours", "torch") if peers else ("ours",)
    figures = {"seconds": {}, "megabytes": {}}
    report(f"a training step: the miniature model, {BATCH} examples, five tasks, AdamW")
    for threads, text in thread_counts().items():
        found = figures["seconds"][str(threads)] = measure_in_process(__name__, threads, "time", seconds, *names)
        report(f"  {text}: " + versus(found, 1000, "ms"))
    if os.path.exists("/proc/self/clear_refs"):  # Linux
        figures["megabytes"] = {name: measure_in_process(__name__, 1, "peak", name) for name in names}
        for place, what in enumerate(("peak memory of the process", "of which three steps")):
            report(f"  {what}: " + versus({n: peak[place] for n, peak in figures["megabytes"].items()}, 1, "MB"))
    return figures


if __name__ == "__main__":
    answer_process(time=time_steps, peak=peak_of_steps)
