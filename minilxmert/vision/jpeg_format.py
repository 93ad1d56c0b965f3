"""The JPEG format: segments, and what those before the pixels say: sizes, components, steps, codes.

Nothing a file says is believed before it is bounded. Sources: ITU-T T.81, annex B; JFIF 1.02; Adobe's note 5116."""

import re
from dataclasses import dataclass, field

import numpy as np

from ..errors import PictureError
from ..kernels.jpeg import ZIGZAG
from .exif import orientation

MOST_PIXELS = 120_000_000
MOST_SEGMENTS, MOST_SCANS = 10_000, 100
END, SCAN, BASELINE, EXTENDED, PROGRESSIVE = 0xD9, 0xDA, 0xC0, 0xC1, 0xC2
CODES, STEPS, RESTART, JFIF, EXIF, ADOBE = 0xC4, 0xDB, 0xDD, 0xE0, 0xE1, 0xEE
REFUSED = {
    **dict.fromkeys((0xC3, 0xC7, 0xCB, 0xCF), "a lossless one"),
    **dict.fromkeys((0xC5, 0xC6, 0xCD, 0xCE), "a hierarchical one"),
    **dict.fromkeys((0xC9, 0xCA), "arithmetic coding"),
}
MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])", re.DOTALL)  # neither a stuffed FF, a restart nor a fill byte
WANTED = "a baseline or progressive JPEG (any paint program saves one)"


@dataclass
class Component:
    """One of the planes that a picture is made of: brightness, or one of two colours."""

    id: int
    across: int  # blocks in a unit, 1 … 4: the plane is that much finer than one with 1
    down: int
    table: int  # the number of its steps
    steps: np.ndarray | None = None  # (64,) int64, row by row, as they were at its first scan
    seen: bool = False  # whether a scan brought its means


@dataclass
class Header:
    """What the segments up to here say. Codes are tables (65536,) int16: length · 256 + symbol by the next 16 bits."""

    path: object
    frame: int = 0  # the kind of file: BASELINE, EXTENDED (more tables) or PROGRESSIVE
    height: int = 0
    width: int = 0
    components: list = field(default_factory=list)
    steps: dict = field(default_factory=dict)  # {number: (64,) int64}
    codes: dict = field(default_factory=dict)  # {kind · 16 + number: table}, kind 0 for means, 1 for the others
    every: int = 0  # units between restarts
    jfif: bool = False
    transform: int | None = None  # Adobe's word on colours: 0 none, 1 YCbCr
    orientation: int = 1

    @property
    def finest(self):
        """Blocks down and across of the finest component in a unit."""
        return max(c.down for c in self.components), max(c.across for c in self.components)

    @property
    def units(self):
        """How many units the picture has, down and across."""
        down, across = self.finest
        return -(-self.height // (8 * down)), -(-self.width // (8 * across))

    @property
    def ratios(self):
        """How many times finer the finest component is, (down, across) for each."""
        down, across = self.finest
        return [(down // c.down, across // c.across) for c in self.components]

    def size(self, component):
        """The height and width of a component's plane in samples."""
        down, across = self.finest
        return -(-self.height * component.down // down), -(-self.width * component.across // across)

    @property
    def is_rgb(self):
        """Whether three components are red, green and blue as they are, by libjpeg's rules."""
        letters = [c.id for c in self.components] == list(b"RGB")
        return not self.jfif and (letters if self.transform is None else self.transform == 0)

    def table(self, tables, kind, number):
        """One of the steps or codes. Raises PictureError."""
        if number not in tables:
            raise self.refuse("scan", f"the table of {kind} {number:02x}", "none")
        return tables[number]

    def refuse(self, entry, expected, found):
        return PictureError.at(self.path, entry, expected, found)


def segments(data, path):
    """(marker, content, the bytes up to the next marker) of every segment up to the end of the picture."""
    here = MARKER.search(data, 2)
    for _ in range(MOST_SEGMENTS):
        if here is None:
            raise PictureError.at(path, None, "segments up to the end of the picture", "the end of the file")
        marker, at = here[1][0], here.end()
        if marker == END:
            return
        size = int.from_bytes(data[at : at + 2], "big")
        if size < 2 or at + size > len(data):
            raise PictureError.at(path, f"segment {marker:02X} at byte {at}", "its whole content", f"{size} bytes")
        here = MARKER.search(data, at + size)
        yield marker, data[at + 2 : at + size], data[at + size : here.start() if here else len(data)]
    raise PictureError.at(path, None, f"at most {MOST_SEGMENTS} segments", "more")


def note(header, marker, content):
    """Take into the Header what a segment says; unknown ones say nothing."""
    if marker in (BASELINE, EXTENDED, PROGRESSIVE):
        read_frame(header, marker, content)
    elif marker in REFUSED:
        raise header.refuse(None, WANTED, REFUSED[marker])
    elif marker == CODES:
        read_codes(header, content)
    elif marker == STEPS:
        read_steps(header, content)
    elif marker == RESTART and len(content) == 2:
        header.every = int.from_bytes(content, "big")
    elif marker == JFIF and bytes(content[:5]) == b"JFIF\0":
        header.jfif = True
    elif marker == ADOBE and bytes(content[:5]) == b"Adobe" and len(content) >= 12:
        header.transform = content[11]
    elif marker == EXIF and bytes(content[:6]) == b"Exif\0\0" and header.orientation == 1:
        header.orientation = orientation(bytes(content[6:]))


def read_frame(header, marker, content):
    """The sizes of the picture and of its components."""
    bits, h, w = content[0] if content else 0, int.from_bytes(content[1:3], "big"), int.from_bytes(content[3:5], "big")
    count, kinds = content[5] if len(content) > 5 else 0, {2: "two components", 4: "CMYK, four components"}
    if header.components or len(content) != 6 + 3 * count:
        raise header.refuse("frame", "one, with three bytes a component", "another")
    if bits != 8:
        raise header.refuse(None, "8 bits a sample", f"{bits} bits")
    if count not in (1, 3):
        raise header.refuse(None, "a grey, YCbCr or RGB picture", kinds.get(count, f"{count} components"))
    if not (0 < w and 0 < h and w * h <= MOST_PIXELS):
        raise header.refuse("size", f"sides from 1, at most {MOST_PIXELS} pixels", f"{w} × {h}")
    parts = [content[i : i + 3] for i in range(6, len(content), 3)]
    header.frame, header.height, header.width = marker, h, w
    header.components = [Component(id, factors >> 4, factors & 15, table) for id, factors, table in parts]
    for c in header.components:
        if not (1 <= c.across <= 4 and 1 <= c.down <= 4) or header.finest[0] % c.down or header.finest[1] % c.across:
            raise header.refuse("frame", "sampling in whole ratios of 1 … 4", f"{c.across} × {c.down}")
    if len({c.id for c in header.components}) < count:
        raise header.refuse("frame", "components of different names", "the same twice")


def read_steps(header, content):
    """The steps by which coefficients were divided, as one or several tables of 8 or 16 bits."""
    while len(content):
        wide, number = content[0] >> 4, content[0] & 15
        size = 64 * (1 + wide)
        if wide > 1 or number > 3 or len(content) < 1 + size:
            raise header.refuse("steps", "whole tables of 64", f"{len(content)} bytes")
        table = np.zeros(64, np.int64)
        table[ZIGZAG] = np.frombuffer(content[1 : 1 + size], ">u2" if wide else np.uint8)
        header.steps[number], content = table, content[1 + size :]


def read_codes(header, content):
    """Codes of 1 … 16 bits as tables: how many there are of each length, then their symbols."""
    while len(content):
        counts = np.frombuffer(content[1:17], np.uint8).astype(np.int64)
        symbols = np.frombuffer(content[17 : 17 + counts.sum()], np.uint8).astype(np.int16)
        lengths = np.repeat(np.arange(1, len(counts) + 1), counts)
        words = 1 << (16 - lengths)  # how many words of 16 bits begin with each code
        if content[0] & ~0x13 or len(counts) < 16 or len(symbols) < len(lengths) or words.sum() > 65536:
            raise header.refuse("codes", "tables of codes, none the beginning of another", "another content")
        table = np.zeros(65536, np.int16)
        table[: words.sum()] = np.repeat((lengths << 8) + symbols, words)
        header.codes[content[0]], content = table, content[17 + len(lengths) :]
