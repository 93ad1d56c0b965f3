"""Exercise 16: connected components. About 60 minutes; chapter 3."""

import numpy as np


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
    raise NotImplementedError("exercise 16")
