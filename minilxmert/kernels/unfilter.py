"""The twin of png.unfilter: the filters of a PNG's rows undone, byte after byte."""

import functools

from numba import types
from numba.extending import register_jitable

from .compiling import compiled


def undo(kinds, rows, above, step):
    """rows (H, S) of bytes less their guesses, each with its filter in kinds (H,), become the bytes, in place.

    above (S,): the row before the first; step: bytes to the pixel on the left."""
    for r in range(rows.shape[0]):
        kind, row = kinds[r], rows[r]
        for i in range(row.shape[0] if kind else 0):
            a, c = (int(row[i - step]), int(above[i - step])) if i >= step else (0, 0)  # left, and above of it
            guess = a if kind == 1 else int(above[i])
            if kind == 3:
                guess = (a + guess) >> 1
            elif kind == 4:
                guess = paeth(a, guess, c)
            row[i] = (int(row[i]) + guess) & 255
        above = row


@register_jitable
def paeth(a, b, c):
    """Whichever of left, above and corner is nearest to a + b - c; the first of equals."""
    to_left, to_above, to_corner = abs(b - c), abs(a - c), abs(a + b - 2 * c)
    if to_left <= to_above and to_left <= to_corner:
        return a
    return b if to_above <= to_corner else c


@functools.cache
def compiled_undo():
    """undo, compiled when first wanted."""
    read = types.Array(types.uint8, 1, "A", readonly=True)
    return compiled(undo, types.Array(types.uint8, 1, "A", readonly=True), types.uint8[:, ::1], read, types.int64)
