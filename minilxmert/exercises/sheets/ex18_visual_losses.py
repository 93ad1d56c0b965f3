"""The losses of masked objects: smooth L1, weights by confidence, and what exactly a mean is taken over.

30 minutes; chapter 9."""

import numpy as np

from ...core import losses as objectives
from ...core.ops import softmax
from . import sized


def visual_losses(scores, labels, confidence, guess, feats, masked):
    """How wrong the model is about the objects: about their class, and about the features of the hidden ones.

    scores (R, C) of the classes, labels (R,) classes as the detector saw them, confidence (R,) of the detector,
    guess (R, F) and feats (R, F) the features, masked (R,) 1 for hidden objects and 0 for others
    -> label_loss, feature_loss, two numbers

        label_loss    -log(softmax(scores)[label]) of each object, times its confidence; mean over all R objects
        feature_loss  smooth L1 of guess - feats, mean over the F features, times masked; mean over all R objects

    Smooth L1 of a difference d is d² / 2 where |d| < 1, and |d| - 1/2 elsewhere.

    Hints
    - Both means are over all objects, hidden or not: that is how LXMERT was published, and so are its loss values.
    - array[np.arange(R), labels] picks one value of each row.
    """
    terms = -np.log(softmax(scores))[np.arange(len(labels)), labels]
    d = guess - feats
    smooth = np.where(abs(d) < 1, d * d / 2, abs(d) - 0.5)
    return (terms * confidence).mean(), (smooth.mean(-1) * masked).mean()


@sized((6, 4, 5), (1, 2, 3), (4, 4, 4))
def draws(rng, rows, classes, f):
    """Distances on both sides of 1, no masked object in some draws, a single one in others."""
    masked = ((rng.random(rows) < 0.5) & (rng.random() < 0.9)).astype(float)
    labels, confidence = rng.integers(0, classes, rows), rng.uniform(0.2, 0.9, rows)
    return rng.standard_normal((rows, classes)), labels, confidence, *rng.standard_normal((2, rows, f)) * 2, masked


VARIES = (
    "guess * k, feats * k -> feature_loss * k",
    "smooth L1 bends at {k}: d² / (2 · {k}) where |d| < {k}, and |d| - {k} / 2 elsewhere",
)
IMPORTS = "import numpy as np\n\nfrom minilxmert.core.ops import softmax"
SOLVED = (objectives.cross_entropy, objectives.smooth_l1)
OUTPUTS = ("label_loss", "feature_loss")
SLIPS = """
it is not weighted by the detector's confidence
    * confidence =>
the labels of all objects count, masked or not
    * confidence => * confidence * masked
divide by the number of objects, not the sum of weights
    (terms * confidence).mean() => (terms * confidence).sum() / confidence.sum()
it is the sum; divide by the number of objects
    (terms * confidence).mean() => (terms * confidence).sum()
it is the squared distance; beyond 1, smooth L1 grows like |d| - 1/2
    np.where(abs(d) < 1, d * d / 2, abs(d) - 0.5) => d * d
it is half the squared distance; beyond 1, smooth L1 grows like |d| - 1/2
    np.where(abs(d) < 1, d * d / 2, abs(d) - 0.5) => d * d / 2
it is the absolute distance; below 1, smooth L1 is d² / 2
    np.where(abs(d) < 1, d * d / 2, abs(d) - 0.5) => abs(d)
it is the sum over the features; take their mean
    smooth.mean(-1) => smooth.sum(-1)
the mean is taken over the masked objects; divide by the number of all
    * masked).mean() => * masked).sum() / masked.sum()
the mean is taken over the masked objects; divide by the number of all
    * masked).mean() => * masked).sum() / max(masked.sum(), 1)
the features of all objects count; only the masked ones do
    * masked).mean() => ).mean()
"""
