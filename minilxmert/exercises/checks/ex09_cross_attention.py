"""Cross-attention: words look at objects and objects at words, with one set of weights."""

import numpy as np

from ... import kernels
from ...core import attention
from ...core.config import LxmertConfig
from ...core.inputs import added_mask
from ...core.ops import attend, layer_norm, linear
from ...core.params import attention_shapes, flatten, unflatten
from ..checking import Exercise

E = 6


def solution(lang, visn, lang_mask, visn_mask, p, heads, eps):
    config = LxmertConfig(hidden_size=lang.shape[-1], num_attention_heads=heads, layer_norm_eps=eps)
    with kernels.backend("numpy"):
        return tuple(attention.cross_attention(lang, visn, lang_mask, visn_mask, p, config))


def draws(rng):
    for number in range(24):
        b, n, m, heads = [(2, 3, 5, 2), (1, 1, 1, 1), (2, 4, 4, 3), (1, 6, 2, 2)][number % 4]
        dtype = np.float32 if number < 4 else np.float64
        masks = []
        for size in (n, m):
            visible = (rng.random((b, size)) < 0.7).astype(float)
            visible[:, 0] = 1
            masks.append(added_mask(visible.astype(dtype)))
        lang, visn = rng.standard_normal((b, n, E)).astype(dtype), rng.standard_normal((b, m, E)).astype(dtype)
        shapes = flatten(attention_shapes(E))
        p = unflatten({name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()})
        yield lang, visn, *masks, p, heads, 0.1


def one_way(x, context, mask, p, heads, eps, residual=1, norm=True):
    z = attend(linear(x, p["query"]), linear(context, p["key"]), linear(context, p["value"]), mask, heads)
    y = linear(z, p["output"]) + residual * x
    return layer_norm(y, p["norm"], eps) if norm else y


def updated(lang, visn, lang_mask, visn_mask, p, heads, eps):
    lang = one_way(lang, visn, visn_mask, p, heads, eps)
    return lang, one_way(visn, lang, lang_mask, p, heads, eps)


def updated_objects(lang, visn, lang_mask, visn_mask, p, heads, eps):
    visn = one_way(visn, lang, lang_mask, p, heads, eps)
    return one_way(lang, visn, visn_mask, p, heads, eps), visn


def changed(**options):
    def both(lang, visn, lang_mask, visn_mask, p, heads, eps):
        new_lang = one_way(lang, visn, visn_mask, p, heads, eps, **options)
        return new_lang, one_way(visn, lang, lang_mask, p, heads, eps, **options)

    return both


def to_itself(lang, visn, lang_mask, visn_mask, p, heads, eps):
    return one_way(lang, lang, lang_mask, p, heads, eps), one_way(visn, visn, visn_mask, p, heads, eps)


def masks_ignored(lang, visn, lang_mask, visn_mask, p, heads, eps):
    return solution(lang, visn, 0 * lang_mask, 0 * visn_mask, p, heads, eps)


EXERCISE = Exercise(
    title="Cross-attention in both directions",
    minutes=60,
    chapter=6,
    teaches="queries from one side, keys and values from the other; both directions read the old states",
    solution=solution,
    draws=draws,
    solved=(attention.cross_attention,),
    outputs=("lang", "visn"),
    mistakes=(
        ("the second direction reads the updated lang; both directions must read the old states", updated),
        ("it reads the updated visn; both directions must read the old states", updated_objects),
        ("the residual is missing: add the incoming state before the LayerNorm", changed(residual=0)),
        ("the LayerNorm is missing", changed(norm=False)),
        ("it attends to its own side; keys and values come from the other side", to_itself),
        ("the masks are not used: the hidden places of the other side must get no share", masks_ignored),
    ),
)
