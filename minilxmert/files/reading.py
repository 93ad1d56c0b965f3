"""Text read carefully: bounded, UTF-8, strict JSON."""

import json
import math
import re

from ..errors import MinilxmertError, shorten

JSON_LIMIT = 4 << 20  # bytes; Python objects take about 13 times the text
JSON_DEPTH = 16
DIGITS = 19  # an int64


def strict_json(data, file, error=MinilxmertError, limit=JSON_LIMIT):
    """JSON text (bytes, UTF-8) -> objects; duplicate keys, NaN, deep nesting and huge numbers are errors.

    file: named in the message; error: the MinilxmertError class to raise."""

    def refuse(entry, expected, found):
        return error.at(file, entry, expected, found)

    def unique(pairs):
        result = dict(pairs)
        if len(result) < len(pairs):
            keys = [key for key, _ in pairs]
            raise refuse(next(key for key in keys if keys.count(key) > 1), "every key once", "a repeated key")
        return result

    def integer(text):
        if len(text) > DIGITS + 1:
            raise refuse("a number", f"at most {DIGITS} digits", f"{len(text)} digits")
        return int(text)

    def constant(text):
        raise refuse("a number", "a finite number", text)

    def real(text):
        return float(text) if math.isfinite(float(text)) else constant(text)

    if len(data) > limit:
        raise refuse(None, f"at most {limit} bytes of JSON", f"{len(data)} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise refuse(None, "UTF-8 text", "other bytes") from None
    if json_depth(text) > JSON_DEPTH:
        raise refuse(None, f"JSON nested at most {JSON_DEPTH} deep", "deeper nesting")
    try:
        return json.loads(text, object_pairs_hook=unique, parse_int=integer, parse_float=real, parse_constant=constant)
    except json.JSONDecodeError as problem:
        raise refuse(f"line {problem.lineno}", "JSON", shorten(problem.msg)) from None


def json_depth(text):
    """The deepest nesting of brackets outside strings, found without recursion."""
    depth = deepest = 0  # a string that never ends is one token: looking for its end at every quote takes for ever
    for token in re.finditer(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', text, re.DOTALL):
        if token[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in "]}":
            depth -= 1
    return deepest


def read_small(path, error=MinilxmertError, limit=JSON_LIMIT):
    """The bytes of a file of at most `limit` bytes; a missing, unreadable or larger one is `error`."""
    try:
        with open(path, "rb") as file:
            data = file.read(limit + 1)
    except OSError as problem:
        raise error.at(path, None, "a readable file", problem.strerror or type(problem).__name__) from None
    if len(data) > limit:
        raise error.at(path, None, f"at most {limit} bytes", "a larger file")
    return data
