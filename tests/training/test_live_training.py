"""Training against live torch (extra "reference")."""

import numpy as np
import pytest

from minilxmert.experiments import speed, timing
from minilxmert.training.optimizer import Adam

pytestmark = pytest.mark.reference


def test_adamw_takes_torchs_steps():
    """20 steps of a linear schedule, of two tensors clipped together."""
    import torch

    rng = np.random.default_rng(0)
    start = rng.standard_normal(50)
    ours = Adam(rate=0.01, steps=20, warmup=0, decay=0.1, eps=1e-8, corrected=True)
    p = start.copy()
    theirs = [torch.nn.Parameter(torch.from_numpy(part.copy())) for part in (start[:30], start[30:])]
    adamw = torch.optim.AdamW(theirs, lr=0.01, eps=1e-8, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(adamw, lambda step: 1 - step / 20)
    for step in range(20):
        g = rng.standard_normal(50) * 10 ** rng.uniform(-2, 1)
        theirs[0].grad, theirs[1].grad = torch.from_numpy(g[:30].copy()), torch.from_numpy(g[30:].copy())
        norm = torch.nn.utils.clip_grad_norm_(theirs, 1.0)
        adamw.step()
        schedule.step()
        assert ours.update(p, g, step) == pytest.approx(float(norm), rel=1e-12)
        np.testing.assert_allclose(p, np.concatenate([t.detach().numpy() for t in theirs]), rtol=1e-9, atol=1e-12)


def test_the_benchmark_compares_the_same_step():
    """It refuses to measure when the losses of three steps differ, optimizer included."""
    found = timing.measure_in_process(speed.__name__, 1, "time", 0, "ours", "torch")
    assert found.keys() == {"ours", "torch"} and min(found.values()) > 0
