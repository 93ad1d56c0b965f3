"""Exercise 17: hide words. About 45 minutes; chapter 9."""

import numpy as np


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
    raise NotImplementedError("exercise 17")
