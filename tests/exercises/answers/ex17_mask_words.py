"""Typical answers to exercise 17. The docstring of a wrong one: words that the verdict on it must hold."""

import numpy as np


def right_by_indices(ids, special, mask_id, vocab_size, rng):
    new, labels = ids.copy(), np.full_like(ids, -1)
    for place in zip(*np.nonzero(ids >= special), strict=True):
        kind = rng.random() / 0.15
        if kind < 1:
            labels[place] = ids[place]
            if kind < 0.8:
                new[place] = mask_id
            elif kind < 0.9:
                new[place] = rng.integers(special, vocab_size)
    return new, labels


def hide(ids, chosen, special, mask_id, vocab_size, rng, mask=0.8, other=0.9):
    kind = rng.random(ids.shape)
    words = rng.integers(special, vocab_size, ids.shape)
    new = np.where(kind < mask, mask_id, np.where(kind < other, words, ids))
    return np.where(chosen, new, ids)


def choose(ids, special, rng, share=0.15):
    return (rng.random(ids.shape) < share) & (ids >= special)


def wrong_all_masked(ids, special, mask_id, vocab_size, rng):
    """80 % become [MASK]"""
    chosen = choose(ids, special, rng)
    return np.where(chosen, mask_id, ids), np.where(chosen, ids, -1)


def wrong_same_draw(ids, special, mask_id, vocab_size, rng):
    """become [MASK] (of"""
    draw = rng.random(ids.shape)
    chosen = (draw < 0.15) & (ids >= special)
    return np.where(chosen & (draw < 0.8), mask_id, ids), np.where(chosen, ids, -1)


def wrong_label(ids, special, mask_id, vocab_size, rng):
    """label is [MASK]"""
    chosen = choose(ids, special, rng)
    new = hide(ids, chosen, special, mask_id, vocab_size, rng)
    return new, np.where(chosen, new, -1)


def wrong_all_labelled(ids, special, mask_id, vocab_size, rng):
    """need the label -1"""
    chosen = choose(ids, special, rng)
    return hide(ids, chosen, special, mask_id, vocab_size, rng), ids.copy()


def wrong_special_chosen(ids, special, mask_id, vocab_size, rng):
    """special tokens"""
    chosen = choose(ids, 0, rng)
    return hide(ids, chosen, special, mask_id, vocab_size, rng), np.where(chosen, ids, -1)


def wrong_special_drawn(ids, special, mask_id, vocab_size, rng):
    """one of the special tokens"""
    chosen = choose(ids, special, rng)
    return hide(ids, chosen, 0, mask_id, vocab_size, rng), np.where(chosen, ids, -1)


def wrong_fifteen_of_eighty(ids, special, mask_id, vocab_size, rng):
    """15 % of them chosen"""
    chosen = choose(ids, special, rng, 0.15 * 0.8)
    return hide(ids, chosen, special, mask_id, vocab_size, rng), np.where(chosen, ids, -1)


def wrong_generator(ids, special, mask_id, vocab_size, rng):
    """draw from rng"""
    return right_by_vectors(ids, special, mask_id, vocab_size, np.random.default_rng())


def right_by_vectors(ids, special, mask_id, vocab_size, rng):
    chosen = choose(ids, special, rng)
    return hide(ids, chosen, special, mask_id, vocab_size, rng), np.where(chosen, ids, -1)
