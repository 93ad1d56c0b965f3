"""The word embeddings: word, place and segment, summed and normalised."""

import numpy as np

from ... import kernels
from ...core import encoder, ops
from ...core.config import LxmertConfig
from ..checking import Exercise

V, PLACES, TYPES, E = 11, 10, 2, 6
ROWS = {"word": V, "position": PLACES, "token_type": TYPES}


def solution(ids, types, p, eps):
    places = np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
    with kernels.backend("numpy"):
        return encoder.embed_words(ids, places, types, p, LxmertConfig(layer_norm_eps=eps))


def draws(rng):
    """As many sentences as words in some draws, a single word in others."""
    for number in range(24):
        dtype = np.float32 if number < 4 else np.float64
        b, n = [(2, 5), (4, 4), (1, 1), (3, 2), (1, 9)][number % 5]
        tables = {name: {"w": rng.standard_normal((rows, E)).astype(dtype)} for name, rows in ROWS.items()}
        norm = {"w": rng.standard_normal(E).astype(dtype), "b": rng.standard_normal(E).astype(dtype)}
        yield rng.integers(0, V, (b, n)), rng.integers(0, TYPES, (b, n)), {**tables, "norm": norm}, 0.1


def changed(word=1, position=1, token_type=1, first=0, by_sentence=False, norm=True, apart=False):
    def embed(ids, types, p, eps):
        places = np.arange(first, first + ids.shape[1])
        if by_sentence:
            places = np.broadcast_to(np.arange(ids.shape[0])[:, None], ids.shape)
        parts = [word * p["word"]["w"][ids], position * p["position"]["w"][places] + 0 * p["word"]["w"][ids]]
        parts.append(token_type * p["token_type"]["w"][types])
        if apart:
            return sum(ops.layer_norm(part, p["norm"], eps) for part in parts)
        return ops.layer_norm(sum(parts), p["norm"], eps) if norm else sum(parts)

    return embed


EXERCISE = Exercise(
    title="Words become vectors",
    minutes=20,
    chapter=2,
    teaches="looking rows up in a table; why a word needs its place; one LayerNorm over the sum",
    solution=solution,
    draws=draws,
    solved=(encoder.embed_words,),
    mistakes=(
        ("the places are missing: the order of the words is lost", changed(position=0)),
        ("the segments (token_type) are missing", changed(token_type=0)),
        ("places begin at 1; the first word has place 0", changed(first=1)),
        ("the place is that of the sentence in the batch, not of the word in the sentence", changed(by_sentence=True)),
        ("the LayerNorm is missing", changed(norm=False)),
        ("each part has a LayerNorm of its own; here there is one, over the sum", changed(apart=True)),
    ),
)
