"""What all readers of weight files share: the file as bytes that are never copied, and tensors cut out of them.

Nothing here trusts a number from a file: every one is an int, bounded, before it is used in arithmetic."""

import math

import numpy as np

from ..errors import CheckpointError
from . import content, forget_pages

MOST_DIMENSIONS, LARGEST_SIZE, LONGEST_NAME = 8, 1 << 48, 512
EXPANSION, ALLOWANCE = 8, 1 << 20  # arrays may take this many times the file's bytes, and a little

DTYPES = {  # the safetensors name -> little-endian NumPy; bfloat16 has no NumPy type and is read as 16 bits
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip


def map_file(path, error=CheckpointError):
    """The bytes of a file as a read-only array (size,), mapped: opening costs nothing, whatever the size."""
    with content(path, error) as data:
        return np.frombuffer(data, np.uint8)


def is_size(value, most=LARGEST_SIZE):
    """Whether a value from a file is a whole number in 0 … most (bool and float are not)."""
    return type(value) is int and 0 <= value <= most


def check_shape(shape, file, entry):
    """shape, a tuple or list from a file, as a tuple; its product stays below LARGEST_SIZE. Raises CheckpointError."""
    good = isinstance(shape, list | tuple) and len(shape) <= MOST_DIMENSIONS and all(is_size(n) for n in shape)
    if not good or math.prod(n or 1 for n in shape) >= LARGEST_SIZE:  # NumPy multiplies what is beside a 0, too
        raise CheckpointError.at(file, entry, f"at most {MOST_DIMENSIONS} sizes with a product below 2**48", shape)
    return tuple(shape)


def check_name(name, file):
    """A tensor's name from a file: printable, of bearable length, leading nowhere. Raises CheckpointError."""
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable() or ".." in name.split("/"):
        raise CheckpointError.at(file, name, f"a printable name of 1 … {LONGEST_NAME} characters", "another")


def check_finite(arrays, file, error=CheckpointError):
    """No number is NaN or infinite. Raises `error`."""
    once = {id(array): (name, array) for name, array in arrays.items()}  # a thousand names may share one array
    for name, array in once.values():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise error.at(file, name, "finite numbers", "NaN or infinity")
        forget_pages(array)


class Budget:
    """Adds up the arrays of a file: refuses a small file that describes huge ones."""

    def __init__(self, file, size):
        self.file, self.left = file, EXPANSION * size + ALLOWANCE

    def spend(self, size, entry):
        self.left -= size
        if self.left < 0:
            raise CheckpointError.at(self.file, entry, f"arrays of at most {EXPANSION} times the file's size", "more")


def cut(data, dtype, shape, big_endian=False):
    """Bytes, exactly of the size -> an array of a dtype of DTYPES and a shape; a view if nothing must be converted."""
    stored = np.dtype(DTYPES[dtype])
    array = data.view(stored.newbyteorder(">") if big_endian else stored).reshape(shape)
    return as_native(array, dtype)


def as_native(array, dtype):
    """The array in this machine's byte order; bfloat16 as the float32 of which it is the upper half."""
    if dtype == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    native = array.dtype.newbyteorder("=")
    return array if array.dtype.isnative else array.astype(native)
