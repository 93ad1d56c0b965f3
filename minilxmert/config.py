"""LxmertConfig: every size and switch of the model, under the names and with the defaults of the published class."""

import dataclasses
import json
from pathlib import Path

from .errors import ConfigError
from .files import read_small, strict_json, write_file

ACTIVATIONS = ("gelu", "relu")
LARGEST = 1 << 24  # no size in any LXMERT comes near it; a larger one is a damaged or hostile file
MOST_LAYERS = 256


@dataclasses.dataclass(frozen=True)
class LxmertConfig:
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

    def __post_init__(self):
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, checked(field.name, field.type, getattr(self, field.name)))
        if self.hidden_size % self.num_attention_heads:
            found = f"{self.hidden_size} and {self.num_attention_heads}"
            raise ConfigError.at("config", "hidden_size", "a multiple of num_attention_heads", found)
        if self.hidden_act not in ACTIVATIONS:
            raise ConfigError.at("config", "hidden_act", f"one of {', '.join(ACTIVATIONS)}", self.hidden_act)

    @classmethod
    def from_dict(cls, values, file="config"):
        """A config from published keys; unknown keys are ignored, contradictory or foreign ones are a ConfigError."""
        if not isinstance(values, dict):
            raise ConfigError.at(file, None, "a JSON object", type(values).__name__)
        if values.get("model_type", "lxmert") != "lxmert":
            raise ConfigError.at(file, "model_type", "lxmert", values["model_type"])
        if "auto_map" in values:
            raise ConfigError.at(file, "auto_map", "no request for custom code", "one")
        try:
            config = cls(**{f.name: values[f.name] for f in dataclasses.fields(cls) if f.name in values})
        except ConfigError as problem:
            raise ConfigError.at(file, problem.entry, problem.expected, problem.found) from None
        layers = values.get("num_hidden_layers")
        if isinstance(layers, dict) and layers != config.to_dict()["num_hidden_layers"]:
            raise ConfigError.at(file, "num_hidden_layers", "the same as l_layers, x_layers, r_layers", layers)
        return config

    @classmethod
    def from_json_file(cls, path):
        """A config from a published config.json."""
        return cls.from_dict(strict_json(read_small(path, ConfigError), path, ConfigError), path)

    @classmethod
    def from_pretrained(cls, directory):
        """A config from the config.json of a checkpoint directory."""
        return cls.from_json_file(Path(directory) / "config.json")

    def to_dict(self):
        """Every field, and the keys that published readers expect beside them."""
        layers = {"vision": self.r_layers, "cross_encoder": self.x_layers, "language": self.l_layers}
        return {"model_type": "lxmert", **dataclasses.asdict(self), "num_hidden_layers": layers}

    def to_json_string(self):
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    def save_pretrained(self, directory):
        """Write config.json into `directory`."""
        Path(directory).mkdir(parents=True, exist_ok=True)
        write_file(Path(directory) / "config.json", self.to_json_string())

    def replace(self, **changes):
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def __repr__(self):
        changed = [f for f in dataclasses.fields(self) if getattr(self, f.name) != f.default]
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
