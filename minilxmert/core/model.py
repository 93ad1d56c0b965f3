"""One pass through the whole model, and back."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import encoder, heads
from .ops import child


@dataclass
class Run:
    """One pass through the encoders: the states that were kept, and the cache when something is to be read from it."""

    lang: list  # (B, N, E) each, embeddings first
    visn: list  # (B, M, E) each
    pooled: np.ndarray  # (B, E)
    p: dict  # the parameters that were used
    cache: dict | None
    backward: Callable  # the way back: run_encoders_backward, or that of another way (short.py)


def run_encoders(inputs, p, config, rng=None, cache=None, kept=None):
    """Inputs -> Run: the embeddings, the three encoders and the pooler. kept: how many of the last states to keep"""
    lang, visn = encoder.embed(inputs, p, config, rng, cache)
    masks = inputs.lang_mask, inputs.visn_mask
    lang, visn = encoder.encode(lang, visn, *masks, p, config, rng, cache, inputs.pairs, kept=kept)
    pooled = heads.pool(lang[-1][:, 0], p["pooler"], child(cache, "pooler"))
    return Run(lang, visn, pooled, p, cache, run_encoders_backward)


def run_encoders_backward(dlang, dvisn, dpooled, p, cache, g):
    """Gradients of the three outputs (B, N, E), (B, M, E), (B, E) -> gradients of word embeddings, feats and boxes"""
    dlang, dvisn = encoder.encode_backward(add_pooled(dlang, dpooled, p, cache, g), dvisn, p, cache, g)
    return encoder.embed_backward(dlang, dvisn, p, cache, g)


def add_pooled(dlang, dpooled, p, cache, g):
    """dlang (B, N, E) with what the pooled state's gradient (B, E) brings to the first words"""
    dlang = dlang.copy()
    dlang[:, 0] += heads.pool_backward(dpooled, p["pooler"], cache["pooler"], g["pooler"])
    return dlang
