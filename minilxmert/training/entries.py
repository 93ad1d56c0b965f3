"""Reading the entries of JSON files strictly: a wrong one is refused by file, entry and key, with what it should be."""

import json
import operator
from dataclasses import fields

from ..core.answers import SURROGATE
from ..errors import TaskFileError
from ..files import read_json, read_small, replacing, strict_json

LIMIT = 1 << 30  # bytes; the authors' four files of pre-training have 0.7 of it together. Objects take 4 times the text


def read_task_json(path):
    """The objects of a JSON file of at most LIMIT bytes. Raises TaskFileError."""
    return read_json(path, TaskFileError, LIMIT)


def read_entries(path, make, key=None):
    """[make(Entry)] for every object of a JSON file: a list of objects, or the list under `key` of an object."""
    value = read_task_json(path)
    if key is not None:
        value = Entry(value, path, "the whole file").take(key, list, "a list")
    return entries(value, path, make)


def entries(values, path, make):
    if not isinstance(values, list):
        raise TaskFileError.at(path, None, "a list of entries", type(values).__name__)
    return [make(Entry(value, path, f"entry {number}")) for number, value in enumerate(values)]


def read_lines(path, make):
    """[make(Entry)] for every line of a file that holds one JSON object a line."""
    lines = read_small(path, TaskFileError, LIMIT).split(b"\n")
    values = ((n, strict_json(line, path, TaskFileError, line=n)) for n, line in enumerate(lines, 1) if line.strip())
    return [make(Entry(value, path, f"line {number}")) for number, value in values]


def write_entries(path, records):
    """Write records (data classes) as a JSON list, one a line, whole or not at all; fields of None are left out."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        start = "[\n"
        for record in records:
            values = {field.name: getattr(record, field.name) for field in fields(record)}
            known = {name: value for name, value in values.items() if value is not None}
            file.write(start + json.dumps(known, ensure_ascii=False, sort_keys=True))
            start = ",\n"
        file.write("\n]\n" if start == ",\n" else "[]\n")


def refuse_shared(files, key, value_of=None):
    """The records of several files, {path: records}, one after the other, if no two have the same value of `key`."""
    seen, value_of = {}, value_of or operator.attrgetter(key)
    for path, records in files.items():
        for record in records:
            value = value_of(record)
            if value in seen:
                found = "it twice" if seen[value] == path else f"it in {seen[value]}, too"
                raise TaskFileError.at(path, value, f"every {key} once", found)
            seen[value] = path
    return [record for records in files.values() for record in records]


def is_text(value):
    """Whether a value is text that a file can hold."""
    return isinstance(value, str) and (value.isascii() or not SURROGATE.search(value))


class Entry:
    """One object of a file. Its methods take a key and return the value, or refuse it."""

    def __init__(self, value, file, name):
        self.value, self.file, self.name = value, file, name
        if not isinstance(value, dict):
            raise TaskFileError.at(file, name, "an object", type(value).__name__)

    def has(self, key):
        return self.value.get(key) is not None

    def inner(self, key):
        """The object under a key, as an Entry; one without anything where the key is missing."""
        return Entry(self.value.get(key) or {}, self.file, f"{self.name}, {key}")

    def maybe(self, method, key, *details):
        """method(key, …), or None where the key is missing, as it is in test splits."""
        return method(key, *details) if self.has(key) else None

    def refuse(self, key, expected, found):
        return TaskFileError.at(self.file, f"{self.name}, {key}", expected, found)

    def take(self, key, good, expected):
        """The value of a key; good: a type, or a function that says whether a value is."""
        value = self.value.get(key)
        if not (isinstance(value, good) if isinstance(good, type) else good(value)):
            raise self.refuse(key, expected, repr(value) if key in self.value else "none")
        return value

    def text(self, key):
        return self.take(key, is_text, "a text")

    def truth(self, key):
        return self.take(key, bool, "true or false")

    def texts(self, key):
        return self.take(key, lambda v: isinstance(v, list) and all(map(is_text, v)), "a list of texts")

    def identity(self, key):
        """A whole number or a text that is not empty."""
        return self.take(key, lambda v: type(v) is int or (is_text(v) and v != ""), "a number or a text")

    def choice(self, key, choices):
        """The value that `choices` has for the one in the file."""
        names = " or ".join(map(str, choices))
        return choices[self.take(key, lambda v: isinstance(v, int | str) and v in choices, names)]

    def scores(self, key):
        return self.check_scores(key, self.value.get(key))

    def check_scores(self, key, value):
        """value as {answer: score of 0 … 1}"""
        if not isinstance(value, dict):
            raise self.refuse(key, "an object of answers and scores", type(value).__name__)
        for answer, score in value.items():
            if not (is_text(answer) and type(score) in (int, float) and 0 <= score <= 1):
                raise self.refuse(key, "answers with scores of 0 … 1", f"{answer!r}: {score!r}")
        return value

    def given(self, **kinds):
        """{key: value} of keys that may be missing; kinds: {key: method} by name, as label="scores"."""
        return {key: self.maybe(getattr(self, method), key) for key, method in kinds.items()}
