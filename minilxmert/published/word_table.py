"""The word table of a model: looked at, and made larger or smaller."""

from typing import NamedTuple

import numpy as np

from ..core.params import initialise


class WordTable(NamedTuple):
    """What the word embedding is asked for."""

    weight: np.ndarray  # (V, E), the model's own

    num_embeddings = property(lambda self: self.weight.shape[0])
    embedding_dim = property(lambda self: self.weight.shape[1])


class WordEmbedding:
    """The surgery of the word embedding: a part of every face."""

    def get_input_embeddings(self):
        """The word table: weight (V, E), num_embeddings, embedding_dim."""
        return WordTable(self.params["embeddings"]["word"]["w"])

    def resize_token_embeddings(self, new_num_tokens=None, pad_to_multiple_of=None, seed=0):
        """Grow or shrink the word table at its end, and with it the tied decoder; new rows are random. -> the table"""
        rows, step = new_num_tokens or self.config.vocab_size, pad_to_multiple_of or 1
        if new_num_tokens is not None or pad_to_multiple_of is not None:
            config = self.config.replace(vocab_size=-(-rows // step) * step)
            shapes, rng = self.shapes(config), np.random.default_rng(seed)
            for part, leaf in (("embeddings.word", "w"), ("masked_lm.decoder", "b")):
                group, name = part.split(".")
                if group in shapes:
                    fresh = initialise({name: shapes[group][name]}, config, rng, self.dtype)[name][leaf]
                    old = self.params[group][name][leaf][: len(fresh)]
                    fresh[: len(old)] = old
                    self.params[group][name] = {leaf: fresh}
            self.config, self.tokens = config, self.tokens and self.tokens[: config.vocab_size]
        return self.get_input_embeddings()
