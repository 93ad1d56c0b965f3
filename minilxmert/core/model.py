"""One pass through the whole model, and back; and the short way to answers, whose numbers are the same: what reads only
the pooled state needs of the last layer only [CLS], and no padding: rows are packed, (R, E) instead of (B, N, E)."""

from dataclasses import dataclass

import numpy as np

from ..kernels import linear, linears
from . import encoder, heads
from .attention import QKV, Rows, attend_to, attention_output
from .encoder import feed_forward
from .inputs import Inputs
from .ops import child


@dataclass
class Run:
    """One pass through the encoders: every hidden state, and the cache when something is to be read from it."""

    lang: list  # (B, N, E) each, embeddings first
    visn: list  # (B, M, E) each
    pooled: np.ndarray  # (B, E)
    p: dict  # the parameters that were used
    cache: dict | None


def run_encoders(inputs, p, config, rng=None, cache=None, kept=None):
    """Inputs -> Run: the embeddings, the three encoders and the pooler. kept: how many of the last states to keep"""
    lang, visn = encoder.embed(inputs, p, config, rng, cache)
    masks = inputs.lang_mask, inputs.visn_mask
    lang, visn = encoder.encode(lang, visn, *masks, p, config, rng, cache, inputs.pairs, kept=kept)
    return Run(lang, visn, heads.pool(lang[-1][:, 0], p["pooler"], child(cache, "pooler")), p, cache)


def run_encoders_backward(dlang, dvisn, dpooled, p, cache, g):
    """Gradients of the three outputs (B, N, E), (B, M, E), (B, E) -> gradients of word embeddings, feats and boxes"""
    dlang = dlang.copy()
    dlang[:, 0] += heads.pool_backward(dpooled, p["pooler"], cache["pooler"], g["pooler"])
    dlang, dvisn = encoder.encode_backward(dlang, dvisn, p, cache, g)
    dwords = encoder.embed_words_backward(dlang, p["embeddings"], cache["embeddings"], g["embeddings"])
    return dwords, *encoder.embed_objects_backward(dvisn, p["objects"], cache["objects"], g["objects"])


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
    mask = mask[:, 0, 0]  # (B, N)
    n = mask.shape[1]
    visible = mask > np.finfo(mask.dtype).min
    lengths = np.where(visible.any(1), n - visible[:, ::-1].argmax(1), n) if n else np.zeros(len(mask), np.int64)
    kept = np.arange(n) < np.maximum(lengths, at_least)[:, None]
    return Rows(np.concatenate([[0], np.cumsum(kept.sum(1))]), mask[kept]), kept


def one_way_attention(x, context, x_mask, context_mask, p, config):
    """The rows of x attend to those of context, in inference: where only a part of a block's rows is wanted."""
    q, (k, v) = linear(x, p["query"]), linears(context, p, QKV[1:])
    return attention_output(attend_to(q, k, v, x_mask, context_mask, config), x, p, config)


def cross_layer_for_first_words(lang, visn, lang_rows, visn_rows, p, config, rng=None, cache=None):
    """What the pooler needs of the last cross layer, in inference: the states of the first words, (B, E).

    lang (R, E) and visn (S, E) with Rows; the objects' half of the layer is not computed at all."""
    lang = one_way_attention(lang, visn, lang_rows, visn_rows, p["cross"], config)
    first = lang[lang_rows.starts[:-1]]  # (B, E)
    p = p["language"]
    first = one_way_attention(first, lang, lang_rows.first(), lang_rows, p["attention"], config)
    return feed_forward(first, p["ffn"], config), visn


def run_short(inputs, p, config):
    """run_encoders, in inference, for what reads the pooled state alone (the answers): Inputs -> Run without states"""
    rows = without_padding(inputs)
    masks = rows.lang_mask, rows.visn_mask
    short = {"pairs": rows.pairs, "last": cross_layer_for_first_words, "kept": 1}
    lang, _ = encoder.encode(*encoder.embed(rows, p, config), *masks, p, config, **short)
    first = lang[-1] if p["cross"] else lang[-1][rows.lang_mask.starts[:-1]]  # (B, E)
    return Run([], [], heads.pool(first, p["pooler"]), p, None)
