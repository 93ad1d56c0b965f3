"""A picture made as large as the network wants it, in both published ways: bilinear, nothing averaged, in float32."""

import numpy as np


def resized(picture, settings, recipe):
    """picture (H, W, 3) uint8, RGB -> the network's input (H', W', 3) float32, BGR without the mean, and the factors
    (2,) from its pixels to the picture's, x and y"""
    h, w = picture.shape[:2]
    short, long = recipe.shortest or settings.shortest, recipe.longest or settings.longest
    mean = np.array(settings.mean, np.float32)
    if recipe.by_factor:
        factor = scale_factor(h, w, short, long)
        rows, columns = (grid(n, max(1, round(n * factor)), 1 / factor) for n in (h, w))
        return bilinear(picture, rows, columns, mean), np.array([1 / factor] * 2, np.float32)
    new_h, new_w = target_size(h, w, short, long)
    rows, columns = (grid(n, m, np.float32(n) / np.float32(m)) for n, m in ((h, new_h), (w, new_w)))
    return bilinear(picture, rows, columns) - mean, np.array([w / new_w, h / new_h], np.float32)


def scale_factor(h, w, short, long):
    """By how much the authors enlarge a picture: the shorter side becomes `short`, unless the longer one gets too long.

    Source: bottom-up-attention, lib/utils/blob.py."""
    factor = short / min(h, w)
    return long / max(h, w) if round(factor * max(h, w)) > long else factor


def target_size(h, w, short, long):
    """The sides to which the research project resizes, each rounded by itself.

    Source: transformers' research project lxmert, processing_image.py."""
    scale = short / min(h, w)
    sides = (short, scale * w) if h < w else (scale * h, short)
    if max(sides) > long:
        sides = [side * (long / max(sides)) for side in sides]
    return tuple(max(1, int(side + 0.5)) for side in sides)


def grid(n, m, step):
    """Where m pixels of a side lie between n, `step` apart -> the two neighbours (m,) and how near the second is (m,)

    Centres are half a pixel in; at the edges the outermost pixel is held. Places are in the type of `step`: float32 as
    torch computes them, float64 as OpenCV."""
    half = np.asarray(step).dtype.type(0.5)
    place = np.maximum((np.arange(m, dtype=half.dtype) + half) * step - half, 0)
    first = np.minimum(place.astype(np.int64), n - 1)
    return first, np.minimum(first + 1, n - 1), (place - first).astype(np.float32)


def bilinear(picture, rows, columns, mean=0):
    """The mixture of four neighbours at each point of a grid, of picture - mean: (h, w, 3) float32, BGR"""
    (y0, y1, down), (x0, x1, across) = rows, columns
    down, across = down[:, None, None], across[:, None]

    def line(y):
        left, right = (picture[y[:, None], x, ::-1].astype(np.float32) - mean for x in (x0, x1))
        return left * (1 - across) + right * across

    return line(y0) * (1 - down) + line(y1) * down
