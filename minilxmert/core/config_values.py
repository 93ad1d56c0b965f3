"""What a value in a config may be: each is checked, and said to the person who wrote it."""

import difflib
import re

import numpy as np

from ..errors import ConfigError

LARGEST = 1 << 24  # no size in any LXMERT comes near it; a larger one is a damaged or hostile file
MOST_LAYERS = 256
MOST_LABELS = 100_000  # without names


def refuse_misspelt(name, fields):
    """Refuse a key that is nearly a field's name: what others call their keys is none of ours. Raises ConfigError."""
    near = difflib.get_close_matches(name, fields, 1, cutoff=0.85)
    if near:
        raise ConfigError.at("config", name, f"a key such as {near[0]}", "this one")


def checked(name, kind, value):
    """`value` as the field's type, or a ConfigError that says what the field takes."""
    value = value.item() if isinstance(value, np.generic) else value
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
