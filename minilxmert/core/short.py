"""Shorter ways through the model, and back, with the numbers of model.py: without padding, in rows (R, E) instead of
(B, N, E); and for what reads the pooled state alone (the answers), of the last layer only [CLS]."""

import numpy as np

from ..kernels import linear, linears
from . import encoder, heads
from .attention import QKV, Rows, attend_to, attend_to_backward, attention_output, attention_output_backward
from .encoder import feed_forward, feed_forward_backward
from .inputs import Inputs, is_visible
from .losses import IGNORED
from .model import Run, add_pooled
from .ops import child, in_place, linear_backward, linears_backward, unpack


def without_padding(inputs):
    """The same inputs without the hidden places at the end of each sentence and picture, packed row after row: the
    arrays become (R, …) and the masks Rows. A sentence that is hidden altogether stays whole."""
    lang, words = visible_rows(inputs.lang_mask, at_least=1)
    visn, objects = visible_rows(inputs.visn_mask)
    return Inputs(
        inputs.words[words], inputs.places[words], inputs.types[words],
        kept_rows(inputs.feats, objects), kept_rows(inputs.boxes, objects), lang, visn, inputs.pairs,
    )  # fmt: skip


def kept_rows(x, kept):
    """x (B, M, F), kept (B, M) of bool -> (R, F); without a copy where all are kept"""
    return x.reshape(-1, x.shape[-1]) if x.size and kept.all() else x[kept]


def visible_rows(mask, at_least=0):
    """mask (B, 1, 1, N) -> its Rows, and which places are in them, (B, N) of bool"""
    visible, n = is_visible(mask), mask.shape[-1]
    lengths = np.where(visible.any(1), n - visible[:, ::-1].argmax(1), n) if n else np.zeros(len(mask), np.int64)
    starts = np.concatenate([[0], np.cumsum(np.maximum(lengths, at_least))])
    kept = in_place(starts, n)
    return Rows(starts, mask[:, 0, 0][kept]), kept


def encode_rows(inputs, p, config, rng=None, cache=None, last=None):
    """Inputs -> the same without padding, and the last states of their words (R, E) and objects (S, E)"""
    rows = without_padding(inputs)
    embedded, masks = encoder.embed(rows, p, config, rng, cache), (rows.lang_mask, rows.visn_mask)
    lang, visn = encoder.encode(*embedded, *masks, p, config, rng, cache, rows.pairs, last, kept=1)
    return rows, lang[-1], visn[-1]


# --- with the last states of all that is seen ------------------------------------------------------------------------


def run_without_padding(inputs, p, config, rng=None, cache=None):
    """run_encoders for training: Inputs without pairs -> Run with the last states alone, zeros at hidden ends"""
    rows, lang, visn = encode_rows(inputs, p, config, rng, cache)
    sides = (rows.lang_mask, inputs.lang_mask), (rows.visn_mask, inputs.visn_mask)
    words, objects = (in_place(packed.starts, mask.shape[-1]) for packed, mask in sides)
    if cache is not None:
        cache["seen"] = words, objects
    lang, visn = unpack(lang, words), unpack(visn, objects)
    pooled = heads.pool(lang[:, 0], p["pooler"], child(cache, "pooler"))
    return Run([lang], [visn], pooled, p, cache, run_without_padding_backward)


def run_without_padding_backward(dlang, dvisn, dpooled, p, cache, g):
    """Gradients of the three outputs -> those of run_encoders_backward, of packed rows"""
    (words, objects), dlang = cache["seen"], add_pooled(dlang, dpooled, p, cache, g)
    dlang, dvisn = encoder.encode_backward(dlang[words], dvisn[objects], p, cache, g)
    return encoder.embed_backward(dlang, dvisn, p, cache, g)


def needs_no_padding(inputs, targets, config):
    """Whether run_without_padding has all states that these labels ask for, and no two pairs share any.

    With eps 0 the heads would make NaN of the zeros at hidden ends, which have no states."""
    if inputs.pairs != (None, None) or not config.layer_norm_eps:
        return False
    words, objects = (~is_visible(mask) for mask in (inputs.lang_mask, inputs.visn_mask))
    unlabelled = "masked_lm" not in targets or np.isin(targets["masked_lm"][words], IGNORED).all()
    return unlabelled and not any(weight[objects].any() for _, weight in targets.get("visual", {}).values())


# --- with the pooled state alone -------------------------------------------------------------------------------------


def run_short(inputs, p, config, rng=None, cache=None):
    """run_encoders for what reads the pooled state alone (the answers), with a cross layer or more: Inputs -> Run
    without states"""
    _, first, _ = encode_rows(inputs, p, config, rng, cache, cross_layer_for_first_words)
    return Run([], [], heads.pool(first, p["pooler"], child(cache, "pooler")), p, cache, run_short_backward)


def run_short_backward(dlang, dvisn, dpooled, p, cache, g):
    """The gradient of the pooled state (B, E); dlang and dvisn are None -> those of run_encoders_backward, of rows"""
    dfirst = heads.pool_backward(dpooled, p["pooler"], cache["pooler"], g["pooler"])
    dlang, dvisn = encoder.encode_backward(dfirst, None, p, cache, g, cross_layer_for_first_words_backward)
    return encoder.embed_backward(dlang, dvisn, p, cache, g)


def cross_layer_for_first_words(lang, visn, lang_rows, visn_rows, p, config, rng=None, cache=None):
    """What the pooler needs of the last cross layer: the states of the first words, (B, E).

    lang (R, E) and visn (S, E) with Rows; the objects' half of the layer is not computed at all."""
    lang = one_way_attention(lang, visn, lang_rows, visn_rows, p["cross"], config, rng, child(cache, "cross"))
    places, own, c = lang_rows.starts[:-1], p["language"], child(cache, "language")
    if c is not None:
        c["places"] = places
    masks = lang_rows.first(), lang_rows
    first = one_way_attention(lang[places], lang, *masks, own["attention"], config, rng, child(c, "attention"))
    return feed_forward(first, own["ffn"], config, rng, child(c, "ffn")), visn


def cross_layer_for_first_words_backward(dfirst, p, cache, g):
    """dfirst (B, E) -> the gradients of lang (R, E) and visn (S, E)"""
    own, c, g_own = p["language"], cache["language"], g["language"]
    dfirst = feed_forward_backward(dfirst, own["ffn"], c["ffn"], g_own["ffn"])
    dfirst, dlang = one_way_attention_backward(dfirst, own["attention"], c["attention"], g_own["attention"])
    dlang[c["places"]] += dfirst
    return one_way_attention_backward(dlang, p["cross"], cache["cross"], g["cross"])


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
