"""Typical answers to exercise 19. The docstring of a wrong one: words that the verdict on it must hold."""

import numpy as np


def right_by_trying_again(pictures, answers, rng):
    sentences, matched, answers = np.arange(len(pictures)), np.ones(len(pictures), int), answers.copy()
    for b, picture in enumerate(pictures):
        if rng.random() < 0.5:
            while pictures[sentences[b]] == picture:
                sentences[b] = rng.integers(len(pictures))
            matched[b], answers[b] = 0, -1
    return sentences, matched, answers


def wrong_same_picture(pictures, answers, rng):
    """same picture after all"""
    swapped = rng.random(len(pictures)) < 0.5
    sentences = np.where(swapped, rng.integers(0, len(pictures), len(pictures)), np.arange(len(pictures)))
    return sentences, 1 - swapped, np.where(swapped, -1, answers)


def wrong_inverted(pictures, answers, rng):
    """inverted"""
    sentences, matched, answers = right_by_trying_again(pictures, answers, rng)
    return sentences, 1 - matched, answers


def wrong_answers_kept(pictures, answers, rng):
    """has no answer"""
    return *right_by_trying_again(pictures, answers, rng)[:2], answers


def wrong_always_swapped(pictures, answers, rng):
    """expected 50 %"""
    sentences = np.array([rng.choice(np.flatnonzero(pictures != picture)) for picture in pictures])
    return sentences, np.zeros(len(pictures), int), np.full(len(pictures), -1)


def wrong_label_only(pictures, answers, rng):
    """same picture after all"""
    matched = rng.integers(0, 2, len(pictures))
    return np.arange(len(pictures)), matched, np.where(matched == 1, answers, -1)


def wrong_in_place(pictures, answers, rng):
    """changes its input"""
    sentences, matched, new = right_by_trying_again(pictures, answers, rng)
    answers[:] = new
    return sentences, matched, answers


def wrong_neighbour(pictures, answers, rng):
    """the same distance"""
    sentences, matched = np.arange(len(pictures)), np.ones(len(pictures), int)
    for b in np.flatnonzero(rng.random(len(pictures)) < 0.5):
        step = 1
        while pictures[(b + step) % len(pictures)] == pictures[b]:
            step += 1
        sentences[b], matched[b] = (b + step) % len(pictures), 0
    return sentences, matched, np.where(matched == 1, answers, -1)
