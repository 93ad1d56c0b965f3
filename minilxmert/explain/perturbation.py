"""Does a relevance mean something? Remove words or objects in its order, and watch the answers.

    curves = removal_curves(model, inputs, answers, side="objects", first="least", rng=np.random.default_rng(0))
    {name: curve.area for name, curve in curves.items()}       # relevance, attention, random
The perturbation test of Chefer, Gur & Wolf 2021 (section 4): where the least relevant go first, a good order keeps the
answers long (a large area); where the most relevant go first, it loses them at once (a small area)."""

from dataclasses import dataclass

import numpy as np

from ..core.ops import softmax
from ..errors import ConfigError, ShapeError
from .relevance import check_targets, relevance

SHARES = (0, 0.25, 0.5, 0.75, 0.8, 0.85, 0.9, 0.95, 1)  # of the removable ones that are gone, as in the paper
MASKS = {"words": "attention_mask", "objects": "visual_attention_mask"}
BATCH = 64  # examples at a time


@dataclass(frozen=True)
class Curve:
    """What is left of the answers while more and more is removed."""

    shares: np.ndarray  # (S,) removed, of those that may be
    accuracy: np.ndarray  # (S,) the share of examples whose first choice is still the given answer
    probability: np.ndarray  # (S,) the mean probability of the given answers

    @property
    def area(self):
        """The mean height of the accuracy over the shares, 0…1 (trapezoids)."""
        heights = (self.accuracy[1:] + self.accuracy[:-1]) / 2
        return float(np.sum(np.diff(self.shares) * heights) / np.ptp(self.shares))

    def __repr__(self):
        return f"<Curve: accuracy {self.accuracy[0]:.1%} … {self.accuracy[-1]:.1%}, area {self.area:.3f}>"


def removal_curves(model, inputs, answers, side="objects", first="least", rng=None, shares=SHARES):
    """{"relevance", "attention", "random": Curve} for removing objects or words in the order of each.

    model: a face with an answer head; inputs: its call arguments, input_ids (B, N) and so on; answers (B,): the right
    ones, by number. Relevance is that of the model's first choice: nothing knows the right answer; attention
    is what [CLS] looks at in the last layer, mean of heads. first: who goes first, the "least" or the "most" relevant.
    rng: of the random order. Raises ConfigError, ShapeError."""
    check_side(side)
    inputs = split_pairs(inputs)
    orders = {
        "relevance": np.concatenate([getattr(relevance(model, **part), side) for part in batches(inputs)]),
        "attention": np.concatenate([last_look(model, part, side) for part in batches(inputs)]),
    }
    orders["random"] = (rng or np.random.default_rng(0)).random(orders["relevance"].shape)
    return {name: perturbation(model, inputs, answers, scores, side, first, shares) for name, scores in orders.items()}


def last_look(model, inputs, side):
    """What [CLS] looks at last, the mean of heads: (B, N) words or (B, M) objects"""
    output = model(**inputs, output_attentions=True)
    last = output.cross_language_attentions if side == "words" else output.cross_encoder_attentions
    return last[-1][:, :, 0].mean(1)


def perturbation(model, inputs, answers, scores, side="objects", first="least", shares=SHARES):
    """The Curve of removing objects (or words) by their `scores`, (B, M) or (B, N), the least or the most first.

    A word is removed by its mask, so that the others keep their places; the first and the last one, [CLS] and [SEP],
    stay. At the share 1 no object is left. Raises ConfigError, ShapeError."""
    check_side(side)
    if first not in ("least", "most"):
        raise ConfigError.at("perturbation", "first", "least or most", first)
    inputs = split_pairs(inputs)
    visible = visible_at_first(inputs, side)
    if np.shape(scores) != visible.shape:
        raise ShapeError(f"scores: expected {visible.shape}, one for each of the {side}; found {np.shape(scores)}")
    rank = removal_rank(np.asarray(scores), removable(visible, side), first)
    curve = []
    for share in shares:
        gone = rank < np.floor(share * (rank < np.inf).sum(1, keepdims=True) + 1e-9)
        curve.append(outcome(model, without(inputs, visible & ~gone, side), answers))
    return Curve(np.array(shares, float), *np.array(curve).T)


def removal_rank(scores, may_go, first):
    """0 for who goes first, 1 for the next … and infinity for who stays. scores, may_go (B, M) -> (B, M)"""
    keys = np.where(may_go, scores if first == "least" else -scores, np.inf)
    rank = np.argsort(np.argsort(keys, axis=1, kind="stable"), axis=1, kind="stable").astype(float)
    return np.where(may_go, rank, np.inf)


def removable(visible, side):
    """Which may go: visible (B, N) of bool -> the same, of words without the first and the last"""
    if side == "objects":
        return visible
    last = visible.shape[1] - 1 - visible[:, ::-1].argmax(1)
    places = np.arange(visible.shape[1])
    return visible & (places != 0) & (places != last[:, None])


def without(inputs, stays, side):
    """The inputs with only `stays` visible. The objects that stay move to the front and the rest is cut off, so that
    without any left, none is given: a mask that hides all shows all alike (see inputs.added_mask)."""
    if side == "words":
        return {**inputs, MASKS[side]: stays.astype(np.float32)}
    order = np.argsort(~stays, axis=1, kind="stable")[:, : stays.sum(1).max(initial=0)]
    rows = np.arange(len(stays))[:, None]
    packed = {name: np.asarray(inputs[name])[rows, order] for name in ("visual_feats", "visual_pos")}
    return {**inputs, **packed, MASKS[side]: stays[rows, order].astype(np.float32)}


def outcome(model, inputs, answers):
    scores = np.concatenate([model(**part).question_answering_score for part in batches(inputs)])
    answers = check_targets(answers, scores)
    return np.mean(scores.argmax(1) == answers), softmax(scores)[np.arange(len(answers)), answers].mean()


def visible_at_first(inputs, side):
    """Which words or objects are visible at first, (B, N) or (B, M) of bool"""
    like = inputs["input_ids"] if side == "words" else np.asarray(inputs["visual_feats"])[:, :, 0]
    return np.asarray(inputs.get(MASKS[side], np.ones(np.shape(like)))) > 0


def split_pairs(inputs):
    """The same call arguments with a sentence and a picture of its own for every pair: each loses words or objects of
    its own."""
    others = {name: np.asarray(value) for name, value in inputs.items() if name != "pairs"}
    if inputs.get("pairs") is None:
        return others
    sentence, picture = np.asarray(inputs["pairs"]).T
    return {name: value[picture if name.startswith("visual") else sentence] for name, value in others.items()}


def check_side(side):
    if side not in MASKS:
        raise ConfigError.at("perturbation", "side", " or ".join(MASKS), side)


def batches(inputs):
    for start in range(0, len(inputs["input_ids"]), BATCH):
        yield {name: value[start : start + BATCH] for name, value in inputs.items()}
