"""The inverse cosine transform of a JPEG reader, in whole numbers: plainly, and block by block for the compiler.

Source: ITU-T T.81, annex A.3; this is the accurate transform of libjpeg (jidctint.c)."""

import functools

import numpy as np

from . import jitable


@jitable
def half(a, b, c, d, e, f, g, h, shift):
    """One row or column of eight, transformed: sums of cosines in whole numbers of 2**-13, rounded by `shift`."""
    middle = (c + g) * 4433
    low, high = middle - g * 15137, middle + c * 6270
    plus, minus = (a + e) << 13, (a - e) << 13
    half_bit = 1 << (shift - 1)
    e0, e1, e2, e3 = plus + high + half_bit, minus + low + half_bit, minus - low + half_bit, plus - high + half_bit
    all_four = (h + d + f + b) * 9633
    z1, z2 = (h + b) * -7373, (f + d) * -20995
    z3, z4 = all_four - (h + d) * 16069, all_four - (f + b) * 3196
    o0, o1, o2, o3 = b * 12299 + z1 + z4, d * 25172 + z2 + z3, f * 16819 + z2 + z4, h * 2446 + z1 + z3
    return (
        (e0 + o0) >> shift, (e1 + o1) >> shift, (e2 + o2) >> shift, (e3 + o3) >> shift,
        (e3 - o3) >> shift, (e2 - o2) >> shift, (e1 - o1) >> shift, (e0 - o0) >> shift,
    )  # fmt: skip


def transform(blocks, steps):
    """Coefficients (R, C, 64) int16 times their quantisation steps (64,) int64 -> samples (8R, 8C) uint8"""
    values = (blocks * steps).reshape(*blocks.shape[:2], 8, 8)
    values = np.stack(half(*np.moveaxis(values, 2, 0), 11), 2)  # columns first
    values = np.stack(half(*np.moveaxis(values, 3, 0), 18), 3) + 128
    samples = values.clip(0, 255).astype(np.uint8).transpose(0, 2, 1, 3)
    return samples.reshape(8 * blocks.shape[0], 8 * blocks.shape[1])


def transform_blocks(blocks, steps, samples, work):
    """The twin of `transform`, block by block: samples (8R, 8C) are written, and work (8, 8) on the way."""
    for r in range(blocks.shape[0]):
        for c in range(blocks.shape[1]):
            for k in range(64):
                work[k // 8, k % 8] = blocks[r, c, k] * steps[k]
            for x in range(8):
                column = half(*eight(work[:, x]), 11)
                for y in range(8):
                    work[y, x] = column[y]
            for y in range(8):
                line = half(*eight(work[y]), 18)
                for x in range(8):
                    samples[8 * r + y, 8 * c + x] = min(max(line[x] + 128, 0), 255)


@jitable
def eight(values):
    return values[0], values[1], values[2], values[3], values[4], values[5], values[6], values[7]


@functools.cache
def compiled_transform():
    """transform_blocks, compiled when first wanted."""
    from numba import types

    from .compiling import compiled

    work = types.int64[:, ::1]
    return compiled(transform_blocks, types.int16[:, :, ::1], types.int64[::1], types.uint8[:, ::1], work)


def to_samples(blocks, steps, plain=False):
    """transform. plain: without compiled code."""
    if plain:
        return transform(blocks, steps)
    samples = np.empty((8 * blocks.shape[0], 8 * blocks.shape[1]), np.uint8)
    compiled_transform()(blocks, steps, samples, np.empty((8, 8), np.int64))
    return samples
