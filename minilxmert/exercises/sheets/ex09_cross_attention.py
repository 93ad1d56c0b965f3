"""Cross-attention in both directions: queries from one side, keys and values from the other; both directions read the
old states.

60 minutes; chapter 6."""

from ...core import attention
from ...core.ops import attend, layer_norm, linear
from ...core.params import attention_shapes
from . import parameters, random_mask, sized

E = 6


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

    def look(x, context, mask):
        z = attend(linear(x, p["query"]), linear(context, p["key"]), linear(context, p["value"]), mask, heads)
        return layer_norm(linear(z, p["output"]) + x, p["norm"], eps)

    new_lang = look(lang, visn, visn_mask)
    new_visn = look(visn, lang, lang_mask)
    return new_lang, new_visn


@sized((2, 3, 5, 2), (1, 1, 1, 1), (2, 4, 4, 3), (1, 6, 2, 2))
def draws(rng, b, n, m, heads):
    states = rng.standard_normal((b, n, E)), rng.standard_normal((b, m, E))
    masks = random_mask(rng, b, n), random_mask(rng, b, m)
    return *states, *masks, parameters(rng, attention_shapes(E)), heads, 0.1


VARIES = "p.output / k", "what is found counts {k} times: result = layer_norm({k} · output(z) + x)"
IMPORTS = "import numpy as np\n\nfrom minilxmert.core.ops import attend, layer_norm, linear"
SOLVED = (attention.cross_attention,)
OUTPUTS = ("lang", "visn")
SLIPS = """
the second direction reads the updated lang; both directions must read the old states
    look(visn, lang, => look(visn, new_lang,
it reads the updated visn; both directions must read the old states
    new_lang = look(lang, visn, => visn = look(visn, lang, lang_mask); new_lang = look(lang, visn,
    new_visn = look(visn, lang, lang_mask) => new_visn = visn
the residual is missing: add the incoming state before the LayerNorm
    + x =>
the LayerNorm is missing
    layer_norm(linear(z, p["output"]) + x, p["norm"], eps) => linear(z, p["output"]) + x
it attends to its own side; keys and values come from the other side
    look(lang, visn, visn_mask) => look(lang, lang, lang_mask)
    look(visn, lang, lang_mask) => look(visn, visn, visn_mask)
the masks are not used: the hidden places of the other side must get no share
    mask, heads) => 0 * mask, heads)
"""
