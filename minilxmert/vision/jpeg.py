"""JPEG files read into arrays: the very bytes that libjpeg-turbo gives, turned as the camera was held.

    picture = read_jpeg("photo.jpg")           # (H, W, 3) uint8
A picture is read in bands of rows. Where several scans tell of the same pixels (progressive files), each is read as far
as the band goes, and waits there: so only the coefficients of one band are in memory."""

import numpy as np

from ..errors import PictureError
from ..files.arrays import map_file
from ..kernels import current_backend
from ..kernels.cosines import to_samples
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
    header = Header(path)
    scans = read_scans(header, segments(data, path), len(data))
    picture, rows = empty_upright(header.height, header.width, header.orientation)
    for (first, last), planes in zip(bands_of(header), with_neighbours(planes_of(header, scans)), strict=True):
        part = rows[8 * header.finest[0] * first : 8 * header.finest[0] * last]
        part[:] = pixels(planes, header.ratios, *part.shape[:2], header.is_rgb)
    return picture


def read_scans(header, parts, size):
    """The Scans of a file of so many bytes, at their beginnings; what they need stands in the Header then."""
    scans = []
    while scan := next_scan(header, parts):
        if not scans:
            check_plausible(header, size)
        scans.append(scan)
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
    columns, plain = header.units[1], current_backend() == "numpy"
    for first, last in bands_of(header):
        blocks = {
            c.id: np.zeros(((last - first) * c.down, columns * c.across, 64), np.int16) for c in header.components
        }
        for scan in scans:
            scan.read(blocks, first, last)
        planes = []
        for c in header.components:
            height, width = header.size(c)
            samples = to_samples(blocks[c.id], c.steps, plain)
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
