"""HDF5 at the level of bytes: where a file begins, and the trees and heaps in which it keeps names, texts and places.

Nothing here trusts a number from the file: what lies outside of it, leads back to itself or has another checksum is a
ValueError. Source: HDF5 File Format Specification, version 3.0."""

import struct

SIGNATURE = b"\x89HDF\r\n\x1a\n"
UNDEFINED = 2**64 - 1  # "no address", and "grows without limit"
STRING = 1 << 14  # bytes of a text of variable length
AGAIN, ALLOWANCE = 16, 1 << 20  # how often all bytes may be read, and a little: files may share what takes long
FIRST = 0xDEADBEEF
MASK = 0xFFFFFFFF


def read_superblock(content, refuse, block=0):
    """The address of the root group of an HDF5 file without tail or second file, whose addresses have 8 bytes.

    refuse: (entry, expected, found) -> the exception to raise. block: bytes of the user block that stood before."""
    if content[:8] != SIGNATURE:
        raise refuse("signature", "an HDF5 file", "other bytes")
    if len(content) < 100 or content[8] > 3:
        raise refuse("superblock", "HDF5 superblock version 0 to 3", f"{content[8:9].hex()}, {len(content)} bytes")
    old = content[8] < 2
    widths, addresses = (content[13:15], 24 + 4 * content[8]) if old else (content[9:11], 12)
    if widths != b"\x08\x08":
        raise refuse("superblock", "offsets and lengths of 8 bytes", widths.hex())
    base, _, end, last = struct.unpack_from("<4Q", content, addresses)
    if base not in (0, block):
        raise refuse("superblock", f"base address {block}", base)
    if end - base != len(content):
        raise refuse("superblock", f"{end - base} bytes", f"a file of {len(content)} bytes")
    if old and last != UNDEFINED:
        raise refuse("superblock", "one file", "a driver for several files")
    return struct.unpack_from("<Q", content, addresses + 40)[0] if old else last


def without_block(content):
    """(an HDF5 file's bytes, the size of the user block that other programs, as MATLAB, keep before them)"""
    block = 512
    while content[:8] != SIGNATURE and block + 8 <= len(content):
        if content[block : block + 8] == SIGNATURE:
            return memoryview(content)[block:], block
        block *= 2
    return content, 0


class Source:
    """The bytes of an HDF5 file, taken piece by piece."""

    def __init__(self, content):
        self.content, self.texts = content, {}  # {address of a collection: its texts by number}
        self.left = AGAIN * len(content) + ALLOWANCE  # bytes that may be taken

    def take(self, at, size):
        """`size` bytes from an address on."""
        self.left -= size
        if at + size > len(self.content) or self.left < 0:
            raise ValueError(f"{size} bytes at {at}, outside the file, or too often the same")
        return bytes(self.content[at : at + size])

    def unpack(self, layout, at):
        return struct.unpack(layout, self.take(at, struct.calcsize(layout)))

    def take_sealed(self, signature, at, size):
        """`size` bytes from a signature on, which their checksum follows."""
        data, (found,) = self.take(at, size), self.unpack("<I", at + size)
        if not data.startswith(signature) or lookup3(data) != found:
            raise ValueError(f"no {signature.decode()} at {at} with its checksum")
        return data

    def text(self, length, at, number):
        """A text of variable length: object `number` of the collection at an address."""
        if length > STRING:
            raise ValueError(f"a text of more than {STRING} bytes")
        if not length:
            return b""
        if at not in self.texts:
            self.texts[at] = read_heap(self.take(at, *self.unpack("<8xQ", at)))
        text = self.texts[at].get(number, b"")
        if length > len(text):
            raise ValueError(f"a text of more than its {len(text)} bytes")
        return text[:length]


def read_heap(data):
    """{number: bytes} of the objects in a global heap, whose bytes are given; number 0 is the free space at its end."""
    if not data.startswith(b"GCOL\1"):
        raise ValueError("no heap of texts")
    found, at = {}, 16
    while at + 16 <= len(data):
        number, size = struct.unpack_from("<H6xQ", data, at)
        if not number:
            break
        if number in found or at + 16 + size > len(data):
            raise ValueError(f"a text of {size} bytes in a heap")
        found[number] = data[at + 16 : at + 16 + size]
        at += 16 + -(-size // 8) * 8
    return found


def leaves(source, at, kind, width, level=None, seen=None):
    """(key, address) of all that a version 1 B-tree leads to; `width`: bytes of a key. Each part is one level lower,
    and in no other tree."""
    seen = set() if seen is None else seen
    signature, found, below, count = source.unpack("<4sBBH", at)
    if (signature, found) != (b"TREE", kind) or level not in (None, below) or at in seen:
        raise ValueError("a tree with a ring")
    seen.add(at)
    entries = source.take(at + 24, count * (width + 8))
    for place in range(0, len(entries), width + 8):
        key = entries[place : place + width]
        child = int.from_bytes(entries[place + width : place + width + 8], "little")
        if below:
            yield from leaves(source, child, kind, width, below - 1, seen)
        else:
            yield key, child


def records(source, at, kind):
    """The records of a version 2 B-tree, one after another, in no order."""
    layout = "<4xBBIHHBBQHQ"
    _, found, node, size, depth, _, _, root, count, _ = struct.unpack(layout, source.take_sealed(b"BTHD", at, 34)[:34])
    if found != kind or not size:
        raise ValueError(f"a tree of records of kind {found}")
    width, below = pointer_sizes(node, size, depth)
    seen = set()

    def walk(at, count, level):
        step = 8 + width + below[level - 1] if level else 0
        signature = (b"BTIN" if level else b"BTLF") + bytes([0, kind])
        data = source.take_sealed(signature, at, 6 + count * size + (count + 1) * step)
        if at in seen:
            raise ValueError("a tree with a ring")
        seen.add(at)
        yield from (data[place : place + size] for place in range(6, 6 + count * size, size))
        for place in range(6 + count * size, len(data), step) if level else ():
            child, number = (int.from_bytes(data[place + a : place + b], "little") for a, b in ((0, 8), (8, 8 + width)))
            yield from walk(child, number, level - 1)

    return walk(root, count, depth) if root != UNDEFINED else iter(())


def pointer_sizes(node, size, depth):
    """How many bytes a pointer in such a tree has for the records of its node, and, by level, for all below that."""
    most = (node - 10) // size
    width, below = (most.bit_length() - 1) // 8 + 1, [0]
    for _ in range(depth):
        fits = (node - 10 - 8 - width - below[-1]) // (size + 8 + width + below[-1])
        most = (fits + 1) * most + fits
        below.append((most.bit_length() - 1) // 8 + 1)
    return width, below


class Heap:
    """A fractal heap: objects in blocks of doubling size, found by their place among all blocks."""

    def __init__(self, source, at):
        self.source = source
        head = struct.unpack("<5xHHBI96xHQQHHQH", source.take_sealed(b"FRHP", at, 142))
        _, filters, flags, _, self.columns, self.start, self.largest, bits, _, self.root, self.rows = head
        self.width, self.sealed, self.sound = -(-bits // 8), flags & 2, set()
        if filters or not self.columns or not self.start:
            raise ValueError("a heap that is packed")

    def object(self, identity):
        """The bytes of an object."""
        if identity[0] & 0xF0:
            raise ValueError("an object outside its heap")
        place = int.from_bytes(identity[1 : 1 + self.width], "little")
        length = int.from_bytes(identity[1 + self.width :], "little")
        block, start, size = (self.root, 0, self.start) if not self.rows else self.block(place, self.root, self.rows)
        if block not in self.sound:
            self.check(self.source.take(block, size))
            self.sound.add(block)
        if place + length > start + size:
            raise ValueError("an object outside its block")
        return self.source.take(block + place - start, length)

    def check(self, block):
        """A block of objects, which holds its own checksum, has the right one."""
        end = 13 + self.width
        stated = int.from_bytes(block[end : end + 4], "little")
        other = self.sealed and lookup3(block[:end] + bytes(4) + block[end + 4 :]) != stated
        if other or not block.startswith(b"FHDB\0"):
            raise ValueError("no block of objects with its checksum")

    def block(self, place, at, rows, start=0):
        """(address, place, size) of the block with a place, below the block of blocks at an address."""
        head = 13 + self.width
        table = self.source.take_sealed(b"FHIB\0", at, head + 8 * rows * self.columns)
        for row in range(rows):
            size = self.start << max(row - 1, 0)
            if place < start + size * self.columns:
                column = (place - start) // size
                (child,) = struct.unpack_from("<Q", table, head + 8 * (row * self.columns + column))
                start += column * size
                if size <= self.largest:
                    return child, start, size
                below = size.bit_length() - (self.start * self.columns).bit_length() + 1
                return self.block(place, child, below, start)
            start += size * self.columns
        raise ValueError("an object outside its heap")


def lookup3(data):
    """The checksum of some bytes, with which the newer structures end. Source: Bob Jenkins' hashlittle, 2006."""
    words = struct.unpack(f"<{-(-len(data) // 12) * 3}I", data + bytes(-len(data) % 12))
    a = b = c = FIRST + len(data) & MASK
    for at in range(0, len(words) - 3, 3):
        a, b, c = a + words[at], b + words[at + 1], c + words[at + 2] & MASK
        for turn in (4, 6, 8, 16, 19, 4):
            a, b, c = b & MASK, b + c & MASK, (a - c ^ (c << turn | c >> 32 - turn)) & MASK
    a, b, c = (x + y & MASK for x, y in zip((a, b, c), words[-3:], strict=True))
    for turn in (14, 11, 25, 16, 4, 14, 24):
        a, b, c = b, (b ^ c) - (b << turn & MASK | b >> 32 - turn) & MASK, a
    return b
