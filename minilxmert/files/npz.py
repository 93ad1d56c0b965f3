"""npz files of numbers, read without evaluating anything in them. Source: numpy.lib.format, versions 1 to 3."""

import math
import re

import numpy as np

from ..errors import FeatureFileError
from .arrays import LARGEST_SIZE, check_finite, map_file
from .zip_file import read_members

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

    def refuse(expected, found):
        return FeatureFileError.at(path, name, expected, found)

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
