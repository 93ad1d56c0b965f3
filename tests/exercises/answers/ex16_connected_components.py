"""Typical answers to exercise 16. The docstring of a wrong one: words that the verdict on it must hold."""

import numpy as np


def spread(mask, shifts=((0, 1), (1, 0), (0, -1), (-1, 0))):
    """The smallest place of each component, by spreading it until nothing changes."""
    height, width = mask.shape
    place = np.where(mask, np.arange(mask.size).reshape(mask.shape), mask.size)
    while True:
        padded, before = np.pad(place, 1, constant_values=mask.size), place
        for down, right in shifts:
            neighbour = padded[1 + down : 1 + down + height, 1 + right : 1 + right + width]
            place = np.where(mask, np.minimum(place, neighbour), mask.size)
        if (place == before).all():
            return place


def right_by_spreading(mask, **options):
    place = spread(mask, **options)
    first = np.unique(place[mask])
    return np.where(mask, np.searchsorted(first, place) + 1, 0)


def wrong_corners(mask):
    """touch at a corner"""
    around = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return right_by_spreading(mask, shifts=around)


def wrong_single_pass(mask):
    """a U is one thing"""
    labels, count = np.zeros(mask.shape, int), 0
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            if not mask[y, x]:
                continue
            if x > 0 and labels[y, x - 1]:
                labels[y, x] = labels[y, x - 1]
            elif y > 0 and labels[y - 1, x]:
                labels[y, x] = labels[y - 1, x]
            else:
                count += 1
                labels[y, x] = count
    return labels


def wrong_flat(mask):
    """end of a row is joined"""
    width, flat = mask.shape[1], mask.ravel()
    labels, count = np.zeros(mask.size, int), 0
    for start in np.flatnonzero(flat):
        if labels[start]:
            continue
        count += 1
        waiting = [start]
        while waiting:
            place = waiting.pop()
            if 0 <= place < mask.size and flat[place] and not labels[place]:
                labels[place] = count
                waiting += [place - 1, place + 1, place - width, place + width]
    return labels.reshape(mask.shape)


def wrong_recursion(mask):
    """RecursionError"""
    labels = np.zeros(mask.shape, int)

    def fill(y, x, number):
        inside = 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]
        if inside and mask[y, x] and not labels[y, x]:
            labels[y, x] = number
            for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                fill(y + down, x + right, number)

    for y, x in np.argwhere(mask):
        if not labels[y, x]:
            fill(y, x, labels.max() + 1)
    return labels


def wrong_gaps(mask):
    """of the values differ"""
    return np.where(mask, spread(mask) + 1, 0)


def wrong_columns(mask):
    """row by row"""
    return right_by_spreading(mask.T).T
