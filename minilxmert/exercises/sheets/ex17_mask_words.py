"""Hide words: BERT's 15 % and its 80 / 10 / 10, drawn independently; labels only where something is to be learned.

45 minutes; chapter 9."""

import numpy as np

from ...training import masking
from ..student import Wrong

V, MASK, SPECIAL, IGNORED = 1000, 4, 5, -1  # words 0 to 4 are [PAD], [UNK], [CLS], [SEP], [MASK]
ROWS, WORDS = 5000, 20


def mask_words(ids, special, mask_id, vocab_size, rng):
    """Choose 15 % of the words for the model to guess, and hide most of them.

    ids (B, N) numbers of words; those below `special` are special tokens ([PAD], [CLS] …), which are never chosen;
    mask_id the number of [MASK]; rng a numpy random generator -> new ids (B, N), labels (B, N)

    Each word is chosen with probability 15 %, independently of the others. Of the chosen ones
        80 %  become [MASK],
        10 %  become a random word that is not special (special … vocab_size - 1),
        10 %  stay as they are.
    The label of a chosen word is the word that was there, that of all others is -1: nothing to learn.

    Hints
    - rng.random(ids.shape) < 0.15 is True in 15 % of the places. Draw a second time for the 80 / 10 / 10.
    - np.where(condition, a, b) makes a new array; ids itself must stay as it is.
    """
    return masking.mask_words(ids, ids >= special, mask_id, np.arange(special, vocab_size), rng)


def draws(rng):
    for number in range(20):
        shape = [(2, 8), (1, 1), (3, 5), (1, 20)][number % 4]
        yield sentences(rng, shape), SPECIAL, MASK, V, np.random.default_rng(number)


def sentences(rng, shape):
    """[CLS], words, [SEP] and then [PAD] in the last quarter, as far as there is room."""
    ids = rng.integers(SPECIAL, V, shape)
    ids[:, 0] = 2
    ids[:, 3 * shape[1] // 4 + 1 :] = 0
    return ids


def extra(answer, rng):
    """A hundred thousand words: a share is refused when it is six standard deviations away."""
    ids = sentences(rng, (ROWS, WORDS))
    new, labels = answer(ids, SPECIAL, MASK, V, np.random.default_rng(1))
    words, chosen = ids >= SPECIAL, labels != IGNORED
    where_chosen(ids, new, labels, words, chosen)
    share(chosen[words], 0.15, "of the words are chosen", "are 15 % of them chosen?")
    masked, kept = new[chosen] == MASK, new[chosen] == ids[chosen]
    share(masked, 0.8, "of the chosen words become [MASK]", "of the chosen ones, 80 % become [MASK]")
    share(kept, 0.1, "of the chosen words stay as they are", "of the chosen ones, 10 % stay and 10 % are replaced")
    drawn = new[chosen][~masked & ~kept]
    if (drawn < SPECIAL).any() or (drawn >= V).any():
        raise Wrong("a random word may be one of the special tokens, or none at all: special … vocab_size - 1")
    if drawn.max() < V - V // 20 or drawn.min() > SPECIAL + V // 20 or len(np.unique(drawn)) < V // 3:
        raise Wrong("the random words are always the same few, or of a part: draw one for each place, from all words")
    again, _ = answer(ids, SPECIAL, MASK, V, np.random.default_rng(2))
    same, _ = answer(ids, SPECIAL, MASK, V, np.random.default_rng(1))
    if (again == new).all() or (same != new).any():
        raise Wrong("it must draw from rng, and from nothing else: the same rng, the same result")
    if abs(np.std(chosen.sum(1)) ** 2 / (0.15 * 0.85 * words[0].sum()) - 1) > 0.2:
        raise Wrong("every sentence has the same number of chosen words: decide for each word on its own")


def where_chosen(ids, new, labels, words, chosen):
    """What must hold for every single word."""
    if (chosen & ~words).any():
        if chosen[~words].mean() > 0.5:
            raise Wrong("words that are not chosen need the label -1 (nothing to learn)")
        raise Wrong("special tokens ([CLS], [SEP], [PAD] …) are chosen: choose only ids ≥ special")
    if (new[~chosen] != ids[~chosen]).any():
        raise Wrong("words that are not chosen are changed")
    if chosen.any() and (labels[chosen] == new[chosen]).mean() > 0.9 and (labels[chosen] == MASK).mean() > 0.5:
        raise Wrong("the label is [MASK]: it must be the word that was there before")
    if (labels[chosen] != ids[chosen]).any():
        raise Wrong("the label of a chosen word must be the word that was there before")


def share(events, expected, what, hint):
    """Refuse a share that chance does not explain."""
    found, deviation = events.mean(), (expected * (1 - expected) / max(len(events), 1)) ** 0.5
    if abs(found - expected) > 6 * deviation + 0.002:
        raise Wrong(f"{found:.1%} {what} (of {len(events):,}), expected {expected:.0%}: {hint}")


VARIES = "vocab_size * k", "the table is longer than the list of words: a random word is below vocab_size / {k}"
SOLVED = (masking.mask_words,)
OUTPUTS = ("ids", "labels")
RANDOM = True
