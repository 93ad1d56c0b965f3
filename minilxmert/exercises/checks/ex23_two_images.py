"""One statement about two pictures: each is read with the statement, and both states are judged together."""

import numpy as np

from ...core.inputs import pair_rows
from ..checking import Exercise

F, E = 3, 4


def solution(ids, feats, read):
    return read(np.repeat(ids, 2, axis=0), pair_rows("feats", feats)).reshape(len(ids), -1)


def reader(words, objects):
    """A small model: the state of a sentence and a picture, which depends on every word and object and their places."""

    def read(ids, feats):
        if ids.ndim != 2 or feats.ndim != 3 or len(ids) != len(feats):
            raise ValueError(f"read expects ids (R, N) and feats (R, M, F), found {ids.shape} and {feats.shape}")
        return np.tanh(ids @ words[: ids.shape[1]] / 9 + np.einsum("rmf,mfe->re", feats, objects[: feats.shape[1]]))

    return read


def draws(rng):
    """One statement, three statements, and as many words as objects."""
    for number in range(24):
        b, n, m = [(3, 4, 2), (1, 3, 3), (2, 2, 5), (4, 1, 1)][number % 4]
        read = reader(rng.standard_normal((n, E)), rng.standard_normal((m, F, E)))
        yield rng.integers(0, 9, (b, n)), rng.standard_normal((b, 2, m, F)), read


def tiled(ids, feats, read):
    return read(np.tile(ids, (2, 1)), feats.reshape(-1, *feats.shape[2:])).reshape(len(ids), -1)


def mixed(ids, feats, read):
    states = read(np.repeat(ids, 2, axis=0), feats.reshape(-1, *feats.shape[2:]))
    return np.concatenate([states[: len(ids)], states[len(ids) :]], axis=1)


def one_after_the_other(ids, feats, read):
    states = read(np.tile(ids, (2, 1)), np.concatenate([feats[:, 0], feats[:, 1]]))
    return states.reshape(len(ids), -1)


def pair(*order):
    return lambda ids, feats, read: np.concatenate([read(ids, feats[:, which]) for which in order], axis=1)


EXERCISE = Exercise(
    title="Two pictures, one statement",
    minutes=25,
    chapter=10,
    teaches="pairs as rows of a batch and back again: which row belongs to whom after a reshape",
    solution=solution,
    draws=draws,
    solved=(pair_rows,),
    mistakes=(
        ("the statements are repeated s0 s1 s0 s1; the pictures lie s0 s0 s1 s1: use np.repeat", tiled),
        ("the first half of the rows are not the left pictures: rows 2i and 2i + 1 belong together", mixed),
        ("after a concatenation, rows i and B + i belong together; a reshape pairs 2i and 2i + 1", one_after_the_other),
        ("left and right picture are exchanged", pair(1, 0)),
        ("both halves are the left picture", pair(0, 0)),
        ("both halves are the right picture", pair(1, 1)),
    ),
)
