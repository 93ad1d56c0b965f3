"""From the planes of a JPEG to its pixels: coarse planes made as fine as the finest, then colours.

All is whole numbers, as libjpeg computes it ("fancy" upsampling, jdsample.c; 16-bit fixed point, jdcolor.c)."""

import numpy as np


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
    smooth = plane.shape[1] > 2  # libjpeg mixes columns only where there are three
    if (down, across) == (1, 2):
        if smooth:
            return doubled_columns(plane[1:-1], 4, 1, 2)
    elif (down, across) == (2, 2):
        if smooth:
            return doubled_columns(doubled_rows(plane), 16, 8, 7)
    elif (down, across) == (2, 1):
        rows = doubled_rows(plane)
        rows[::2] += 1
        rows[1::2] += 2
        return rows >> 2
    return plane[1:-1].repeat(down, 0).repeat(across, 1)


def doubled_rows(plane):
    """(rows + 2, columns) -> (2 · rows, columns): each 3 times the near row and once the far one, 4 times too large."""
    near = 3 * plane[1:-1]
    return np.stack([near + plane[:-2], near + plane[2:]], 1).reshape(-1, plane.shape[1])


def doubled_columns(plane, weight, left, right):
    """(rows, columns) -> (rows, 2 · columns): 3 times near and once far, rounded by left and right, over `weight`.

    The outermost are the edge's own; what comes in is weight / 4 times too large."""
    edges = np.concatenate([plane[:, :1], plane, plane[:, -1:]], 1)
    near = 3 * plane
    sums = np.stack([near + edges[:, :-2] + left, near + edges[:, 2:] + right], 2)
    return sums.reshape(len(plane), -1) >> (weight.bit_length() - 1)


def to_rgb(y, blue, red):
    """Brightness and two colour differences (H, W) int32 of 0 … 255 -> (H, W, 3) uint8"""
    blue, red = blue - 128, red - 128
    r = y + (91881 * red + 32768 >> 16)
    g = y + (-22554 * blue - 46802 * red + 32768 >> 16)
    b = y + (116130 * blue + 32768 >> 16)
    return np.stack([r, g, b], 2).clip(0, 255).astype(np.uint8)
