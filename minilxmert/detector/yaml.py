"""The little of YAML that a detector's config.yaml uses; everything else in it is refused in words.

Maps and lists by indentation, [flow, lists], numbers, true and false, null, words, quoted texts, comments."""

import json
import re

from ..errors import ConfigError
from ..files import read_text, strict_json

DEEPEST, LARGEST = 8, 1 << 16
NUMBER = re.compile(r"[-+]?(\d{1,18}|\d{0,18}\.\d{1,18}|\d{1,18}\.)(e[-+]?\d{1,2})?", re.IGNORECASE | re.ASCII)
WORD = re.compile(r"[\w./][\w./\\+-]*", re.ASCII)
QUOTED = re.compile(r"'[^'\\]*'|\"[^\"\\]*\"")
PART = re.compile(rf"{QUOTED.pattern}|[^\[\],\s]+")  # of a list
LINE = re.compile(r"(?:-|([\w.-]+)\s*:)(?:\s+(.*))?", re.ASCII)  # "- value" or "key: value"
CONSTANTS = {"true": True, "false": False, "null": None, "~": None}


def read_yaml(path):
    """The map in a YAML file -> dict. Raises ConfigError."""
    text = read_text(path, "a config.yaml", ConfigError, LARGEST)
    lines = list(significant(text, path))[::-1]  # the next one is last
    tree = block(lines, path, 0) if lines else {}
    if lines or not isinstance(tree, dict):
        number = f"line {lines[-1][0]}" if lines else None
        raise ConfigError.at(path, number, "one map of keys, indented alike", "another order")
    return tree


def significant(text, path):
    """(number, indentation, content) of every line that says something."""
    for number, line in enumerate(text.splitlines(), 1):
        content = re.sub(r"(^|\s)#.*", "", line).rstrip()
        if "\t" in line[: len(line) - len(line.lstrip())]:
            raise ConfigError.at(path, f"line {number}", "indentation by blanks", "a tab")
        if content:
            yield number, len(content) - len(content.lstrip()), content.lstrip()


def block(lines, path, depth):
    """Take what is indented like the next line: a list, "- …" a line, or a map, "key: value" a line.

    A value that is a list or a map of its own stands below, further in; a list in a list may begin on the same line."""
    number, indent, content = lines[-1]
    if depth > DEEPEST:
        raise ConfigError.at(path, f"line {number}", f"at most {DEEPEST} levels", "more")
    listed, found = is_item(content), {}
    while lines and lines[-1][1] == indent and is_item(lines[-1][2]) == listed:
        number, _, content = lines.pop()
        match = LINE.fullmatch(content)
        if not match or (match[1] is None) != listed or match[1] in found:
            raise ConfigError.at(path, f"line {number}", "a key, once, a colon and its value", content)
        key, rest = len(found) if listed else match[1], match[2] or ""
        if listed and is_item(rest):
            lines.append((number, indent + len(content) - len(rest), rest))
            rest = ""
        deeper = lines and (lines[-1][1], is_item(lines[-1][2])) > (indent, listed)
        found[key] = block(lines, path, depth + 1) if deeper and not rest else value(rest, path, number)
    return list(found.values()) if listed else found


def is_item(content):
    return content == "-" or content.startswith("- ")


def value(text, path, number):
    """A number, constant, word, quoted text or [list of those], which becomes JSON."""
    if text.startswith("["):
        json_text = PART.sub(lambda part: json.dumps(value(part[0], path, number)), text)
        return strict_json(json_text.encode(), path, ConfigError, line=number)
    if NUMBER.fullmatch(text):
        return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)
    if text.lower() in CONSTANTS:
        return CONSTANTS[text.lower()]
    if QUOTED.fullmatch(text):
        return text[1:-1]
    if not WORD.fullmatch(text):
        raise ConfigError.at(path, f"line {number}", "a number, true, false, a word or a [list]", text or "nothing")
    return text
