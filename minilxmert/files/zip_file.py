"""A strict reader of zip archives, as torch and numpy write them: every byte is accounted for, nothing is extracted.

Source: the ZIP application note (6.3); which parts of it the writers use was found by looking at their files."""

import struct
import zlib
from functools import partial
from typing import NamedTuple

import numpy as np

from ..errors import CheckpointError
from .reading import crc32

END, END64, LOCATOR = struct.Struct("<4s4H2IH"), struct.Struct("<4sQ2H2I4Q"), struct.Struct("<4sIQI")
CENTRAL, LOCAL = struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s5H3I2H")
STORED, DEFLATED = 0, 8
UTF8_NAME, HAS_DESCRIPTOR = 0x800, 0x8
MOST_MEMBERS, LONGEST_NAME, MOST_RATIO = 4096, 512, 50
UNKNOWN = 0xFFFFFFFF  # "see the ZIP64 field"
SYMLINK = 0xA000


class Member(NamedTuple):
    name: str
    flags: int
    method: int
    crc: int
    packed: int  # bytes in the file
    size: int  # bytes unpacked
    offset: int  # of the local header


def read_members(data, file, error=CheckpointError, deflate=False):
    """{name: bytes as an array} of an archive, checksums verified. Raises `error`.

    data: the file's bytes (size,) uint8. deflate: whether compressed members are allowed (inflated, within bounds)."""
    refuse = partial(error.at, file)
    count, size, start = find_directory(data, refuse)
    members = read_directory(data[start : start + size], count, (STORED, DEFLATED) if deflate else (STORED,), refuse)
    position, found = 0, {}
    for member in sorted(members, key=lambda m: m.offset):
        if member.offset != position:
            raise refuse(member.name, "members one after the other", "a gap or an overlap")
        body, position = locate(data[:start], member, refuse)
        content = body if member.method == STORED else inflate(body, member, refuse)
        if crc32(content) != member.crc:
            raise refuse(member.name, f"checksum {member.crc:08x}", f"{crc32(content):08x}")
        found[member.name] = content
    if position != start:
        raise refuse(None, "the directory after the last member", "other bytes")
    return {member.name: found[member.name] for member in members}


def find_directory(data, refuse):
    """(members, bytes, offset) of the central directory, from the records at the very end of the file."""
    at = len(data) - END.size
    if at < 0 or bytes(data[at : at + 4]) != b"PK\5\6":
        raise refuse(None, "a zip archive that ends with its end record", "a truncated file or bytes after it")
    _, disk, first, here, count, size, start, comment = END.unpack(data[at:])
    if disk or first or here != count or comment:
        raise refuse("end record", "one disk and no comment", "another")
    end = at
    if at >= LOCATOR.size and bytes(data[at - LOCATOR.size : at - LOCATOR.size + 4]) == b"PK\6\7":
        end = at - LOCATOR.size - END64.size
        _, disk, at64, disks = LOCATOR.unpack(data[at - LOCATOR.size : at])
        if end < 0 or at64 != end or disk or disks != 1:
            raise refuse("ZIP64 locator", "the record just before it", "another place")
        signature, length, _, _, disk, first, here, count64, size64, start64 = END64.unpack(
            data[end : end + END64.size]
        )
        plain = ((count, count64, 0xFFFF), (size, size64, UNKNOWN), (start, start64, UNKNOWN))
        agree = all(short == min(long, limit) or short == limit for short, long, limit in plain)
        if signature != b"PK\6\6" or length != 44 or disk or first or here != count64 or not agree:
            raise refuse("ZIP64 end record", "the same directory as in the end record", "another")
        count, size, start = count64, size64, start64
    if start + size != end or count > MOST_MEMBERS:
        raise refuse("directory", f"at most {MOST_MEMBERS} members, up to the end records", f"{count} members")
    return count, size, start


def read_directory(data, count, methods, refuse):
    """The Members that the central directory lists, names checked."""
    members, names, at = [], set(), 0
    for _ in range(count):
        if at + CENTRAL.size > len(data) or bytes(data[at : at + 4]) != b"PK\1\2":
            raise refuse("directory", f"{count} entries", f"{len(members)}")
        (_, _, _, flags, method, _, _, crc, packed, size, name_length, extra, comment, disk, _, mode, offset) = (
            CENTRAL.unpack(data[at : at + CENTRAL.size])
        )
        end = at + CENTRAL.size + name_length + extra + comment
        name = read_name(bytes(data[at + CENTRAL.size : at + CENTRAL.size + name_length]), refuse)
        fields = bytes(data[at + CENTRAL.size + name_length : end - comment])
        size, packed, offset = read_zip64(fields, [size, packed, offset], name, refuse)
        if end > len(data) or name in names:
            raise refuse(name, "a name of its own, whole", "a repeated or cut entry")
        if flags & ~(UTF8_NAME | HAS_DESCRIPTOR) or method not in methods or disk or mode >> 16 & 0xF000 == SYMLINK:
            raise refuse(name, "a plain stored member", f"flags {flags:#x}, method {method}")
        if method == STORED and packed != size:
            raise refuse(name, f"{size} stored bytes", packed)
        members.append(Member(name, flags, method, crc, packed, size, offset))
        names.add(name)
        at = end
    if at != len(data):
        raise refuse("directory", "nothing after its last entry", f"{len(data) - at} bytes")
    return members


def read_name(raw, refuse):
    """A member's name: relative, without tricks."""
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise refuse("directory", "names in UTF-8", "other bytes") from None
    parts = name.split("/")
    bad = not name or len(name) > LONGEST_NAME or not name.isprintable() or set(name) & set("\\:")
    if bad or any(part in ("", "..", ".") for part in parts):
        raise refuse(name, "a relative name without '..'", "a name that leads elsewhere")
    return name


def read_zip64(fields, values, name, refuse):
    """The values, with those that are UNKNOWN taken from the ZIP64 field (id 1) among the extra fields."""
    wide, at = b"", 0
    while at + 4 <= len(fields):
        kind, length = struct.unpack_from("<2H", fields, at)
        if kind == 1:
            wide = fields[at + 4 : at + 4 + length]
        at += 4 + length
    missing = [i for i, value in enumerate(values) if value == UNKNOWN]
    if at != len(fields) or len(wide) < 8 * len(missing):
        raise refuse(name, "whole extra fields", "cut ones")
    for position, i in enumerate(missing):
        values[i] = int.from_bytes(wide[8 * position : 8 * position + 8], "little")
    return values


def locate(data, member, refuse):
    """(the member's bytes in the file, where the next member begins); the local header must repeat the directory."""
    at = member.offset
    header = data[at : at + LOCAL.size]
    if len(header) < LOCAL.size or bytes(header[:4]) != b"PK\3\4":
        raise refuse(member.name, "a local header", "none")
    _, _, flags, method, _, _, crc, packed, size, name_length, extra = LOCAL.unpack(header)
    start = at + LOCAL.size + name_length + extra
    name = bytes(data[at + LOCAL.size : at + LOCAL.size + name_length])
    fields = bytes(data[at + LOCAL.size + name_length : start])
    stated = (crc, packed, size)
    if not flags & HAS_DESCRIPTOR:
        size, packed = read_zip64(fields, [size, packed], member.name, refuse)
        stated = (crc, packed, size)
    wanted = (member.crc, member.packed, member.size)
    later = flags & HAS_DESCRIPTOR and all(part in (0, UNKNOWN) for part in stated)
    if name != member.name.encode() or (flags, method) != (member.flags, member.method):
        raise refuse(member.name, "a local header like the directory's entry", "another")
    if not later and stated != wanted:
        raise refuse(member.name, "the sizes of the directory", "others in the local header")
    end = start + member.packed
    if end > len(data):
        raise refuse(member.name, f"{member.packed} bytes", f"{max(0, len(data) - start)}")
    return data[start:end], end + descriptor_size(data[end : end + 24], flags, wanted, member.name, refuse)


def descriptor_size(data, flags, wanted, name, refuse):
    """The length of the data descriptor after a member, which must repeat the directory's checksum and sizes."""
    if not flags & HAS_DESCRIPTOR:
        return 0
    for layout in (struct.Struct("<4s3I"), struct.Struct("<4sI2Q")):
        if len(data) >= layout.size and layout.unpack(data[: layout.size]) == (b"PK\7\10", *wanted):
            return layout.size
    if wanted[1] == 0:  # torch announces one for empty members too, and writes none
        return 0
    raise refuse(name, "a data descriptor like the directory's entry", "another")


def inflate(body, member, refuse):
    """Unpack a compressed member, never beyond the size it states."""
    if member.size > MOST_RATIO * member.packed + 1024:
        raise refuse(member.name, f"at most {MOST_RATIO} times its {member.packed} packed bytes", member.size)
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = unpacker.decompress(bytes(body), member.size + 1)
    except zlib.error:
        raise refuse(member.name, "deflated bytes", "damaged ones") from None
    if len(content) != member.size or not unpacker.eof or unpacker.unused_data:
        raise refuse(member.name, f"{member.size} bytes when inflated", "another number")
    return np.frombuffer(content, np.uint8)
