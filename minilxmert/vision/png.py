"""The PNG format: chunks with checksums, a header, compressed rows, and the filters that made the rows small.

Nothing a file says is believed before it is bounded; rows are unpacked in bands, and no more than the header announces.
Where files leave the specification, they are taken as libpng 1.6 and Pillow 13 both take them: needless palettes and
transparency are passed over, as are entries beyond what the bits can name and bytes behind the last row; a number
without an entry is black. Source: PNG specification, third edition."""

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from ..errors import PictureError
from ..files import what_it_is
from ..files.arrays import map_file
from ..kernels.unfilter import unfilter

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_PIXELS = 120_000_000
LONGEST_SIDE = 32_767
MOST_CHUNKS = 100_000
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
DEPTHS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGB_ALPHA: (8, 16)}
PAETH = 4  # the last of the filters
BAND = 1 << 20  # pixels unpacked at a time, or one row
FEED = 1 << 16  # compressed bytes given to zlib at a time: what it has not used yet, it copies
DENSEST = 1032  # bytes that zlib can pack into one
WHOLE = ((0, 0, 1, 1),)  # passes over the picture: first x, first y, step in x, step in y
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


@dataclass(frozen=True)
class PngHeader:
    """What the first chunk says: sizes in pixels, bits a sample, what the samples are, how the rows are ordered."""

    width: int
    height: int
    depth: int
    colour: int
    passes: tuple

    @property
    def channels(self):
        return CHANNELS[self.colour]

    def sizes(self):
        """(pass, rows, columns, bytes a row) of every pass that has pixels."""
        for x, y, dx, dy in self.passes:
            h, w = -(-(self.height - y) // dy), -(-(self.width - x) // dx)
            if h > 0 and w > 0:
                yield (x, y, dx, dy), h, w, -(-w * self.channels * self.depth // 8)


def chunks(path):
    """(kind, content) of every chunk of a file up to IEND, its checksum tested."""
    data, at = memoryview(map_file(path, PictureError)), len(SIGNATURE)
    if data[:at] != SIGNATURE:
        raise PictureError.at(path, None, "a PNG picture", what_it_is(data))
    for _ in range(MOST_CHUNKS):
        size, kind = struct.unpack_from(">I4s", data, at) if at + 8 <= len(data) else (len(data), b"")
        end = at + 8 + size
        if end + 4 > len(data):
            raise PictureError.at(path, f"byte {at}", "whole chunks up to IEND", "the end of the file")
        if zlib.crc32(data[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise PictureError.at(path, f"chunk {ascii(kind)[2:-1]} at byte {at}", "its checksum", "another: damaged")
        yield kind, data[at + 8 : end]
        if kind == b"IEND":
            return
        at = end + 4
    raise PictureError.at(path, None, f"at most {MOST_CHUNKS} chunks", "more")


def collect(path):
    """A file -> (PngHeader, pieces of compressed pixels, palette (256, 3) or None, bytes of tRNS or None, of eXIf)"""
    header, seen, pieces, last = None, {}, [], None
    for kind, content in chunks(path):
        late = pieces and last != b"IDAT" if kind == b"IDAT" else pieces and kind in (b"PLTE", b"tRNS")
        if kind == b"CgBI":
            raise PictureError.at(
                path, "CgBI", "standard PNG (any picture program saves it)", "a PNG packed for iOS apps"
            )
        if (header is None) != (kind == b"IHDR") or kind in seen or late:
            raise PictureError.at(path, ascii(kind)[2:-1], "IHDR first, every chunk once and in order", "another order")
        if kind == b"IHDR":
            header = read_header(bytes(content), path)
        elif kind == b"IDAT":
            pieces.append(content)
        elif kind in (b"PLTE", b"tRNS", b"eXIf"):
            seen[kind] = bytes(content)
        elif kind != b"IEND" and not kind[0] & 0x20:  # a capital first letter: not to be understood without it
            raise PictureError.at(path, ascii(kind)[2:-1], "the chunks of standard PNG", "one of another kind")
        last = kind
    check_plausible(header, pieces, path)
    return header, pieces, *colours(seen.get(b"PLTE"), seen.get(b"tRNS"), header, path), seen.get(b"eXIf", b"")


def read_header(content, path):
    """The 13 bytes of IHDR -> PngHeader, every value legal and within bounds."""
    w, h = int.from_bytes(content[:4], "big"), int.from_bytes(content[4:8], "big")
    depth, colour, compression, filtering, interlaced = content[8:] if len(content) == 13 else (0, 0, 0, 0, 0)
    if depth not in DEPTHS.get(colour, ()) or compression or filtering or interlaced > 1:
        raise PictureError.at(path, "IHDR", "a legal depth, colour type and method", content[8:].hex(" ") or "nothing")
    if not (0 < w <= LONGEST_SIDE and 0 < h <= LONGEST_SIDE and w * h <= MOST_PIXELS):
        raise PictureError.at(path, "size", f"1 … {LONGEST_SIDE} a side, at most {MOST_PIXELS} pixels", f"{w} × {h}")
    return PngHeader(w, h, depth, colour, ADAM7 if interlaced else WHOLE)


def colours(palette, clear, header, path):
    """The contents of PLTE and tRNS (bytes or None) -> palette (256, 3) or None, clear; None where they have no use."""
    table = None
    if header.colour == PALETTE:
        if palette is None or len(palette) % 3 or not 0 < len(palette) <= 768:
            found = "none" if palette is None else f"{len(palette)} bytes"
            raise PictureError.at(path, "PLTE", "a palette of 1 … 256 colours", found)
        used = palette[: 3 << header.depth]
        table = np.frombuffer(used.ljust(768, b"\0"), np.uint8).reshape(256, 3)
    sizes = {GREY: [2], RGB: [6], PALETTE: range(1, len(palette or b"") // 3 + 1)}.get(header.colour)
    if not clear or sizes is None:
        return table, None
    if len(clear) not in sizes:
        raise PictureError.at(path, "tRNS", "transparency that fits the colour type", f"{len(clear)} bytes")
    return table, clear


def check_plausible(header, pieces, path):
    """Refuse a header that announces more rows than the compressed bytes can hold, before memory is asked for."""
    size = sum(h * (1 + row) for _, h, _, row in header.sizes())
    if size > DENSEST * sum(map(len, pieces)):
        found = f"{sum(map(len, pieces))} compressed bytes"
        raise PictureError.at(path, "IDAT", f"the {size} bytes of {header.width} × {header.height} pixels", found)


class Unpacker:
    """The compressed pixels of a file, unpacked as far as they are asked for."""

    def __init__(self, pieces, path):
        self.path, self.zlib = path, zlib.decompressobj()
        self.feed = (piece[at : at + FEED] for piece in pieces for at in range(0, len(piece), FEED))

    def take(self, size):
        """The next `size` bytes. Raises PictureError where they are damaged or too few."""
        out = bytearray()
        while len(out) < size:
            given = self.zlib.unconsumed_tail or next(self.feed, b"")
            try:
                more = self.zlib.decompress(given, size - len(out))
            except zlib.error:
                raise PictureError.at(self.path, "IDAT", "compressed pixels", "damaged bytes") from None
            if not more and not given:
                raise PictureError.at(self.path, "IDAT", f"{size} bytes more of pixels", f"{len(out)}")
            out += more
        return out


def bands(header, pieces, path):
    """Yield (pass, its first row, columns, bytes of the pixels (n, S)) from top to bottom, pass after pass."""
    unpacker, step = Unpacker(pieces, path), max(1, header.channels * header.depth // 8)
    for place, h, w, size in header.sizes():
        above = np.zeros(size, np.uint8)
        for first in range(0, h, rows := max(1, BAND // w)):
            n = min(rows, h - first)
            stored = np.frombuffer(unpacker.take(n * (1 + size)), np.uint8).reshape(n, 1 + size)
            kinds, pixels = stored[:, 0], stored[:, 1:].copy()
            if kinds.max() > PAETH:
                raise PictureError.at(path, f"row {first + np.argmax(kinds > PAETH)}", "a filter 0 … 4", kinds.max())
            unfilter(kinds, pixels, above, step)
            yield place, first, w, pixels
            above = pixels[-1]


def chunk(kind, content):
    """One chunk: its size, kind, content and checksum."""
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def filter_rows(picture):
    """(H, W, 3) -> the bytes to compress: per row, whichever of the filters none, sub and up leaves least to say."""
    h = len(picture)
    left, above = np.zeros_like(picture), np.zeros_like(picture)
    left[:, 1:], above[1:] = picture[:, :-1], picture[:-1]
    choices = np.stack([picture, picture - left, picture - above]).reshape(3, h, -1)  # (filters, H, 3 W), modulo 256
    cost = np.minimum(choices, -choices).sum(-1, dtype=np.int64)  # the usual heuristic: differences are small, signed
    best = cost.argmin(0)
    return np.concatenate([best[:, None].astype(np.uint8), choices[best, np.arange(h)]], 1).tobytes()
