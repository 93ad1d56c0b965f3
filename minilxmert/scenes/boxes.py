"""A third world, after NLVR (Suhr et al., ACL 2017): three gray boxes with scattered things, or with towers of blocks.

    scenes = families(rng, 1000, towers=True)  # Boxes: 8,000 scenes as arrays, eight alike in a row
    feats, places, shown = scenes.objects()    # as a model sees them
    from_objects(found)                        # Boxes again, of what the detector found in pictures
Numbers, sizes and places are like those of NLVR's pictures: a thing that would reach out of its box is at its wall."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .detector import COLOR_NAMES
from .detector import SHAPES as SEEN

SHAPES, COLORS = ("circle", "square", "triangle"), ("yellow", "black", "blue")
BOXES, MOST, SIDE, GAP = 3, 8, 100, 50  # things in a box at most; pixels of a box's side, and between two boxes
PICTURE = BOXES * SIDE + (BOXES - 1) * GAP  # its width in pixels
UNIT = 10  # pixels of the smallest thing; others are two or three times as large
BLOCK, STEP, HIGHEST = 2 * UNIT, 2 * UNIT + 1, 4  # of towers: a block's side, pixels from one to the next, blocks
TOUCH = 1  # pixels from a wall
ALIKE = 8  # scenes of a family
TRIES = 30  # places tried for a thing
WIDTH = 3 * 3 + 4 + 2 * MOST + BOXES + 1  # numbers of an object


@dataclass(frozen=True)
class Boxes:
    """Many scenes. Arrays (S, 3, 8) of whole numbers: shape and color (places in SHAPES and COLORS; -1: no thing),
    size, and the left upper corner x, y in pixels of its box."""

    shape: np.ndarray
    color: np.ndarray
    size: np.ndarray
    x: np.ndarray
    y: np.ndarray

    def __len__(self):
        return len(self.shape)

    def __getitem__(self, rows):
        return Boxes(*(array[rows] for array in arrays_of(self)))

    @cached_property
    def there(self):
        return self.shape >= 0

    @cached_property
    def walls(self):
        """Which walls each thing touches, (S, 3, 8, 4): left, right, top, bottom"""
        ends = self.x, SIDE - self.x - self.size, self.y, SIDE - self.y - self.size
        return (np.stack(ends, -1) <= TOUCH) & self.there[..., None]

    @cached_property
    def ranks(self):
        """How many things of its box end lower than each thing, and how many higher: two (S, 3, 8)"""
        foot, others = self.y + self.size, self.there[..., None, :]
        lower, higher = foot[..., None] < foot[..., None, :], foot[..., None] > foot[..., None, :]
        return (lower & others).sum(-1), (higher & others).sum(-1)

    def objects(self):
        """-> feats (S, 27, F), places (S, 27, 4) in 0…1, shown (S, 27): the three boxes, then their things.

        A thing has its shape, colour, size, the walls it touches, its two ranks and the number of its box."""
        eye = np.eye(MOST, dtype=np.float32)
        known = [eye[kind][..., :3] for kind in (self.shape, self.color, self.size // UNIT - 1)]
        box = np.broadcast_to(np.eye(BOXES, dtype=np.float32)[:, None], (*self.shape.shape, BOXES))
        things = [*known, self.walls, *(eye[rank] for rank in self.ranks), box, np.ones_like(box[..., :1])]
        feats = np.zeros((len(self), BOXES * (1 + MOST), WIDTH), np.float32)
        feats[:, :BOXES, -1 - BOXES : -1] = np.eye(BOXES)
        feats[:, BOXES:] = self.spread(np.concatenate(things, -1))
        start = np.arange(BOXES)[:, None] * (SIDE + GAP)
        left, size = self.x + start, self.size
        corners = self.spread(np.stack([left, self.y, left + size, self.y + size], -1))
        frames = np.concatenate([start, 0 * start, start + SIDE, 0 * start + SIDE], 1)
        places = np.concatenate([np.broadcast_to(frames, (len(self), BOXES, 4)), corners], 1)
        shown = np.ones(feats.shape[:2], np.float32)
        shown[:, BOXES:] = self.there.reshape(len(self), -1)
        return feats, (places / [PICTURE, SIDE, PICTURE, SIDE]).astype(np.float32), shown

    def spread(self, values):
        """Numbers of each thing, (S, 3, 8, F) -> (S, 24, F), 0 where there is none"""
        return (values * self.there[..., None]).reshape(len(self), BOXES * MOST, -1)


def arrays_of(scenes):
    return scenes.shape, scenes.color, scenes.size, scenes.x, scenes.y


def join_boxes(parts):
    """Several Boxes as one."""
    return Boxes(*map(np.concatenate, zip(*map(arrays_of, parts), strict=True)))


def from_objects(found):
    """The scenes of pictures of three boxes: [Objects of our detector] -> Boxes"""
    arrays = np.zeros((5, len(found), BOXES, MOST), int)
    arrays[:2] = -1
    for row, objects in enumerate(found):
        number = [0] * BOXES
        for (x0, _, x1, y1), shape, color in zip(objects.boxes, objects.object_ids, objects.attribute_ids, strict=True):
            box, x = divmod(round(float(x0)), SIDE + GAP)
            size = UNIT * min(max(round(float(x1 - x0) / UNIT), 1), 3)
            if SEEN[shape] in SHAPES and COLOR_NAMES[color] in COLORS and box < BOXES and number[box] < MOST:
                kind = SHAPES.index(SEEN[shape]), COLORS.index(COLOR_NAMES[color])
                arrays[:, row, box, number[box]] = *kind, size, x, round(float(y1)) - size
                number[box] += 1
    return Boxes(*arrays)


def families(rng, count, towers):
    """`count` random scenes, each with seven like it: their things in other boxes, or some of them changed -> Boxes"""
    first = draw(rng, count, towers)
    made = [first, *((alter if n % 2 else shuffle)(rng, first, towers) for n in range(1, ALIKE))]
    alike = (np.stack(arrays, 1) for arrays in zip(*map(arrays_of, made), strict=True))
    return Boxes(*(array.reshape(-1, BOXES, MOST) for array in alike))


def draw(rng, count, towers):
    number = rng.integers(1, HIGHEST + 1 if towers else MOST, (count, BOXES))
    if not towers:
        number += rng.random(number.shape) < 0.05
    shape, color, size = rng.integers(0, 3, (3, count, BOXES, MOST))
    return place_things(rng, shape, color, (size + 1) * UNIT, fill(number), towers)


def fill(number):
    """Numbers of things in boxes (S, 3) -> which places of the arrays hold one (S, 3, 8)"""
    return np.arange(MOST) < number[..., None]


def place_things(rng, shape, color, size, there, towers):
    """Things with places of their own -> Boxes. What finds no place is left out."""
    if towers:
        x, y = np.full(shape.shape, 2 * BLOCK), np.broadcast_to(SIDE - BLOCK - STEP * np.arange(MOST), shape.shape)
        shape, size = np.ones_like(shape), np.full(shape.shape, BLOCK)
    else:
        x, y, there = scatter(rng, size, there)
    kind = (np.where(there, array, -1) for array in (shape, color))
    return Boxes(*kind, *(np.where(there, array, 0) for array in (size, x, y)))


def scatter(rng, size, there):
    """Places without overlap -> x, y, and which of the things have found one."""
    x, y, there = np.zeros_like(size), np.zeros_like(size), there.copy()
    for k in range(MOST):
        own = size[..., k, None]
        tried = [np.minimum(rng.integers(0, SIDE, (*size.shape[:2], TRIES)), SIDE - own) for _ in range(2)]
        free = np.ones(tried[0].shape, bool)
        for other in range(k):
            reach, apart = size[..., other, None], ~there[..., other, None]
            for mine, its in zip(tried, (x[..., other, None], y[..., other, None]), strict=True):
                apart = apart | (mine > its + reach) | (its > mine + own)
            free &= apart
        first = free.argmax(-1)[..., None]
        x[..., k], y[..., k] = (np.take_along_axis(t, first, -1)[..., 0] for t in tried)
        there[..., k] &= free.any(-1)
    return x, y, there


def shuffle(rng, scenes, towers):
    """The same things in other boxes and places, as in NLVR's second pair of pictures."""
    flat = scenes.there.reshape(len(scenes), -1)
    order = np.argsort(rng.random(flat.shape) + ~flat, 1)  # what is there comes first
    number, left = np.ones((len(scenes), BOXES), int), flat.sum(1) - BOXES
    while (left > 0).any():
        box = np.argmax(rng.random(number.shape) * (number < (HIGHEST if towers else MOST)), 1)
        number[np.arange(len(number)), box] += left > 0
        left = left - 1
    there = fill(number)
    place = np.maximum(np.cumsum(there.reshape(flat.shape), 1) - 1, 0)
    moved = np.take_along_axis(order, place, 1)
    kinds = (np.take_along_axis(a.reshape(flat.shape), moved, 1).reshape(there.shape) for a in arrays_of(scenes)[:3])
    return place_things(rng, *kinds, there, towers)


def alter(rng, scenes, towers):
    """About two things of each scene get another colour or shape; of towers, one in five another height."""
    some = scenes.there & (rng.random(scenes.there.shape) < 2 / scenes.there.sum((1, 2))[:, None, None])
    colored, turn = rng.random(some.shape) < (1.0 if towers else 0.6), rng.integers(1, 3, some.shape)
    color = np.where(some & colored, (scenes.color + turn) % 3, scenes.color)
    if not towers:
        return replace(scenes, color=color, shape=np.where(some & ~colored, (scenes.shape + turn) % 3, scenes.shape))
    number = scenes.there.sum(2)
    number = np.where(rng.random(number.shape) < 0.2, rng.integers(1, HIGHEST + 1, number.shape), number)
    color = np.where(scenes.there, color, rng.integers(0, 3, color.shape))
    return place_things(rng, scenes.shape, color, scenes.size, fill(number), towers)
