"""The Numba twins of the hot operations of ops.py: same names, same arguments, same numbers to float32 rounding.

A twin is for inference in float32 (in training, GELU and LayerNorm have one). For whatever else comes along (another
cache, dropout, another type, shapes that do not fit and must be refused) the answer is NotImplemented, and the
definition does it."""

import numpy as np

from ..core import ops
from .attention import attended
from .gelu import gelu_and_slope
from .matmul import product
from .memory import empty
from .norm import norm_backward, normalised, normalised_and_kept
from .packing import in_rows, is_map, pack_as_one

FLOAT = np.dtype(np.float32)


def linear(x, p, cache=None):
    """ops.linear: x (..., I) -> (..., O)"""
    return linear_act(x, p, None, cache)


def linear_act(x, p, act, cache=None):
    """ops.linear_act: x (..., I) -> (..., O)"""
    if cache is not None and act == "gelu" and fits(x, p):
        y, cache["slope"] = gelu_and_slope(ops.linear(x, p, cache))
        return y
    if cache is not None or not fits(x, p):
        return NotImplemented
    return with_rows(product, x, pack_as_one([p]), act)[..., : len(p["w"])]


def linears(x, p, names, cache=None):
    """ops.linears as one product: x (..., I) -> a list of (..., O), views of one array"""
    layers = [p[name] for name in names]
    if cache is not None or not layers or not all(fits(x, layer) for layer in layers):
        return NotImplemented
    packed, first, parts = pack_as_one(layers), 0, []
    y, width = with_rows(product, x, packed), packed.bias.shape[1]
    for outputs in (len(layer["w"]) for layer in layers):
        parts.append(y[..., first : first + outputs])
        first += -(-outputs // width) * width
    return parts


def fits(x, p):
    """Whether x (..., I) and p w (O, I), b (O,) are float32 arrays of fitting shapes, with at least one input."""
    return is_map(p) and x.dtype == FLOAT and x.ndim > 0 and x.shape[-1] == p["w"].shape[1]


def with_rows(operation, x, *arguments):
    """operation(x as (R, I), …) -> (R, O), given back as (..., O)"""
    if x.ndim == 2:
        return operation(in_rows(x), *arguments)
    y = operation(in_rows(x.reshape(-1, x.shape[-1])), *arguments)
    return y.reshape(*x.shape[:-1], y.shape[-1])


def layer_norm(x, p, eps, cache=None):
    """ops.layer_norm: x (..., E) -> (..., E)"""
    if not normal(x, p):
        return NotImplemented
    if cache is None:
        return with_rows(normalised, x, None, p["w"], p["b"], eps)
    y, cache["unit"], cache["scale"] = normalised_and_kept(x, p["w"], p["b"], eps)
    return y


def layer_norm_backward(dy, p, cache, g):
    """ops.layer_norm_backward: dy (..., E) -> dx (..., E); adds into g w, b"""
    if not (normal(dy, p) and cache["unit"].dtype == FLOAT and cache["unit"].shape == dy.shape):
        return NotImplemented
    ops.add_norm_gradients(dy, cache["unit"], g)
    return norm_backward(dy, cache["unit"], cache["scale"], p["w"])


def add_norm(x, residual, p, eps, cache=None):
    """ops.add_norm: x, residual (..., E) -> (..., E)"""
    if cache is not None:
        return layer_norm(x + residual, p, eps, cache)
    if not normal(x, p) or residual.shape != x.shape or residual.dtype != FLOAT:
        return NotImplemented
    residual = in_rows(residual.reshape(-1, x.shape[-1]))
    return with_rows(normalised, x, residual, p["w"], p["b"], eps)


def normal(x, p):
    """Whether x (..., E) and p w, b (E,) are float32 arrays of fitting shapes."""
    w, b = p["w"], p["b"]
    return x.dtype == w.dtype == b.dtype == FLOAT and 0 < x.ndim and x.shape[-1:] == w.shape == b.shape != (0,)


def attend(q, k, v, mask, heads, rate=0.0, rng=None, cache=None):
    """ops.attend: q (B, N, E), k and v (B, M, E), mask (B, 1, 1, M) -> (B, N, E)"""
    batch, m = k.shape[:2]
    if cache is not None or (rng is not None and rate) or not attendable(q, k, v, mask, heads):
        return NotImplemented
    if q.ndim != 3 or len(q) != batch or mask.shape != (batch, 1, 1, m):
        return NotImplemented
    n, width = q.shape[1:]
    begin, mask = np.arange(batch), np.ascontiguousarray(mask).reshape(-1)
    q, k, v = (in_rows(x.reshape(-1, width)) for x in (q, k, v))
    places = begin * n, begin * n + n, begin * m, begin * m + m
    return attended(q, k, v, mask, places, heads).reshape(batch, n, width)


def attend_rows(q, k, v, q_starts, k_starts, mask, heads, rate=0.0, rng=None, cache=None):
    """ops.attend_rows: q (R, E), k and v (S, E), mask (S,), starts (B + 1,) -> (R, E)"""
    if cache is not None or (rng is not None and rate) or not attendable(q, k, v, mask, heads):
        return NotImplemented
    if q.ndim != 2 or mask.shape != k.shape[:1]:
        return NotImplemented
    q, k, v = (in_rows(x) for x in (q, k, v))
    return attended(q, k, v, np.ascontiguousarray(mask), places_of(q_starts, k_starts), heads)


def places_of(q_starts, k_starts):
    """Where the queries of each sentence begin and end, and where its keys do, of starts (B + 1,)"""
    q_starts, k_starts = (np.ascontiguousarray(starts, np.int64) for starts in (q_starts, k_starts))
    return q_starts[:-1], q_starts[1:], k_starts[:-1], k_starts[1:]


def embedding(ids, p):
    """ops.embedding: ids (...) -> (..., E), in the model's memory"""
    w = p["w"]
    if w.dtype != FLOAT or not ids.size or ids.min() < 0 or ids.max() >= len(w):
        return NotImplemented
    return np.take(w, ids, axis=0, out=empty((*ids.shape, w.shape[1])), mode="clip")


def attendable(q, k, v, mask, heads):
    """Whether these are float32 arrays of one width that the heads divide."""
    return (
        q.dtype == k.dtype == v.dtype == mask.dtype == FLOAT
        and q.ndim == k.ndim
        and k.shape == v.shape
        and q.shape[-1] == k.shape[-1] > 0
        and q.shape[-1] % heads == 0
    )
