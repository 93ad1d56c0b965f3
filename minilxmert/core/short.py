"""Shorter ways through the model, and back, with the numbers of model.py: without padding, in rows (R, E) instead of
(B, N, E); and for what reads the pooled state alone (the answers), of the last layer only [CLS]."""

import numpy as np

from ..kernels import linear, linears
from . import encoder, heads
from .attention import QKV, Rows, attend_to, attend_to_backward, attention_output, attention_output_backward
from .encoder import feed_forward, feed_forward_backward
from .inputs import Inputs
from .model import Run
from .ops import child, linear_backward, linears_backward, unpack


def without_padding(inputs):
    """-> the same inputs without the hidden places at the end of each sentence and picture, packed row after row, and
    which places are left, (A, N) and (C, M) of bool. The arrays become (R, …) and the masks Rows. A sentence that is
    hidden altogether stays whole."""
    lang, words = visible_rows(inputs.lang_mask, at_least=1)
    visn, objects = visible_rows(inputs.visn_mask)
    rows = Inputs(
        inputs.words[words], inputs.places[words], inputs.types[words],
        kept_rows(inputs.feats, objects), kept_rows(inputs.boxes, objects), lang, visn, inputs.pairs,
    )  # fmt: skip
    return rows, words, objects


def kept_rows(x, kept):
    """x (B, M, F), kept (B, M) of bool -> (R, F); without a copy where all are kept"""
    return x.reshape(-1, x.shape[-1]) if x.size and kept.all() else x[kept]


def visible_rows(mask, at_least=0):
    """mask (B, 1, 1, N) -> its Rows, and which places are in them, (B, N) of bool"""
    mask = mask[:, 0, 0]  # (B, N)
    n = mask.shape[1]
    visible = mask > np.finfo(mask.dtype).min
    lengths = np.where(visible.any(1), n - visible[:, ::-1].argmax(1), n) if n else np.zeros(len(mask), np.int64)
    kept = np.arange(n) < np.maximum(lengths, at_least)[:, None]
    return Rows(np.concatenate([[0], np.cumsum(kept.sum(1))]), mask[kept]), kept


def one_way_attention(x, context, x_mask, context_mask, p, config, rng=None, cache=None):
    """The rows of x attend to those of context: where only a part of a block's rows is wanted."""
    q, (k, v) = linear(x, p["query"], child(cache, "query")), linears(context, p, QKV[1:], cache)
    z = attend_to(q, k, v, x_mask, context_mask, config, rng, child(cache, "attend"))
    return attention_output(z, x, p, config, rng, cache)


def one_way_attention_backward(dy, p, cache, g):
    """dy, like x -> the gradients of x and of context"""
    dz, dx = attention_output_backward(dy, p, cache, g)
    dq, dk, dv = attend_to_backward(dz, cache["attend"])
    dx = dx + linear_backward(dq, p["query"], cache["query"], g["query"])
    return dx, linears_backward((dk, dv), p, QKV[1:], cache, g)


def cross_layer_for_first_words(lang, visn, lang_rows, visn_rows, p, config, rng=None, cache=None):
    """What the pooler needs of the last cross layer: the states of the first words, (B, E).

    lang (R, E) and visn (S, E) with Rows; the objects' half of the layer is not computed at all."""
    lang = one_way_attention(lang, visn, lang_rows, visn_rows, p["cross"], config, rng, child(cache, "cross"))
    places = lang_rows.starts[:-1]
    first, p, cache = lang[places], p["language"], child(cache, "language")
    if cache is not None:
        cache["places"] = places
    to_all = first, lang, lang_rows.first(), lang_rows
    first = one_way_attention(*to_all, p["attention"], config, rng, child(cache, "attention"))
    return feed_forward(first, p["ffn"], config, rng, child(cache, "ffn")), visn


def cross_layer_for_first_words_backward(dfirst, p, cache, g):
    """dfirst (B, E) -> the gradients of lang (R, E) and visn (S, E)"""
    own, c, g_own = p["language"], cache["language"], g["language"]
    dfirst = feed_forward_backward(dfirst, own["ffn"], c["ffn"], g_own["ffn"])
    dfirst, dlang = one_way_attention_backward(dfirst, own["attention"], c["attention"], g_own["attention"])
    dlang[c["places"]] += dfirst
    return one_way_attention_backward(dlang, p["cross"], cache["cross"], g["cross"])


def run_short(inputs, p, config, rng=None, cache=None):
    """run_encoders for what reads the pooled state alone (the answers), with a cross layer or more: Inputs -> Run
    without states"""
    rows, *_ = without_padding(inputs)
    masks = rows.lang_mask, rows.visn_mask
    short = {"pairs": rows.pairs, "last": cross_layer_for_first_words, "kept": 1}
    lang, _ = encoder.encode(*encoder.embed(rows, p, config, rng, cache), *masks, p, config, rng, cache, **short)
    return Run([], [], heads.pool(lang[-1], p["pooler"], child(cache, "pooler")), p, cache, run_short_backward)


def run_short_backward(_, __, dpooled, p, cache, g):
    """The gradient of the pooled state (B, E) -> those of run_encoders_backward, of packed rows"""
    dfirst = heads.pool_backward(dpooled, p["pooler"], cache["pooler"], g["pooler"])
    dlang, dvisn = encoder.encode_backward(dfirst, None, p, cache, g, cross_layer_for_first_words_backward)
    return encoder.embed_backward(dlang, dvisn, p, cache, g)


def run_packed(inputs, p, config, rng=None, cache=None):
    """run_encoders for training: Inputs without pairs -> Run with the last states alone, zeros at hidden ends"""
    rows, words, objects = without_padding(inputs)
    masks = rows.lang_mask, rows.visn_mask
    lang, visn = encoder.encode(*encoder.embed(rows, p, config, rng, cache), *masks, p, config, rng, cache, kept=1)
    lang, visn = unpack(lang[-1], words), unpack(visn[-1], objects)
    if cache is not None:
        cache["packed"] = words, objects
    pooled = heads.pool(lang[:, 0], p["pooler"], child(cache, "pooler"))
    return Run([lang], [visn], pooled, p, cache, run_packed_backward)


def run_packed_backward(dlang, dvisn, dpooled, p, cache, g):
    """Gradients of the three outputs -> those of run_encoders_backward, of packed rows"""
    words, objects = cache["packed"]
    dlang = dlang.copy()
    dlang[:, 0] += heads.pool_backward(dpooled, p["pooler"], cache["pooler"], g["pooler"])
    dlang, dvisn = encoder.encode_backward(dlang[words], dvisn[objects], p, cache, g)
    return encoder.embed_backward(dlang, dvisn, p, cache, g)
