"""The pooler and the heads: what is read off the encoders' states, each a forward/backward pair over its own tree."""

from ..kernels import layer_norm, layer_norm_backward, linear, linear_act
from . import ops
from .ops import child


def pool(first, p, cache=None):
    """tanh(linear) of the first word's state ([CLS]): (B, E) -> (B, E)"""
    return ops.tanh(linear(first, p, cache), cache)


def pool_backward(dy, p, cache, g):
    """dy (B, E) -> the gradient of the first word's state (B, E)"""
    return ops.linear_backward(ops.activation_backward(dy, cache), p, cache, g)


def transform(x, p, config, cache=None):
    """layer_norm(act(linear(x))): what masked words and objects go through first. (..., E) -> (..., E)"""
    z = linear_act(x, p["transform"], config.hidden_act, child(cache, "transform"))
    return layer_norm(z, p["norm"], config.layer_norm_eps, child(cache, "norm"))


def transform_backward(dy, p, cache, g):
    """dy (..., E) -> dx (..., E)"""
    dz = layer_norm_backward(dy, p["norm"], cache["norm"], g["norm"])
    return ops.linear_act_backward(dz, p["transform"], cache["transform"], g["transform"])


def masked_lm(lang, p, words, config, cache=None):
    """A score for every word of the vocabulary at every place; `words` (V, E) is the word embedding itself (tied).

    lang (B, N, E) -> (B, N, V)"""
    decoder = p["decoder"] if "w" in p["decoder"] else {"w": words, "b": p["decoder"]["b"]}  # packed, or as it is
    return linear(transform(lang, p, config, cache), decoder, child(cache, "decoder"))


def masked_lm_backward(dy, p, words, cache, g, g_words):
    """dy (B, N, V) -> dlang (B, N, E); adds into g and into g_words (V, E)"""
    decoder, g_decoder = {"w": words, "b": p["decoder"]["b"]}, {"w": g_words, "b": g["decoder"]["b"]}
    return transform_backward(ops.linear_backward(dy, decoder, cache["decoder"], g_decoder), p, cache, g)


def objects_head(visn, p, config, cache=None):
    """What a masked object was: {"obj": class scores, "attr": attribute scores, "feat": its feature vector}

    visn (B, M, E) -> (B, M, classes), (B, M, attributes), (B, M, F); kinds that the config leaves out are absent"""
    z = transform(visn, p, config, cache)
    return {kind: linear(z, p[kind], child(cache, kind)) for kind in p if kind not in ("transform", "norm")}


def objects_head_backward(dys, p, cache, g):
    """dys {kind: gradient of its scores} -> dvisn (B, M, E)"""
    dz = sum(ops.linear_backward(dy, p[kind], cache[kind], g[kind]) for kind, dy in dys.items())
    return transform_backward(dz, p, cache, g)


def classify(x, p, config, cache=None):
    """Two linear maps with an exact GELU and a LayerNorm between: the answers, and the two-image verdict.

    x (B, I) -> (B, C)"""
    z = linear_act(x, p["inner"], "gelu", child(cache, "inner"))
    z = layer_norm(z, p["norm"], config.layer_norm_eps, child(cache, "norm"))
    return linear(z, p["outer"], child(cache, "outer"))


def classify_backward(dy, p, cache, g):
    """dy (B, C) -> dx (B, I)"""
    dz = ops.linear_backward(dy, p["outer"], cache["outer"], g["outer"])
    dz = layer_norm_backward(dz, p["norm"], cache["norm"], g["norm"])
    return ops.linear_act_backward(dz, p["inner"], cache["inner"], g["inner"])
