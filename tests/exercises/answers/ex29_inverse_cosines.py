"""Typical answers to exercise 29. The docstring of a wrong one: words that the verdict on it must hold."""

import numpy as np

ANGLES = np.outer(np.arange(8), 2 * np.arange(8) + 1) * np.pi / 16
TABLE = np.cos(ANGLES) * np.array([8**-0.5, *[0.5] * 7])[:, None]


def right_by_einsum(amounts):
    return np.einsum("vu,vy,ux->yx", amounts, TABLE, TABLE)


def right_row_by_row(amounts):
    across = np.array([sum(row[u] * TABLE[u] for u in range(8)) for row in amounts])
    return sum(np.outer(TABLE[v], across[v]) for v in range(8))


def wrong_swapped(amounts):
    """rows and columns are swapped"""
    return right_by_einsum(amounts).T


def wrong_forward(amounts):
    """forward transform"""
    return TABLE @ amounts @ TABLE.T


def wrong_first_strength(amounts):
    """the first cosine is as strong"""
    table = np.cos(ANGLES) / 2
    return table.T @ amounts @ table


def wrong_pixels(amounts):
    """128 is added"""
    return right_by_einsum(amounts) + 128


def wrong_once(amounts):
    """only the columns"""
    return TABLE.T @ amounts


def wrong_strength(amounts):
    """up to the factor 2"""
    return 2 * right_by_einsum(amounts)
