"""Regions of one colour: connected pixels that stay near the mean colour of their region, grown from seed to seed."""

import numpy as np

from . import looped


@looped(lambda t: (t.int64[:, :, ::1], t.int64, t.int64[:, ::1], t.int64[::1]))
def grow(picture, tolerance, labels, stack):
    """Label the regions of a picture (H, W, 3) int64, from 0: labels (H, W) int64 and the stack (H·W,) are written.

    A pixel joins if every channel is within `tolerance` of the region's mean so far. Four neighbours are connected.
    The regions are numbered by their first pixel, row by row."""
    height, width = labels.shape
    labels[:] = -1
    found = 0
    for start in range(height * width):
        if labels[start // width, start % width] >= 0:
            continue
        labels[start // width, start % width] = found
        stack[0], waiting = start, 1
        red, green, blue, size = 0, 0, 0, 0
        while waiting:
            waiting -= 1
            y, x = stack[waiting] // width, stack[waiting] % width
            red, green, blue = red + picture[y, x, 0], green + picture[y, x, 1], blue + picture[y, x, 2]
            size += 1
            for side in range(4):
                v, u = y + (side == 2) - (side == 0), x + (side == 1) - (side == 3)
                if 0 <= v < height and 0 <= u < width and labels[v, u] < 0:
                    pixel = picture[v, u]
                    if (
                        abs(pixel[0] * size - red) <= tolerance * size
                        and abs(pixel[1] * size - green) <= tolerance * size
                        and abs(pixel[2] * size - blue) <= tolerance * size
                    ):
                        labels[v, u] = found
                        stack[waiting] = v * width + u
                        waiting += 1
        found += 1


def label_regions(picture, tolerance):
    """Picture (H, W, 3) uint8 -> the number of each pixel's region, (H, W) int64."""
    labels = np.empty(picture.shape[:2], np.int64)
    grow(np.ascontiguousarray(picture, np.int64), tolerance, labels, np.empty(labels.size, np.int64))
    return labels
