"""The arithmetic that a detector needs beside LXMERT's, as NumPy definitions; each has a Numba twin in kernels/."""

import itertools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..kernels import linear, linear_act, load, twinned
from ..kernels.memory import empty

STRIP = 392  # rows of patches at a time: the weights are read once for so many


def convolve(x, p, act="relu", size=1, stride=1, padding=0, dilation=1):
    """x (N, H, W, C), p w (O, size · size · C), b (O,) -> act(convolution + b) (N, H', W', O); act "relu" or None"""
    if size == 1:
        return multiply(x[:, ::stride, ::stride], p, act)
    if (size, stride, padding) == (3, 1, dilation):
        return around(x, p, act, dilation)
    return by_patches(x, p, act, size, stride, padding, dilation)


def multiply(x, p, act):
    return linear_act(x, p, act) if act else linear(x, p)


@twinned("winograd")
def around(x, p, act, dilation):
    """3 × 3 pixels around each, zeros beyond the edges: x (N, H, W, C) -> act(convolution + b) (N, H, W, O)"""
    return by_patches(x, p, act, 3, 1, dilation, dilation)


class Window(dict):
    """A layer {"w": (O, 9 C), "b": (O,)} for `around`; side: of the squares of pixels that its twin makes at once."""

    def __init__(self, layer, side):
        super().__init__(layer)
        self.side = side

    def maps(self):
        """The linear maps that the twin multiplies by, one by one."""
        return load("winograd").maps_of(self, self.side)


def by_patches(x, p, act, size, stride, padding, dilation):
    """`convolve` as one product: what an output pixel sees is a row (size · size · C) of its left side."""
    around, span = (padding, padding), dilation * (size - 1) + 1
    wide = np.pad(x, ((0, 0), around, around, (0, 0)))
    seen = sliding_window_view(wide, (span, span), (1, 2))[:, ::stride, ::stride, :, ::dilation, ::dilation]
    seen = seen.transpose(0, 1, 2, 4, 5, 3)  # (N, H', W', size, size, C): still a view
    y = empty((*seen.shape[:3], len(p["b"])), x.dtype)
    lines = max(1, STRIP // seen.shape[2])
    for n, top in itertools.product(range(len(x)), range(0, seen.shape[1], lines)):
        rows = seen[n, top : top + lines]
        y[n, top : top + lines] = multiply(rows.reshape(*rows.shape[:2], -1), p, act)
    return y


@twinned("detector")
def add_relu(y, shortcut):
    """max(y + shortcut, 0), both (N, H, W, C); y may be written over"""
    return np.maximum(y + shortcut, 0)


def max_pool(x):
    """The largest of 3 × 3, every second pixel, what is left at the ends included: (N, H, W, C) -> (N, H', W', C)

    Source: Caffe rounds sizes up, H' = ⌈(H - 3) / 2⌉ + 1."""
    starts = [2 * np.arange(max(-(-(side - 3) // 2) + 1, 1)) for side in x.shape[1:3]]
    rows, columns = (
        np.stack([first, first + 3], 1).clip(0, side)[None] for first, side in zip(starts, x.shape[1:3], strict=True)
    )
    return np.concatenate([pool_bins(picture, rows, columns) for picture in x])


def roi_pool(x, boxes, size, scale):
    """The largest value in each of size × size bins of boxes: x (H, W, C), boxes (N, 4) -> (N, size, size, C)

    scale: cells of x a pixel. Corners are rounded to whole cells, halves away from zero; bins overlap where they must;
    an empty bin is 0. Source: Girshick 2015, Fast R-CNN, section 2.1; Caffe's roi_pooling_layer."""
    x0, y0, x1, y1 = whole_cells(boxes, scale).T
    return pool_bins(x, bins(y0, y1, size, x.shape[0]), bins(x0, x1, size, x.shape[1]))


def whole_cells(boxes, scale):
    """Corners (N, 4) in pixels -> in cells, whole, halves away from zero, int64"""
    scaled = boxes * np.float32(scale)
    return (np.sign(scaled) * np.floor(np.abs(scaled) + np.float32(0.5))).astype(np.int64)


def bins(first, last, size, limit):
    """The cells first … last (N,) cut into bins (N, size, 2): begin, end, within 0 … limit; in float32 as published"""
    step = np.maximum(last - first + 1, 1).astype(np.float32) / np.float32(size)
    edges = step[:, None] * np.arange(size + 1, dtype=np.float32)
    ends = np.stack([np.floor(edges[:, :-1]), np.ceil(edges[:, 1:])], 2).astype(np.int64)
    return (ends + first[:, None, None]).clip(0, limit)


@twinned("detector")
def pool_bins(x, rows, columns):
    """The largest value in each bin: x (H, W, C), rows (N, I, 2), columns (N, J, 2), begin and end -> (N, I, J, C)"""
    out = np.zeros((len(rows), rows.shape[1], columns.shape[1], x.shape[2]), x.dtype)
    for n, i, j in np.ndindex(out.shape[:3]):
        (top, bottom), (left, right) = rows[n, i], columns[n, j]
        if bottom > top and right > left:
            out[n, i, j] = x[top:bottom, left:right].max((0, 1))
    return out


@twinned("detector")
def suppress(boxes, threshold, most):
    """Which boxes (N, 4), best first, stay when each that overlaps a better one too much falls: numbers, at most `most`

    The overlap (intersection over union) is float32, the threshold float64, as in torchvision: an overlap of exactly
    0.3 falls at 0.3 (float32's is a little more), one of 0.5 stays at 0.5. Boxes without area overlap nothing."""
    area, kept = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), []
    waiting = np.arange(len(boxes))
    while len(waiting) and len(kept) < most:
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        corner, end = np.maximum(boxes[best, :2], boxes[waiting, :2]), np.minimum(boxes[best, 2:], boxes[waiting, 2:])
        shared = np.maximum(end - corner, 0).prod(1)
        union = area[best] + area[waiting] - shared
        overlap = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
        waiting = waiting[~(overlap.astype(np.float64) > threshold)]
    return np.array(kept, np.int64)
