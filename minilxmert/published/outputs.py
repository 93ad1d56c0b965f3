"""What the models return: the published output classes and field names, plus what the published code throws away.

Outputs are dataclasses, and mappings of the published fields that are not None: "loss" in output, output["loss"],
output.items(). They index by number, too, like the published tuples. The extra fields are attributes only."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..core.ops import softmax

MATCHES = 1  # the column of cross_relationship_score that says "this sentence belongs to this picture"

Array = np.ndarray | None
Arrays = tuple[np.ndarray, ...] | None


@dataclass(repr=False, eq=False)
class States(Mapping):
    """The fields that every output ends with."""

    language_hidden_states: Arrays = None  # (B, N, E) after each language layer, then after each cross layer
    vision_hidden_states: Arrays = None  # (B, M, E) after each object-relationship layer, then each cross layer
    language_attentions: Arrays = None  # (B, H, N, N) a language layer
    vision_attentions: Arrays = None  # (B, H, M, M) an object-relationship layer
    cross_encoder_attentions: Arrays = None  # (B, H, N, M) a cross layer: words attend to objects

    # beyond the published classes
    losses: dict | None = None  # {task: loss}; `loss` is their sum
    language_embeddings: Array = None  # (B, N, E) before the first layer
    vision_embeddings: Array = None  # (B, M, E)
    cross_encoder_vision_attentions: Arrays = None  # (B, H, M, N) a cross layer: objects attend to words
    cross_language_attentions: Arrays = None  # (B, H, N, N) the language self-attention inside a cross layer
    cross_vision_attentions: Arrays = None  # (B, H, M, M) the object self-attention inside a cross layer

    FIELDS = ()  # the published fields that stand before the states
    STATES = ("language_hidden_states", "vision_hidden_states")
    STATES += ("language_attentions", "vision_attentions", "cross_encoder_attentions")

    @classmethod
    def of(cls, run, scores, losses, attentions=False, hidden_states=False):
        """What a Run gave: scores by field, losses by task, and on request its states and maps."""
        fields = dict(scores)
        if losses:
            fields.update(loss=sum(losses.values()), losses=losses)
        if hidden_states:
            fields.update(language_hidden_states=tuple(run.lang[1:]), vision_hidden_states=tuple(run.visn[1:]))
            fields.update(language_embeddings=run.lang[0], vision_embeddings=run.visn[0])
        if attentions:
            fields.update(attention_maps(run.cache))
        return cls(**fields)

    def keys(self):
        """The names of the published fields that are present, in the published order."""
        return [name for name in self.FIELDS + self.STATES if getattr(self, name) is not None]

    def to_tuple(self):
        """The values of the published fields that are present: what a call with return_dict=False returns."""
        return tuple(self.values())

    def __getitem__(self, key):
        """By name (KeyError for what is absent), by number, or a tuple by a slice"""
        if not isinstance(key, str):
            return self.to_tuple()[key]
        if key not in self.keys():
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self):
        return iter(self.keys())

    def __len__(self):
        return len(self.keys())

    def __repr__(self):
        def short(value):
            if isinstance(value, tuple):
                return f"{len(value)} × {short(value[0])}" if value else "()"
            return f"{float(value):.6g}" if np.ndim(value) == 0 else str(np.shape(value))

        return f"{type(self).__name__}({', '.join(f'{k}={short(self[k])}' for k in self.keys())})"


@dataclass(repr=False, eq=False)
class LxmertModelOutput(States):
    """The outputs of the encoders. The single-modality states, which have not met the other side yet, are
    language_hidden_states[l_layers - 1] and vision_hidden_states[r_layers - 1]."""

    language_output: Array = None  # (B, N, E)
    vision_output: Array = None  # (B, M, E)
    pooled_output: Array = None  # (B, E): [CLS] through linear and tanh

    FIELDS = ("language_output", "vision_output", "pooled_output")


@dataclass(repr=False, eq=False)
class LxmertForPreTrainingOutput(States):
    """The scores of the pre-training heads. `losses`: masked_lm, matched, visual, ans as far as labels were given."""

    loss: Array = None
    prediction_logits: Array = None  # (B, N, V)
    cross_relationship_score: Array = None  # (B, 2): column MATCHES = 1 says that sentence and picture match
    question_answering_score: Array = None  # (B, A)
    object_scores: dict | None = None  # {"obj", "attr", "feat"} when obj_labels was given

    FIELDS = ("loss", "prediction_logits", "cross_relationship_score", "question_answering_score")

    @property
    def match_probability(self):
        """The probability that each sentence belongs to its picture, (B,)."""
        return softmax(self.cross_relationship_score)[:, MATCHES]


@dataclass(repr=False, eq=False)
class LxmertForQuestionAnsweringOutput(States):
    """The scores of the answers."""

    loss: Array = None
    question_answering_score: Array = None  # (B, A)

    FIELDS = ("loss", "question_answering_score")


@dataclass(repr=False, eq=False)
class LxmertForVisualReasoningOutput(States):
    """The verdict on a statement about two pictures; column 1 says that it is true."""

    loss: Array = None
    logits: Array = None  # (B, 2)

    FIELDS = ("loss", "logits")


MAPS = {  # where a pass keeps its attention maps: an encoder, and the way into each of its layers
    "language_attentions": ("language", "attention", "attend"),
    "vision_attentions": ("vision", "attention", "attend"),
    "cross_encoder_attentions": ("cross", "cross", "lang"),
    "cross_encoder_vision_attentions": ("cross", "cross", "visn"),
    "cross_language_attentions": ("cross", "language", "attention", "attend"),
    "cross_vision_attentions": ("cross", "vision", "attention", "attend"),
}


def attention_maps(cache, entry="a"):
    """Every attention map of a pass, by output field; a tuple with one array a layer. After a backward, entry "da"
    gives the gradients of the maps in the same form."""

    def maps(encoder, *way):
        return tuple(functools.reduce(dict.get, way, layer)[entry] for layer in cache.get(encoder, {}).values())

    return {field: maps(*way) for field, way in MAPS.items()}
