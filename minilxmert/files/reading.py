"""Files read carefully: text bounded, UTF-8, strict JSON; whole files as bytes, mapped or read; lists of texts,
compared."""

import contextlib
import json
import math
import mmap
import os
import re
import zlib
from functools import partial
from itertools import islice, zip_longest

import numpy as np

from ..errors import MinilxmertError, VocabularyError, shorten
from .kinds import TEXTS, expecting, kind_of

JSON_LIMIT = 4 << 20  # bytes; Python objects take about 13 times the text
JSON_DEPTH = 16
DIGITS = 19  # an int64


def strict_json(data, file, error=MinilxmertError, limit=JSON_LIMIT, line=1, digits=DIGITS):
    """JSON text (bytes, UTF-8) -> objects; duplicate keys, NaN, deep nesting and huge numbers are errors.

    file: named in the message; error: the MinilxmertError class to raise; line: the number of
    the first line, where a file holds more before it; digits: of a whole number, at most."""
    refuse = partial(error.at, file)
    if len(data) > limit:
        raise refuse(None, f"at most {limit} bytes of JSON", f"{len(data)} bytes")
    with expecting("JSON", file, "JSON", source=data):
        text = decode(data, file, error, line)
        if json_depth(text) > JSON_DEPTH:
            raise refuse(None, f"JSON nested at most {JSON_DEPTH} deep", "deeper nesting")
        try:
            return json.loads(text, **strict_hooks(refuse, digits))
        except json.JSONDecodeError as problem:
            raise refuse(f"line {line + problem.lineno - 1}", "JSON", shorten(problem.msg)) from None


def strict_hooks(refuse, digits):
    """What json.loads is to call for objects and numbers."""

    def unique(pairs):
        result = {}
        for key, value in pairs:
            if key in result:
                raise refuse(key, "every key once", "a repeated key")
            result[key] = value
        return result

    def integer(text):
        if len(text) > digits + 1:
            raise refuse("a number", f"at most {digits} digits", f"{len(text)} digits")
        return int(text)

    def real(text):
        if not math.isfinite(float(text)):
            raise refuse("a number", "a finite number", text)
        return float(text)

    return {"object_pairs_hook": unique, "parse_int": integer, "parse_float": real, "parse_constant": real}


def decode(data, file, error=MinilxmertError, line=1):
    """Bytes of UTF-8 -> text, without the byte order mark that some editors begin with; `error` names a wrong line."""
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as problem:
        line += data[: problem.start].count(b"\n")
        raise error.at(file, f"line {line}", "UTF-8 text", "other bytes") from None


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
            step = max(os.fstat(file.fileno()).st_size, 1 << 20) + 1  # memory for what is there, not for the limit
            pieces = iter(lambda: file.read(min(step, limit + 1)), b"")
            data = b"".join(islice(pieces, limit // step + 1))
    except OSError as problem:
        raise error.at(path, None, "a readable file", problem.strerror or type(problem).__name__) from None
    if len(data) > limit:
        raise error.at(path, None, f"at most {limit} bytes", "a larger file")
    return data


def read_json(path, error=MinilxmertError, limit=JSON_LIMIT, digits=DIGITS):
    """The objects in a JSON file of at most `limit` bytes: read_small and strict_json, whose errors it raises."""
    return strict_json(read_small(path, error, limit), path, error, limit, digits=digits)


def read_text(path, expected, error=MinilxmertError, limit=JSON_LIMIT):
    """The text of a file of at most `limit` bytes of UTF-8. expected: what it holds, in words, for the `error`."""
    data = read_small(path, error, limit)
    kind = kind_of(data)
    if kind.name not in TEXTS:
        raise error.at(path, None, expected, kind.text)
    return decode(data, path, error)


@contextlib.contextmanager
def content(path, error=MinilxmertError, mapped=True):
    """A context of all bytes of a file: a mapping, which costs nothing but shows what others do to the file, or, with
    mapped=False, bytes that are this process's own.

    At the end the file must have the size that it had: else it was changed meanwhile. Saving never does that (a new
    file takes the old one's place); a file that another program cuts short while it is mapped ends the process."""
    try:
        file = open(path, "rb")
        size = os.fstat(file.fileno()).st_size
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if mapped and size else file.read()
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or "a file that cannot be mapped"
        raise error.at(path, None, "a readable file", reason) from None
    with file:
        yield data
        if os.fstat(file.fileno()).st_size != len(data):
            raise error.at(path, None, f"the {len(data)} bytes that it had", "another size: something writes into it")


def mapping_of(array):
    """The mapped file that an array or a memoryview shows a part of, or None."""
    owner = array
    while isinstance(owner, np.ndarray | memoryview):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    return owner if isinstance(owner, mmap.mmap) else None


def forget_pages(array):
    """Give the pages of an array in a read-only mapped file back to the system: they can be read again, but no longer
    count as this process's memory. Does nothing for other arrays."""
    owner = mapping_of(array)
    if owner is None or not hasattr(mmap, "MADV_DONTNEED") or not array.flags.c_contiguous:
        return
    start = array.ctypes.data - np.frombuffer(owner, np.uint8).ctypes.data
    first, last = -(-start // mmap.PAGESIZE), (start + array.nbytes) // mmap.PAGESIZE
    if last > first and memoryview(owner).readonly:  # a writable one may hold changes that no file has
        owner.madvise(mmap.MADV_DONTNEED, first * mmap.PAGESIZE, (last - first) * mmap.PAGESIZE)


def crc32(array):
    """The checksum of an array's bytes, whose pages are then not kept: opening a file costs no memory."""
    value = zlib.crc32(array)
    forget_pages(array)
    return value


def first_difference(what, here, there):
    """Where two lists of texts differ first, in words, or None: "answer 3: 'cat' here, 'dog' there" """
    if here == there:
        return None
    pairs = enumerate(zip_longest(here, there))
    number, pair = next((number, pair) for number, pair in pairs if pair[0] != pair[1])
    one, other = ("none" if text is None else repr(shorten(text, 40)) for text in pair)
    return f"{what} {number}: {one} here, {other} there"


def refuse_other(what, here, there, here_is, there_is):
    """Two lists that must be one: a VocabularyError names both places and the first difference.

    what: "answer" or "token"; here_is, there_is: the places, as the reader knows them."""
    different = first_difference(what, list(here), list(there))
    if different:
        places = f"{shorten(here_is, 70)}: other {what}s than {shorten(there_is, 70)}"
        raise VocabularyError(f"{places}: {different}")


def refuse_repeated(path, texts):
    """Raises VocabularyError for an answer that a list has twice."""
    seen = set()
    for text in texts:
        if text in seen:
            raise VocabularyError.at(path, text, "every answer once", "it twice")
        seen.add(text)
