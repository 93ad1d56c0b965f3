"""JPEG files read into arrays: the very bytes that libjpeg-turbo gives, turned as the camera was held.

A picture is read in bands of rows. Where several scans tell of the same pixels (progressive files), each is read as far
as the band goes, and waits there: so only the coefficients of one band are in memory."""

import numpy as np

from ..errors import PictureError
from ..files.arrays import map_file
from ..kernels import twinned
from ..kernels.jpeg import DAMAGE, FAULT, LEFT, STATE, half, read_units
from .exif import empty_upright
from .jpeg_format import MOST_SCANS, PROGRESSIVE, SCAN, Header, note, segments

BAND = 1 << 18  # pixels of a band, or one row of units


def read_jpeg(path):
    """The picture in a JPEG file -> (H, W, 3) uint8, upright. Raises PictureError."""
    data, header = memoryview(map_file(path, PictureError)), Header(path)
    scans = read_scans(header, segments(data, path), len(data))
    picture, rows = empty_upright(header.height, header.width, header.orientation)
    for (first, last), planes in zip(bands_of(header), with_neighbours(planes_of(header, scans)), strict=True):
        part = rows[8 * header.finest[0] * first : 8 * header.finest[0] * last]
        part[:] = pixels(planes, header.ratios, *part.shape[:2], header.is_rgb)
    return picture


def read_scans(header, parts, size):
    """The Scans of a file of `size` bytes, each made when the Header holds the tables that it needs."""
    scans = []
    for marker, content, entropy in parts:
        if marker != SCAN:
            note(header, marker, content)
            continue
        scans.append(Scan(header, content, entropy))
        if len(scans) == 1:
            check_plausible(header, size)
        if len(scans) > MOST_SCANS:
            raise header.refuse(None, f"at most {MOST_SCANS} scans", "more")
    if not scans:
        raise header.refuse(None, "a scan of pixels", "none")
    if not all(c.seen for c in header.components):
        raise header.refuse(None, "a scan of every component", "none of some")
    if header.frame != PROGRESSIVE and sum(len(scan.components) for scan in scans) > len(header.components):
        raise header.refuse(None, "one scan of each component", "more")
    return scans


def check_plausible(header, size):
    """Refuse a header that promises more than the file can hold: a block takes two bits, of a progressive file one."""
    down, across = header.units
    blocks = down * across * sum(c.down * c.across for c in header.components)
    if blocks > size * (8 if header.frame == PROGRESSIVE else 4):
        raise header.refuse("size", "as many bytes as its pixels need", f"{header.width} × {header.height}")


def bands_of(header):
    """(first, last) rows of units of each band."""
    rows, columns = header.units
    down, across = header.finest
    step = max(1, BAND // (64 * down * across * columns))
    return [(first, min(first + step, rows)) for first in range(0, rows, step)]


def planes_of(header, scans):
    """Yield the samples of each component in each band, (rows, columns) uint8, without what lies beyond the edges."""
    columns = header.units[1]
    for first, last in bands_of(header):
        blocks = {
            c.id: np.zeros(((last - first) * c.down, columns * c.across, 64), np.int16) for c in header.components
        }
        for scan in scans:
            scan.read(blocks, first, last)
        planes = []
        for c in header.components:
            height, width = header.size(c)
            samples = to_samples(blocks[c.id], c.steps)
            planes.append(samples[: height - 8 * c.down * first, :width])
        yield planes


def with_neighbours(bands):
    """Bands of planes, each with a row more above and below: the next band's, or at the edges the outermost again."""
    above, here = None, next(bands)
    while here is not None:
        following = next(bands, None)
        above = above or [plane[:1] for plane in here]
        below = [plane[:1] for plane in following] if following else [plane[-1:] for plane in here]
        yield [np.concatenate(rows) for rows in zip(above, here, below, strict=True)]
        above, here = [plane[-1:] for plane in here], following


NO_CODES = np.zeros(65536, np.int16)
NO_BLOCKS = np.zeros((0, 0, 64), np.int16)


class Scan:
    """One scan, from its segment and the bytes behind it. Raises PictureError where a table it needs is not defined."""

    def __init__(self, header, content, entropy):
        count = content[0] if content else 0
        named, ids, tables = {c.id: c for c in header.components}, content[1:-3:2], content[2:-3:2]
        if not count or len(content) != 4 + 2 * count or not named.keys() >= set(ids) or len(set(ids)) < count:
            raise header.refuse("scan", "a frame before it, and components of it, each once", f"{count} components")
        self.header, self.entropy = header, np.frombuffer(entropy, np.uint8)
        self.components = [named[number] for number in ids]
        self.band = self.read_band(*content[-3:])
        first, last, high, _ = self.band
        means, others = first == 0 and high == 0, last > 0
        self.means = [header.table(header.codes, "codes", t >> 4) if means else NO_CODES for t in tables]
        self.others = [header.table(header.codes, "codes", 16 + (t & 15)) if others else NO_CODES for t in tables]
        self.state = np.zeros(STATE, np.int64)
        self.state[LEFT] = self.every = header.every  # which may change from scan to scan
        for c in self.components:
            c.seen |= first == 0
            c.steps = header.table(header.steps, "steps", c.table) if c.steps is None else c.steps

    def read_band(self, first, last, bits):
        """First and last coefficient, bits before and after."""
        if self.header.frame != PROGRESSIVE:
            return np.array([0, 63, 0, 0])
        high, low = bits >> 4, bits & 15
        order = first <= last <= 63 and (last == 0 if first == 0 else len(self.components) == 1)
        if not order or low > 13 or (high and high != low + 1):
            raise self.header.refuse("scan", "a part of a progressive picture", f"{first} … {last}, bits {bits:02x}")
        return np.array([first, last, high, low])

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
        read_units(self.entropy, self.state, rows, columns, self.every, parts, *own[:3], *tables, self.band)
        if self.state[FAULT]:
            raise header.refuse("scan", "whole pixels", f"{DAMAGE[self.state[FAULT]]}: damaged")


@twinned("jpeg")
def to_samples(blocks, steps):
    """Coefficients (R, C, 64) int16 times their quantisation steps (64,) int64 -> samples (8R, 8C) uint8"""
    values = (blocks * steps).reshape(*blocks.shape[:2], 8, 8)
    values = np.stack(half(np.moveaxis(values, 2, 0), 11), 2)  # columns first
    values = np.stack(half(np.moveaxis(values, 3, 0), 18), 3) + 128
    return values.clip(0, 255).astype(np.uint8).swapaxes(1, 2).reshape(8 * blocks.shape[0], 8 * blocks.shape[1])


def pixels(planes, ratios, height, width, rgb):
    """A band of planes -> (height, width, 3) uint8.

    planes: (rows + 2, columns) uint8 each, with the row above the band and the one below; ratios: how many times finer
    the finest is, (down, across) each; rgb: the planes are colours already. One plane alone is grey."""
    fine = [finer(plane, *ratio)[:height, :width] for plane, ratio in zip(planes, ratios, strict=True)]
    if len(fine) == 1:
        return np.repeat(fine[0].astype(np.uint8)[..., None], 3, 2)
    return np.stack(fine, 2).astype(np.uint8) if rgb else to_rgb(*fine)


def finer(plane, down, across):
    """A plane (rows + 2, columns) -> (rows · down, columns · across) int32: smooth for ratios of 2, else repeated."""
    plane = plane.astype(np.int32)
    if (down, across) == (2, 1):
        return doubled_rows(plane, 1, 2) >> 2
    if across == 2 and down <= 2 and plane.shape[1] > 2:  # libjpeg mixes columns only where there are three
        return doubled_columns(plane[1:-1], 1, 2) >> 2 if down == 1 else doubled_columns(doubled_rows(plane), 8, 7) >> 4
    return plane[1:-1].repeat(down, 0).repeat(across, 1)


def doubled_rows(plane, above=0, below=0):
    """(rows + 2, columns) -> (2 · rows, columns): 3 times the near row and once the far one, and what is to be added"""
    near = 3 * plane[1:-1]
    return np.stack([near + plane[:-2] + above, near + plane[2:] + below], 1).reshape(-1, plane.shape[1])


def doubled_columns(plane, left, right):
    """(rows, columns) -> (rows, 2 · columns), as doubled_rows; beyond the edges lie the outermost again"""
    edges = np.concatenate([plane[:, :1], plane, plane[:, -1:]], 1)
    return doubled_rows(edges.T, left, right).T


def to_rgb(y, blue, red):
    """Brightness and two colour differences (H, W) int32 of 0 … 255 -> (H, W, 3) uint8"""
    blue, red = blue - 128, red - 128
    r = y + (91881 * red + 32768 >> 16)
    g = y + (-22554 * blue - 46802 * red + 32768 >> 16)
    b = y + (116130 * blue + 32768 >> 16)
    return np.stack([r, g, b], 2).clip(0, 255).astype(np.uint8)
