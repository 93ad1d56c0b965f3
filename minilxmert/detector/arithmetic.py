"""The arithmetic that a detector needs beside LXMERT's, as NumPy definitions; each has a Numba twin in kernels/."""

import numpy as np

from ..kernels import linear, linear_act, twinned

STRIP = 392  # rows of patches at a time: the weights are read once for so many


def convolve(x, p, act="relu", size=1, stride=1, padding=0, dilation=1):
    """x (N, H, W, C), p w (O, size · size · C), b (O,) -> act(convolution + b) (N, H', W', O); act "relu" or None"""
    multiply = linear_act if act else linear
    arguments = (p, act) if act else (p,)
    if size == 1:
        return multiply(x[:, ::stride, ::stride], *arguments)
    n, h, w, _ = x.shape
    h, w = ((side + 2 * padding - dilation * (size - 1) - 1) // stride + 1 for side in (h, w))
    y = np.empty((n * h * w, len(p["b"])), x.dtype)
    for first in range(0, len(y), STRIP):
        last = min(first + STRIP, len(y))
        y[first:last] = multiply(patches(x, (h, w), first, last, size, stride, padding, dilation), *arguments)
    return y.reshape(n, h, w, -1)


@twinned("detector")
def patches(x, outputs, first, last, size, stride, padding, dilation):
    """What a convolution sees: x (N, H, W, C) -> (last - first, size · size · C), a row for each output pixel

    outputs: rows and columns of output pixels (first … last are numbers of them, all pictures in one row); around x
    lie zeros."""
    n, rows, columns = np.unravel_index(np.arange(first, last), (len(x), *outputs))
    steps = np.arange(size) * dilation - padding
    rows, columns = rows[:, None] * stride + steps, columns[:, None] * stride + steps
    inside = ((0 <= rows) & (rows < x.shape[1]))[:, :, None] & ((0 <= columns) & (columns < x.shape[2]))[:, None]
    rows, columns = rows.clip(0, x.shape[1] - 1)[:, :, None], columns.clip(0, x.shape[2] - 1)[:, None]
    return np.where(inside[..., None], x[n[:, None, None], rows, columns], x.dtype.type(0)).reshape(last - first, -1)


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
