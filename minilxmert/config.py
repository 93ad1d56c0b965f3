"""LxmertConfig: every size and switch of the model, under the names and with the defaults of the published class."""

import dataclasses
import json
import re
from pathlib import Path

from .errors import ConfigError
from .files import read_small, strict_json, write_file
from .together import settle

ACTIVATIONS = ("gelu", "relu")
JSON_LIMIT = 32 << 20  # bytes of a config.json: 9,500 answers as id2label and label2id take 0.5 MB
MOST_LABELS = 100_000  # without names
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
    num_labels: int | None = dataclasses.field(default=None, compare=False)  # how many id2label has; no size in here
    id2label: dict | None = dataclasses.field(default=None, compare=False)  # {number: text}; None: LABEL_0, LABEL_1 …
    others: dict = dataclasses.field(default_factory=dict, compare=False)  # keys of config.json that nothing here reads

    def __post_init__(self):
        for name, kind in SIZES.items():
            object.__setattr__(self, name, checked(name, kind, getattr(self, name)))
        labels = default_labels(self.num_labels) if self.id2label is None else checked_labels(self.id2label)
        object.__setattr__(self, "id2label", labels)
        object.__setattr__(self, "num_labels", len(labels))
        if self.hidden_size % self.num_attention_heads:
            found = f"{self.hidden_size} and {self.num_attention_heads}"
            raise ConfigError.at("config", "hidden_size", "a multiple of num_attention_heads", found)
        if self.hidden_act not in ACTIVATIONS:
            raise ConfigError.at("config", "hidden_act", f"one of {', '.join(ACTIVATIONS)}", self.hidden_act)

    @classmethod
    def from_dict(cls, values, file="config"):
        """A config from published keys; unknown ones become `others`. Contradictory or foreign ones: ConfigError."""
        if not isinstance(values, dict):
            raise ConfigError.at(file, None, "a JSON object", type(values).__name__)
        if values.get("model_type", "lxmert") != "lxmert":
            raise ConfigError.at(file, "model_type", "lxmert", values["model_type"])
        if "auto_map" in values:
            raise ConfigError.at(file, "auto_map", "no request for custom code", "one")
        try:
            known = {name: values[name] for name in (*SIZES, "num_labels", "id2label") if name in values}
            derived = ("model_type", "num_hidden_layers", *(["label2id"] if "id2label" in values else []))
            config = cls(**known, others={name: values[name] for name in values if name not in (*known, *derived)})
        except ConfigError as problem:
            raise ConfigError.at(file, problem.entry, problem.expected, problem.found) from None
        layers = values.get("num_hidden_layers")
        if isinstance(layers, dict) and layers != config.to_dict()["num_hidden_layers"]:
            raise ConfigError.at(file, "num_hidden_layers", "the same as l_layers, x_layers, r_layers", layers)
        return config

    @classmethod
    def from_json_file(cls, path):
        """A config from a published config.json."""
        return cls.from_dict(read_config(path), path)

    @classmethod
    def from_pretrained(cls, directory):
        """A config from the config.json of a checkpoint directory."""
        settle(directory)
        return cls.from_json_file(Path(directory) / "config.json")

    @property
    def label2id(self):
        return {text: number for number, text in self.id2label.items()}

    def names_answers(self):
        """Whether id2label is the list of answers: as many as there are, and with names of their own."""
        count = self.num_labels
        numbered = count == self.num_qa_labels and self.id2label.keys() == set(range(count))
        return numbered and self.id2label != {number: f"LABEL_{number}" for number in range(count)}

    def with_answers(self, answers):
        """A copy whose id2label names these answers; None: none of the old ones."""
        if answers:
            return self.replace(id2label=dict(enumerate(answers)))
        return self.replace(num_labels=None) if self.names_answers() else self

    def bare(self):
        """A copy with sizes and switches alone."""
        return self.replace(num_labels=None, others={})

    def to_dict(self):
        """Every field, and the keys that published readers expect beside them."""
        layers = {"vision": self.r_layers, "cross_encoder": self.x_layers, "language": self.l_layers}
        told = self.id2label != default_labels(2)  # as published, two labels without names are not told
        labels = {"id2label": self.id2label, "label2id": self.label2id} if told else {}
        sizes = {name: getattr(self, name) for name in SIZES}
        return {**self.others, "model_type": "lxmert", **sizes, "num_hidden_layers": layers, **labels}

    def to_json_string(self):
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    def save_pretrained(self, directory):
        """Write config.json into `directory`."""
        Path(directory).mkdir(parents=True, exist_ok=True)
        write_file(Path(directory) / "config.json", self.to_json_string())

    def replace(self, **changes):
        """A copy with some fields changed."""
        if "num_labels" in changes:  # the old labels are others
            changes.setdefault("id2label", None)
        return dataclasses.replace(self, **changes)

    def __repr__(self):
        changed = [f for f in dataclasses.fields(self) if f.name in SIZES and getattr(self, f.name) != f.default]
        return f"LxmertConfig({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in changed)})"


SIZES = {field.name: field.type for field in dataclasses.fields(LxmertConfig) if field.compare}  # and switches


def read_config(path):
    """The object in a config.json. Raises ConfigError."""
    return strict_json(read_small(path, ConfigError, JSON_LIMIT), path, ConfigError, JSON_LIMIT)


def default_labels(count):
    """The names that transformers gives to labels without any."""
    count = checked("num_labels", int, 2 if count is None else count)
    if count > MOST_LABELS:
        raise ConfigError.at("config", "num_labels", f"at most {MOST_LABELS} labels without names", count)
    return {number: f"LABEL_{number}" for number in range(count)}


def checked_labels(labels):
    """{number: text}, whose numbers may be texts, as in JSON. Raises ConfigError."""
    if not isinstance(labels, dict) or not all(isinstance(text, str) for text in labels.values()):
        raise ConfigError.at("config", "id2label", "an object of numbers and texts", "another")
    if not all(re.fullmatch("[0-9]{1,9}", str(number)) for number in labels):
        raise ConfigError.at("config", "id2label", "numbers as keys", "others")
    return {int(number): text for number, text in labels.items()}


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
