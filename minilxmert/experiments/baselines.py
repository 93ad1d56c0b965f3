"""A reader of sentences that looks at the objects once, at its end: the paper's "BERT + BUTD" and "LSTM + BUTD"
(section 5.1), in miniature.

The state of the sentence asks, the objects answer, and the head reads the sum of both: no cross-modality layer, no
relations between objects, no boxes. Source: the top-down attention of Anderson et al. 2018, as one attention block of
this model instead of their gated one. An LSTM over the words (Hochreiter & Schmidhuber 1997), forward and backward as
neighbours, stands below it."""

import dataclasses

import numpy as np

from ..core import heads
from ..core.attention import cross_attention, cross_attention_backward
from ..core.model import run_encoders
from ..core.ops import child, linear_backward
from ..core.params import attention_shapes, linear_shape
from ..kernels import linear
from ..published.model import LxmertForQuestionAnswering, LxmertForVisualReasoning


class BottomUp:
    """The part that makes a face look at the objects only so; for configs without object and cross layers."""

    @classmethod
    def shapes(cls, config):
        return {**super().shapes(config), "bottom_up": attention_shapes(config.hidden_size)}

    def compute(self, inputs, targets, cache=None, rng=None, states=True):
        inputs = dataclasses.replace(inputs.spread(), boxes=np.zeros_like(inputs.boxes))
        with self.reading(cache) as p:
            run = run_encoders(inputs, p, self.config, rng, cache)
            state = self.sentence_state(run, inputs)[:, None]  # (B, 1, E), as a sentence of one word
            shown = np.zeros((len(state), 1, 1, 1), state.dtype)
            rows = state, run.visn[-1], shown, inputs.visn_mask
            looked, _ = cross_attention(*rows, p["bottom_up"], self.config, rng, child(cache, "bottom_up"))
            run.pooled = looked[:, 0]
            scores = self.scores(run, targets)
        return run, scores, *self.losses(scores, targets)

    def sentence_state(self, run, inputs):
        """The state of the sentence (B, E): the pooled one of the language encoder."""
        return run.pooled

    def sentence_state_backward(self, dstate, run, g, dlang, dpooled):
        dpooled += dstate

    def heads_backward(self, run, d, g, dlang, dvisn, dpooled):
        dboth = np.zeros_like(dpooled)
        super().heads_backward(run, d, g, dlang, dvisn, dboth)
        rows = dboth[:, None], np.zeros_like(dvisn), run.p["bottom_up"], run.cache["bottom_up"]
        dstate, dobjects = cross_attention_backward(*rows, g["bottom_up"])
        self.sentence_state_backward(dstate[:, 0], run, g, dlang, dpooled)
        dvisn += dobjects


class Recurrent(BottomUp):
    """The same with an LSTM as reader; for configs without language layers, too. It pools its last state, not [CLS]."""

    @classmethod
    def shapes(cls, config):
        return {**super().shapes(config), "lstm": lstm_shapes(config.hidden_size, config.hidden_size)}

    def sentence_state(self, run, inputs):
        shown = inputs.lang_mask[:, 0, 0] == 0  # nothing is added to the scores of a word that is shown
        state = lstm(run.lang[-1], shown, run.p["lstm"], child(run.cache, "lstm"))
        return heads.pool(state, run.p["pooler"], child(run.cache, "state_pooler"))

    def sentence_state_backward(self, dstate, run, g, dlang, dpooled):
        p, c = run.p, run.cache
        dlast = heads.pool_backward(dstate, p["pooler"], c["state_pooler"], g["pooler"])
        dlang += lstm_backward(dlast, p["lstm"], c["lstm"], g["lstm"])


class BottomUpForQuestionAnswering(BottomUp, LxmertForQuestionAnswering):
    """Answers to questions."""


class BottomUpForVisualReasoning(BottomUp, LxmertForVisualReasoning):
    """Statements about two pictures."""


class RecurrentForQuestionAnswering(Recurrent, LxmertForQuestionAnswering):
    """Answers to questions."""


class RecurrentForVisualReasoning(Recurrent, LxmertForVisualReasoning):
    """Statements about two pictures."""


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
