"""A long short-term memory over the words of a sentence, forward and backward: what read sentences before transformers.

    i, f, o = sigmoid(z)  g = tanh(z)      z = W·word + U·state + b, four parts of E numbers each, in the order i f g o
    memory  = f · memory + i · g           what is kept, and what is new
    state   = o · tanh(memory)             what the next word, or the answer, sees of it
Source: Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000; layout of torch.nn.LSTM."""

import numpy as np

from ..core.ops import child, linear_backward
from ..core.params import linear_shape
from ..kernels import linear


def lstm_shapes(inputs, e):
    return {"input": linear_shape(4 * e, inputs), "state": linear_shape(4 * e, e)}


def lstm(x, shown, p, cache=None):
    """x (B, N, I), shown (B, N) of bool -> the state (B, E) after the last word; a hidden word changes nothing"""
    words = linear(x, p["input"], child(cache, "input"))  # (B, N, 4E)
    state = memory = np.zeros((len(x), p["state"]["w"].shape[1]), x.dtype)
    for n in range(x.shape[1]):
        c, here = child(cache, n), shown[:, n, None]
        z = words[:, n] + linear(state, p["state"], child(c, "state"))
        state, memory = (np.where(here, new, old) for new, old in zip(cell(z, memory, c), (state, memory), strict=True))
    if cache is not None:
        cache["shown"] = shown
    return state


def lstm_backward(dstate, p, cache, g):
    """dstate (B, E) -> dx (B, N, I); adds into g. The words are walked back, last one first."""
    shown, dmemory = cache["shown"], np.zeros_like(dstate)
    dwords = np.zeros((*shown.shape, 4 * dstate.shape[1]), dstate.dtype)
    for n in reversed(range(shown.shape[1])):
        c, here = cache[n], shown[:, n, None]
        dwords[:, n], earlier = cell_backward(here * dstate, here * dmemory, c)
        dstate = ~here * dstate + linear_backward(dwords[:, n], p["state"], c["state"], g["state"])
        dmemory = ~here * dmemory + earlier
    return linear_backward(dwords, p["input"], cache["input"], g["input"])


def cell(z, memory, cache=None):
    """One word: z (B, 4E), memory (B, E) -> state, memory, both (B, E)"""
    i, f, g, o = np.split(z, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    kept = np.tanh(memory_after := f * memory + i * g)
    if cache is not None:
        cache.update(i=i, f=f, g=g, o=o, memory=memory, kept=kept)
    return o * kept, memory_after


def cell_backward(dstate, dmemory, cache):
    """dstate, dmemory (B, E) of what came out -> dz (B, 4E), and dmemory (B, E) of what went in"""
    i, f, g, o, memory, kept = (cache[name] for name in ("i", "f", "g", "o", "memory", "kept"))
    d = dmemory + dstate * o * (1 - kept * kept)
    parts = d * g * i * (1 - i), d * memory * f * (1 - f), d * i * (1 - g * g), dstate * kept * o * (1 - o)
    return np.concatenate(parts, axis=1), d * f


def sigmoid(x):
    return (1 + np.tanh(x / 2)) / 2  # the same function; never overflows
