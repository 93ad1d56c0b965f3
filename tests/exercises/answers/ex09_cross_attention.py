"""Typical answers to exercise 9. The docstring of a wrong one: words that the verdict on it must hold."""

import numpy as np

from minilxmert import kernels
from minilxmert.core import attention
from minilxmert.core.config import LxmertConfig
from minilxmert.core.ops import attend, layer_norm, linear


def direction(x, context, mask, p, heads):
    q, k, v = linear(x, p["query"]), linear(context, p["key"]), linear(context, p["value"])
    return linear(attend(q, k, v, mask, heads), p["output"])


def right_one_after_the_other(lang, visn, lang_mask, visn_mask, p, heads, eps):
    new_lang = layer_norm(direction(lang, visn, visn_mask, p, heads) + lang, p["norm"], eps)
    new_visn = layer_norm(direction(visn, lang, lang_mask, p, heads) + visn, p["norm"], eps)
    return new_lang, new_visn


def right_as_the_package(lang, visn, lang_mask, visn_mask, p, heads, eps):
    config = LxmertConfig(hidden_size=lang.shape[-1], num_attention_heads=heads, layer_norm_eps=eps)
    with kernels.backend("numpy"):
        return tuple(attention.cross_attention(lang, visn, lang_mask, visn_mask, p, config))


def wrong_updated(lang, visn, lang_mask, visn_mask, p, heads, eps):
    """must read the old states"""
    lang = layer_norm(direction(lang, visn, visn_mask, p, heads) + lang, p["norm"], eps)
    visn = layer_norm(direction(visn, lang, lang_mask, p, heads) + visn, p["norm"], eps)
    return lang, visn


def wrong_no_residual(lang, visn, lang_mask, visn_mask, p, heads, eps):
    """residual is missing"""
    new_lang = layer_norm(direction(lang, visn, visn_mask, p, heads), p["norm"], eps)
    return new_lang, layer_norm(direction(visn, lang, lang_mask, p, heads), p["norm"], eps)


def wrong_masks_of_the_own_side(lang, visn, lang_mask, visn_mask, p, heads, eps):
    """fails on"""
    new_lang = layer_norm(direction(lang, visn, lang_mask, p, heads) + lang, p["norm"], eps)
    return new_lang, layer_norm(direction(visn, lang, visn_mask, p, heads) + visn, p["norm"], eps)


def wrong_own_side(lang, visn, lang_mask, visn_mask, p, heads, eps):
    """attends to its own side"""
    new_lang = layer_norm(direction(lang, lang, lang_mask, p, heads) + lang, p["norm"], eps)
    return new_lang, layer_norm(direction(visn, visn, visn_mask, p, heads) + visn, p["norm"], eps)


def wrong_masks_ignored(lang, visn, lang_mask, visn_mask, p, heads, eps):
    """masks are not used"""
    nothing = np.zeros((1, 1, 1, 1), lang.dtype)
    return right_one_after_the_other(lang, visn, nothing, nothing, p, heads, eps)


def wrong_one_side(lang, visn, lang_mask, visn_mask, p, heads, eps):
    """2 values (lang, visn)"""
    return layer_norm(direction(lang, visn, visn_mask, p, heads) + lang, p["norm"], eps)


def wrong_order(lang, visn, lang_mask, visn_mask, p, heads, eps):
    """must have the shape"""
    return right_one_after_the_other(lang, visn, lang_mask, visn_mask, p, heads, eps)[::-1]
