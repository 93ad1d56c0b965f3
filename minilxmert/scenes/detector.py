"""The detector: it sees pixels alone, and finds what has one colour and differs from the background.

    objects = detect(picture)          # Objects: boxes in pixels, features, and a guess of shape and colour each
Regions of one colour (kernels/regions.py) become objects, with the smoothed edges around them: a box, and a feature
vector from the crop inside it. Shape and colour are in the feature alone, place and size in the box alone."""

import functools
import math

import numpy as np

from ..core.ops import softmax
from ..kernels.regions import label_regions
from ..vision.objects import Objects
from ..vision.pictures import check_picture
from .world import COLORS, covers

SHAPES = ("circle", "square", "triangle", "star", "cross", "diamond", "ring")  # the classes, object_ids
COLOR_NAMES = tuple(COLORS)  # the attributes, attribute_ids
CELLS = 6  # the crop is averaged over CELLS × CELLS fields …
WIDTH = CELLS * CELLS * 4  # … of red, green, blue and share covered: the width of a feature vector
TOLERANCE = 40  # of 255: within a region, every channel stays this near to its mean
LEAST_PIXELS = 12
SOLID = 0.2  # the least number of 2 × 2 blocks a pixel: the rim of a smoothed edge is a line, and has none
THIN = 0.6  # the same, below which a region may be the rim of a larger one …
RIM = 3  # … whose box it does not leave by more pixels than these
BORDER = 0.25  # the least share of the picture's border that background has …
ACROSS = 0.1  # … or of two opposite sides
MOST = 36  # objects, as the published models take
MOST_SEEN = 2_000_000  # pixels
FIELD, PLAIN = 8, 16  # pixels a side of the fields that the ground is looked at in; how much of 255 they may vary
LARGEST = 1000  # pixels a side: to tell photographs, larger pictures are averaged down first
EVEN = 4  # of 255: how near to the mean of its region a field of one colour is
LEAST_EVEN = 0.65  # the least share of such fields, of those inside a region, in a drawing
SURENESS = 40.0  # how sharply the nearest class is preferred


def detect(picture, image_id="picture"):
    """The Objects in a picture (H, W, 3) uint8, at most MOST, by their topmost pixel. Raises ShapeError.

    Of a picture with more than MOST_SEEN pixels every second, third … row and column is looked at. Takes about 40 bytes
    a pixel that is looked at, at most 140 where no two neighbours have one colour."""
    height, width = check_picture(picture).shape[:2]
    stride = math.ceil(math.sqrt(height * width / MOST_SEEN))
    picture = np.asarray(picture)[::stride, ::stride]
    labels, boxes = find_regions(picture)
    crops = [roi_feature(picture[y0:y1, x0:x1], labels[y0:y1, x0:x1] == n) for n, (x0, y0, x1, y1) in boxes.items()]
    features = np.array(crops, np.float32).reshape(len(boxes), CELLS, CELLS, 4)
    corners = np.array(list(boxes.values()), np.float32).reshape(len(boxes), 4) * stride
    corners = np.minimum(corners, np.float32([width, height] * 2))
    shape, color = likelihoods(shape_distances(features)), likelihoods((color_distances(features) / 255) ** 2)
    return Objects(
        image_id, width, height, corners, features.reshape(len(boxes), WIDTH), shape.argmax(1),
        shape.max(1, initial=0), color.argmax(1), color.max(1, initial=0), is_plain_ground(picture, boxes.values()),
    )  # fmt: skip


def describe(objects):
    """What the detector takes each object for, in words: ["red circle", …]"""
    return [
        f"{COLOR_NAMES[color]} {SHAPES[shape]}"
        for shape, color in zip(objects.object_ids, objects.attribute_ids, strict=True)
    ]


def find_regions(picture):
    """-> the region of each pixel (H, W) and {region: (x0, y0, x1, y1)} of those that are objects"""
    labels = label_regions(picture, TOLERANCE)
    flat, count = labels.ravel(), labels.max() + 1
    sizes = np.bincount(flat, minlength=count)
    means = np.stack([np.bincount(flat, c, count) for c in picture.reshape(-1, 3).T], 1) / sizes[:, None]
    ground = means[ground_regions(labels, count)]
    plain = np.any([(np.abs(means - colour) <= TOLERANCE).all(1) for colour in ground], axis=0)
    solid = blocks_of(labels, count) / sizes
    chosen = np.flatnonzero((sizes >= LEAST_PIXELS) & (solid >= SOLID) & ~plain)
    chosen = chosen[np.argsort(-sizes[chosen], kind="stable")][: 2 * MOST]
    boxes = np.array([box_of(labels == n) for n in chosen]).reshape(-1, 4)
    kept = np.flatnonzero(~is_rim(boxes, solid[chosen]))[:MOST]
    claim_edges(picture, labels, means, plain, chosen[kept], ground)
    return labels, {int(chosen[i]): grown_box(labels, chosen[i], boxes[i]) for i in kept[np.argsort(chosen[kept])]}


def ground_regions(labels, count):
    """The numbers of the regions that are background: much of the border, or from side to side. At most MOST"""
    sides = [np.bincount(side, minlength=count) for side in (labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1])]
    share = np.sum(sides, 0) / np.sum(sides)
    top, bottom, left, right = (side / max(side.sum(), 1) for side in sides)
    across = np.maximum(np.minimum(top, bottom), np.minimum(left, right)) >= ACROSS
    found = np.flatnonzero((share >= min(BORDER, share.max())) | across)
    return found[np.argsort(-share[found], kind="stable")[:MOST]]


def blocks_of(labels, count):
    """How many 2 × 2 blocks of pixels lie inside each region. (regions,)"""
    corner = labels[:-1, :-1]
    whole = (corner == labels[1:, :-1]) & (corner == labels[:-1, 1:]) & (corner == labels[1:, 1:])
    return np.bincount(corner[whole], minlength=count)


def is_rim(boxes, solid):
    """Which boxes (M, 4), the largest regions first, hold only the blurred rim of a larger thing. (M,) bool"""
    inside = (boxes[:, :2] >= boxes[:, None, :2] - RIM) & (boxes[:, 2:] <= boxes[:, None, 2:] + RIM)
    return (solid < THIN) & np.triu(inside.all(2), 1).any(0)


def claim_edges(picture, labels, means, plain, chosen, ground):
    """Give the pixels of smoothed edges to the object beside them; labels (H, W) is changed in place.

    They are of regions that are neither objects (`chosen`) nor background (`plain`), and nearer to the object's mean
    colour than to any of the colours `ground`."""
    objects = np.isin(np.arange(len(means)), chosen)
    y, x = np.nonzero(~(plain | objects)[labels])
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)) * RIM:
        if not len(y):
            break
        owner = labels[np.clip(y + down, 0, len(labels) - 1), np.clip(x + right, 0, labels.shape[1] - 1)]
        won = objects[owner]
        colors = picture[y[won], x[won]].astype(float)
        far = functools.reduce(np.minimum, (((colors - colour) ** 2).sum(1) for colour in ground))
        won[won] = ((colors - means[owner[won]]) ** 2).sum(1) < far
        labels[y[won], x[won]] = owner[won]
        y, x = y[~won], x[~won]


def box_of(inside):
    """The box x0 y0 x1 y1 around the true pixels of (H, W)."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def grown_box(labels, region, box):
    """The box around a region that reaches at most RIM pixels out of the box given."""
    x, y = np.maximum(box[:2] - RIM, 0)
    x0, y0, x1, y1 = box_of(labels[y : box[3] + RIM, x : box[2] + RIM] == region)
    return int(x + x0), int(y + y0), int(x + x1), int(y + y1)


def roi_feature(crop, inside):
    """The colour and shape of an object: crop (h, w, 3), its pixels (h, w) of bool -> (CELLS, CELLS, 4).

    Each cell holds the mean of (colour - 128) / 64 over its pixels, those outside counting 0, and the share inside."""
    values = np.concatenate([(crop - np.float32(128)) / 64, np.ones((*inside.shape, 1), np.float32)], 2)
    values *= inside[:, :, None]
    down, across = averaging(inside.shape[0]), averaging(inside.shape[1])
    return (down @ (across @ values.transpose(2, 1, 0)).transpose(0, 2, 1)).transpose(1, 2, 0)


def averaging(length):
    return known_averaging(length) if length <= LARGEST else averaging_anew(length)


def averaging_anew(length):
    """The matrix (CELLS, length) that averages a row of pixels over CELLS equal parts, split pixels by their share."""
    edges = np.arange(CELLS + 1) * length / CELLS
    pixel = np.arange(length)
    part = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return (np.maximum(part, 0) * CELLS / length).astype(np.float32)


known_averaging = functools.lru_cache(256)(averaging_anew)  # six megabytes at most


@functools.cache
def templates():
    """The covered shares of every shape, drawn at several radii: (shapes, radii, CELLS, CELLS)"""
    drawn = [[covers(shape, r) for r in (5, 9, 13, 15)] for shape in SHAPES]
    return np.array([[shares(one) for one in row] for row in drawn])


def shares(inside):
    """The covered share of each cell of a shape's box: (H, W) of bool -> (CELLS, CELLS)"""
    x0, y0, x1, y1 = box_of(inside)
    return averaging(y1 - y0) @ inside[y0:y1, x0:x1] @ averaging(x1 - x0).T


def shape_distances(features):
    """From the nearest template of each shape, mean squared: (M, CELLS, CELLS, 4) -> (M, shapes)"""
    return ((features[:, None, None, :, :, 3] - templates()) ** 2).mean((3, 4)).min(2)


def color_distances(features):
    """Of an object's mean colour from each colour, root mean square, 0 … 255: (M, CELLS, CELLS, 4) -> (M, colours)"""
    mean = features[..., :3].sum((1, 2)) / np.maximum(features[..., 3].sum((1, 2)), 1e-6)[:, None] * 64 + 128
    return np.sqrt(((mean[:, None] - np.array(list(COLORS.values()))) ** 2).mean(2))


def likelihoods(far):
    """Mean squared distances (M, classes) -> the probability of each class"""
    return softmax(-SURENESS * far.astype(np.float32))


def is_plain_ground(picture, boxes):
    """Whether the ground of a picture, outside of boxes (M, 4), is of one colour: in its fields' means, and in each."""
    free = np.ones(picture.shape[:2], bool)
    for x0, y0, x1, y1 in boxes:
        free[max(y0 - RIM, 0) : y1 + RIM, max(x0 - RIM, 0) : x1 + RIM] = False
    h, w = (side // FIELD * FIELD for side in free.shape)
    fields = picture[:h, :w].reshape(h // FIELD, FIELD, w // FIELD, FIELD, 3).transpose(0, 2, 1, 3, 4)
    fields = fields[free[:h, :w].reshape(h // FIELD, FIELD, w // FIELD, FIELD).all((1, 3))].reshape(-1, FIELD**2, 3)
    return not len(fields) or bool(np.ptp(fields.mean(1), 0).max() <= PLAIN and fields.std(1).max() <= PLAIN)


def is_photograph(picture):
    """Whether a picture (H, W, 3) uint8 is no drawing of plain shapes: uneven within its regions, or of too many.

    Whatever a drawing shows in one colour has it all over, but for noise; in a photograph light falls off along every
    surface. A photograph of plain surfaces has too many of them.

    Measured: of the 22 photographs among the samples of scikit-image 0.26 and scikit-learn 1.9, whole and halved, as
    they are and as JPEG of quality 75 and 30, none passes for a drawing; at a quarter of their size some do. Of 1,000
    drawn scenes and 300 drawings by Pillow and OpenCV, as PNG and as JPEG of quality 75, none passes for a photograph;
    of 920 other drawings by Pillow, OpenCV and matplotlib one does."""
    step = min(-(-max(picture.shape[:2]) // LARGEST), *picture.shape[:2])
    picture = average(picture, step).astype(np.uint8)
    labels = label_regions(picture, TOLERANCE)
    count = labels.max() + 1
    sizes = np.bincount(labels.ravel(), minlength=count)
    solid = (sizes >= LEAST_PIXELS) & (blocks_of(labels, count) >= SOLID * sizes)
    return bool(solid.sum() > 2 * MOST or evenness(picture, labels, sizes) < LEAST_EVEN)


def average(picture, step):
    """The means of fields of step × step pixels; what is left at the ends is left out: (H/step, W/step, 3)"""
    h, w = (side // step for side in picture.shape[:2])
    return picture[: h * step, : w * step].reshape(h, step, w, step, 3).mean((1, 3))


def evenness(picture, labels, sizes):
    """The share of the fields inside one region whose mean colour is the region's; labels (H, W) name the regions."""
    h, w = (side // FIELD * FIELD for side in labels.shape)
    of = labels[:h, :w].reshape(h // FIELD, FIELD, w // FIELD, FIELD)
    inside = (of.min((1, 3)) == of.max((1, 3))) if of.size else np.zeros((0, 0), bool)
    if not inside.any():
        return 1.0
    region = of[:, 0, :, 0][inside]
    sums = [np.bincount(labels.ravel(), channel, len(sizes)) for channel in picture.reshape(-1, 3).T]
    means = np.stack(sums, 1)[region] / sizes[region, None]
    fields = average(picture, FIELD)[inside]
    return float((np.abs(fields - means).max(1) <= EVEN).mean())
