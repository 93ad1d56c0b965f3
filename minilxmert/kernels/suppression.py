"""The Numba twin of detector/arithmetic.py: suppress."""

import functools

import numpy as np
from numba import types

from .compiling import compiled


def keep_best(boxes, threshold, kept):
    """Write the numbers of the boxes (N, 4) that stay into kept (most,) -> how many they are."""
    count = 0
    for i in range(len(boxes)):
        stays, area = True, (boxes[i, 2] - boxes[i, 0]) * (boxes[i, 3] - boxes[i, 1])
        for k in range(count):
            j = kept[k]
            w = min(boxes[i, 2], boxes[j, 2]) - max(boxes[i, 0], boxes[j, 0])
            h = min(boxes[i, 3], boxes[j, 3]) - max(boxes[i, 1], boxes[j, 1])
            shared = max(w, np.float32(0)) * max(h, np.float32(0))
            union = (boxes[j, 2] - boxes[j, 0]) * (boxes[j, 3] - boxes[j, 1]) + area - shared
            if union > np.float32(0) and np.float64(shared / union) > threshold:
                stays = False
                break
        if stays:
            kept[count] = i
            count += 1
            if count == len(kept):
                break
    return count


@functools.cache
def compiled_keep():
    """keep_best, compiled when first wanted."""
    boxes = types.Array(types.float32, 2, "C", readonly=True)
    return compiled(keep_best, boxes, types.float64, types.int64[::1], returns=types.int64)


def suppress(boxes, threshold, most):
    kept = np.empty(min(most, len(boxes)), np.int64)
    count = compiled_keep()(np.ascontiguousarray(boxes, np.float32), threshold, kept)
    return kept[:count]
