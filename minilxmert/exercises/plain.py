"""Plain values as bytes and back: numbers, texts, arrays, and lists and dicts of them.

What a student's function returns can be of a class that lies about its length, its shape, or whether it equals what
is right. Packing asks a value nothing: it reads the bytes of NumPy's own arrays and the entries of Python's own
containers; of anything else only the name of its class is kept. What was unpacked can be judged."""

import json
import math
import re
from dataclasses import dataclass

import numpy as np

from ..errors import visible

LARGEST, MOST, DEEPEST, LONGEST = 64 << 20, 100_000, 16, 4 << 20  # bytes of arrays, values, nesting, bytes of the rest
SCALARS = {np.dtype(code).type for code in "?bhilqBHILQefdgFDG"}
CONTAINERS = {list: "list", tuple: "tuple", set: "set", frozenset: "set"}
NUMERIC = re.compile(r"[<>|=][biufc]\d{1,2}")


class TooLarge(Exception):
    """A value is larger than any exercise needs."""


@dataclass(frozen=True)
class Other:
    """In place of a value that is not plain: what kind of thing it was."""

    name: str


def pack(value, functions=None):
    """A value as bytes. functions: a list that receives functions, where they and random generators are welcome.

    Raises TooLarge."""
    packing = Packing(functions)
    text = json.dumps(packing.node(value)).encode()
    if len(text) > LONGEST:
        raise TooLarge
    return b"".join([len(text).to_bytes(8, "big"), text, *packing.arrays])


def unpack(data, function=None):
    """The value of `pack`. function(n): what stands for function n. Raises ValueError, TypeError, LookupError,
    OverflowError or RecursionError for bytes that `pack` does not make."""
    start = 8 + int.from_bytes(data[:8], "big")
    if start > min(len(data), 8 + LONGEST):
        raise ValueError("no plain value")
    return Unpacking(memoryview(data)[start:], function).value(json.loads(data[8:start]))


def plain(value):
    """A value packed and unpacked again: Other stands for whatever is not plain. Raises TooLarge."""
    return unpack(pack(value))


def class_name(value):
    """The name of a value's class, whatever its metaclass says."""
    return visible(type.__dict__["__name__"].__get__(type(value)))[:60]


class Packing:
    """What the nodes of one value have in common: the arrays' bytes, and how many there are."""

    def __init__(self, functions):
        self.functions, self.arrays, self.count, self.size = functions, [], 0, 0

    def node(self, value, depth=0):
        """One value as JSON knows it."""
        kind, self.count = type(value), self.count + 1
        if self.count > MOST or depth > DEEPEST:
            raise TooLarge
        if value is None or kind in (bool, float, str) or (kind is int and value.bit_length() <= 1024):
            return value
        if kind in SCALARS or (kind is np.ndarray and value.dtype.kind in "biufc"):
            return self.array(value, scalar=kind in SCALARS)
        if issubclass(kind, dict):
            return {"dict": [[self.node(k, depth + 1), self.node(v, depth + 1)] for k, v in dict.items(value)]}
        for base, name in CONTAINERS.items():
            if issubclass(kind, base):
                return {name: [self.node(item, depth + 1) for item in base.__iter__(value)]}
        return self.guest(value)

    def array(self, value, scalar):
        self.size += value.size * value.itemsize
        if self.size > LARGEST:
            raise TooLarge
        self.arrays.append(value.tobytes())
        return {"scalar" if scalar else "array": [value.dtype.str, list(value.shape)]}

    def guest(self, value):
        """What only travels where it is welcome: a random generator, or a function that is called back."""
        if self.functions is not None and type(value) is np.random.Generator:
            return {"generator": value.bit_generator.state}
        if self.functions is not None and callable(value):
            self.functions.append(value)
            return {"function": len(self.functions) - 1}
        kind = f"array of {value.dtype}" if type(value) is np.ndarray else class_name(value)
        return {"other": kind if type(value) is not Other else value.name}


class Unpacking:
    """Reads the nodes of one value, its arrays in their order."""

    def __init__(self, arrays, function):
        self.arrays, self.function = arrays, function

    def value(self, node):
        if not isinstance(node, dict):
            return node
        ((kind, content),) = node.items()
        if kind in ("array", "scalar"):
            return self.array(*content) if kind == "array" else self.array(*content)[()]
        if kind == "dict":
            return {self.value(key): self.value(item) for key, item in content}
        if kind in CONTAINERS.values():
            return {"list": list, "tuple": tuple, "set": set}[kind](map(self.value, content))
        if kind == "other":
            return Other(visible(content)[:60])
        if self.function is None:
            raise ValueError("a guest where none is welcome")
        return self.function(content) if kind == "function" else generator(content)

    def array(self, dtype, shape):
        if not NUMERIC.fullmatch(dtype) or not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError("no plain array")
        size = math.prod(shape) * np.dtype(dtype).itemsize
        data, self.arrays = self.arrays[:size], self.arrays[size:]
        flat = np.frombuffer(data, dtype)
        return (flat.view(np.uint8) != 0 if flat.dtype == bool else flat.copy()).reshape(shape)


def generator(state):
    """A random generator in a state."""
    rng = np.random.default_rng()
    rng.bit_generator.state = state
    return rng
