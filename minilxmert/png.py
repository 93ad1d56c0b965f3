"""The PNG format: chunks with checksums, a header, compressed rows, and the filters that made the rows small.

Nothing a file says is believed before it is bounded, and no more is unpacked than its header announces.
Source: PNG specification, third edition."""

import zlib
from dataclasses import dataclass

import numpy as np

from .errors import PictureError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
OTHERS = {b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"BM": "BMP", b"RIFF": "WebP", b"II*\0": "TIFF", b"MM\0*": "TIFF"}
MOST_PIXELS = 40_000_000
LONGEST_SIDE = 32_767
MOST_CHUNKS = 100_000
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
DEPTHS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGB_ALPHA: (8, 16)}
NONE, SUB, UP, AVERAGE, PAETH = range(5)
WHOLE = ((0, 0, 1, 1),)  # passes over the picture: first x, first y, step in x, step in y
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


@dataclass(frozen=True)
class Header:
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


def check_signature(data, path):
    """Refuses what is not a PNG file, by the name of what it seems to be."""
    head = bytes(data[:8])
    if head != SIGNATURE:
        kind = next((f"a {name} picture" for start, name in OTHERS.items() if head.startswith(start)), "another file")
        raise PictureError.at(path, None, "a PNG picture (any paint program can save it as PNG)", kind)


def chunks(data, path):
    """(kind, content) of every chunk up to IEND, its checksum tested."""
    at = len(SIGNATURE)
    for _ in range(MOST_CHUNKS):
        size, kind = int.from_bytes(data[at : at + 4], "big"), bytes(data[at + 4 : at + 8])
        end = at + 8 + size
        if end + 4 > len(data):
            raise PictureError.at(path, f"byte {at}", "whole chunks up to IEND", "the end of the file")
        if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise PictureError.at(path, f"chunk {ascii(kind)[2:-1]} at byte {at}", "its checksum", "another: damaged")
        yield kind, data[at + 8 : end]
        if kind == b"IEND":
            return
        at = end + 4
    raise PictureError.at(path, None, f"at most {MOST_CHUNKS} chunks", "more")


def collect(parts, path):
    """The chunks -> (Header, compressed pixels, palette (P, 3) or None, the bytes of tRNS or None)."""
    header, seen, packed, last = None, {}, bytearray(), None
    for kind, content in parts:
        late = packed and last != b"IDAT" if kind == b"IDAT" else packed and kind in (b"PLTE", b"tRNS")
        if (header is None) != (kind == b"IHDR") or kind in seen or late:
            raise PictureError.at(path, ascii(kind)[2:-1], "IHDR first, every chunk once and in order", "another order")
        if kind == b"IHDR":
            header = read_header(bytes(content), path)
        elif kind == b"IDAT":
            packed += content
        elif kind in (b"PLTE", b"tRNS"):
            seen[kind] = bytes(content)
        elif kind != b"IEND" and not kind[0] & 0x20:  # a capital first letter: not to be understood without it
            raise PictureError.at(path, ascii(kind)[2:-1], "the chunks of standard PNG", "one of another kind")
        last = kind
    return header, packed, *colours(seen.get(b"PLTE"), seen.get(b"tRNS"), header, path)


def read_header(content, path):
    """The 13 bytes of IHDR -> Header, every value legal and within bounds."""
    w, h = int.from_bytes(content[:4], "big"), int.from_bytes(content[4:8], "big")
    depth, colour, compression, filtering, interlaced = content[8:] if len(content) == 13 else (0, 0, 0, 0, 0)
    if depth not in DEPTHS.get(colour, ()) or compression or filtering or interlaced > 1:
        raise PictureError.at(path, "IHDR", "a legal depth, colour type and method", content[8:].hex(" ") or "nothing")
    if not (0 < w <= LONGEST_SIDE and 0 < h <= LONGEST_SIDE and w * h <= MOST_PIXELS):
        raise PictureError.at(path, "size", f"1 … {LONGEST_SIDE} a side, at most {MOST_PIXELS} pixels", f"{w} × {h}")
    return Header(w, h, depth, colour, ADAM7 if interlaced else WHOLE)


def colours(palette, clear, header, path):
    """The contents of PLTE and tRNS (bytes or None), checked against the header -> palette (P, 3) or None, clear."""
    entries = len(palette or b"") // 3
    most = 1 << header.depth if header.colour == PALETTE else 256
    wanted = header.colour == PALETTE or palette is not None
    if wanted and (not 0 < entries <= most or len(palette) % 3 or header.colour in (GREY, GREY_ALPHA)):
        found = "none" if palette is None else f"{len(palette)} bytes"
        raise PictureError.at(path, "PLTE", f"a palette of 1 … {most} colours, in colour pictures only", found)
    sizes = {GREY: [2], RGB: [6], PALETTE: range(1, entries + 1)}.get(header.colour, [])
    if clear is not None and len(clear) not in sizes:
        raise PictureError.at(path, "tRNS", "transparency that fits the colour type", f"{len(clear)} bytes")
    return None if palette is None else np.frombuffer(palette, np.uint8).reshape(-1, 3), clear


def inflate(packed, header, path):
    """The rows as stored, bytes; never more than one byte beyond what the header announces is unpacked."""
    size, unpacker = sum(h * (1 + row) for _, h, _, row in header.sizes()), zlib.decompressobj()
    try:
        rows = unpacker.decompress(packed, size + 1)
    except zlib.error:
        raise PictureError.at(path, "IDAT", "compressed pixels", "damaged bytes") from None
    if len(rows) != size or not unpacker.eof:
        raise PictureError.at(path, "IDAT", f"{size} bytes of pixels", "more" if len(rows) > size else "fewer")
    return rows


def unfilter(filtered, step, path):
    """Rows as stored (H, 1 + S), the number of a filter first -> the bytes of the pixels (H, S).

    Each byte was stored less a guess from its neighbours: left (`step` bytes before), above, or both."""
    kinds, rows = filtered[:, 0], filtered[:, 1:].copy()
    if kinds.max() > PAETH:
        raise PictureError.at(path, f"row {np.argmax(kinds > PAETH)}", "a filter 0 … 4", kinds.max())
    if kinds.max() > UP:
        unfilter_diagonals(kinds, rows.reshape(len(rows), -1, step))
        return rows
    for number, kind in enumerate(kinds.tolist()):
        if kind == SUB:
            pixels = rows[number].reshape(-1, step)
            np.add.accumulate(pixels, axis=0, dtype=np.uint8, out=pixels)
        elif kind == UP and number:
            rows[number] += rows[number - 1]
    return rows


def unfilter_diagonals(kinds, pixels):
    """Undo any mixture of filters in pixels (H, W, S) in place, one diagonal at a time instead of one byte.

    All rows move right together, each one pixel behind the row above it: what a pixel needs, left, above and corner,
    then stands on the two diagonals before."""
    h, w, s = pixels.shape
    flat = pixels.reshape(h * w, s)
    before, earlier = np.zeros((2, h + 1, s), np.int16)  # entry r + 1: the pixel of row r; entry 0: nothing above row 0
    for t in range(h + w - 1):
        low, high = max(0, t - w + 1), min(h, t + 1)  # row r stands at x = t - r
        line = flat[low * w + t - low :: max(1, w - 1)][: high - low]
        left, above, corner = before[low + 1 : high + 1], before[low:high], earlier[low:high]
        guesses = (np.int16(0), left, above, (left + above) >> 1, paeth(left, above, corner))
        line += np.choose(kinds[low:high, None], guesses).astype(np.uint8)
        before, earlier = earlier, before
        before[low + 1 : high + 1] = line


def paeth(left, above, corner):
    """Whichever of the three is nearest to left + above - corner; the first of equals."""
    to_left, to_above, to_corner = abs(above - corner), abs(left - corner), abs(left + above - 2 * corner)
    other = np.where(to_above <= to_corner, above, corner)
    return np.where(to_left <= np.minimum(to_above, to_corner), left, other)


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
