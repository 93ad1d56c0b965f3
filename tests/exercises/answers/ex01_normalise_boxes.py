"""Typical answers to exercise 1. The docstring of a wrong one: words that the verdict on it must hold."""

import numpy as np

from minilxmert.core import boxes as room


def right_column_by_column(boxes, width, height):
    result = np.empty(boxes.shape, np.float32)
    result[:, 0::2] = boxes[:, 0::2] / width
    result[:, 1::2] = boxes[:, 1::2] / height
    return result


def right_as_the_package(boxes, width, height):
    return room.normalise_boxes(boxes, width, height, check=False)


def wrong_swapped(boxes, width, height):
    """width and height swapped"""
    return (boxes / np.array([height, width, height, width])).astype(np.float32)


def wrong_in_place(boxes, width, height):
    """changes its input"""
    boxes[:, 0::2] = boxes[:, 0::2] / width
    boxes[:, 1::2] = boxes[:, 1::2] / height
    return boxes.astype(np.float32)


def wrong_whole_numbers(boxes, width, height):
    """fraction is lost"""
    return (boxes // np.array([width, height, width, height])).astype(np.float32)


def wrong_sizes(boxes, width, height):
    """x, y, width, height"""
    x0, y0, x1, y1 = right_column_by_column(boxes, width, height).T
    return np.stack([x0, y0, x1 - x0, y1 - y0], -1)


def wrong_dtype(boxes, width, height):
    """dtype float32"""
    return boxes / np.array([width, height, width, height])
