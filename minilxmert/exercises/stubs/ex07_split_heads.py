"""Exercise 7: split into heads. About 10 minutes; chapter 4."""

import numpy as np


def split_heads(x, heads):
    """Cut every row into `heads` parts and put the heads before the words: each head is a small model of its own.

    x (B, N, E), heads H, which divides E -> (B, H, N, D) with D = E / H

    Head 0 has the first D values of each row, head 1 the next D, and so on.

    Hints
    - reshape never moves a value in memory. Which axis can it cut in two?
    - x.transpose(0, 2, 1, 3) exchanges axes 1 and 2 of four.
    """
    raise NotImplementedError("exercise 7")
