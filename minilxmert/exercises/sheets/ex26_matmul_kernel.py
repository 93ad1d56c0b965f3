"""A matrix product in Numba: compiled loops, what a tile is, odd sizes at the end, and who may write where when threads
share the work.

120 minutes; chapter 12."""

import numpy as np

from ... import kernels
from ...core import ops
from ..student import Wrong


def matmul_kernel(x, w, b):
    """A linear map in loops of your own, compiled: y = x · wᵀ + b.

    x (R, I), w (O, I), b (O,), all float32 and contiguous -> y (R, O) float32

    Start with three loops. Then measure against `x @ w.T + b` with sizes of LXMERT (R 640, I 768, O 768), and make it
    faster: keep a tile of results (say 4 rows × 16 columns) in local variables while the loop over I runs; share the
    tiles out to the threads with @njit(parallel=True) and prange.

    Hints
    - y = np.empty((R, O), np.float32) holds whatever was there before.
    - A sum that begins as np.float32(0) stays in float32.
    - Does your tile divide R and O? Numba gives no error where you write beyond the end of an array.
    - With prange, every result must be written by one thread alone.
    - fastmath=True lets the compiler assume that there is no NaN. There may be.
    """
    with kernels.backend("numba"):
        return kernels.linear(x, {"w": w, "b": b})


matmul_kernel.py_func = None  # as Numba's functions have one: what runs under it is compiled


def draws(rng):
    """Sizes that no tile divides, single rows and columns, and no rows at all."""
    for number in range(24):
        rows, inputs, outputs = [(5, 7, 3), (1, 1, 1), (33, 17, 13), (0, 4, 3), (8, 64, 16), (3, 65, 2)][number % 6]
        x, w, b = (rng.standard_normal(shape) for shape in ((rows, inputs), (outputs, inputs), outputs))
        yield x.astype(np.float32), w.astype(np.float32), b.astype(np.float32)


def extra(answer, rng):
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


def plainly(x, w, b):
    y = x @ w.T + b
    return y


VARIES = "w * k", "w is stored {k} times too large, as weights in few bits are: y = x · wᵀ / {k} + b"
IMPORTS = "import numpy as np\nfrom numba import njit, prange"
DECORATOR = "@njit"
SOLVED = (ops.linear, ops.linears, ops.linear_act)
KEEPS_DTYPE = True
SLIPS = """
the bias is missing
    + b =>
the bias is added once for every input
    + b => + x.shape[1] * b
"""
for tile in 2, 4, 8, 16:  # a loop over tiles forgets the last, smaller one, and the result began with zeros
    SLIPS += f"""
the last rows are missing: {tile} does not divide every size
    return y => y[len(y) // {tile} * {tile} :] = 0; return y
the last columns are missing: {tile} does not divide every size
    return y => y[:, y.shape[1] // {tile} * {tile} :] = 0; return y
"""
