"""Two pictures, one statement: pairs as rows of a batch and back again: which row belongs to whom after a reshape.

25 minutes; chapter 10."""

import numpy as np

from ...core.inputs import pair_rows
from . import sized

F, E = 3, 4


def two_images(ids, feats, read):
    """The states of both pictures of each statement, side by side, for a head that judges "true" or "false" (NLVR2).

    ids (B, N) words of the statements, feats (B, 2, M, F) objects of the left and the right picture,
    read: a function (ids (R, N), feats (R, M, F)) -> states (R, E), the model up to the pooler, for any number of rows
    -> (B, 2E): for each statement the state with the left picture, then the state with the right one

    Call read once, with R = 2B rows.

    Hints
    - Reshaping (B, 2, M, F) to (2B, M, F) puts the two pictures of a statement in rows 2i and 2i + 1.
    - np.repeat([a, b], 2) is a a b b, np.tile([a, b], 2) is a b a b.
    - With a batch of one statement every order looks right. Try three.
    """
    states = read(np.repeat(ids, 2, axis=0), feats.reshape(-1, *feats.shape[2:]))
    return states.reshape(len(ids), -1)


def reader(words, objects):
    """A small model: the state of a sentence and a picture, which depends on every word and object and their places."""

    def read(ids, feats):
        if ids.ndim != 2 or feats.ndim != 3 or len(ids) != len(feats):
            raise ValueError(f"read expects ids (R, N) and feats (R, M, F), found {ids.shape} and {feats.shape}")
        return np.tanh(ids @ words[: ids.shape[1]] / 9 + np.einsum("rmf,mfe->re", feats, objects[: feats.shape[1]]))

    return read


@sized((3, 4, 2), (1, 3, 3), (2, 2, 5), (4, 1, 1))
def draws(rng, b, n, m):
    """One statement, three statements, and as many words as objects."""
    read = reader(rng.standard_normal((n, E)), rng.standard_normal((m, F, E)))
    return rng.integers(0, 9, (b, n)), rng.standard_normal((b, 2, m, F)), read


VARIES = "feats * k", "feats are stored {k} times too large: read wants them divided by {k}"
SOLVED = (pair_rows,)
SLIPS = """
the statements are repeated s0 s1 s0 s1; the pictures lie s0 s0 s1 s1: use np.repeat
    np.repeat(ids, 2, axis=0) => np.tile(ids, (2, 1))
the first half of the rows are not the left pictures: rows 2i and 2i + 1 belong together
    states.reshape(len(ids), -1) => np.concatenate(np.split(states, 2), axis=1)
after a concatenation, rows i and B + i belong together; a reshape pairs 2i and 2i + 1
    np.repeat(ids, 2, axis=0) => np.tile(ids, (2, 1))
    feats.reshape(-1, *feats.shape[2:]) => np.concatenate([feats[:, 0], feats[:, 1]])
left and right picture are exchanged
    feats.reshape => feats[:, [1, 0]].reshape
both halves are the left picture
    feats.reshape => feats[:, [0, 0]].reshape
both halves are the right picture
    feats.reshape => feats[:, [1, 1]].reshape
"""
