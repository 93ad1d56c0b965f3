"""Pictures as arrays (H, W, 3) of 0 … 255, read from PNG and JPEG files, and written as PNG.

    picture = read_picture("photo.jpg")
    write_png("copy.png", picture)

What a file is, its content tells: photographs come as JPEG, whatever their names say. Every kind of PNG is read: 1 to
16 bits, grey, colour, palette, transparent (laid over white), interlaced. A picture is turned as its file says, as
viewers do. Samples are taken as they are: colour profiles and gamma are not applied."""

import zlib

import numpy as np

from ..errors import PictureError, ShapeError
from ..files import kind_of, what_it_is, write_file
from ..files.arrays import map_file
from .exif import empty_upright, orientation
from .png import GREY_ALPHA, LONGEST_SIDE, MOST_PIXELS, RGB, RGB_ALPHA, SIGNATURE, bands, chunk, collect, filter_rows

READABLE = "PNG", "JPEG"  # kinds of files, by their content


def read_picture(path):
    """The picture in a PNG or JPEG file -> (H, W, 3) uint8, RGB, as the photographer saw it. Raises PictureError.

    Takes three bytes a pixel, and some megabytes for the rows at hand."""
    data = map_file(path, PictureError)
    kind = kind_of(data).name
    if kind == "JPEG":
        from .jpeg import read_jpeg  # with Numba's loops: only when there is one to read

        return read_jpeg(path)
    if kind == "PNG":
        return read_png(path)
    raise PictureError.at(path, None, "a PNG or JPEG picture (any picture program saves one)", what_it_is(data))


def read_png(path):
    """read_picture of a PNG file; see-through parts show white."""
    header, pieces, palette, clear, exif = collect(path)
    picture, rows = empty_upright(header.height, header.width, orientation(exif))
    for (x, y, dx, dy), first, w, band in bands(header, pieces, path):
        samples = split_samples(band, header, w)
        shown = from_palette(samples, palette, clear) if palette is not None else from_samples(samples, header, clear)
        rows[y + dy * first :: dy, x::dx][: len(band)] = shown
    return picture


def split_samples(rows, header, w):
    """The bytes of rows (H, S) -> samples (H, W, C) of 0 … 2**depth - 1."""
    if header.depth == 16:
        rows = rows.view(">u2")
    elif header.depth < 8:
        shifts = np.arange(8 - header.depth, -1, -header.depth, dtype=np.uint8)  # the leftmost pixel is highest
        rows = (rows[..., None] >> shifts & (1 << header.depth) - 1).reshape(len(rows), -1)[:, :w]
    return rows.reshape(len(rows), w, header.channels)


def from_palette(samples, palette, clear):
    """Numbers (H, W, 1) of palette colours (256, 3) -> (H, W, 3); clear: the alphas of the first colours, or None."""
    alpha = np.full((len(palette), 1), 255, np.uint8)
    alpha[: len(clear or b""), 0] = list(clear or b"")
    return over_white(palette, alpha)[samples[..., 0]]


def from_samples(samples, header, clear):
    """Grey or colour samples (H, W, C) -> (H, W, 1 or 3) uint8; clear: the one colour that is see-through, or None."""
    eight = to_eight_bits(samples, header.depth)
    if header.colour in (GREY_ALPHA, RGB_ALPHA):
        eight = over_white(eight[..., :-1], eight[..., -1:])
    elif clear is not None:
        colour = np.frombuffer(clear, ">u2") & (1 << header.depth) - 1
        eight[(samples == colour).all(-1)] = 255
    return eight


def to_eight_bits(samples, depth):
    """0 … 2**depth - 1 -> the nearest of 0 … 255, uint8."""
    if depth == 16:
        whole, rest = np.divmod(samples, np.uint16(257))
        return (whole + (rest > 128)).astype(np.uint8)
    return samples * np.uint8(255 // ((1 << depth) - 1))


def over_white(colour, alpha):
    """colour (..., C) of opacity alpha (..., 1), both uint8, laid over white -> (..., C) uint8, rounded."""
    return ((colour * alpha.astype(np.uint16) + 255 * (255 - alpha.astype(np.uint16)) + 127) // 255).astype(np.uint8)


def check_picture(picture):
    """The picture as an array, if it is one (H, W, 3) of 0 … 255 (uint8) with any pixels. Raises ShapeError."""
    picture = np.asarray(picture)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ShapeError(f"picture: expected (height, width, 3) of uint8, found {picture.shape} of {picture.dtype}")
    return picture


def encode_png(picture):
    """A picture (H, W, 3) of 0 … 255 (uint8) -> the bytes of an 8-bit RGB file. Raises ShapeError."""
    picture = check_picture(picture)
    h, w, _ = picture.shape
    if max(h, w) > LONGEST_SIDE or h * w > MOST_PIXELS:
        raise ShapeError(f"picture: expected at most {LONGEST_SIDE} a side and {MOST_PIXELS} pixels, found {h} × {w}")
    header = w.to_bytes(4, "big") + h.to_bytes(4, "big") + bytes([8, RGB, 0, 0, 0])
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(filter_rows(picture), 9)), (b"IEND", b"")
    return SIGNATURE + b"".join(chunk(kind, content) for kind, content in parts)


def write_png(path, picture):
    """Write a picture (H, W, 3) of 0 … 255 (uint8) as an 8-bit RGB file, whole or not at all. Raises ShapeError."""
    write_file(path, encode_png(picture))
