"""LxmertConfig: every size and switch of the model, under the names and with the defaults of the published class."""

import dataclasses

from .config_file import ConfigFile, labels_of
from .errors import ConfigError

ACTIVATIONS = ("gelu", "relu")
LARGEST = 1 << 24  # no size in any LXMERT comes near it; a larger one is a damaged or hostile file
MOST_LAYERS = 256


@dataclasses.dataclass(frozen=True)
class LxmertConfig(ConfigFile):
    """The sizes and switches of an LXMERT. Raises ConfigError for a value that no model can have.

    Source: transformers' LxmertConfig; the defaults are the published base model (paper, section 3)."""

    vocab_size: int = 30522  # V, WordPiece tokens
    hidden_size: int = 768  # E, width of every hidden state
    num_attention_heads: int = 12  # H, must divide hidden_size
    num_qa_labels: int = 9500  # A, answers
    num_object_labels: int = 1600  # object classes of the detector
    num_attr_labels: int = 400  # attribute classes of the detector
    intermediate_size: int = 3072  # inner width of a feed-forward block
    hidden_act: str = "gelu"  # gelu is the exact one, by erf
    hidden_dropout_prob: float = 0.1  # dropout of hidden states, in training
    attention_probs_dropout_prob: float = 0.1  # dropout of attention probabilities, in training
    max_position_embeddings: int = 512  # the longest sentence, in tokens
    type_vocab_size: int = 2  # sentence segments
    initializer_range: float = 0.02  # standard deviation of fresh weights
    layer_norm_eps: float = 1e-12  # kept out of the way of float32
    l_layers: int = 9  # layers of the language encoder
    x_layers: int = 5  # layers of the cross-modality encoder
    r_layers: int = 5  # layers of the object-relationship encoder
    visual_feat_dim: int = 2048  # F, width of an object's feature vector
    visual_pos_dim: int = 4  # P, numbers of an object's box: x0 y0 x1 y1 in 0…1
    visual_loss_normalizer: float = 6.67  # weight of the object losses (the authors' code: 1 / 0.15)
    task_matched: bool = True  # pre-training: does the sentence belong to the picture?
    task_mask_lm: bool = True  # pre-training: the masked words
    task_obj_predict: bool = True  # pre-training: the masked objects
    task_qa: bool = True  # pre-training: the answer
    visual_obj_loss: bool = True  # masked objects: their class
    visual_attr_loss: bool = True  # masked objects: their attribute
    visual_feat_loss: bool = True  # masked objects: their feature vector
    num_labels: int | None = dataclasses.field(default=None, compare=False)  # how many id2label has; no size in here
    id2label: dict | None = dataclasses.field(default=None, compare=False)  # {number: text}; None: LABEL_0, LABEL_1 …
    others: dict = dataclasses.field(default_factory=dict, compare=False)  # keys of config.json that nothing here reads

    def __post_init__(self):
        for name, kind in self.sizes().items():
            object.__setattr__(self, name, checked(name, kind, getattr(self, name)))
        object.__setattr__(self, "id2label", labels_of(self.id2label, self.num_labels))
        object.__setattr__(self, "num_labels", len(self.id2label))
        if self.hidden_size % self.num_attention_heads:
            found = f"{self.hidden_size} and {self.num_attention_heads}"
            raise ConfigError.at("config", "hidden_size", "a multiple of num_attention_heads", found)
        if self.hidden_act not in ACTIVATIONS:
            raise ConfigError.at("config", "hidden_act", f"one of {', '.join(ACTIVATIONS)}", self.hidden_act)

    def replace(self, **changes):
        """A copy with some fields changed."""
        if "num_labels" in changes:  # the old labels are others
            changes.setdefault("id2label", None)
        return dataclasses.replace(self, **changes)

    def __repr__(self):
        changed = [f for f in dataclasses.fields(self) if f.compare and getattr(self, f.name) != f.default]
        return f"LxmertConfig({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in changed)})"


def checked(name, kind, value):
    """`value` as the field's type, or a ConfigError that says what the field takes."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if kind is bool:
        good, expected = isinstance(value, bool), "true or false"
    elif kind is str:
        good, expected = isinstance(value, str), "text"
    elif kind is int:
        lowest = 0 if name.endswith("_layers") else 1
        most = MOST_LAYERS if name.endswith("_layers") else LARGEST
        good, expected = whole and lowest <= value <= most, f"a whole number from {lowest} to {most}"
    else:
        most = 1 if name.endswith("_prob") else 1e6
        good = (whole or isinstance(value, float)) and 0 <= value <= most
        good, expected = good and not (name.endswith("_prob") and value == 1), f"a number from 0 to {most}"
        value = float(value) if good else value
    if not good:
        raise ConfigError.at("config", name, expected, repr(value))
    return value
