"""Relevance: what the score of an answer rests on, from every attention map of the pass and its gradient.

The rules of Chefer, Gur & Wolf 2021, "Generic Attention-model Explainability for Interpreting Bi-Modal and
Encoder-Decoder Transformers" (arXiv 2103.15679), which was built for LXMERT; equation numbers are the paper's, and so
are the letters: t text, i image, s the side that is updated, q the other one. A relevancy matrix says for each row how
much each column has gone into it: R_tt (B, N, N), R_ti (B, N, M), R_it (B, M, N), R_ii (B, M, M)."""

from dataclasses import dataclass

import numpy as np

from ..core import params
from ..errors import ConfigError, ShapeError
from ..published.outputs import attention_maps

SCORES = ("question_answering_score", "logits", "cross_relationship_score")  # what can be explained, first choice first


@dataclass(frozen=True)
class Relevance:
    """What one score of each example rests on. Hidden words and objects, and [CLS] itself, are 0.

    Of a two-image verdict the rows are the pairs of statement and picture, as in its output (2B)."""

    words: np.ndarray  # (B, N), not negative
    objects: np.ndarray  # (B, M)
    score: str  # the output field that is explained
    targets: np.ndarray  # (B,) which of its columns: the answers' numbers
    matrices: dict  # {"tt", "ti", "it", "ii": relevancy matrices}, of which words and objects are the [CLS] row

    def __repr__(self):
        (b, n), m = self.words.shape, self.objects.shape[1]
        return f"<Relevance of {n} words and {m} objects for {self.score}, {b} examples>"


def relevance(model, targets=None, score=None, **inputs):
    """Which words and objects made the model say what it says: Relevance.

    model: a face with a head. targets: which answer (or class) of each example, whole numbers (B,) or one for all;
    None is the model's first choice. score: one of SCORES, None is the first that the model has. inputs: the call
    arguments. Raises ConfigError, ShapeError."""
    run, score, targets = backward_from(model, targets, score, inputs)
    maps, gradients = (attention_maps(run.cache, entry) for entry in ("a", "da"))
    cams = {name: [head_mean(*pair) for pair in zip(maps[name], gradients[name], strict=True)] for name in maps}
    b, n, m = len(run.pooled), run.lang[0].shape[1], run.visn[0].shape[1]
    matrices = propagate(cams, *identity(b, n, m))
    words = matrices["tt"][:, 0].copy()
    words[:, 0] = 0  # what [CLS] starts from says nothing about the sentence
    return Relevance(words, matrices["ti"][:, 0], score, targets, matrices)


def backward_from(model, targets, score, inputs):
    """One pass, and back from the chosen scores to every attention map -> Run, the score's name, targets (B,)"""
    inputs, _ = model.read(**inputs)
    run, scores, *_ = model.compute(inputs.spread(), {}, {})
    found = [name for name in SCORES if name in scores]
    if not found or (score or found[0]) not in found:
        has = ", ".join(found) or "none of them"
        raise ConfigError.at("relevance", "score", f"a model with {score or 'a score to explain'}", has)
    score = score or found[0]
    targets = check_targets(targets, scores[score])
    chosen = np.zeros_like(scores[score])
    chosen[np.arange(len(chosen)), targets] = 1
    model.backward(run, {score: chosen}, params.zeros_like(run.p))
    return run, score, targets


def check_targets(targets, scores):
    """targets as whole numbers (B,) of columns of scores (B, C), or a ShapeError"""
    if targets is None:
        return scores.argmax(1)
    targets, (b, c) = np.asarray(targets), scores.shape
    if targets.dtype.kind not in "iu" or targets.shape not in ((), (b,)):
        raise ShapeError(f"targets: expected {b} whole numbers, found {targets.dtype} of shape {targets.shape}")
    if targets.size and not 0 <= targets.min() <= targets.max() < c:
        raise ShapeError(f"targets: expected numbers of 0 … {c - 1}, found {targets.min()} … {targets.max()}")
    return np.broadcast_to(targets, (b,))


def identity(b, n, m):
    """R_tt, R_ti, R_it, R_ii before the first layer: each word and object is relevant to itself (eqs. 3 and 4).

    In float64, because what is gathered on the diagonal is small beside its 1."""
    eye_t, eye_i = (np.broadcast_to(np.eye(size), (b, size, size)) for size in (n, m))
    return eye_t, np.zeros((b, n, m)), np.zeros((b, m, n)), eye_i


def propagate(cams, tt, ti, it, ii):
    """The relevancy matrices after the three encoders. cams: {output field: head_mean of each layer}"""
    for cam in cams["language_attentions"]:
        tt, ti = self_rule(cam, tt, ti)
    for cam in cams["vision_attentions"]:
        ii, it = self_rule(cam, ii, it)
    crossing = ("cross_encoder_attentions", "cross_encoder_vision_attentions")
    crossing += ("cross_language_attentions", "cross_vision_attentions")
    for cam_ti, cam_it, cam_tt, cam_ii in zip(*(cams[name] for name in crossing), strict=True):
        (tt, ti), (ii, it) = cross_rule(cam_ti, tt, ti, it, ii), cross_rule(cam_it, ii, it, ti, tt)  # both read the old
        tt, ti = self_rule(cam_tt, tt, ti)
        ii, it = self_rule(cam_ii, ii, it)
    return {"tt": tt, "ti": ti, "it": it, "ii": ii}


def head_mean(a, da):
    """Ā, the mean over heads of the positive part of gradient times map (eq. 5). a, da (B, H, N, M) -> (B, N, M)"""
    return np.maximum(da * a, 0).mean(1)


def self_rule(cam, ss, sq):
    """After a self-attention with Ā_ss (B, S, S): the new R_ss (eq. 6) and R_sq (eq. 7)"""
    return ss + cam @ ss, sq + cam @ sq


def cross_rule(cam, ss, sq, qs, qq):
    """After a cross-attention with Ā_sq (B, S, Q): the new R_ss (eq. 11) and R_sq (eq. 10)"""
    return ss + cam @ qs, sq + normalise(ss).swapaxes(-1, -2) @ cam @ normalise(qq)


def normalise(r):
    """R_xx with the rows of what it gathered, R - I, scaled to sum to 1 (eqs. 8 and 9). A row that gathered nothing
    stays the identity's. (B, S, S) -> (B, S, S)"""
    eye = np.eye(r.shape[-1])
    gathered = r - eye
    total = gathered.sum(-1, keepdims=True)
    return gathered / np.where(total > 0, total, 1) + eye
