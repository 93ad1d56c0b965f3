"""Typical answers to exercise 18. The docstring of a wrong one: words that the verdict on it must hold."""

import numpy as np

from minilxmert.core import losses
from minilxmert.core.ops import softmax


def smooth(d):
    return np.where(np.abs(d) < 1, 0.5 * d**2, np.abs(d) - 0.5)


def right_object_by_object(scores, labels, confidence, guess, feats, masked):
    label_loss = feature_loss = 0.0
    for i, label in enumerate(labels):
        label_loss -= confidence[i] * np.log(softmax(scores[i])[label]) / len(labels)
        feature_loss += masked[i] * smooth(guess[i] - feats[i]).mean() / len(labels)
    return label_loss, feature_loss


def right_as_the_package(scores, labels, confidence, guess, feats, masked):
    return losses.cross_entropy(scores, labels, confidence)[0], losses.smooth_l1(guess, feats, masked)[0]


def wrong_no_confidence(scores, labels, confidence, guess, feats, masked):
    """not weighted"""
    label_loss = -np.log(softmax(scores)[np.arange(len(labels)), labels]).mean()
    return label_loss, right_object_by_object(scores, labels, confidence, guess, feats, masked)[1]


def wrong_masked_labels(scores, labels, confidence, guess, feats, masked):
    """masked or not"""
    return right_object_by_object(scores, labels, confidence * masked, guess, feats, masked)


def wrong_squared(scores, labels, confidence, guess, feats, masked):
    """squared distance"""
    label_loss, _ = right_object_by_object(scores, labels, confidence, guess, feats, masked)
    return label_loss, (((guess - feats) ** 2).mean(-1) * masked).mean()


def wrong_mean_of_masked(scores, labels, confidence, guess, feats, masked):
    """mean is taken over the masked"""
    label_loss, _ = right_object_by_object(scores, labels, confidence, guess, feats, masked)
    hidden = masked > 0
    return label_loss, smooth(guess - feats)[hidden].mean() if hidden.any() else 0.0


def wrong_sum_of_features(scores, labels, confidence, guess, feats, masked):
    """take their mean"""
    label_loss, _ = right_object_by_object(scores, labels, confidence, guess, feats, masked)
    return label_loss, (smooth(guess - feats).sum(-1) * masked).mean()


def wrong_sign(scores, labels, confidence, guess, feats, masked):
    """sign"""
    label_loss, feature_loss = right_object_by_object(scores, labels, confidence, guess, feats, masked)
    return -label_loss, feature_loss
