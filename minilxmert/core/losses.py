"""What is learnt: labels checked, the loss functions, the published sums of them with the gradients of the scores."""

from collections import Counter

import numpy as np

from ..errors import ShapeError
from .inputs import as_array, floats, ids

IGNORED = (-100, -1)  # labels that no loss counts: transformers' convention and the authors'
OBJECT_KINDS = ("obj", "attr", "feat")
SCORES = {  # the scores that each task's loss is about
    "masked_lm": "prediction_logits",
    "matched": "cross_relationship_score",
    "ans": "question_answering_score",
    "truth": "logits",
    "visual": "object_scores",
}


def class_labels(name, value, shape, limit, limit_name):
    """Class numbers of a shape, -100 or -1 where there is nothing to learn. Raises ShapeError (one-hot labels too)."""
    array = as_array(name, value)
    if array.ndim == len(shape) + 1 and array.shape[-1] == 1:
        array = array[..., 0]  # (B, 1), as the published classes take it
    if array.ndim == len(shape) + 1:
        raise ShapeError(f"{name}: expected class numbers {shape}, found {array.shape}: one-hot? use argmax(-1)")
    return ids(name, array, shape, limit, limit_name, IGNORED)


def object_labels(given, b, m, config, dtype):
    """obj_labels -> {kind: (labels, weights)}, checked; kinds that the config switches off are left out."""
    sizes = {"obj": "num_object_labels", "attr": "num_attr_labels"}
    checked = {}
    for kind in OBJECT_KINDS:
        if not getattr(config, f"visual_{kind}_loss"):
            continue
        if kind not in given:
            raise ShapeError(f"obj_labels: expected the keys {', '.join(OBJECT_KINDS)}, found {', '.join(given)}")
        target, weight = given[kind]
        name = f"obj_labels[{kind!r}]"
        if kind == "feat":
            target = floats(name, target, (b, m, config.visual_feat_dim), dtype)
        else:
            target = class_labels(name, target, (b, m), getattr(config, sizes[kind]), sizes[kind])
        checked[kind] = target, floats(f"{name} weights", weight, (b, m), dtype)
    return checked


def pretraining_labels(inputs, config, dtype, words, matched, objects, answers):
    """The labels of the five tasks as far as they are given and the config has the task -> {task: labels}, checked."""
    b, n, m, c, labels = inputs.count, inputs.words.shape[1], inputs.feats.shape[1], config, {}
    if words is not None and c.task_mask_lm:
        labels["masked_lm"] = class_labels("labels", words, (b, n), c.vocab_size, "vocab_size")
    if matched is not None and c.task_matched:
        labels["matched"] = class_labels("matched_label", matched, (b,), 2, "the number of classes")
    if objects is not None and c.task_obj_predict and (kinds := object_labels(objects, b, m, c, dtype)):
        labels["visual"] = kinds
    if answers is not None and c.task_qa:
        labels["ans"] = class_labels("ans", answers, (b,), c.num_qa_labels, "num_qa_labels")
    return labels


# --- loss functions: each returns (loss, gradient of its first argument) ---------------------------------------------


def cross_entropy(logits, target, weight=None):
    """Cross-entropy after a softmax: logits (R, C), target (R,) whole numbers, IGNORED rows count nothing.

    Without weight: the mean over the labelled rows (0 when there is none).
    With weight (R,): weight · loss averaged over all rows, as the object losses are published."""
    rows = np.flatnonzero(~np.isin(target, IGNORED))
    target = target[rows]
    shifted = logits[rows] - logits[rows].max(-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    dlogits = np.exp(log_p)
    dlogits[np.arange(len(rows)), target] -= 1
    share = np.full(len(rows), 1 / max(len(rows), 1)) if weight is None else weight[rows] / len(weight)
    share = share.astype(logits.dtype)
    gradient = np.zeros_like(logits)
    gradient[rows] = dlogits * share[:, None]
    return -(log_p[np.arange(len(rows)), target] * share).sum(), gradient


def binary_cross_entropy(logits, target):
    """Every class judged by itself: logits, target (R, C), scores of 0…1 -> the sum over C averaged over R.

    Source: the authors' VQA loss. log(1 + exp(x)) is max(x, 0) + log1p(exp(-|x|)), which cannot overflow."""
    small = np.exp(-np.abs(logits))
    losses = np.maximum(logits, 0) - logits * target + np.log1p(small)
    share = logits.dtype.type(1 / max(len(logits), 1))
    sigmoid = np.where(logits >= 0, 1, small) / (1 + small)
    return losses.sum() * share, (sigmoid - target) * share


def smooth_l1(x, target, weight):
    """The smooth L1 distance (Girshick 2015): d²/2 where |d| < 1, |d| - 1/2 elsewhere.

    x, target (R, F), weight (R,) -> weight · mean over F, averaged over all rows."""
    d = x - target
    share = (weight / max(d.size, 1)).astype(x.dtype)[:, None]
    loss = np.where(np.abs(d) < 1, 0.5 * d * d, np.abs(d) - 0.5)
    return (loss * share).sum(), np.clip(d, -1, 1) * share


# --- the losses of a model -------------------------------------------------------------------------------------------


def mean_losses(scores, targets, *tasks):
    """({task: mean cross-entropy}, {score: gradient}) for every one of the tasks that has targets."""
    losses, gradients = {}, {}
    for task in tasks:
        if task in targets:
            name = SCORES[task]
            rows = scores[name].reshape(-1, scores[name].shape[-1])
            losses[task], gradient = cross_entropy(rows, targets[task].reshape(-1))
            gradients[name] = gradient.reshape(scores[name].shape)
    return losses, gradients


def pretraining_losses(scores, targets, visual_loss_normalizer):
    """The losses "masked_lm", "matched", "visual" and "ans", as far as there are targets, and the scores' gradients.

    The object losses are weighted by the detector's confidence or the mask, averaged over all objects (labelled or
    not) and scaled by visual_loss_normalizer, as published."""
    losses, gradients = mean_losses(scores, targets, "masked_lm", "matched", "ans")
    if "visual" in targets:
        losses["visual"], gradients["object_scores"] = np.zeros((), scores["prediction_logits"].dtype), {}
        for kind, (target, weight) in targets["visual"].items():
            rows = scores["object_scores"][kind].reshape(weight.size, -1)
            weight = weight.reshape(-1) * visual_loss_normalizer
            loss_of = smooth_l1 if kind == "feat" else cross_entropy
            loss, gradient = loss_of(rows, target.reshape(rows.shape if kind == "feat" else -1), weight)
            losses["visual"] = losses["visual"] + loss
            gradients["object_scores"][kind] = gradient.reshape(scores["object_scores"][kind].shape)
    return losses, gradients


# --- several batches that are one step -------------------------------------------------------------------------------


def step_shares(parts):
    """The checked labels of each batch of a step -> of each [{task: its share in the task's mean over the whole step}].

    A loss is a mean over its labels, of which batches have different numbers; padded objects count as those of one
    large batch would."""
    counts = [{task: count_labelled(labels) for task, labels in part.items() if task != "visual"} for part in parts]
    shapes = [next(iter(part["visual"].values()))[1].shape if "visual" in part else (0, 0) for part in parts]
    whole = sum(map(Counter, counts), Counter())
    shares = [{task: n / max(whole[task], 1) for task, n in count.items()} for count in counts]
    places = sum(b for b, _ in shapes) * max(m for _, m in shapes)
    for share, (b, m) in zip(shares, shapes, strict=True):
        share["visual"] = b * m / max(places, 1)
    return [{"ans" if task == "soft" else task: n for task, n in share.items()} for share in shares]


def count_labelled(labels):
    """How many rows a mean is over: class numbers count where they are not IGNORED, soft labels (R, A) all."""
    return len(labels) if labels.dtype.kind == "f" else int((~np.isin(labels, IGNORED)).sum())


def scale(losses, gradients, shares):
    """Losses by task and their gradients by score, in place, times the shares by task."""
    for task, share in shares.items():
        if task in losses:
            losses[task] = losses[task] * share
            found = gradients[SCORES[task]]
            for gradient in found.values() if isinstance(found, dict) else [found]:
                gradient *= share
