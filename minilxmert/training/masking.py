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


def mismatch(pictures, rows, rng, share=0.5):
    """For each of some sentences of a data set (rows (B,), by number) the number of the sentence that takes its place,
    and whether that is its own, (B,) each. pictures: of by_picture.

    Foreign are all sentences of other pictures, each as likely, whatever the batch; where there is none, it stays."""
    order, first, count = pictures
    source = np.array(rows)
    chosen = np.flatnonzero(rng.random(len(source)) < share)
    first, count = first[source[chosen]], count[source[chosen]]
    others = len(order) - count
    place = np.floor(rng.random(len(chosen)) * others).astype(np.int64)  # among the others, in order …
    place += np.where(place >= first, count, 0)  # … of which the picture's own are left out
    foreign = others > 0
    source[chosen[foreign]] = order[place[foreign]]
    return source, source == np.asarray(rows)


def by_picture(images):
    """The picture of each sentence of a data set -> the sentences' numbers ordered by picture, and for each sentence
    where those of its picture begin in that order, and how many they are: three arrays, as long as `images`."""
    numbers = {}
    picture = np.fromiter((numbers.setdefault(image, len(numbers)) for image in images), np.int64, len(images))
    counts = np.bincount(picture)
    return np.argsort(picture, kind="stable"), (np.cumsum(counts) - counts)[picture], counts[picture]
