"""What pre-training hides: words and objects, 15 % of each, of which 80 % are blanked, 10 % exchanged, 10 % left alone.

Source: paper, section 3.1; Devlin et al. 2019. All randomness comes from `rng`, and no argument is written into."""

import numpy as np

RATE = 0.15
BLANK, EXCHANGE = 0.8, 0.1
NOTHING = -1  # the label where there is nothing to learn


def fates(shape, rate, rng):
    """Which places are chosen, blanked and exchanged: three arrays of bool; what is chosen only is left as it is."""
    chosen, fate = rng.random(shape) < rate, rng.random(shape)
    return chosen, chosen & (fate < BLANK), chosen & (fate >= BLANK) & (fate < BLANK + EXCHANGE)


def mask_words(ids, maskable, mask_id, words, rng, rate=RATE):
    """Hide words: ids (B, N), maskable (B, N) of bool (no special tokens, no padding), words: the ids to exchange with.

    -> ids (B, N) as the model sees them, labels (B, N): the true id where a word was chosen, else NOTHING"""
    chosen, blank, exchange = fates(ids.shape, rate, rng)
    seen = np.where(blank & maskable, mask_id, ids)
    seen = np.where(exchange & maskable, words[rng.integers(len(words), size=ids.shape)], seen)
    return seen, np.where(chosen & maskable, ids, NOTHING)


def mask_objects(feats, visible, others, rng, rate=RATE):
    """Hide objects: feats (B, M, F), visible (B, M) of bool, others (B, M, F): features of random other objects.

    -> feats (B, M, F) as the model sees them, chosen (B, M) float32"""
    chosen, blank, exchange = (fate & visible for fate in fates(visible.shape, rate, rng))
    seen = np.where(blank[..., None], 0, feats)
    return np.where(exchange[..., None], others, seen).astype(feats.dtype, copy=False), chosen.astype(np.float32)


def mismatch(images, rng, share=0.5):
    """For each of a batch of sentences the place in the batch whose sentence it gets, and whether that is its own (B,).

    images: the picture ids (B,); a foreign sentence is never one of the same picture."""
    images = np.asarray(images)
    source = np.arange(len(images))
    for row in np.flatnonzero(rng.random(len(images)) < share):
        foreign = np.flatnonzero(images != images[row])
        if len(foreign):
            source[row] = foreign[rng.integers(len(foreign))]
    return source, source == np.arange(len(images))
