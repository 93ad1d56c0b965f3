"""Files, the same careful way everywhere: strict JSON in, whole files out (never half of one)."""

import contextlib
import json
import math
import mmap
import os
import re
from pathlib import Path

import numpy as np

from .errors import MinilxmertError, shorten

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


@contextlib.contextmanager
def replacing(path):
    """A context whose value is the path of a temporary neighbour that replaces `path` when the block succeeds.

    The neighbour is flushed to the disk, then renamed; when the block fails it is removed and `path` is as before.
    Neighbours that a killed process left behind are swept first."""
    path = Path(path)
    sweep(path)
    temporary = path.with_name(f"{path.name}.tmp.{os.getpid()}")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        flush_directory(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_file(path, data):
    """Write bytes or text to `path` whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


def forget_pages(array):
    """Give the pages of an array in a read-only mapped file back to the system: they can be read again, but no longer
    count as this process's memory. Does nothing for other arrays."""
    owner = array
    while isinstance(owner, np.ndarray | memoryview):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    if not isinstance(owner, mmap.mmap) or not hasattr(mmap, "MADV_DONTNEED") or not array.flags.c_contiguous:
        return
    start = array.ctypes.data - np.frombuffer(owner, np.uint8).ctypes.data
    first, last = -(-start // mmap.PAGESIZE), (start + array.nbytes) // mmap.PAGESIZE
    if last > first and memoryview(owner).readonly:  # a writable one may hold changes that no file has
        owner.madvise(mmap.MADV_DONTNEED, first * mmap.PAGESIZE, (last - first) * mmap.PAGESIZE)


def flush_directory(directory):
    """Make a rename inside `directory` survive a power cut, where the system allows directories to be flushed."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sweep(path):
    """Remove `path.tmp.<pid>` files of processes that no longer run."""
    for stale in path.parent.glob(f"{glob_escape(path.name)}.tmp.*"):
        pid = stale.name.rpartition(".")[2]
        if pid.isdecimal() and not process_runs(int(pid)):
            stale.unlink(missing_ok=True)


def glob_escape(name):
    return re.sub(r"([*?\[])", r"[\1]", name)


def process_runs(pid):
    """Whether a process of this number exists (one of another user counts)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
