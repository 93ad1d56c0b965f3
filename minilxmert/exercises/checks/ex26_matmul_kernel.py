"""A linear map as a Numba kernel of one's own."""

import numpy as np

from ... import kernels
from ...core import ops
from ..checking import Exercise
from ..student import Wrong


def solution(x, w, b):
    with kernels.backend("numba"):
        return kernels.linear(x, {"w": w, "b": b})


solution.py_func = None  # as Numba's functions have one: what runs under it is compiled


def draws(rng):
    """Sizes that no tile divides, single rows and columns, and no rows at all."""
    for number in range(24):
        rows, inputs, outputs = [(5, 7, 3), (1, 1, 1), (33, 17, 13), (0, 4, 3), (8, 64, 16), (3, 65, 2)][number % 6]
        x, w, b = (rng.standard_normal(shape) for shape in ((rows, inputs), (outputs, inputs), outputs))
        yield x.astype(np.float32), w.astype(np.float32), b.astype(np.float32)


def compiled_and_steady(answer, rng):
    """It must be compiled, pass NaN on, and give the same bits every time: threads must not add to one number."""
    if not answer.compiled:
        raise Wrong("right, but not compiled: write @njit above the function")
    x, w = rng.standard_normal((2, 96, 96)).astype(np.float32)
    results = [answer(x, w, x[0]) for _ in range(8)]
    if any((result != results[0]).any() for result in results):
        raise Wrong("the same input gives another result each time: do two threads add to the same number (a race)?")
    x[0, 0] = np.nan
    if not np.isnan(answer(x, w, x[1])[0]).all():
        raise Wrong("a NaN in the input does not reach the output: is it compiled with fastmath=True?")


def product(x, w, b):
    return x @ w.T + b


def without(tail, axis):
    """What is left out when a loop over tiles forgets the last, smaller one (and the result began with zeros)."""

    def tiled(x, w, b):
        y = product(x, w, b)
        part = [slice(None)] * 2
        part[axis] = slice(y.shape[axis] // tail * tail, None)
        y[tuple(part)] = 0
        return y

    return tiled


EXERCISE = Exercise(
    title="A matrix product in Numba",
    minutes=120,
    chapter=12,
    teaches="compiled loops, what a tile is, odd sizes at the end, and who may write where when threads share the work",
    solution=solution,
    draws=draws,
    solved=(ops.linear, ops.linears, ops.linear_act),
    extra=compiled_and_steady,
    mistakes=(
        ("the bias is missing", lambda x, w, b: x @ w.T),
        *(
            (f"the last rows are missing: {tail} does not divide every size", without(tail, 0))
            for tail in (2, 4, 8, 16)
        ),
        *((f"the last columns are missing: {tail} does not divide every size", without(tail, 1)) for tail in (2, 4, 8)),
        ("the bias is added once for every input", lambda x, w, b: x @ w.T + x.shape[1] * b),
    ),
)
