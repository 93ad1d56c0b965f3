"""From numbers back to tokens and text."""

import operator

import numpy as np

from ..errors import ShapeError, VocabularyError

JOINED = ((" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"))
JOINED_LAST = ((" 's", "'s"), (" 've", "'ve"), (" 're", "'re"))


def text_of(tokens):
    """The text of tokens: "##" joins a piece to the one before; no space before marks such as . and n't"""
    glued = [t.removeprefix("##") if t.startswith("##") else f" {t}" for t in tokens[1:]]
    return "".join(t if t[1:].isalnum() else tidy(t, ((" do not", " don't"),)) for t in tokens[:1] + glued)


def tidy(text, more=()):
    """A text without the spaces that splitting it into words put before its marks"""
    for spaced, close in (*JOINED, *more, *JOINED_LAST):
        text = text.replace(spaced, close)
    return text


class Reading:
    """The part of a tokenizer that reads numbers. It stands on `ids`, `tokens` and the special tokens (special.py)."""

    clean_up_tokenization = staticmethod(tidy)
    convert_tokens_to_string = staticmethod(text_of)

    def convert_tokens_to_ids(self, tokens):
        """Numbers of tokens (a text or a list); unknown ones are [UNK]."""
        if isinstance(tokens, str):
            return self.ids.get(tokens, self.unk_token_id)
        return [self.ids.get(token, self.unk_token_id) for token in tokens]

    def convert_ids_to_tokens(self, ids, skip_special_tokens=False):
        """Tokens of numbers (one or a list). Raises VocabularyError for a number out of range, ShapeError."""
        if not isinstance(ids, list | tuple) and np.ndim(ids) == 0:
            return self.token(ids)
        skipped = self.skipped_ids() if skip_special_tokens else ()
        return [self.token(number) for number in ids if number_of(number) not in skipped]

    def token(self, number):
        number = number_of(number)
        if not 0 <= number < len(self.tokens):
            raise VocabularyError(f"tokenizer: token {number} is out of range, there are {len(self.tokens)}")
        return self.tokens[number]

    def decode(self, token_ids, skip_special_tokens=False, clean_up_tokenization_spaces=None):
        """Text of numbers (one or a list): pieces joined, no space before . ? ! ,

        clean_up_tokenization_spaces: also none around an apostrophe, as in don't. Raises as convert_ids_to_tokens."""
        numbers = [token_ids] if not isinstance(token_ids, list | tuple) and np.ndim(token_ids) == 0 else token_ids
        text = text_of(self.convert_ids_to_tokens(numbers, skip_special_tokens))
        wanted = clean_up_tokenization_spaces
        return tidy(text) if (self.clean_up_tokenization_spaces if wanted is None else wanted) else text

    def batch_decode(self, sequences, skip_special_tokens=False, clean_up_tokenization_spaces=None):
        """decode for each of several rows"""
        return [self.decode(row, skip_special_tokens, clean_up_tokenization_spaces) for row in sequences]


def number_of(value):
    """A token's number as an int, NumPy's too. Raises ShapeError."""
    try:
        return operator.index(value)
    except TypeError:
        found = "a row; batch_decode takes several" if np.ndim(value) else repr(value)
        raise ShapeError(f"tokenizer: expected the number of a token, found {found}") from None
