"""Words become vectors: looking rows up in a table; why a word needs its place; one LayerNorm over the sum.

20 minutes; chapter 2."""

import numpy as np

from ...core import encoder
from ...core.ops import layer_norm
from . import parameters, sized

V, PLACES, TYPES, E = 11, 10, 2, 6
SHAPES = {
    **{name: {"w": (rows, E)} for name, rows in {"word": V, "position": PLACES, "token_type": TYPES}.items()},
    "norm": {"w": (E,), "b": (E,)},
}


def embed_words(ids, types, p, eps):
    """LayerNorm of the sum of three vectors: of the word, of its place in the sentence, of its segment.

    ids (B, N) numbers of words, types (B, N) segments 0 or 1, p the parameters below, eps a small number -> (B, N, E)

        p["word"]["w"] (V, E), p["position"]["w"] (P, E), p["token_type"]["w"] (2, E)      tables, a row a vector
        p["norm"] = {"w": (E,), "b": (E,)}                                                for layer_norm

    The places of a sentence are 0, 1, 2 … N - 1.

    Hints
    - table[ids] looks up a row for each number of ids: (V, E) and (B, N) give (B, N, E).
    - (B, N, E) + (N, E) adds the same to every sentence.
    - layer_norm(x, p, eps) is there already; exercise 6 is about it.
    """
    places = np.arange(ids.shape[1])
    parts = p["word"]["w"][ids], p["position"]["w"][places], p["token_type"]["w"][types]
    return layer_norm(sum(parts), p["norm"], eps)


@sized((2, 5), (4, 4), (1, 1), (3, 2), (1, 9))
def draws(rng, b, n):
    """As many sentences as words in some draws, a single word in others."""
    return rng.integers(0, V, (b, n)), rng.integers(0, TYPES, (b, n)), parameters(rng, SHAPES), 0.1


VARIES = "p.word / k", "the vectors of words count {k} times: multiply the rows of their table by {k}"
IMPORTS = "import numpy as np\n\nfrom minilxmert.core.ops import layer_norm"
SOLVED = (encoder.embed_words,)
SLIPS = """
the places are missing: the order of the words is lost
    p["position"]["w"][places] => 0
the segments (token_type) are missing
    p["token_type"]["w"][types] => 0
places begin at 1; the first word has place 0
    np.arange(ids.shape[1]) => 1 + np.arange(ids.shape[1])
the place is that of the sentence in the batch, not of the word in the sentence
    np.arange(ids.shape[1]) => np.arange(ids.shape[0])[:, None]
the LayerNorm is missing
    layer_norm(sum(parts), p["norm"], eps) => sum(parts)
each part has a LayerNorm of its own; here there is one, over the sum
    layer_norm(sum(parts), p["norm"], eps) => sum(layer_norm(part, p["norm"], eps) for part in parts)
"""
