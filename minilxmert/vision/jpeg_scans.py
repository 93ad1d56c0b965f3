"""The scans of a JPEG: each brings coefficients of some components, in a progressive file a part of their bits."""

import numpy as np

from ..kernels import current_backend
from ..kernels.jpeg import DAMAGE, FAULT, LEFT, STATE, read_blocks
from .jpeg_format import PROGRESSIVE, SCAN, note

NO_CODES = np.zeros(65536, np.int16)
NO_BLOCKS = np.zeros((0, 0, 64), np.int16)


class Scan:
    """One scan, from its segment and the bytes behind it. Raises PictureError where a table it needs is not defined."""

    def __init__(self, header, content, entropy):
        count = content[0] if content else 0
        if not 1 <= count <= len(header.components) or len(content) != 4 + 2 * count:
            raise header.refuse("scan", "a frame before it, and its components", f"{count} components")
        named = {c.id: c for c in header.components}
        chosen = [(named.get(content[i]), content[i + 1]) for i in range(1, 1 + 2 * count, 2)]
        self.components = [c for c, _ in chosen]
        if None in self.components or len({c.id for c in self.components}) < count:
            raise header.refuse("scan", "components of the frame, each once", "another")
        self.header, self.entropy = header, np.frombuffer(entropy, np.uint8)
        self.band = self.read_band(*content[-3:])
        means, others = self.band[0] <= 0 and self.band[2] == 0, self.band[0] != 0
        self.means = [self.table(t >> 4) if means else NO_CODES for _, t in chosen]
        self.others = [self.table(16 + (t & 15)) if others else NO_CODES for _, t in chosen]
        self.state = np.zeros(STATE, np.int64)
        self.state[LEFT] = header.every
        for c in self.components:
            c.seen |= self.band[0] <= 0
            c.steps = header.steps.get(c.table) if c.steps is None else c.steps
            if c.steps is None:
                raise header.refuse("scan", f"the table of steps {c.table}", "none")

    def read_band(self, first, last, bits):
        """First and last coefficient, bits before and after; a first of -1 for all of a sequential file."""
        if self.header.frame != PROGRESSIVE:
            return np.array([-1, 63, 0, 0])
        high, low = bits >> 4, bits & 15
        order = first <= last <= 63 and (last == 0 if first == 0 else len(self.components) == 1)
        if not order or low > 13 or (high and high != low + 1):
            raise self.header.refuse("scan", "a part of a progressive picture", f"{first} … {last}, bits {bits:02x}")
        return np.array([first, last, high, low])

    def table(self, number):
        """A table of codes. Raises PictureError."""
        if number not in self.header.codes:
            raise self.header.refuse("scan", f"the table of codes {number:02x}", "none")
        return self.header.codes[number]

    def read(self, blocks, first, last):
        """Rows of units first … last - 1: each component's coefficients are written into blocks {id: (R, C, 64)}"""
        header, rows, columns = self.header, last - first, self.header.units[1]
        parts = np.array([(c.down, c.across) for c in self.components])
        if len(parts) == 1:  # alone, a component's unit is a block, and only those that show are coded
            c = self.components[0]
            height, width = header.size(c)
            rows, columns = min(last * c.down, -(-height // 8)) - first * c.down, -(-width // 8)
            parts = np.ones((1, 2), np.int64)
        own = [blocks[c.id] for c in self.components] + [NO_BLOCKS] * 2
        tables = np.stack(self.means), np.stack(self.others)
        arguments = self.entropy, self.state, rows, columns, header.every, parts, *own[:3], *tables, self.band
        read_blocks(*arguments, plain=current_backend() == "numpy")
        if self.state[FAULT]:
            raise header.refuse("scan", "whole pixels", f"{DAMAGE[self.state[FAULT]]}: damaged")


def next_scan(header, parts):
    """Read segments up to the next scan -> Scan, or None at the end of the picture."""
    for marker, content, entropy in parts:
        if marker == SCAN:
            return Scan(header, content, entropy)
        note(header, marker, content)
    return None
