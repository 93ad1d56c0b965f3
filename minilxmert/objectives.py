"""The published losses: labels checked, scores and labels to named losses and the gradients of the scores."""

import numpy as np

from .errors import ShapeError
from .inputs import as_array, check_shape, floats, ids
from .ops import IGNORED, cross_entropy, smooth_l1

OBJECT_KINDS = ("obj", "attr", "feat")
SCORES = {"masked_lm": "prediction_logits", "matched": "cross_relationship_score", "ans": "question_answering_score"}


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


def mean_losses(scores, targets, names):
    """({task: mean cross-entropy}, {score: gradient}) for every task of `names` {task: score} that has targets."""
    losses, gradients = {}, {}
    for task, name in names.items():
        if task in targets:
            rows = scores[name].reshape(-1, scores[name].shape[-1])
            losses[task], gradient = cross_entropy(rows, targets[task].reshape(-1))
            gradients[name] = gradient.reshape(scores[name].shape)
    return losses, gradients


def pretraining_losses(scores, targets, visual_loss_normalizer):
    """The losses "masked_lm", "matched", "visual" and "ans", as far as there are targets, and the scores' gradients.

    The object losses are weighted by the detector's confidence or the mask, averaged over all objects (labelled or
    not) and scaled by visual_loss_normalizer, as published."""
    losses, gradients = mean_losses(scores, targets, SCORES)
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


def pair_rows(value, name):
    """The pictures of two-image statements, (B, 2, …) -> (2B, …)"""
    array = as_array(name, value)
    check_shape(name, array, ("B", 2, "M") if name.endswith("mask") else ("B", 2, "M", "F"))
    return array.reshape(-1, *array.shape[2:])
