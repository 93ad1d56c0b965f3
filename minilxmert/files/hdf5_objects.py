"""The objects of an HDF5 file: what their headers say of names, attributes, shapes and types. ValueError for the rest.

Source: HDF5 File Format Specification, version 3.0."""

import math
import struct
from typing import NamedTuple

import numpy as np

from .hdf5_bytes import UNDEFINED, Heap, leaves, records

SPACE, LINKS, TYPE, OLD_FILL, FILL, LINK, EXTERNAL, LAYOUT, FILTERS = 1, 2, 3, 4, 5, 6, 7, 8, 11  # kinds of messages
ATTRIBUTE, CONTINUED, SYMBOLS, ATTRIBUTES = 12, 16, 17, 21
SHARED = 2  # the flag of a message that stands elsewhere
MESSAGES, HEADER = 4096, 1 << 20  # of an object, and their bytes
RANK = 8
FLOATS = {2: (10, 5, 15), 4: (23, 8, 127), 8: (52, 11, 1023)}  # by size: bits of mantissa and exponent, its bias
GROUP, DATASET = {LINKS, SYMBOLS, LINK}, {LAYOUT}


def read_header(source, at):
    """[(kind, flags, data)]: the messages of the object at an address."""
    new = source.take(at, 4) == b"OHDR"
    head, skipped, size = header_start(source, at, new)
    blocks, messages, left, signature = [(at, skipped, size)], [], HEADER, b"OHDR\2"
    for at, skipped, size in blocks:  # which grow
        left -= size + skipped
        if left < 0 or len(messages) > MESSAGES:
            raise ValueError(f"a header of more than {HEADER} bytes or {MESSAGES} messages")
        whole = source.take_sealed(signature, at, skipped + size) if new else source.take(at, skipped + size)
        signature = b"OCHK"  # of further blocks
        for kind, flags, part in split(whole[skipped:], head):
            if kind == CONTINUED:
                place, size = struct.unpack("<2Q", part)
                blocks.append((place, 4, size - 8) if new else (place, 0, size))
            elif kind:
                messages.append((kind, flags, part))
    return messages


def header_start(source, at, new):
    """How each message begins; of the first block, the bytes before its messages, and their bytes."""
    if not new:
        version, size = source.unpack("<B7xI4x", at)
        if version != 1:
            raise ValueError(f"an object of version {version}")
        return struct.Struct("<HHB3x"), 16, size
    flags = source.take(at + 4, 2)[1]
    start, width = 6 + (16 if flags & 32 else 0) + (4 if flags & 16 else 0), 1 << (flags & 3)
    size = int.from_bytes(source.take(at + start, width), "little")
    return struct.Struct("<BHB2x" if flags & 4 else "<BHB"), start + width, size


def split(data, head):
    """(kind, flags, data) of the messages in one piece of a header."""
    at = 0
    while at + head.size <= len(data):
        kind, size, flags = head.unpack_from(data, at)
        at += head.size + size
        if at > len(data):
            raise ValueError("half a message")
        yield kind, flags, data[at - size : at]


def message(messages, *kinds):
    """The data of the one message of a kind, or None."""
    found = [(flags, data) for kind, flags, data in messages if kind in kinds]
    if len(found) > 1 or any(flags & SHARED for flags, _ in found):
        raise ValueError("a message twice, or one that stands elsewhere")
    return found[0][1] if found else None


# --- names


def read_links(source, messages):
    """(name, address) of what a group holds; the address is None for a link to elsewhere."""
    for kind, flags, data in messages:
        if kind in GROUP and flags & SHARED:
            raise ValueError("links that stand elsewhere")
        if kind == LINK:
            yield link(data)
        elif kind == LINKS:
            heap, index = struct.unpack_from("<2Q", data, 10 if data[1] & 1 else 2)
            yield from (link(found) for found in dense(source, heap, index, 5, 4))
        elif kind == SYMBOLS:
            yield from symbols(source, *struct.unpack_from("<2Q", data))


def dense(source, heap, index, kind, place):
    """The objects in a heap that a tree lists, in whose records of a kind their identities stand at a place."""
    if heap != UNDEFINED:
        objects = Heap(source, heap)
        for record in records(source, index, kind):
            yield objects.object(record[place : place + 8 if kind == 8 else None])


def link(data):
    flags, at = data[1], 2 + bool(data[1] & 8) + 8 * bool(data[1] & 4) + bool(data[1] & 16)
    kind, width = data[2] if flags & 8 else 0, 1 << (flags & 3)
    end = at + width + int.from_bytes(data[at : at + width], "little")
    if end > len(data) - 8 * (not kind):
        raise ValueError("half a link")
    return data[at + width : end], None if kind else int.from_bytes(data[end : end + 8], "little")


def symbols(source, tree, heap):
    """The links of a group in the older form, whose names lie together."""
    signature, size, start = source.unpack("<4s4xQ8xQ", heap)
    names = source.take(start, size)
    if signature != b"HEAP":
        raise ValueError("no heap of names")
    for _, node in leaves(source, tree, 0, 8):
        signature, count = source.unpack("<4s2xH", node)
        if signature != b"SNOD":
            raise ValueError("no list of names")
        for name, address, cached in struct.iter_unpack("<2QI20x", source.take(node + 8, 40 * count)):
            yield names[name : names.index(b"\0", name)], None if cached == 2 else address


# --- attributes


def read_attributes(source, messages):
    """{name: (its type's data, shape, its values' bytes)} of an object's attributes."""
    found = {}
    for kind, flags, data in messages:
        if kind == ATTRIBUTE:
            kept = [data]
        elif kind == ATTRIBUTES:
            heap, index = struct.unpack_from("<2Q", data, 4 if data[1] & 1 else 2)
            kept = dense(source, heap, index, 8, 0)
        else:
            continue
        if flags & SHARED:
            raise ValueError("attributes that stand elsewhere")
        for one in kept:
            name, *rest = read_attribute(source, one)
            if found.setdefault(name, rest) is not rest:
                raise ValueError("an attribute twice")
    return found


def read_attribute(source, data):
    """name, data of its type, shape, data of its values"""
    version, flags, *sizes = struct.unpack_from("<2B3H", data)
    at, step, parts = 9 if version == 3 else 8, 8 if version == 1 else 1, []
    for size in sizes:
        parts.append(data[at : at + size])
        at += -(-size // step) * step
    name, kind, space = parts
    if not 1 <= version <= 3 or flags & 2:
        raise ValueError("an attribute of another version")
    kind = read_committed(source, kind) if version > 1 and flags & 1 else kind
    return name.split(b"\0")[0].decode(), kind, read_shape(space)[0], data[at:]


def read_values(source, kind, shape, data, most):
    """The values of an attribute, a text, a number or a list of either; `most`: how many there may be."""
    count = math.prod(shape)
    if len(shape) > 1 or count > most:
        raise ValueError(f"more than {most} values in one row")
    text = kind[0] & 15 == 9 and kind[1] & 15 == 1  # of variable length
    dtype = np.dtype("V16") if text else read_dtype(kind)
    if dtype is None or (text and struct.unpack_from("<I", kind, 12) != (1,)):
        raise ValueError("another type")
    if len(data) < count * dtype.itemsize:
        raise ValueError("too few bytes")
    values = np.frombuffer(data, dtype, count).tolist()
    if text:
        values = [source.text(*struct.unpack("<IQI", value)) for value in values]
    if text or dtype.kind == "S":
        values = [value.split(b"\0")[0].decode() for value in values]
    return values if shape else values[0]


# --- shapes and types


class Dataset(NamedTuple):
    """What is known of an array before any number is read."""

    messages: list
    shape: tuple
    most: tuple  # the shape that it may grow to
    dtype: np.dtype
    layout: bytes
    size = property(lambda self: math.prod(self.shape) * self.dtype.itemsize)


def read_shape(data):
    """(shape, the shape that it may grow to) of a dataspace."""
    version, rank, flags, kind = data[:4]
    if version not in (1, 2) or (version == 2 and kind > 1):
        raise ValueError("no shape")
    at = 8 if version == 1 else 4
    shape = struct.unpack_from(f"<{rank}Q", data, at)
    most = struct.unpack_from(f"<{rank}Q", data, at + 8 * rank) if flags & 1 else shape
    if rank > RANK or math.prod(shape) >= 2**48 or any(size > limit for size, limit in zip(shape, most, strict=True)):
        raise ValueError(f"shape {shape}")
    return shape, most


def read_type(source, messages):
    """The data of a dataset's type, which may have a name of its own."""
    shared = [data for kind, flags, data in messages if kind == TYPE and flags & SHARED]
    return read_committed(source, shared[0]) if shared else message(messages, TYPE)


def read_committed(source, data):
    """The data of a type that has a name of its own, from what stands in its place."""
    (at,) = struct.unpack_from("<Q", data, 8 if data[0] == 1 else 2)
    found = message(read_header(source, at), TYPE)
    if (data[0] == 3 and data[1] != 2) or found is None:
        raise ValueError("a type that is not there")
    return found


def read_dtype(data):
    """The NumPy type of plain numbers or of texts of a fixed length; None for HDF5 types without a counterpart."""
    head, bits, sign, _, size = struct.unpack_from("<4BI", data)
    order, kind = "<>"[bits & 1], head & 15
    if kind == 3 and 0 < size < 1 << 31:
        return np.dtype(f"S{size}")
    if kind == 0 and size in (1, 2, 4, 8) and not bits & 6 and data[8:12] == struct.pack("<2H", 0, 8 * size):
        return np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}")
    if kind == 1 and size in FLOATS and bits & 0xFE == 0x20 and sign == 8 * size - 1:
        mantissa, exponent, bias = FLOATS[size]
        if data[8:20] == struct.pack("<2H4BI", 0, 8 * size, mantissa, exponent, 0, mantissa, bias):
            return np.dtype(f"{order}f{size}")
    return None


def fill_value(messages, dtype):
    """The number that stands where none was written; None where there is none."""
    data, old = message(messages, FILL), message(messages, OLD_FILL)
    value = b""
    if data and data[0] == 3:
        if data[1] & 16:
            return None
        value = data[6:] if data[1] & 32 else b""
    elif data:
        if not data[3]:
            return None
        value = data[8 : 8 + int.from_bytes(data[4:8], "little")]
    elif old:
        value = old[4 : 4 + int.from_bytes(old[:4], "little")]
    return np.frombuffer(value[: dtype.itemsize], dtype)[0] if value else np.zeros((), dtype)[()]
