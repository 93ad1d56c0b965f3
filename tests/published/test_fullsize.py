"""Fine-tuning at the published size, beside torch: takes minutes and 12 GB (pytest -m fullsize)."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from minilxmert import LxmertConfig, LxmertForQuestionAnswering
from minilxmert.experiments.benchmark import draw_batch
from minilxmert.experiments.speed import Repeated
from minilxmert.experiments.timing import memory
from minilxmert.training.loop import Training
from minilxmert.training.optimizer import Adam

pytestmark = pytest.mark.fullsize
BATCH, WORDS, OBJECTS, STEPS = 4, 20, 36, 3
CONFIG = LxmertConfig(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)


def call():
    labels = np.random.default_rng(1).integers(CONFIG.num_qa_labels, size=BATCH)
    return {**draw_batch(CONFIG, BATCH, WORDS, OBJECTS), "labels": labels}


def measured(kind, weights, found):
    """Run three steps of "ours" or "torch" in a process of its own; it writes losses and gradients to a file."""
    command = [sys.executable, __file__, kind, weights, found]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1]), dict(np.load(found))


def test_three_steps_within_12_gb_give_torchs_losses_and_gradients(tmp_path):
    LxmertForQuestionAnswering(CONFIG).save_pretrained(tmp_path, format="safetensors")
    ours, gradients = measured("ours", tmp_path, tmp_path / "ours.npz")
    theirs, expected = measured("torch", tmp_path, tmp_path / "torch.npz")
    print(f"\nours {ours}\ntorch {theirs}")
    assert ours["peak megabytes"] < 12_000
    np.testing.assert_allclose(ours["losses"], theirs["losses"], rtol=1e-3)
    assert gradients.keys() == expected.keys()
    for name, gradient in gradients.items():  # of the first step, against the length of each
        assert np.linalg.norm(gradient - expected[name]) <= 1e-3 * np.linalg.norm(expected[name]) + 1e-7, name


def our_steps(weights):
    model = LxmertForQuestionAnswering.from_pretrained(weights)
    run = Training(model, Repeated(call()), Adam(5e-5, 100, warmup=0, corrected=True, max_norm=0), batch_size=BATCH)
    for run.step in range(STEPS):
        yield run.one_step()[0]["ans"], model.published(run.gradient_tree)


def torch_steps(weights):
    import torch
    import transformers

    model = transformers.LxmertForQuestionAnswering.from_pretrained(weights).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, eps=1e-6, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / 100)
    batch = {name: torch.from_numpy(array) for name, array in call().items()}
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = model(**batch).loss
        loss.backward()
        gradients = {name: torch.zeros_like(p) if p.grad is None else p.grad for name, p in model.named_parameters()}
        yield loss.item(), {name: gradient.numpy() for name, gradient in gradients.items()}
        optimizer.step()
        schedule.step()


if __name__ == "__main__":
    kind, weights, found = sys.argv[1:]
    losses, seconds, start = [], [], time.perf_counter()
    for loss, gradients in {"ours": our_steps, "torch": torch_steps}[kind](Path(weights)):
        seconds.append(round(time.perf_counter() - start, 2))
        if not losses:  # of the first step: the smaller tensors everywhere, and all of the cross-modality layers
            np.savez(found, **{name: g for name, g in gradients.items() if g.size < 10**6 or "x_layers" in name})
        losses.append(loss)
        start = time.perf_counter()
    print(
        json.dumps({"losses": losses, "seconds": seconds, "peak megabytes": memory("VmHWM"), "cores": os.cpu_count()})
    )
