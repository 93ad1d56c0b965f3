"""Connected components: how a detector for drawn scenes finds its objects: flood fill, or union-find in two passes.

60 minutes; chapter 3."""

import numpy as np

from ...kernels.regions import label_regions

BESIDE = ((0, 1), (1, 0), (0, -1), (-1, 0))
CORNERS = ((1, 1), (1, -1), (-1, 1), (-1, -1))


def connected_components(mask):
    """Give all pixels of one thing one number. Pixels belong together when they share a side.

    mask (H, W) of bool: True where there is something -> (H, W) of whole numbers: 0 for nothing, and 1, 2, 3 … for the
    things, in reading order (row by row, left to right) of their first pixels

        1.1      1.2            11.      11.
        1.1  ->  1.2            ..1  ->  ..2      (corners do not count)

    Hints
    - Flood fill: at a pixel without a number, give it the next one, put it on a list, and as long as the list is not
      empty take a pixel off and do the same to its neighbours. A list, because Python's recursion is not deep enough.
    - What are the neighbours of a pixel at the edge? labels[y, -1] is a pixel, too.
    """
    labels = label_regions(np.repeat(mask[..., None] * np.uint8(255), 3, -1), 40)
    return np.where(mask, np.searchsorted(np.unique(labels[mask]), labels) + 1, 0)


def draws(rng):
    """Shapes that a single pass gets wrong, pictures of one row, one column or nothing, then random ones."""
    pictures = ["1.1/1.1/111", "111/1.1/1.1", "1.1/.1./1.1", "11111/1...1/1.1.1/1...1/11111", "..1/111", "1.11.1"]
    pictures += ["1....1/111111", "..11/11..", "1/./1", "....", "1"]
    for picture in pictures:
        yield (np.array([[pixel == "1" for pixel in row] for row in picture.split("/")]),)
    for number in range(20):
        yield (rng.random((4 + number % 3, 5 + number % 4)) < 0.55,)
    yield (np.ones((40, 60), bool),)  # deeper than Python's recursion


def flood(mask, steps, wrap=False):
    """Number the components in reading order of their first pixels; every neighbour that is reached joins in."""
    height, width = mask.shape
    labels, count = np.zeros(mask.shape, np.int64), 0
    for start in zip(*np.nonzero(mask), strict=True):
        if labels[start]:
            continue
        count += 1
        labels[start], waiting = count, [start]
        while waiting:
            y, x = waiting.pop()
            for down, right in steps:
                j, i = y + down, x + right
                if wrap:
                    j, i = j + i // width, i % width
                if 0 <= j < height and 0 <= i < width and mask[j, i] and not labels[j, i]:
                    labels[j, i] = count
                    waiting.append((j, i))
    return labels


def one_pass(mask):
    """Left or upper neighbour's number, and never a second look."""
    labels, count = np.zeros(mask.shape, np.int64), 0
    for y, x in zip(*np.nonzero(mask), strict=True):
        left, up = labels[y, x - 1] if x else 0, labels[y - 1, x] if y else 0
        if not (left or up):
            count += 1
        labels[y, x] = left or up or count
    return labels


def by_columns(mask):
    return flood(mask.T, BESIDE).T


VARIES = (
    "-> the result * k",
    "the things have the numbers {k}, 2 · {k}, 3 · {k} …, so that a picture of them shows something",
)
SOLVED = (label_regions,)
MISTAKES = (
    ("pixels that touch at a corner only are different things here", lambda m: flood(m, BESIDE + CORNERS)),
    ("a U is one thing: when two numbers meet, they must become one", one_pass),
    ("the end of a row is joined to the beginning of the next one", lambda m: flood(m, BESIDE, wrap=True)),
    ("the numbers go by columns; number them in reading order, row by row", by_columns),
    ("the numbers begin at 0, which is the background", lambda m: connected_components(m) - 1),
    ("the background is numbered, too", lambda m: connected_components(m) + 1),
)
