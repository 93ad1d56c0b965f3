"""A reader of sentences that looks at the objects once, at its end: the paper's "BERT + BUTD" and "LSTM + BUTD"
(section 5.1), in miniature.

The state of the sentence asks, the objects answer, and the head reads the sum of both: no cross-modality layer, no
relations between objects, no boxes. Source: the top-down attention of Anderson et al. 2018, as one attention block of
this model instead of their gated one."""

import dataclasses

import numpy as np

from ..core import heads, ops
from ..core.attention import attend_to, attention_output, attention_output_backward
from ..core.ops import child
from ..core.params import attention_shapes
from ..kernels import linear
from ..published.model import LxmertForQuestionAnswering, LxmertForVisualReasoning, run_encoders
from .lstm import lstm, lstm_backward, lstm_shapes


def attend_objects(state, visn, mask, p, config, rng=None, cache=None):
    """One look at the objects: state (B, E) asks, visn (B, M, E) answers, mask (B, 1, 1, M) -> (B, E)"""
    x = state[:, None]  # (B, 1, E)
    q = linear(x, p["query"], child(cache, "query"))
    k, v = (linear(visn, p[name], child(cache, name)) for name in ("key", "value"))
    z = attend_to(q, k, v, mask, mask, config, rng, child(cache, "attend"))
    return attention_output(z, x, p, config, rng, cache)[:, 0]


def attend_objects_backward(dy, p, cache, g):
    """dy (B, E) -> dstate (B, E), dvisn (B, M, E)"""
    dz, dx = attention_output_backward(dy[:, None], p, cache, g)
    dq, dk, dv = ops.attend_backward(dz, cache["attend"])
    dx = dx + ops.linear_backward(dq, p["query"], cache["query"], g["query"])
    pairs = ((dk, "key"), (dv, "value"))
    return dx[:, 0], sum(ops.linear_backward(d, p[name], cache[name], g[name]) for d, name in pairs)


class BottomUp:
    """The part that makes a face look at the objects only so; for configs without object and cross layers."""

    @classmethod
    def shapes(cls, config):
        return {**super().shapes(config), "bottom_up": attention_shapes(config.hidden_size)}

    def compute(self, inputs, targets, cache=None, rng=None, states=True):
        inputs = dataclasses.replace(inputs.spread(), boxes=np.zeros_like(inputs.boxes))
        with self.reading(cache) as p:
            run = run_encoders(inputs, p, self.config, rng, cache)
            looked = self.asked(run, inputs), run.visn[-1], inputs.visn_mask
            run.pooled = attend_objects(*looked, p["bottom_up"], self.config, rng, child(cache, "bottom_up"))
            scores = self.scores(run, targets)
        return run, scores, *self.losses(scores, targets)

    def asked(self, run, inputs):
        """The state of the sentence (B, E): the pooled one of the language encoder."""
        return run.pooled

    def asked_backward(self, dstate, run, g, dlang, dpooled):
        dpooled += dstate

    def heads_backward(self, run, d, g, dlang, dvisn, dpooled):
        dboth = np.zeros_like(dpooled)
        super().heads_backward(run, d, g, dlang, dvisn, dboth)
        p, c = run.p["bottom_up"], run.cache["bottom_up"]
        dstate, dobjects = attend_objects_backward(dboth, p, c, g["bottom_up"])
        self.asked_backward(dstate, run, g, dlang, dpooled)
        dvisn += dobjects


class Recurrent(BottomUp):
    """The same with an LSTM as reader; for configs without language layers, too. It pools its last state, not [CLS]."""

    @classmethod
    def shapes(cls, config):
        return {**super().shapes(config), "lstm": lstm_shapes(config.hidden_size, config.hidden_size)}

    def asked(self, run, inputs):
        shown = inputs.lang_mask[:, 0, 0] == 0  # nothing is added to the scores of a word that is shown
        state = lstm(run.lang[-1], shown, run.p["lstm"], child(run.cache, "lstm"))
        return heads.pool(state, run.p["pooler"], child(run.cache, "state_pooler"))

    def asked_backward(self, dstate, run, g, dlang, dpooled):
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
