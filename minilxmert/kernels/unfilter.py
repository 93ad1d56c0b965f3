"""The filters of a PNG's rows undone: each byte was stored less a guess from its neighbours, left, above, or both."""

from . import looped
from .switch import current_backend


@looped(lambda t: (*(t.Array(t.uint8, n, "A", readonly=n == 1) for n in (1, 2, 1)), t.int64))
def undo(kinds, rows, above, step):
    """rows (H, S) of bytes less their guesses, each with its filter in kinds (H,), become the bytes, in place.

    above (S,): the row before the first; step: bytes to the pixel on the left."""
    for r in range(len(rows)):
        kind, row = kinds[r], rows[r]
        for i in range(len(row) if kind else 0):
            a, b, c = 0, int(above[i]), 0
            if i >= step:
                a, c = int(row[i - step]), int(above[i - step])  # left, and above of it
            guess = a if kind == 1 else b
            if kind == 3:
                guess = (a + b) >> 1
            elif kind == 4:  # whichever of left, above and corner is nearest to a + b - c; the first of equals
                to_left, to_above, to_corner = abs(b - c), abs(a - c), abs(a + b - 2 * c)
                guess = b if to_above <= to_corner else c
                if to_left <= to_above and to_left <= to_corner:
                    guess = a
            row[i] = (int(row[i]) + guess) & 255
        above = row


def unfilter(kinds, rows, above, step):
    """`undo`; in the numpy backend on lists, which Python reads faster."""
    if current_backend() == "numpy":
        lists = rows.tolist()
        undo(kinds.tolist(), lists, above.tolist(), step)
        rows[:] = lists
    else:
        undo(kinds, rows, above, step)
