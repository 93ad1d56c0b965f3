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
KEY = re.compile(r"([\w.-]+)\s*:(?:\s+(.*))?", re.ASCII)
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
    """Take what is indented like the next line: a list, or a map."""
    number, indent, content = lines[-1]
    if depth > DEEPEST:
        raise ConfigError.at(path, f"line {number}", f"at most {DEEPEST} levels", "more")
    return (items if is_item(content) else entries)(lines, path, depth, indent)


def is_item(content):
    return content == "-" or content.startswith("- ")


def items(lines, path, depth, indent):
    """Take the items of a list: lines "- …"."""
    found = []
    while lines and lines[-1][1] == indent and is_item(lines[-1][2]):
        number, _, content = lines.pop()
        rest = content[1:].lstrip()
        if is_item(rest):  # a list in a list: its first item stands on this line
            lines.append((number, indent + len(content) - len(rest), rest))
            found.append(block(lines, path, depth + 1))
        else:
            found.append(value(rest, path, number))
    return found


def entries(lines, path, depth, indent):
    """Take the entries of a map: lines "key: value", or "key:" and what is indented below it."""
    found = {}
    while lines and lines[-1][1] == indent and not is_item(lines[-1][2]):
        number, _, content = lines.pop()
        match = KEY.fullmatch(content)
        if not match or match[1] in found:
            raise ConfigError.at(path, f"line {number}", "a key, once, a colon and its value", content)
        deeper = lines and (lines[-1][1] > indent or (lines[-1][1] == indent and is_item(lines[-1][2])))
        nested = deeper and not match[2]
        found[match[1]] = block(lines, path, depth + 1) if nested else value(match[2] or "", path, number)
    return found


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
