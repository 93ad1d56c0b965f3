"""The rest of a config: names of labels, keys of other programs, and config.json, read and written."""

import dataclasses
import json
from pathlib import Path

from ..errors import ConfigError
from .config_values import label_names

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
        from ..words.keywords import check_here, check_keywords

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
    from ..files import read_small, strict_json

    return strict_json(read_small(path, ConfigError, JSON_LIMIT), path, ConfigError, JSON_LIMIT)
