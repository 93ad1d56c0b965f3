"""The published faces: LxmertModel and its heads, called, loaded and saved as users of transformers know, in NumPy."""

import numpy as np

from ..core import heads
from ..core import losses as objectives
from ..core import params as tree
from ..core.inputs import ARGUMENTS, SWITCHES, floats, read_inputs
from ..core.model import run_encoders
from ..core.ops import child, linear_backward
from ..core.short import needs_no_padding, run_short, run_without_padding
from ..errors import ShapeError
from ..kernels import linear
from . import outputs
from .store import Stored, check_dtype
from .surgery import AnswerHead, TorchNames, WordEmbedding


class Face(TorchNames, WordEmbedding, Stored):
    """What all faces share. A face says which heads it has and how scores and losses come from a Run.

    config: LxmertConfig; seed: of the fresh parameters; dtype: "float32", "float64" or "bfloat16" (store.py).
    params is the parameter tree (params.py), answers the texts of the answers, or None."""

    HEADS = ()
    READS_POOLED = False  # whether the heads read the pooled state alone
    PICTURES = 1  # that a sentence is about
    Output = outputs.LxmertModelOutput

    def __init__(self, config, seed=0, dtype="float32"):
        dtype = check_dtype(dtype)
        self.config, self.answers = config, None
        self.set_params(tree.initialise(self.shapes(config), config, np.random.default_rng(seed)), dtype)

    def __call__(
        self,
        input_ids=None,  # (B, N) word ids
        visual_feats=None,  # (B, M, F)
        visual_pos=None,  # (B, M, 4): x0 y0 x1 y1 in 0…1
        attention_mask=None,  # (B, N): 1 shows a word, 0 hides it
        visual_attention_mask=None,  # (B, M)
        token_type_ids=None,  # (B, N)
        inputs_embeds=None,  # (B, N, E) instead of input_ids
        *,
        output_attentions=None,  # this and the next two: None is what the config says
        output_hidden_states=None,
        return_dict=None,
        pairs=None,  # (B, 2): the numbers of each pair's sentence and picture, which are then computed once
        check_boxes=True,  # refuse boxes that look like pixels, or like x, y, width, height
        **labels,  # the face's own, see `targets`
    ):
        """-> the face's output (outputs.py), or its tuple when return_dict is False. Raises ShapeError."""
        texts = input_ids, attention_mask, token_type_ids, inputs_embeds
        call = dict(zip(ARGUMENTS, (*texts, visual_feats, visual_pos, visual_attention_mask), strict=True)) | labels
        inputs, targets = self.read(check_boxes, pairs, **call)
        asked = zip(SWITCHES, (output_attentions, output_hidden_states, return_dict), strict=True)
        maps, states, named = (getattr(self.config, s) if a is None else a for s, a in asked)
        run, scores, losses, _ = self.compute(inputs, targets, {} if maps else None, states=states or maps)
        output = self.Output.of(run, scores, losses, maps, states)
        return output if named else output.to_tuple()

    forward = __call__

    def read(self, check_boxes=True, pairs=None, **call):
        """Call arguments -> (checked Inputs, checked labels by task)."""
        inputs = read_inputs(self.config, self.dtype, call, pairs, self.PICTURES, check_boxes)
        return inputs, self.targets(inputs, **{name: call[name] for name in call if name not in ARGUMENTS})

    @classmethod
    def head_names(cls, config):
        return cls.HEADS

    @classmethod
    def shapes(cls, config):
        """The tree of parameter shapes of this face."""
        heads = tree.head_shapes(config)
        return {**tree.encoder_shapes(config), **{name: heads[name] for name in cls.head_names(config)}}

    def targets(self, inputs):
        """The face's labels, checked, by task."""
        return {}

    def scores(self, run, targets):
        """{output field: scores} of the heads, read off a Run."""
        return {"language_output": run.lang[-1], "vision_output": run.visn[-1], "pooled_output": run.pooled}

    def losses(self, scores, targets):
        """({task: loss}, {score: its gradient}) for the labels that are given."""
        return {}, {}

    @np.errstate(under="ignore")  # what is hidden has probability 0
    def compute(self, inputs, targets, cache=None, rng=None, states=True):
        """Inputs and labels -> (Run, scores, losses, gradients of the scores). states: are hidden states wanted, or
        attention maps? If not, shorter ways are taken (short.py)."""
        training = cache is not None or rng is not None
        if rng is not None or not self.config.x_layers:  # each pair has its own dropout; without cross layers, no place
            inputs = inputs.spread()
        with self.reading(cache) as p:
            if self.READS_POOLED and self.config.x_layers and not states:
                run = run_short(inputs, p, self.config, rng, cache)
            elif states or not training or not needs_no_padding(inputs, targets, self.config):
                run = run_encoders(inputs, p, self.config, rng, cache, None if states else 1)
            else:
                run = run_without_padding(inputs, p, self.config, rng, cache)
            scores = self.scores(run, targets)
        return run, scores, *self.losses(scores, targets)

    def loss_and_gradients(self, rng=None, **inputs):
        """Call arguments with labels -> (output, {published name: gradient of the loss}); dropout when rng is given.

        Words and objects at hidden ends may have other scores in the output than a call gives: nothing learns there."""
        g = tree.zeros_like(self.params)
        return self.add_gradients(g, rng, **inputs), self.published(g)

    def add_gradients(self, g, rng=None, **inputs):
        """Like loss_and_gradients, adding into a tree `g` shaped like params."""
        return self.learn(*self.read(**inputs), g, rng)

    def learn(self, inputs, targets, g, rng=None, shares=None):
        """add_gradients for what `read` made. shares {task: share}: of a batch that is a part of a step (step_shares).
        -> the output, with losses times their shares"""
        run, scores, losses, dscores = self.compute(inputs, targets, {}, rng, states=False)
        if not losses:
            raise ShapeError("a loss needs labels: none were given")
        objectives.scale(losses, dscores, shares or {})
        self.backward(run, dscores, g)
        return self.Output.of(run, scores, losses)

    @np.errstate(under="ignore")
    def backward(self, run, dscores, g):
        """{score: its gradient}, from the heads to the inputs; adds into g. What each step found is in run.cache."""
        dpooled = np.zeros_like(run.pooled)
        dlang, dvisn = (np.zeros_like(states[-1]) if states else None for states in (run.lang, run.visn))
        self.heads_backward(run, dscores, g, dlang, dvisn, dpooled)
        run.backward(dlang, dvisn, dpooled, run.p, run.cache, g)


class LxmertModel(Face):
    """The three encoders and the pooler, without a head: LxmertModelOutput."""


class LxmertForPreTraining(AnswerHead, Face):
    """The encoders with the heads of the five pre-training tasks (paper, section 3.1): LxmertForPreTrainingOutput."""

    Output = outputs.LxmertForPreTrainingOutput

    @classmethod
    def head_names(cls, config):
        switched = {"objects_head": config.task_obj_predict, "answer": config.task_qa}
        return ("masked_lm", "matching", *(name for name, on in switched.items() if on))

    def targets(self, inputs, labels=None, obj_labels=None, matched_label=None, ans=None, masked_lm_labels=None):
        """labels (B, N): the masked words' ids (masked_lm_labels is the older name); matched_label (B,): 1 when the
        sentence belongs to the picture; ans (B,): answer numbers; -100 or -1 where there is nothing to learn.
        obj_labels: {"obj" and "attr": (ids (B, M), weight (B, M)), "feat": (features (B, M, F), weight (B, M))}"""
        words = masked_lm_labels if labels is None else labels
        return objectives.pretraining_labels(inputs, self.config, self.dtype, words, matched_label, obj_labels, ans)

    def scores(self, run, targets):
        p, c, words = run.p, run.cache, run.p["embeddings"]["word"]["w"]
        lang = heads.masked_lm(run.lang[-1], p["masked_lm"], words, self.config, child(c, "masked_lm"))
        matching = linear(run.pooled, p["matching"], child(c, "matching"))
        scores = {"prediction_logits": lang, "cross_relationship_score": matching}
        if "answer" in p:
            answers = heads.classify(run.pooled, p["answer"], self.config, child(c, "answer"))
            scores["question_answering_score"] = answers
        if "visual" in targets:  # no published output holds these, so they are computed for their loss alone
            head = p["objects_head"]
            scores["object_scores"] = heads.objects_head(run.visn[-1], head, self.config, child(c, "objects_head"))
        return scores

    def losses(self, scores, targets):
        return objectives.pretraining_losses(scores, targets, self.config.visual_loss_normalizer)

    def heads_backward(self, run, d, g, dlang, dvisn, dpooled):
        p, c = run.p, run.cache
        if "prediction_logits" in d:
            words, dwords = p["embeddings"]["word"]["w"], g["embeddings"]["word"]["w"]
            dy = d["prediction_logits"]
            dlang += heads.masked_lm_backward(dy, p["masked_lm"], words, c["masked_lm"], g["masked_lm"], dwords)
        if "object_scores" in d:
            head = "objects_head"
            dvisn += heads.objects_head_backward(d["object_scores"], p[head], c[head], g[head])
        if "cross_relationship_score" in d:
            dy = d["cross_relationship_score"]
            dpooled += linear_backward(dy, p["matching"], c["matching"], g["matching"])
        if "question_answering_score" in d:
            dy = d["question_answering_score"]
            dpooled += heads.classify_backward(dy, p["answer"], c["answer"], g["answer"])


class LxmertForQuestionAnswering(AnswerHead, Face):
    """The encoders with the answer head (VQA, GQA): LxmertForQuestionAnsweringOutput."""

    HEADS = ("answer",)
    READS_POOLED = True
    Output = outputs.LxmertForQuestionAnsweringOutput

    def targets(self, inputs, labels=None, soft_labels=None):
        """labels (B,): answer numbers; -100 or -1 where there is none. soft_labels (B, A): each answer's score, 0…1."""
        b, answers, targets = inputs.count, self.config.num_qa_labels, {}
        if labels is not None:
            targets["ans"] = objectives.class_labels("labels", labels, (b,), answers, "num_qa_labels")
        if soft_labels is not None:
            targets["soft"] = floats("soft_labels", soft_labels, (b, answers), self.dtype)
        return targets

    def scores(self, run, targets):
        scores = heads.classify(run.pooled, run.p["answer"], self.config, child(run.cache, "answer"))
        return {"question_answering_score": scores}

    def losses(self, scores, targets):
        if "soft" not in targets:
            return objectives.mean_losses(scores, targets, "ans")
        loss, gradient = objectives.binary_cross_entropy(scores["question_answering_score"], targets["soft"])
        return {"ans": loss}, {"question_answering_score": gradient}

    def heads_backward(self, run, d, g, dlang, dvisn, dpooled):
        p, c = run.p["answer"], run.cache["answer"]
        dpooled += heads.classify_backward(d["question_answering_score"], p, c, g["answer"])


class LxmertForVisualReasoning(Face):
    """One statement about two pictures, true or false (NLVR2; paper, section 3.3): LxmertForVisualReasoningOutput.

    visual_feats (B, 2, M, F), visual_pos (B, 2, M, 4), visual_attention_mask (B, 2, M). Each picture is read with the
    statement, and one head judges both pooled states together; states of both sides, in the output, are those of
    pairs, the two pictures of a statement one after the other (2B). Source: the authors' NLVR2 model."""

    HEADS = ("reasoning",)
    READS_POOLED = True
    PICTURES = 2
    Output = outputs.LxmertForVisualReasoningOutput

    def targets(self, inputs, labels=None):
        """labels (B,): 1 when the statement is true, 0 when it is false."""
        if labels is None:
            return {}
        return {"truth": objectives.class_labels("labels", labels, (inputs.count // 2,), 2, "the number of classes")}

    def scores(self, run, targets):
        pairs = run.pooled.reshape(-1, 2 * self.config.hidden_size)  # (B, 2E)
        return {"logits": heads.classify(pairs, run.p["reasoning"], self.config, child(run.cache, "reasoning"))}

    def losses(self, scores, targets):
        return objectives.mean_losses(scores, targets, "truth")

    def heads_backward(self, run, d, g, dlang, dvisn, dpooled):
        p, c = run.p["reasoning"], run.cache["reasoning"]
        dpooled += heads.classify_backward(d["logits"], p, c, g["reasoning"]).reshape(dpooled.shape)


def load(path, config=None, num_attention_heads=None, mapped=True, **options):
    """A checkpoint as the face whose heads it carries; the arguments are those of from_pretrained."""
    from ..checkpoints.loading import read_checkpoint
    from ..checkpoints.names import HEADS

    checkpoint = read_checkpoint(path, config, num_attention_heads, mapped)
    carried = {head for head, prefix in HEADS.items() if any(name.startswith(prefix) for name in checkpoint.weights)}
    for face in (LxmertForVisualReasoning, LxmertForPreTraining, LxmertForQuestionAnswering, LxmertModel):
        if carried >= set(face.head_names(checkpoint.config)):
            return face.from_pretrained(checkpoint, **options)
