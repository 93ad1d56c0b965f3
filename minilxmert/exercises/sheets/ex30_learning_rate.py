"""The learning rate of a step: up in a line while the optimizer warms up, then down in a line to 0.

10 minutes; chapter 10."""

from ...training import optimizer


def learning_rate(step, steps, warmup, highest):
    """The learning rate of a step: from 0 up to the highest, then down towards 0, both in straight lines.

    step 0 … steps - 1, steps of the whole training, warmup: the share of them in which the rate goes up (0 … 1, without
    both ends), highest: the highest rate -> one number

    With x = step / steps, the share of the training that is done: below warmup the rate is highest · x / warmup, from
    there on highest · (1 - x) / (1 - warmup).

    Hints
    - What comes out at x = 0, at x = warmup and at x = 1? Both lines meet at warmup.
    - 3 / 4 is 0.75 in Python 3, 3 // 4 is 0.
    """
    x = step / steps
    if x < warmup:
        return highest * x / warmup
    return highest * (1 - x) / (1 - warmup)


def draws(rng):
    """First and last steps, the step at which both lines meet, and any."""
    for number in range(24):
        steps = int(rng.integers(10, 200))
        step = [0, steps - 1, steps // 2, int(rng.integers(steps))][number % 4]
        yield step, steps, 0.5 if number % 4 == 2 else float(rng.uniform(0.05, 0.6)), float(rng.uniform(1e-4, 1))


VARIES = "highest / k", "highest is the rate for one example; a step has {k}, and the rate grows with them"
IMPORTS = ""
SOLVED = (optimizer.warmup_linear, optimizer.Adam.rate_at)
SLIPS = """
the warm-up is missing: the rate begins at 0
    if x < warmup: => if False:
after the warm-up the rate goes down to 0
    return highest * (1 - x) / (1 - warmup) => return highest
going down, the line begins at the highest rate where the warm-up ends: (1 - x) / (1 - warmup)
    / (1 - warmup) =>
step / steps is the share of the training that is done; step + 1 is not asked for
    step / steps => (step + 1) / steps
it is the share; times the highest rate
    highest * => 1.0 *
"""
