"""Exercise 3: words become vectors. About 20 minutes; chapter 2."""

import numpy as np

from minilxmert.core.ops import layer_norm


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
    raise NotImplementedError("exercise 3")
