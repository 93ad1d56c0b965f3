"""JPEG files read into arrays: the very bytes that libjpeg-turbo gives, turned as the camera was held.

    picture = read_jpeg("photo.jpg")           # (H, W, 3) uint8
A picture is read in bands of rows. A file with one scan is decoded band by band; where several scans tell of the same
pixels (progressive files), all coefficients are gathered first, and let go of band by band."""

import math
import mmap

import numpy as np

from ..errors import PictureError
from ..files.arrays import map_file
from ..kernels import current_backend
from ..kernels.jpeg import to_samples
from .exif import empty_upright
from .jpeg_format import MOST_SCANS, PROGRESSIVE, Header, segments
from .jpeg_samples import pixels
from .jpeg_scans import next_scan

SIGNATURE = b"\xff\xd8\xff"
BAND = 1 << 18  # pixels of a band, or one row of units


def read_jpeg(path):
    """The picture in a JPEG file -> (H, W, 3) uint8, upright. Raises PictureError."""
    data = memoryview(map_file(path, PictureError))
    if bytes(data[:3]) != SIGNATURE:
        raise PictureError.at(path, None, "a JPEG picture", "another file")
    header, parts = Header(path), segments(data, path)
    scan = next_scan(header, parts)
    if scan is None:
        raise header.refuse(None, "a scan of pixels", "none")
    check_plausible(header, len(data))
    whole = len(scan.components) == len(header.components) and header.frame != PROGRESSIVE
    bands = one_scan(header, scan) if whole else several_scans(header, scan, parts)
    picture, rows = empty_upright(header.height, header.width, header.orientation)
    for (first, last), planes in zip(bands_of(header), with_neighbours(bands), strict=True):
        part = rows[8 * header.finest[0] * first : 8 * header.finest[0] * last]
        part[:] = pixels(planes, header.ratios, *part.shape[:2], header.is_rgb)
    if whole and next_scan(header, parts) is not None:
        raise header.refuse(None, "one scan of each component", "more")
    return picture


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


def empty_blocks(header, first, last):
    """{component's id: coefficients (rows of blocks, blocks a row, 64) int16} of a band, zeros.

    Each has memory of its own, which the system gets back as soon as the band is let go of."""
    columns, blocks = header.units[1], {}
    for c in header.components:
        shape = (last - first) * c.down, columns * c.across, 64
        blocks[c.id] = np.frombuffer(mmap.mmap(-1, 2 * math.prod(shape)), np.int16).reshape(shape)
    return blocks


def one_scan(header, scan):
    """Yield the planes of each band, read when it is wanted."""
    for first, last in bands_of(header):
        blocks = empty_blocks(header, first, last)
        scan.read(blocks, first, last)
        yield planes_of(header, blocks, first)


def several_scans(header, scan, parts):
    """Yield the planes of each band, after all scans of the file are read."""
    bands = {(first, last): empty_blocks(header, first, last) for first, last in bands_of(header)}
    for _ in range(MOST_SCANS):
        for (first, last), blocks in bands.items():
            scan.read(blocks, first, last)
        scan = next_scan(header, parts)
        if scan is None:
            break
    else:
        raise header.refuse(None, f"at most {MOST_SCANS} scans", "more")
    if not all(c.seen for c in header.components):
        raise header.refuse(None, "a scan of every component", "none of some")
    for first, last in list(bands):
        yield planes_of(header, bands.pop((first, last)), first)


def planes_of(header, blocks, first):
    """The samples of each component in a band, (rows, columns) uint8, without what blocks have beyond the edges."""
    planes = []
    for c in header.components:
        height, width = header.size(c)
        samples = to_samples(blocks[c.id], c.steps, plain=current_backend() == "numpy")
        planes.append(samples[: height - 8 * c.down * first, :width])
    return planes


def with_neighbours(bands):
    """Bands of planes, each with a row more above and below: the next band's, or at the edges the outermost again."""
    above, here = None, next(bands)
    while here is not None:
        following = next(bands, None)
        above = above or [plane[:1] for plane in here]
        below = [plane[:1] for plane in following] if following else [plane[-1:] for plane in here]
        yield [np.concatenate(rows) for rows in zip(above, here, below, strict=True)]
        above, here = [plane[-1:] for plane in here], following
