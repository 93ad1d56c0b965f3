"""The arithmetic of LXMERT as NumPy definitions: every forward with its backward below it.

Letters, used everywhere in the package:
    B batch    N words (queries)    M objects (context)    H heads    D head size    E hidden = H·D
    I inputs   O outputs            V vocabulary           C classes  R rows of anything, (..., x) flattened

Forward functions take `cache`, a dict that they fill with what their backward needs; `cache=None` is inference and
keeps nothing. A backward returns the gradient of the input and adds those of the parameters into `g`, a dict shaped
like `p`. Everything follows the dtype of its input, so that float64 checks float32. No function writes into an argument
but `cache` and `g`."""

import functools
import math

import numpy as np


def child(cache, name):
    """The sub-cache of a step, made when it is first asked for; None in inference."""
    return None if cache is None else cache.setdefault(name, {})


# --- linear maps -----------------------------------------------------------------------------------------------------


def linear(x, p, cache=None):
    """x (..., I), p w (O, I), b (O,) -> x·wᵀ + b (..., O)"""
    if cache is not None:
        cache["x"] = x
    y = as_rows(x) @ p["w"].T  # one product: NumPy would make one of every sentence
    y += p["b"]
    return y.reshape(*x.shape[:-1], len(p["w"]))


def linear_backward(dy, p, cache, g):
    """dy (..., O) -> dx (..., I); adds into g w, b"""
    rows = as_rows(dy)
    g["w"] += rows.T @ as_rows(cache["x"])
    g["b"] += rows.sum(0)
    return (rows @ p["w"]).reshape(*dy.shape[:-1], p["w"].shape[1])


def as_rows(x):
    """(..., E) -> (R, E)"""
    return x.reshape(-1, x.shape[-1]) if x.size else x.reshape(0, x.shape[-1])


def linears(x, p, names, cache=None):
    """Several linear maps of the same rows, named as in p: x (..., I) -> a list of (..., O)"""
    return [linear(x, p[name], child(cache, name)) for name in names]


def linears_backward(dys, p, names, cache, g):
    """dys, a list of (..., O) -> dx (..., I)"""
    return sum(linear_backward(dy, p[name], cache[name], g[name]) for name, dy in zip(names, dys, strict=True))


def linear_act(x, p, act, cache=None):
    """x (..., I) -> act(x·wᵀ + b) (..., O), act "gelu" or "relu" """
    return ACTIVATIONS[act](linear(x, p, cache), cache)


def linear_act_backward(dy, p, cache, g):
    """dy (..., O) -> dx (..., I); adds into g w, b"""
    return linear_backward(activation_backward(dy, cache), p, cache, g)


# --- activations -----------------------------------------------------------------------------------------------------


def gelu(x, cache=None):
    """The exact GELU, x·Φ(x) with Φ the normal distribution function (Hendrycks & Gimpel 2016)"""
    share = 0.5 * (1 + erf(x * math.sqrt(0.5)))  # Φ(x): the share of a normal distribution below x
    if cache is not None:
        cache["slope"] = share + x * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return x * share


def relu(x, cache=None):
    if cache is not None:
        cache["slope"] = x > 0
    return np.maximum(x, 0)


def tanh(x, cache=None):
    y = np.tanh(x)
    if cache is not None:
        cache["slope"] = 1 - y * y
    return y


def activation_backward(dy, cache):
    """The backward of every activation: its forward has kept its slope at x."""
    return dy * cache["slope"]


ACTIVATIONS = {"gelu": gelu, "relu": relu}


# --- normalisation and dropout ---------------------------------------------------------------------------------------


def layer_norm(x, p, eps, cache=None):
    """x (..., E), p w, b (E,) -> rows of mean 0 and variance 1, scaled by w and moved by b (Ba, Kiros & Hinton 2016)"""
    centred = centre(x)
    scale = 1 / np.sqrt((centred * centred).mean(-1, keepdims=True) + x.dtype.type(eps))
    unit = centred * scale
    if cache is not None:
        cache.update(unit=unit, scale=scale)
    return unit * p["w"] + p["b"]


def centre(x):
    """Rows minus their mean, twice. The mean is rounded, so that a little of it is left the first time: of a row of
    equal values nothing else, and dividing by a tiny variance would make much of it. The second time takes it away."""
    x = x - x.mean(-1, keepdims=True)
    return x - x.mean(-1, keepdims=True)


def layer_norm_backward(dy, p, cache, g):
    """dy (..., E) -> dx (..., E); adds into g w, b. Both means are there because mean and variance depend on x."""
    unit = cache["unit"]
    add_norm_gradients(dy, unit, g)
    d = dy * p["w"]
    return cache["scale"] * (centre(d) - unit * (d * unit).mean(-1, keepdims=True))


def add_norm_gradients(dy, unit, g):
    """dy, unit (..., E); adds the gradients of layer_norm's parameters into g w, b"""
    g["w"] += as_rows(dy * unit).sum(0)
    g["b"] += as_rows(dy).sum(0)


def add_norm(x, residual, p, eps, cache=None):
    """The end of every block: layer_norm(x + residual); all (..., E). Both inputs have the same gradient."""
    return layer_norm(x + residual, p, eps, cache)


def dropout(x, rate, rng=None, cache=None):
    """Zero each value with probability rate and scale the others by 1/(1 - rate); the identity when rng is None."""
    if rng is None or rate == 0:
        return x
    keep = (rng.random(x.shape, np.float32) >= rate) * x.dtype.type(1 / (1 - rate))
    if cache is not None:
        cache["keep"] = keep
    return x * keep


def dropout_backward(dy, cache):
    return dy * cache["keep"] if "keep" in cache else dy


# --- attention -------------------------------------------------------------------------------------------------------


def softmax(s):
    """s (..., M) -> rows that are positive and sum to 1; the largest score is subtracted so that exp cannot overflow"""
    with np.errstate(under="ignore"):  # what is hidden becomes exactly 0
        e = np.exp(s - s.max(-1, keepdims=True, initial=-np.inf))
        return e / e.sum(-1, keepdims=True)


def softmax_backward(da, a):
    """da, a = softmax(s), both (..., M) -> ds"""
    return a * (da - (da * a).sum(-1, keepdims=True))


def split_heads(x, heads):
    """(B, N, E) -> (B, H, N, D)"""
    b, n, e = x.shape
    return x.reshape(b, n, heads, e // heads).transpose(0, 2, 1, 3)


def merge_heads(x):
    """(B, H, N, D) -> (B, N, E)"""
    b, h, n, d = x.shape
    return x.transpose(0, 2, 1, 3).reshape(b, n, h * d)


def attend(q, k, v, mask, heads, rate=0.0, rng=None, cache=None):
    """Scaled dot-product attention of all heads (Vaswani et al. 2017).

    q (B, N, E), k and v (B, M, E), mask (B, 1, 1, M) added to the scores -> (B, N, E).
    cache["a"] is the attention map (B, H, N, M). Without objects (M = 0) nothing is attended to: zeros."""
    q, k, v = (split_heads(x, heads) for x in (q, k, v))
    a = softmax(q @ k.swapaxes(-1, -2) * q.dtype.type(q.shape[-1] ** -0.5) + mask)  # (B, H, N, M)
    if cache is not None:
        cache.update(q=q, k=k, v=v, a=a)
    return merge_heads(dropout(a, rate, rng, cache) @ v)


def attend_backward(dy, cache):
    """dy (B, N, E) -> dq (B, N, E), dk and dv (B, M, E); cache["da"] is then the gradient of the map (B, H, N, M)"""
    q, k, v, a = (cache[name] for name in "qkva")
    dz = split_heads(dy, q.shape[1])  # (B, H, N, D)
    dv = dropout_backward(a, cache).swapaxes(-1, -2) @ dz  # the same dropout, applied to a again
    da = cache["da"] = dropout_backward(dz @ v.swapaxes(-1, -2), cache)
    ds = softmax_backward(da, a) * q.dtype.type(q.shape[-1] ** -0.5)
    return merge_heads(ds @ k), merge_heads(ds.swapaxes(-1, -2) @ q), merge_heads(dv)


def attend_rows(q, k, v, q_starts, k_starts, mask, heads, rate=0.0, rng=None, cache=None):
    """attend for sentences of any length, packed row after row. Here they are padded again, since NumPy is quick with
    few large products; the twin, in inference, does without.

    q (R, E): sentence b is rows q_starts[b] to q_starts[b + 1]; k, v (S, E) so by k_starts, mask (S,) -> (R, E)"""
    queries, keys = in_place(q_starts), in_place(k_starts)
    hidden = np.where(keys | ~keys.any(1, keepdims=True), 0, -np.inf).astype(q.dtype)  # without keys, all are zeros
    hidden[keys] = mask
    padded = unpack(q, queries), unpack(k, keys), unpack(v, keys), hidden[:, None, None]
    z = attend(*padded, heads, rate, rng, cache)
    if cache is not None:
        cache["places"] = queries, keys
    return z[queries]


def attend_rows_backward(dy, cache):
    """dy (R, E) -> dq (R, E), dk and dv (S, E)"""
    queries, keys = cache["places"]
    dq, dk, dv = attend_backward(unpack(dy, queries), cache)
    return dq[queries], dk[keys], dv[keys]


def in_place(starts, longest=None):
    """starts (B + 1,) of sentences that are packed row after row -> their places if they were padded, (B, N) of bool,
    to N = longest; None: to the longest of them"""
    lengths = np.diff(starts)
    return np.arange(lengths.max(initial=0) if longest is None else longest) < lengths[:, None]


def unpack(x, places):
    """x (R, E) -> (B, N, E) with zeros where places (B, N) are False"""
    y = np.zeros((*places.shape, x.shape[1]), x.dtype)
    y[places] = x
    return y


# --- embedding -------------------------------------------------------------------------------------------------------


def embedding(ids, p):
    """ids (...) of whole numbers, p w (V, E) -> rows of w, (..., E)"""
    return p["w"][ids]


def embedding_backward(dy, ids, g):
    """dy (..., E); adds each row's gradient into its row of g w. Row 0 never learns, as published (padding_idx=0)."""
    seen = ids.reshape(-1) != 0
    np.add.at(g["w"], ids.reshape(-1)[seen], dy.reshape(-1, dy.shape[-1])[seen])


# --- the error function, which NumPy lacks ---------------------------------------------------------------------------

STEP, END, TERMS = 1 / 8, 6.0, 12  # beyond 6, erf is 1 to the last bit of a float64


@functools.cache
def table_of(dtype):
    """Taylor coefficients of erf around 0, 1/8, 2/8 … 6, (points, terms). Each derivative of erf is its first one, the
    bell 2/√π·exp(-x²), times a polynomial in x (a Hermite polynomial); they follow from one another by two terms."""
    table = []
    for x in np.arange(0, END + STEP, STEP).tolist():
        bell = 2 / math.sqrt(math.pi) * math.exp(-x * x)
        derivatives = [math.erf(x), bell, -2 * x * bell]
        for n in range(1, TERMS - 2):
            derivatives.append(-2 * x * derivatives[-1] - 2 * n * derivatives[-2])
        table.append([d / math.factorial(n) for n, d in enumerate(derivatives)])
    return np.array(table, dtype)


def erf(x):
    """The error function, exact to the dtype's rounding: Taylor from the nearest point of a table."""
    size = np.fmin(np.abs(x), x.dtype.type(END))  # fmin: a NaN must not become an index
    point = np.rint(size / x.dtype.type(STEP)).astype(np.intp)
    distance = size - point.astype(x.dtype) * x.dtype.type(STEP)
    columns = table_of(x.dtype).T
    y = columns[-1][point]
    for column in columns[-2::-1]:
        y = y * distance + column[point]
    return np.copysign(y, x)
