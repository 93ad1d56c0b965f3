"""HDF5 at the level of bytes, without the HDF5 library: what it may be shown, and the two filters undone."""

import io
import math
import re
import struct
import zlib

import numpy as np

SIGNATURE = b"\x89HDF\r\n\x1a\n"
GLOBAL_HEAP = b"GCOL\x01"  # a collection of strings of variable length
LOCAL_HEAP = b"HEAP\x00"  # the names in a group
INDEXES = b"BTHD|BTIN|BTLF|EADB|EAHD|EAIB|EASB|FADB|FAHD|FHDB|FHIB|FRHP|FSHD|FSSE|SMLI|SMTB"  # "latest" structures
TREE = b"TREE"  # where the names of a group, or the chunks of an array, are
WATCHED = re.compile(b"%b|%b|%b[\0\1]|(?:%b)\0" % (GLOBAL_HEAP, LOCAL_HEAP, TREE, INDEXES))
STRING = 1 << 14  # bytes of a string of variable length
HEAP = 1 << 17  # bytes of a collection of them; the library makes new ones before 64 kB
PAGE = 1 << 12
UNDEFINED = 2**64 - 1  # HDF5's "no address"


def check_superblock(content, refuse, block=0):
    """The first 100 bytes: an HDF5 file without tail or second file, whose addresses have 8 bytes.

    refuse: (entry, expected, found) -> the exception to raise. block: bytes of the user block that stood before."""
    if content[:8] != SIGNATURE:
        raise refuse("signature", "an HDF5 file", "other bytes")
    if len(content) < 100 or content[8] > 3:
        raise refuse("superblock", "HDF5 superblock version 0 to 3", f"{content[8:9].hex()}, {len(content)} bytes")
    old = content[8] < 2
    widths, addresses = (content[13:15], 24 + 4 * content[8]) if old else (content[9:11], 12)
    if widths != b"\x08\x08":
        raise refuse("superblock", "offsets and lengths of 8 bytes", widths.hex())
    base, _, end, driver = struct.unpack_from("<4Q", content, addresses)
    if base not in (0, block):
        raise refuse("superblock", f"base address {block}", base)
    if end - base != len(content):
        raise refuse("superblock", f"{end - base} bytes", f"a file of {len(content)} bytes")
    if old and driver != UNDEFINED:
        raise refuse("superblock", "one file", "a driver for several files")


class WatchedBytes(io.RawIOBase):
    """What the HDF5 library reads from: the mapped file, which looks at every heap and tree before the library does.

    It also keeps the library away from the newer indexes, since damaged ones crash it. Only files written with h5py's
    libver="latest" have them, for groups of more than 8 names and arrays in several chunks."""

    def __init__(self, content):
        self.content, self.position = content, 0
        self.seen = bytearray(len(content) // PAGE + 1)  # 1 for each page of which the library has read something
        self.checked = set()  # (address, chunk_key) of what is sound
        self.parents = {}  # {address of a part of a tree: (the tree's, its number in it)}
        self.chunk_key = None  # bytes of a key in the tree of the array being looked at

    def seek(self, offset, whence=io.SEEK_SET):
        self.position = offset + (0, self.position, len(self.content))[whence]
        return self.position

    def tell(self):
        return self.position

    def readinto(self, buffer):
        """Fill `buffer` from the current position, as files do; returns the number of bytes."""
        start, end = self.position, min(self.position + len(buffer), len(self.content))
        for found in WATCHED.finditer(self.content, max(start - 4, 0), end + 4):  # also those that it reads in part
            if (found.start(), self.chunk_key) not in self.checked:
                self.check(found[0], found.start())
                self.checked.add((found.start(), self.chunk_key))
        buffer[: end - start] = self.content[start:end]
        self.position = end
        first, last = start // PAGE, end // PAGE + 1
        self.seen[first:last] = b"\1" * (last - first)
        return end - start

    def check(self, signature, at):
        """ValueError for a structure that keeps the library busy for ever, or crashes it."""
        if signature == GLOBAL_HEAP:
            check_global_heap(self.content, at)
        elif signature == LOCAL_HEAP:
            check_local_heap(self.content, at)
        elif signature.startswith(TREE):
            self.check_tree(at)
        else:
            raise ValueError("an index of newer HDF5 (libver latest)")

    def check_tree(self, at):
        """ValueError unless the parts of a tree are one level lower, and its alone; otherwise walks never end."""
        kind, level, count = struct.unpack_from("<BBH", self.content, at + 4)
        key = self.chunk_key if kind else 8
        for number in range(count if key else 0):
            (child,) = struct.unpack_from("<Q", self.content, at + 24 + key + number * (8 + key))
            lower = not level or self.content[child : child + 6] == TREE + bytes([kind, level - 1])
            if not lower or self.parents.setdefault(child, (at, number)) != (at, number):
                raise ValueError("a tree with a ring")

    def check_lengths(self, name, count):
        """ValueError if an attribute claims a text longer than STRING: the library allocates first and looks then.

        name: of the attribute, as bytes; count: its texts. Every place where the library may see it is checked."""
        name += b"\0"
        for pages in re.finditer(b"\1+", self.seen):
            at = pages.start() * PAGE - 1
            for found in re.compile(re.escape(name)).finditer(self.content, at + 1, pages.end() * PAGE + len(name)):
                at = found.start()
                first = first_value(self.content, at, len(name), count)
                lengths = self.content[first : first + 16 * count] if first else b""
                if any(length > STRING for length, _ in struct.iter_unpack("<I12s", lengths[: len(lengths) & -16])):
                    raise ValueError(f"a text of more than {STRING} bytes")


def first_value(content, at, length, count):
    """Where the `count` values of an attribute begin whose name begins at `at`; None where this is another name."""
    for version, before, padding in (1, 8, 8), (2, 8, 1), (3, 9, 1):
        found, name, kind, space = struct.unpack_from("<BxHHH", content, max(at - before, 0))
        if (found, name) == (version, length):
            place = at + sum(-(-size // padding) * padding for size in (name, kind))
            rank, header = content[place + 1], 8 if content[place] == 1 else 4
            if count == math.prod(struct.unpack_from(f"<{min(rank, 2)}Q", content, place + header)):
                return place + -(-space // padding) * padding
    return None


def check_global_heap(content, at):
    """ValueError unless the strings of the heap follow one another.

    String number 0 of size 0, and sizes that wrap around, keep the HDF5 library in an endless loop."""
    size = int.from_bytes(content[at + 8 : at + 16], "little")
    stop, at = at + size, at + 16
    if HEAP < size <= len(content):
        raise ValueError(f"a heap of {size} bytes")
    while at + 16 <= stop <= len(content):  # a heap that ends outside the file is refused by the library
        number, size = struct.unpack_from("<H6xQ", content, at)
        step = 16 + -(-size // 8) * 8 if number else size  # number 0 is the free space, header included
        if step < 16 or at + step > stop or (number and size > STRING):
            raise ValueError(f"a string of {size} bytes in a heap")
        at += step


def check_local_heap(content, at):
    """ValueError unless the list of the heap's free blocks has an end; a ring takes the HDF5 library all memory."""
    if at + 32 > len(content):
        return
    size, block, data = struct.unpack_from("<3Q", content, at + 8)
    if data + size > len(content):  # as above
        return
    for _ in range(size // 16 + 1):
        if block == 1 or block + 16 > size:  # 1 ends the list; any other place outside is refused by the library
            return
        (block,) = struct.unpack_from("<Q", content, data + block)
    raise ValueError("a ring of free blocks in a heap")


def without_block(content):
    """(an HDF5 file's bytes, the size of the user block that other programs, as MATLAB, keep before them)"""
    block = 512
    while content[:8] != SIGNATURE and block + 8 <= len(content):
        if content[block : block + 8] == SIGNATURE:
            return memoryview(content)[block:], block
        block *= 2
    return content, 0


def assembled(chunks, shape, chunk, dtype, undo, fill):
    """One array from (first index, stored bytes, mask) of its chunks, those at its end reaching beyond it; `fill`
    elsewhere.

    undo: (bit, function, argument) of each filter, the last applied first. A filter whose bit is in the mask was left
    out for this chunk, as writers do where it would not make it smaller."""
    array = np.full(shape, fill, dtype)
    for offset, data, mask in chunks:
        for bit, function, argument in undo:
            data = data if mask & bit else function(data, argument)
        target = tuple(slice(first, first + step) for first, step in zip(offset, chunk, strict=True))
        inside = tuple(slice(length) for length in array[target].shape)
        array[target] = np.frombuffer(data, dtype).reshape(chunk)[inside]
    return array


def unzipped(data, size):
    """zlib data -> exactly `size` bytes; ValueError for any other length, without unpacking more."""
    unpacker = zlib.decompressobj()
    result = unpacker.decompress(data, size + 1)
    if len(result) != size or not unpacker.eof:
        raise ValueError(f"a chunk of other than {size} bytes")
    return result


def unlzf(data, size):
    """LZF data, as h5py's own filter writes it -> exactly `size` bytes; ValueError for any other length or other data.

    Steps of two kinds: so many bytes as they stand, or so many bytes again from so far back. Source: LibLZF 3.6."""
    result, at = bytearray(), 0
    try:
        while at < len(data) and len(result) <= size:
            head, at = data[at], at + 1
            if head < 32:
                result += data[at : at + head + 1]
                at += head + 1
                continue
            count = (head >> 5) + 2
            if count == 9:
                count, at = count + data[at], at + 1
            back, at = ((head & 31) << 8 | data[at]) + 1, at + 1
            seen = result[max(0, len(result) - back) :]
            if len(seen) < back:
                raise ValueError("a step back before the first byte")
            result += (seen * -(-count // back))[:count]  # it may repeat what it has just written
    except IndexError:
        raise ValueError("half a step at the end") from None
    if len(result) != size or at != len(data):
        raise ValueError(f"a chunk of other than {size} bytes")
    return bytes(result)


def unshuffled(data, width):
    """Undo HDF5's shuffle filter, which stores all first bytes of the numbers, then all second bytes, …"""
    return np.frombuffer(data, np.uint8).reshape(width, -1).T.tobytes()
