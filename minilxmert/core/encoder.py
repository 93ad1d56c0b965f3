"""The three encoders and the embeddings they start from (paper, sections 2.1 and 2.2)."""

from collections import deque

from ..kernels import add_norm, embedding, layer_norm, layer_norm_backward, linear, linear_act, twinned
from . import ops
from .attention import (
    cross_attention,
    cross_attention_backward,
    pair_up,
    pick_backward,
    self_attention,
    self_attention_backward,
)
from .ops import child, dropout


def embed_words(words, places, types, p, config, rng=None, cache=None):
    """words: ids (B, N) or ready embeddings (B, N, E); places (B, N) 0, 1, 2 …; types (B, N) segments -> (B, N, E)

    LayerNorm of the sum of word, position and segment embedding."""
    x = embedding(places, p["position"])
    x += words if words.dtype.kind == "f" else embedding(words, p["word"])
    if cache is not None:
        cache.update(words=words, places=places, types=types)
    y = add_norm(x, embedding(types, p["token_type"]), p["norm"], config.layer_norm_eps, child(cache, "norm"))
    return dropout(y, config.hidden_dropout_prob, rng, child(cache, "drop"))


def embed_words_backward(dy, p, cache, g):
    """dy (B, N, E); adds into the tables of g; returns the gradient of the summed embeddings (B, N, E)"""
    dx = layer_norm_backward(ops.dropout_backward(dy, cache["drop"]), p["norm"], cache["norm"], g["norm"])
    if cache["words"].dtype.kind != "f":
        ops.embedding_backward(dx, cache["words"], g["word"])
    ops.embedding_backward(dx, cache["places"], g["position"])
    ops.embedding_backward(dx, cache["types"], g["token_type"])
    return dx


def embed_objects(feats, boxes, p, config, rng=None, cache=None):
    """feats (B, M, F), boxes (B, M, P) in 0…1 -> (B, M, E): the mean of both after a linear map and a LayerNorm each"""
    eps = config.layer_norm_eps
    x = layer_norm(linear(feats, p["feats"], child(cache, "feats")), p["feats_norm"], eps, child(cache, "feats_norm"))
    y = layer_norm(linear(boxes, p["boxes"], child(cache, "boxes")), p["boxes_norm"], eps, child(cache, "boxes_norm"))
    x += y
    x /= 2
    return dropout(x, config.hidden_dropout_prob, rng, child(cache, "drop"))


def embed_objects_backward(dy, p, cache, g):
    """dy (B, M, E) -> dfeats (B, M, F), dboxes (B, M, P)"""
    half = ops.dropout_backward(dy, cache["drop"]) / 2

    def branch(name):
        norm = f"{name}_norm"
        dx = layer_norm_backward(half, p[norm], cache[norm], g[norm])
        return ops.linear_backward(dx, p[name], cache[name], g[name])

    return branch("feats"), branch("boxes")


def embed(inputs, p, config, rng=None, cache=None):
    """-> words (B, N, E) and objects (B, M, E), or (R, E) and (S, E) for packed inputs"""
    words = inputs.words, inputs.places, inputs.types
    lang = embed_words(*words, p["embeddings"], config, rng, child(cache, "embeddings"))
    return lang, embed_objects(inputs.feats, inputs.boxes, p["objects"], config, rng, child(cache, "objects"))


def embed_backward(dlang, dvisn, p, cache, g):
    """The gradients of both -> those of the word embeddings, the feats and the boxes"""
    dwords = embed_words_backward(dlang, p["embeddings"], cache["embeddings"], g["embeddings"])
    return dwords, *embed_objects_backward(dvisn, p["objects"], cache["objects"], g["objects"])


@twinned("blocks")
def feed_forward(x, p, config, rng=None, cache=None):
    """layer_norm(dropout(outer(act(inner(x)))) + x): x (B, N, E) -> (B, N, E)"""
    z = linear_act(x, p["inner"], config.hidden_act, child(cache, "inner"))
    y = dropout(linear(z, p["outer"], child(cache, "outer")), config.hidden_dropout_prob, rng, child(cache, "drop"))
    return add_norm(y, x, p["norm"], config.layer_norm_eps, child(cache, "norm"))


def feed_forward_backward(dy, p, cache, g):
    """dy (B, N, E) -> dx (B, N, E)"""
    dx = layer_norm_backward(dy, p["norm"], cache["norm"], g["norm"])
    dz = ops.linear_backward(ops.dropout_backward(dx, cache["drop"]), p["outer"], cache["outer"], g["outer"])
    return dx + ops.linear_act_backward(dz, p["inner"], cache["inner"], g["inner"])


def layer(x, mask, p, config, rng=None, cache=None):
    """One transformer layer: self-attention, then feed-forward. x (B, N, E), mask (B, 1, 1, N) -> (B, N, E)"""
    x = self_attention(x, mask, p["attention"], config, rng, child(cache, "attention"))
    return feed_forward(x, p["ffn"], config, rng, child(cache, "ffn"))


def layer_backward(dy, p, cache, g):
    """dy (B, N, E) -> dx (B, N, E)"""
    dy = feed_forward_backward(dy, p["ffn"], cache["ffn"], g["ffn"])
    return self_attention_backward(dy, p["attention"], cache["attention"], g["attention"])


def cross_layer(lang, visn, lang_mask, visn_mask, p, config, rng=None, cache=None):
    """Cross-attention in both directions, then an ordinary layer on each side. lang (B, N, E), visn (B, M, E)"""
    lang, visn = cross_attention(lang, visn, lang_mask, visn_mask, p["cross"], config, rng, child(cache, "cross"))
    lang = layer(lang, lang_mask, p["language"], config, rng, child(cache, "language"))
    visn = layer(visn, visn_mask, p["vision"], config, rng, child(cache, "vision"))
    return lang, visn


def cross_layer_backward(dlang, dvisn, p, cache, g):
    """dlang (B, N, E), dvisn (B, M, E) -> the gradients of both inputs, in the same shapes"""
    dvisn = layer_backward(dvisn, p["vision"], cache["vision"], g["vision"])
    dlang = layer_backward(dlang, p["language"], cache["language"], g["language"])
    return cross_attention_backward(dlang, dvisn, p["cross"], cache["cross"], g["cross"])


@twinned("stacks")
def layers(x, mask, p, config, rng=None, cache=None, kept=None):
    """The layers of p one after the other: x (B, N, E) -> the states after each, (B, N, E), the last `kept` of them"""
    states = deque(maxlen=kept)
    for name in p:
        x = layer(x, mask, p[name], config, rng, child(cache, name))
        states.append(x)
    return states


@twinned("stacks")
def cross_layers(lang, visn, lang_mask, visn_mask, p, config, rng=None, cache=None, kept=None):
    """The same of cross layers -> (lang, visn) after each"""
    states = deque(maxlen=kept)
    for name in p:
        lang, visn = cross_layer(lang, visn, lang_mask, visn_mask, p[name], config, rng, child(cache, name))
        states.append((lang, visn))
    return states


def encode(lang, visn, lang_mask, visn_mask, p, config, rng=None, cache=None, pairs=(None, None), last=None, kept=None):
    """The three encoders. lang (A, N, E), visn (C, M, E), masks (A, 1, 1, N) and (C, 1, 1, M) added to the scores.

    pairs: which sentence and which picture each pair has (B,), or None: each its own. Both are encoded once by their
    own layers, whatever number of pairs they are in; from the cross layers on the states are those of pairs.
    last: stands for the last cross layer, where less of it is wanted. Returns the hidden states of both sides (the last
    `kept`), one array a layer with the embeddings first, the outputs last."""
    lang_states = [lang, *layers(lang, lang_mask, p["language"], config, rng, child(cache, "language"), kept)]
    visn_states = [visn, *layers(visn, visn_mask, p["vision"], config, rng, child(cache, "vision"), kept)]
    lang, lang_mask = pair_up(lang_states[-1], lang_mask, pairs[0], child(cache, "lang_pairs"))
    visn, visn_mask = pair_up(visn_states[-1], visn_mask, pairs[1], child(cache, "visn_pairs"))
    cross, final, c = p["cross"], None, child(cache, "cross")
    if last and cross:
        cross = dict(cross)
        name, final = cross.popitem()
    states = [*cross_layers(lang, visn, lang_mask, visn_mask, cross, config, rng, c, kept)]
    if final:
        before = (states or [(lang, visn)])[-1]
        states.append(last(*before, lang_mask, visn_mask, final, config, rng, child(c, name)))
    lang_states += [lang for lang, _ in states]
    visn_states += [visn for _, visn in states]
    first = -kept if kept else None
    return lang_states[first:], visn_states[first:]


def encode_backward(dlang, dvisn, p, cache, g, last=None):
    """The gradients of both outputs -> the gradients of both embeddings. last: the backward of encode's `last`, which
    takes one output's gradient, dlang"""
    for name in reversed(p["cross"]):
        step = p["cross"][name], cache["cross"][name], g["cross"][name]
        dlang, dvisn = last(dlang, *step) if last else cross_layer_backward(dlang, dvisn, *step)
        last = None
    dlang, dvisn = pick_backward(dlang, cache["lang_pairs"]), pick_backward(dvisn, cache["visn_pairs"])
    for name in reversed(p["vision"]):
        dvisn = layer_backward(dvisn, p["vision"][name], cache["vision"][name], g["vision"][name])
    for name in reversed(p["language"]):
        dlang = layer_backward(dlang, p["language"][name], cache["language"][name], g["language"][name])
    return dlang, dvisn
