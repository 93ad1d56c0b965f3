"""What all readers of arrays share: the file as bytes that are never copied, arrays cut out of them, and npz files.

Nothing here trusts a number from a file: every one is an int, bounded, before it is used in arithmetic; nothing is
evaluated. Source of npy: numpy.lib.format, versions 1 to 3."""

import math
import re
from functools import partial

import numpy as np

from ..errors import CheckpointError, FeatureFileError
from . import content, forget_pages
from .zip_file import read_members

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
    """Refuse a tensor's name that is long, not printable, or leads elsewhere by "..". Raises CheckpointError."""
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


def as_native(array, dtype):
    """The array in this machine's byte order; bfloat16 as the float32 of which it is the upper half."""
    if dtype == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


NPY_HEADER = re.compile(
    rb"\{'descr': ?'([<>|=][fiub]\d{1,2})', ?'fortran_order': ?(True|False), ?"
    rb"'shape': ?\(((?:\d{1,18}, ?)*\d{0,18})\),? ?\} *\n?"
)


def read_npz(path, names=(), more=None, called=lambda has: dict(zip(has, has, strict=True))):
    """{name: array} of the arrays of an npz file that are asked for: all of `names`, and those of `more` that it has
    (None: whatever else it has). called: the names in a file -> {the name that is asked for: the file's}.

    They hold numbers; other members are passed over. Nothing is evaluated. Raises FeatureFileError."""
    members = read_members(map_file(path, FeatureFileError), path, FeatureFileError, deflate=True)
    has = [name.removesuffix(".npy") for name in members]
    called = called(has)
    if any(name not in called for name in names):
        expected, found = f"arrays of a picture's objects: {', '.join(names)}", ", ".join(has)
        raise FeatureFileError.at(path, None, expected, found or "none")
    wanted = [name for name in dict.fromkeys((*names, *(has if more is None else more))) if name in called]
    entries = {name: f"{called[name]}.npy" for name in wanted}
    arrays = {name: read_npy(members[entry], path, entry) for name, entry in entries.items()}
    check_finite(arrays, path, FeatureFileError)
    return arrays


def read_npy(data, path, name):
    """The bytes of one .npy member -> its array."""
    refuse = partial(FeatureFileError.at, path, name)
    head = bytes(data[:12])
    if head[:6] != b"\x93NUMPY" or head[6:8] not in (b"\1\0", b"\2\0", b"\3\0"):
        raise refuse("a NumPy array (.npy 1.0 to 3.0)", "another")
    wide = 4 if head[6] > 1 else 2
    length, start = int.from_bytes(head[8 : 8 + wide], "little"), 8 + wide
    match = NPY_HEADER.fullmatch(bytes(data[start : start + length])) if length <= 1024 else None
    if b"'|O'" in bytes(data[start : start + length])[:1024]:
        raise refuse("numbers", "Python objects (a pickle), which are not read")
    if match is None or start + length > len(data):
        raise refuse("a header with descr, fortran_order and shape of numbers", "another")
    kind, fortran, sizes = (group.decode() for group in match.groups())
    shape = tuple(int(size) for size in sizes.replace(" ", "").split(",") if size)
    if kind[1:] not in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1") or len(shape) > 8:
        raise refuse("real numbers of at most 8 axes", f"{kind} {shape}")
    if math.prod(size or 1 for size in shape) >= LARGEST_SIZE:  # NumPy multiplies what is beside a 0, too
        raise refuse("a shape that memory could hold", shape)
    dtype, count = np.dtype(kind), math.prod(shape)
    body = data[start + length :]
    if len(body) != count * dtype.itemsize:
        raise refuse(f"{count * dtype.itemsize} bytes for {shape} of {dtype}", len(body))
    array = body.view(dtype).reshape(shape, order="F" if fortran == "True" else "C")
    return np.ascontiguousarray(array.astype(dtype.newbyteorder("="), copy=False)).reshape(shape)
