"""A reader of sentences that looks at the objects once, at its end: the paper's "BERT + BUTD" and "LSTM + BUTD"
(section 5.1), in miniature.

The state of the sentence asks, the objects answer, and the head reads the sum of both: no cross-modality layer, no
relations between objects, no boxes. Source: the top-down attention of Anderson et al. 2018, as one attention block of
this model instead of their gated one."""

import dataclasses

import numpy as np

from ..core import heads
from ..core.attention import cross_attention, cross_attention_backward
from ..core.ops import child
from ..core.params import attention_shapes
from ..published.model import LxmertForQuestionAnswering, LxmertForVisualReasoning, run_encoders
from .lstm import lstm, lstm_backward, lstm_shapes


class BottomUp:
    """The part that makes a face look at the objects only so; for configs without object and cross layers."""

    @classmethod
    def shapes(cls, config):
        return {**super().shapes(config), "bottom_up": attention_shapes(config.hidden_size)}

    def compute(self, inputs, targets, cache=None, rng=None, states=True):
        inputs = dataclasses.replace(inputs.spread(), boxes=np.zeros_like(inputs.boxes))
        with self.reading(cache) as p:
            run = run_encoders(inputs, p, self.config, rng, cache)
            state = self.asked(run, inputs)[:, None]  # (B, 1, E), as a sentence of one word
            shown = np.zeros((len(state), 1, 1, 1), state.dtype)
            rows = state, run.visn[-1], shown, inputs.visn_mask
            looked, _ = cross_attention(*rows, p["bottom_up"], self.config, rng, child(cache, "bottom_up"))
            run.pooled = looked[:, 0]
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
        rows = dboth[:, None], np.zeros_like(dvisn), run.p["bottom_up"], run.cache["bottom_up"]
        dstate, dobjects = cross_attention_backward(*rows, g["bottom_up"])
        self.asked_backward(dstate[:, 0], run, g, dlang, dpooled)
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
