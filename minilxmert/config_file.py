"""What a config has beside its sizes: the names of labels, keys of others, and config.json, in and out."""

import dataclasses
import json
import re
from pathlib import Path

from .errors import ConfigError
from .files import read_small, strict_json, write_file
from .together import settle

JSON_LIMIT = 32 << 20  # bytes of a config.json: 9,500 answers as id2label and label2id take 0.5 MB
MOST_LABELS = 100_000  # without names


class ConfigFile:
    """The part of LxmertConfig that meets files. Fields that are compared are sizes and switches; beside them stand
    num_labels and id2label (either tells the other) and `others`, the keys that nothing here reads."""

    @classmethod
    def sizes(cls):
        """{field: its type} of the sizes and switches."""
        return {field.name: field.type for field in dataclasses.fields(cls) if field.compare}

    @classmethod
    def from_dict(cls, values, file="config"):
        """A config from published keys; unknown ones become `others`. Contradictory or foreign ones: ConfigError."""
        if not isinstance(values, dict):
            raise ConfigError.at(file, None, "a JSON object", type(values).__name__)
        if values.get("model_type", "lxmert") != "lxmert":
            raise ConfigError.at(file, "model_type", "lxmert", values["model_type"])
        if "auto_map" in values:
            raise ConfigError.at(file, "auto_map", "no request for custom code", "one")
        known = {name: values[name] for name in (*cls.sizes(), "num_labels", "id2label") if name in values}
        derived = ("model_type", "num_hidden_layers", *(["label2id"] if "id2label" in values else []))
        try:
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
        numbered = self.id2label.keys() == set(range(self.num_labels)) and self.num_labels == self.num_qa_labels
        return numbered and self.id2label != label_names(self.num_labels)

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
        told = self.id2label != label_names(2)  # as published, two labels without names are not told
        labels = {"id2label": self.id2label, "label2id": self.label2id} if told else {}
        sizes = {name: getattr(self, name) for name in self.sizes()}
        return {**self.others, "model_type": "lxmert", **sizes, "num_hidden_layers": layers, **labels}

    def to_json_string(self):
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    def save_pretrained(self, directory):
        """Write config.json into `directory`."""
        Path(directory).mkdir(parents=True, exist_ok=True)
        write_file(Path(directory) / "config.json", self.to_json_string())


def read_config(path):
    """The object in a config.json. Raises ConfigError."""
    return strict_json(read_small(path, ConfigError, JSON_LIMIT), path, ConfigError, JSON_LIMIT)


def labels_of(id2label, num_labels):
    """{number: text} of a config's two fields; in JSON numbers are texts. Raises ConfigError."""
    if id2label is None:
        count = 2 if num_labels is None else num_labels
        if type(count) is not int or not 0 <= count <= MOST_LABELS:
            raise ConfigError.at(
                "config", "num_labels", f"a whole number to {MOST_LABELS} of labels without names", count
            )
        return label_names(count)
    if not isinstance(id2label, dict) or not all(isinstance(text, str) for text in id2label.values()):
        raise ConfigError.at("config", "id2label", "an object of numbers and texts", "another")
    if not all(re.fullmatch("[0-9]{1,9}", str(number)) for number in id2label):
        raise ConfigError.at("config", "id2label", "numbers as keys", "others")
    return {int(number): text for number, text in id2label.items()}


def label_names(count):
    """The names that transformers gives to labels without any."""
    return {number: f"LABEL_{number}" for number in range(count)}
