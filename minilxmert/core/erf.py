"""The error function, which NumPy lacks: the exact GELU needs it."""

import functools
import math

import numpy as np

STEP, END, TERMS = 1 / 8, 6.0, 12  # beyond 6, erf is 1 to the last bit of a float64


@functools.cache
def table_of(dtype):
    """Taylor coefficients of erf around 0, 1/8, 2/8 … 6, (points, terms). Each derivative of erf is its first one, the
    bell 2/√π·exp(-x²), times a polynomial in x (a Hermite polynomial); they follow from one another by two terms."""
    table = []
    for x in np.arange(0, END + STEP, STEP).tolist():
        bell = 2 / math.sqrt(math.pi) * math.exp(-x * x)
        derivatives = [math.erf(x), bell, -2 * x * bell]
        for n in range(1, TERMS - 2):
            derivatives.append(-2 * x * derivatives[-1] - 2 * n * derivatives[-2])
        table.append([d / math.factorial(n) for n, d in enumerate(derivatives)])
    return np.array(table, dtype)


def erf(x):
    """The error function, exact to the dtype's rounding (NumPy has none): Taylor from the nearest point of a table."""
    size = np.fmin(np.abs(x), x.dtype.type(END))  # fmin: a NaN must not become an index
    point = np.rint(size / x.dtype.type(STEP)).astype(np.intp)
    distance = size - point.astype(x.dtype) * x.dtype.type(STEP)
    columns = table_of(x.dtype).T
    y = columns[-1][point]
    for column in columns[-2::-1]:
        y = y * distance + column[point]
    return np.copysign(y, x)
