"""Exercise 9: cross-attention in both directions. About 60 minutes; chapter 6."""

import numpy as np

from minilxmert.core.ops import attend, layer_norm, linear


def cross_attention(lang, visn, lang_mask, visn_mask, p, heads, eps):
    """Words look at objects, and objects look at words, with one set of weights for both directions.

    lang (B, N, E), visn (B, M, E), lang_mask (B, 1, 1, N) and visn_mask (B, 1, 1, M) to be added to the scores,
    p {query, key, value, output: {"w" (E, E), "b" (E,)}, norm: {"w" (E,), "b" (E,)}}, heads H, eps
    -> two arrays, the new lang (B, N, E) and the new visn (B, M, E)

    For each direction:

        z = attend(query(x), key(context), value(context), mask of the context, heads)
        result = layer_norm(output(z) + x)

    Hints
    - linear(x, p), layer_norm(x, p, eps) and attend(q, k, v, mask, heads) are there already.
    - A mask hides places of what is looked at.
    - Both directions read what came in. Which variable does your second direction read?
    """
    raise NotImplementedError("exercise 9")
