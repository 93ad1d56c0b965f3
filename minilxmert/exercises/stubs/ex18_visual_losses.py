"""Exercise 18: the losses of masked objects. About 30 minutes; chapter 9."""

import numpy as np

from minilxmert.core.ops import softmax


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
    raise NotImplementedError("exercise 18")
