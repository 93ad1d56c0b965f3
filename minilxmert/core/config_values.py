"""What a value in a config may be: each is checked; a wrong one is an error that says what is allowed."""

import dataclasses
import difflib
import re

import numpy as np

from ..errors import ConfigError

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
