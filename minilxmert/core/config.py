"""LxmertConfig: every size and switch of the model, with the published names and defaults; and its config.json."""

import json
import re
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from ..errors import ConfigError, nearest

ACTIVATIONS = ("gelu", "relu")
LARGEST = 1 << 24  # no size in any LXMERT comes near it; a larger one is a damaged or hostile file
MOST_LABELS = 100_000  # without names
JSON_LIMIT = 32 << 20  # bytes of a config.json: 9,500 answers as id2label and label2id take 0.5 MB
LAYERS, SHARE = {"least": 0, "most": 256}, {"most": 1, "below": 1}  # the limits of some fields


@dataclass(init=False, repr=False)
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
    hidden_dropout_prob: float = field(default=0.1, metadata=SHARE)  # dropout of hidden states, in training
    attention_probs_dropout_prob: float = field(
        default=0.1, metadata=SHARE
    )  # dropout of attention probabilities, in training
    max_position_embeddings: int = 512  # the longest sentence, in tokens
    type_vocab_size: int = 2  # sentence segments
    initializer_range: float = 0.02  # standard deviation of fresh weights
    layer_norm_eps: float = 1e-12  # added to a variance
    l_layers: int = field(default=9, metadata=LAYERS)  # layers of the language encoder
    x_layers: int = field(default=5, metadata=LAYERS)  # layers of the cross-modality encoder
    r_layers: int = field(default=5, metadata=LAYERS)  # layers of the object-relationship encoder
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
    # neither sizes nor switches, and so not compared:
    output_attentions: bool = field(default=False, compare=False)  # what a call returns unless it says
    output_hidden_states: bool = field(default=False, compare=False)
    return_dict: bool = field(default=True, compare=False)  # False: a plain tuple
    num_labels: int | None = field(default=None, compare=False)  # follows id2label
    id2label: dict | None = field(default=None, compare=False)  # {number: text}; None: LABEL_0, LABEL_1 …
    others: dict | None = field(default=None, compare=False)  # keys of config.json that nothing here reads

    model_type = "lxmert"

    def __init__(self, *, num_labels=None, id2label=None, others=None, **values):
        """Every field; keys of published configs that nothing here reads become `others`. Raises ConfigError."""
        for name, default in self.defaults().items():
            setattr(self, name, values.pop(name, default))
        stated = values.pop("num_hidden_layers", None)
        for name in ("label2id", "model_type"):
            values.pop(name, None)
        for name in values:
            if near := nearest(name, self.defaults(), cutoff=0.85):  # keys of other programs pass
                raise ConfigError.at("config", name, f"a key such as {near}", "this one")
        self.others = {**(others or {}), **values}
        self.id2label = labels_of(id2label, num_labels)
        self.check_together(stated)

    def __setattr__(self, name, value):
        """Each value is checked, whenever it is set; num_labels and id2label change each other."""
        if name in ("num_labels", "id2label"):
            value = labels_of(None, value) if name == "num_labels" else labels_of(value, None)
            object.__setattr__(self, "num_labels", len(value))
            name = "id2label"
        elif name in self.defaults():
            value = check_value(self.__dataclass_fields__[name], value)
        object.__setattr__(self, name, value)

    def check_together(self, stated_layers):
        """Refuse values that do not go together. Raises ConfigError."""
        if isinstance(stated_layers, dict) and stated_layers != self.num_hidden_layers:
            expected = "the same as l_layers, x_layers, r_layers"
            raise ConfigError.at("config", "num_hidden_layers", expected, stated_layers)
        if self.hidden_size % self.num_attention_heads:
            found = f"{self.hidden_size} and {self.num_attention_heads}"
            raise ConfigError.at("config", "hidden_size", "a multiple of num_attention_heads", found)
        if self.hidden_act not in ACTIVATIONS:
            raise ConfigError.at("config", "hidden_act", f"one of {', '.join(ACTIVATIONS)}", self.hidden_act)

    @classmethod
    def defaults(cls):
        """{field: default} of the sizes, the switches and what a call returns."""
        apart = ("num_labels", "id2label", "others")
        return {f.name: f.default for f in fields(cls) if f.name not in apart}

    @classmethod
    def sizes(cls):
        """The names of the sizes and switches."""
        return [f.name for f in fields(cls) if f.compare]

    @classmethod
    def changeable(cls):
        """The fields that may be given to from_pretrained to change the file's."""
        return {*cls.defaults(), "num_labels", "id2label"}

    @property
    def num_hidden_layers(self):
        """{encoder: its number of layers}, under the published names."""
        return {"vision": self.r_layers, "cross_encoder": self.x_layers, "language": self.l_layers}

    @property
    def label2id(self):
        return {text: number for number, text in self.id2label.items()}

    def replace(self, **changes):
        """A copy with some fields changed."""
        if "num_labels" not in changes:  # the old labels stay
            changes.setdefault("id2label", self.id2label)
        same = {name: getattr(self, name) for name in self.defaults()}
        return type(self)(**{**same, "others": self.others, **changes})

    def __repr__(self):
        changed = [f for f in fields(self) if f.compare and getattr(self, f.name) != f.default]
        return f"LxmertConfig({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in changed)})"

    # --- the answers' texts, which some files keep in id2label

    def names_answers(self):
        """Whether id2label is the list of answers: as many as there are, and with names of their own."""
        numbered = self.id2label.keys() == set(range(self.num_labels)) and self.num_labels == self.num_qa_labels
        return numbered and self.id2label != label_names(self.num_labels)

    def with_answers(self, answers):
        """A copy whose id2label names these answers; None: none of the old ones."""
        if answers:
            return self.replace(id2label=dict(enumerate(answers)))
        return self.replace(num_labels=None) if self.names_answers() else self

    # --- files

    @classmethod
    def from_dict(cls, values, file="config"):
        """A config from published keys; unknown ones become `others`. Contradictory or foreign ones: ConfigError."""
        if not isinstance(values, dict):
            raise ConfigError.at(file, None, "a JSON object", type(values).__name__)
        if values.get("model_type", "lxmert") != "lxmert":
            raise ConfigError.at(file, "model_type", "lxmert", values["model_type"])
        if values.get("auto_map") is not None:
            raise ConfigError.at(file, "auto_map", "no request for custom code", "one")
        read = {*cls.changeable(), "num_hidden_layers"}
        derived = {"model_type", "label2id"} if "id2label" in values else {"model_type"}
        others = {name: value for name, value in values.items() if name not in read | derived}
        try:
            return cls(**{name: values[name] for name in read & values.keys()}, others=others)
        except ConfigError as problem:
            raise ConfigError.at(file, problem.entry, problem.expected, problem.found) from None

    @classmethod
    def from_json_file(cls, path):
        """A config from a published config.json."""
        from ..files import read_json

        return cls.from_dict(read_json(path, ConfigError, JSON_LIMIT), path)

    @classmethod
    def from_pretrained(cls, directory, **changes):
        """A config from the config.json of a checkpoint directory; `changes` are fields, as in `replace`."""
        from ..files.saving import settle
        from ..words.calling import check_here, check_keywords

        check_here(directory)
        settle(directory)
        fields = {name: changes.pop(name) for name in list(changes) if name in cls.changeable()}
        check_keywords(changes, cls.changeable())
        return cls.from_json_file(Path(directory) / "config.json").replace(**fields)

    def to_dict(self):
        """Every field, and the keys that published readers expect beside them."""
        named = self.id2label != label_names(2)  # as published, two labels without names are left out
        labels = {"id2label": self.id2label, "label2id": self.label2id} if named else {}
        changed = [name for name, default in self.defaults().items() if getattr(self, name) != default]
        values = {name: getattr(self, name) for name in (*self.sizes(), *changed)}
        derived = {"model_type": self.model_type, "num_hidden_layers": self.num_hidden_layers}
        return {**self.others, **values, **derived, **labels}

    def to_json_string(self):
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    def save_pretrained(self, directory):
        """Write config.json into `directory`."""
        from ..files import make_folder, write_file

        write_file(make_folder(directory) / "config.json", self.to_json_string())


def check_value(field, value):
    """`value` as the field's type, within the limits of its metadata, or a ConfigError that says what it takes. What a
    call returns (a field that is not compared) may be null, which is its default."""
    value = value.item() if isinstance(value, np.generic) else value
    value = field.default if value is None and not field.compare else value
    whole = isinstance(value, int) and not isinstance(value, bool)
    if field.type in (bool, str):
        good, expected = isinstance(value, field.type), "true or false" if field.type is bool else "text"
    else:
        limits = {"least": 1, "most": LARGEST} if field.type is int else {"least": 0, "most": 1e6}
        limits |= field.metadata
        kind = "a whole number" if field.type is int else "a number"
        good = whole or (field.type is float and isinstance(value, float))
        good = good and limits["least"] <= value <= limits["most"] and value != limits.get("below")
        expected = f"{kind} from {limits['least']} to {limits['most']}"
    if not good:
        raise ConfigError.at("config", field.name, expected, repr(value))
    return float(value) if field.type is float else value


def labels_of(id2label, num_labels):
    """{number: text} of a config's two fields; in JSON numbers are texts. Raises ConfigError."""
    if id2label is None:
        count = 2 if num_labels is None else num_labels
        if type(count) is not int or not 0 <= count <= MOST_LABELS:
            expected = f"a whole number to {MOST_LABELS} of labels without names"
            raise ConfigError.at("config", "num_labels", expected, count)
        return label_names(count)
    if not isinstance(id2label, dict) or not all(isinstance(text, str) for text in id2label.values()):
        raise ConfigError.at("config", "id2label", "an object of numbers and texts", "another")
    if not all(re.fullmatch("[0-9]{1,9}", str(number)) for number in id2label):
        raise ConfigError.at("config", "id2label", "numbers as keys", "others")
    return {int(number): text for number, text in id2label.items()}


def label_names(count):
    """The names that transformers gives to labels without any."""
    return {number: f"LABEL_{number}" for number in range(count)}
