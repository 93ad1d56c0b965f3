"""The attention blocks: multi-head attention, then output projection, residual and LayerNorm.

p is {query, key, value, output, norm}; config gives the number of heads, the dropout rates and eps."""

from typing import NamedTuple

import numpy as np

from ..kernels import add_norm, attend, attend_rows, layer_norm_backward, linear, linears, twinned
from . import ops
from .ops import child, dropout

QKV = ("query", "key", "value")


class Rows(NamedTuple):
    """Stands where a mask (B, 1, 1, N) stands, for sentences (or pictures) packed row after row without padding:
    states are then (R, E) instead of (B, N, E)."""

    starts: np.ndarray  # (B + 1,): sentence b is rows starts[b] to starts[b + 1]
    mask: np.ndarray  # (R,) added to the scores

    def chosen(self, of):
        """The numbers of the rows of the sentences `of` (B,), one after the other, and their Rows."""
        lengths = np.diff(self.starts)[of]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        rows = np.arange(starts[-1]) + np.repeat(self.starts[:-1][of] - starts[:-1], lengths)
        return rows, Rows(starts, self.mask[rows])

    def first(self):
        """The Rows of the first row of each sentence, [CLS]."""
        return Rows(np.arange(len(self.starts)), self.mask[self.starts[:-1]])


def attend_to(q, k, v, queries, keys, config, rng=None, cache=None):
    """attend, or attend_rows where the masks of queries and keys are Rows."""
    options = config.num_attention_heads, config.attention_probs_dropout_prob, rng, cache
    if isinstance(keys, Rows):
        return attend_rows(q, k, v, queries.starts, keys.starts, keys.mask, *options)
    return attend(q, k, v, keys, *options)


def attend_to_backward(dz, cache):
    """The backward of attend_to: dz like q -> dq, dk, dv. Of rows, attend_rows has kept the places."""
    return (ops.attend_rows_backward if "places" in cache else ops.attend_backward)(dz, cache)


@twinned("blocks")
def self_attention(x, mask, p, config, rng=None, cache=None):
    """Every row of x attends to every row of x. x (B, N, E), mask (B, 1, 1, N) -> (B, N, E)"""
    q, k, v = linears(x, p, QKV, cache)
    z = attend_to(q, k, v, mask, mask, config, rng, child(cache, "attend"))
    return attention_output(z, x, p, config, rng, cache)


def self_attention_backward(dy, p, cache, g):
    """dy (B, N, E) -> dx (B, N, E)"""
    dz, dx = attention_output_backward(dy, p, cache, g)
    return dx + ops.linears_backward(attend_to_backward(dz, cache["attend"]), p, QKV, cache, g)


@twinned("blocks")
def cross_attention(lang, visn, lang_mask, visn_mask, p, config, rng=None, cache=None):
    """Words attend to objects and objects to words, with one set of weights (paper, section 2.2).

    Both directions read the incoming states, so all rows are projected at once. lang (B, N, E), visn (B, M, E) ->
    the same shapes. The maps are cache["lang"]["a"] (B, H, N, M) and cache["visn"]["a"] (B, H, M, N)."""
    both, n = np.concatenate([lang, visn], axis=-2), lang.shape[-2]  # (B, N + M, E)
    (ql, qv), (kl, kv), (vl, vv) = (split_rows(x, n) for x in linears(both, p, QKV, cache))
    lang_z = attend_to(ql, kv, vv, lang_mask, visn_mask, config, rng, child(cache, "lang"))
    visn_z = attend_to(qv, kl, vl, visn_mask, lang_mask, config, rng, child(cache, "visn"))
    return split_rows(attention_output(np.concatenate([lang_z, visn_z], axis=-2), both, p, config, rng, cache), n)


def cross_attention_backward(dlang, dvisn, p, cache, g):
    """dlang (B, N, E), dvisn (B, M, E) -> the gradients of both inputs, in the same shapes"""
    n = dlang.shape[-2]
    dz, dboth = attention_output_backward(np.concatenate([dlang, dvisn], axis=-2), p, cache, g)
    dlang_z, dvisn_z = split_rows(dz, n)
    dq_lang, dk_visn, dv_visn = attend_to_backward(dlang_z, cache["lang"])
    dq_visn, dk_lang, dv_lang = attend_to_backward(dvisn_z, cache["visn"])
    pairs = ((dq_lang, dq_visn), (dk_lang, dk_visn), (dv_lang, dv_visn))
    dboth = dboth + ops.linears_backward([np.concatenate(pair, axis=-2) for pair in pairs], p, QKV, cache, g)
    return split_rows(dboth, n)


def split_rows(x, n):
    """The first n rows and the others: (..., N + M, E) -> (..., N, E), (..., M, E)"""
    return x[..., :n, :], x[..., n:, :]


def attention_output(z, x, p, config, rng=None, cache=None):
    """layer_norm(dropout(linear(z)) + x), all (B, N, E)"""
    y = dropout(linear(z, p["output"], child(cache, "output")), config.hidden_dropout_prob, rng, child(cache, "drop"))
    return add_norm(y, x, p["norm"], config.layer_norm_eps, child(cache, "norm"))


def attention_output_backward(dy, p, cache, g):
    """dy (B, N, E) -> dz and the residual's dx, both (B, N, E)"""
    dx = layer_norm_backward(dy, p["norm"], cache["norm"], g["norm"])
    return ops.linear_backward(ops.dropout_backward(dx, cache["drop"]), p["output"], cache["output"], g["output"]), dx


# --- pairs: a sentence or a picture that stands in many pairs is encoded once, and picked for each of them -----------


def pair_up(x, mask, of, cache=None):
    """The states and the mask of each pair's sentence (or picture): x (A, N, E), of (B,) or None -> (B, N, E)"""
    if isinstance(mask, Rows) and of is not None:
        of, mask = mask.chosen(of)
        return pick(x, of, cache), mask
    return pick(x, of, cache), pick(mask, of)


def pick(x, of, cache=None):
    """x (A, …), of (B,) numbers of its rows -> (B, …); a row may be picked often. None: x as it is"""
    if cache is not None:
        cache.update(of=of, count=len(x))
    return x if of is None else x[of]


def pick_backward(dy, cache):
    """dy (B, …) -> dx (A, …): the gradients of a row that was picked often add up"""
    if cache["of"] is None:
        return dy
    dx = np.zeros((cache["count"], *dy.shape[1:]), dy.dtype)
    np.add.at(dx, cache["of"], dy)
    return dx
