"""The rest of a config: names of labels, keys of other programs, and config.json, read and written."""

import dataclasses
import difflib
import json
import re
from pathlib import Path

import numpy as np

from ..errors import ConfigError

JSON_LIMIT = 32 << 20  # bytes of a config.json: 9,500 answers as id2label and label2id take 0.5 MB


class ConfigFile:
    """The part of LxmertConfig that meets files. Fields that are compared are sizes and switches; beside them stand
    num_labels and id2label (either tells the other) and `others`, the keys that nothing here reads."""

    @classmethod
    def sizes(cls):
        """{field: its type} of the sizes and switches."""
        return {field.name: field.type for field in dataclasses.fields(cls) if field.compare}

    @classmethod
    def changeable(cls):
        """The fields that may be given to from_pretrained to change the file's."""
        return {*cls.defaults(), "num_labels", "id2label"}

    @classmethod
    def from_dict(cls, values, file="config"):
        """A config from published keys; unknown ones become `others`. Contradictory or foreign ones: ConfigError."""
        if not isinstance(values, dict):
            raise ConfigError.at(file, None, "a JSON object", type(values).__name__)
        if values.get("model_type", "lxmert") != "lxmert":
            raise ConfigError.at(file, "model_type", "lxmert", values["model_type"])
        if values.get("auto_map") is not None:
            raise ConfigError.at(file, "auto_map", "no request for custom code", "one")
        taken = (*cls.defaults(), "num_labels", "id2label", "num_hidden_layers")
        known = {name: values[name] for name in taken if name in values}
        derived = ("model_type", *(["label2id"] if "id2label" in values else []))
        try:
            return cls(**known, others={name: values[name] for name in values if name not in (*known, *derived)})
        except ConfigError as problem:
            raise ConfigError.at(file, problem.entry, problem.expected, problem.found) from None

    @classmethod
    def from_json_file(cls, path):
        """A config from a published config.json."""
        return cls.from_dict(read_config(path), path)

    @classmethod
    def from_pretrained(cls, directory, **changes):
        """A config from the config.json of a checkpoint directory; `changes` are fields, as in `replace`."""
        from ..files.together import settle
        from ..words.calling import check_here, check_keywords

        check_here(directory)
        settle(directory)
        fields = {name: changes.pop(name) for name in list(changes) if name in cls.changeable()}
        check_keywords(changes, cls.changeable())
        return cls.from_json_file(Path(directory) / "config.json").replace(**fields)

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
        from ..files import write_file

        Path(directory).mkdir(parents=True, exist_ok=True)
        write_file(Path(directory) / "config.json", self.to_json_string())


def read_config(path):
    """The object in a config.json. Raises ConfigError."""
    from ..files import read_json

    return read_json(path, ConfigError, JSON_LIMIT)


LARGEST = 1 << 24  # no size in any LXMERT comes near it; a larger one is a damaged or hostile file
MOST_LABELS = 100_000  # without names


def layers(default):
    """The field of a number of layers."""
    return dataclasses.field(default=default, metadata={"least": 0, "most": 256})


def probability(default):
    """The field of a probability below 1."""
    return dataclasses.field(default=default, metadata={"most": 1, "below": 1})


def refuse_misspelt(name, fields):
    """Refuse a key that is nearly a field's name: keys of other programs pass. Raises ConfigError."""
    near = difflib.get_close_matches(name, fields, 1, cutoff=0.85)
    if near:
        raise ConfigError.at("config", name, f"a key such as {near[0]}", "this one")


def checked(field, value):
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
