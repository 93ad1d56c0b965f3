"""What is chosen around the network: its published settings, and the two recipes by which pictures were resized
and went through it."""

from dataclasses import dataclass, field, fields

import numpy as np

from ..errors import ConfigError


@dataclass(frozen=True)
class Recipe:
    """How a picture becomes objects."""

    name: str
    shortest: int | None  # pixels of the shorter side of the resized picture; None: as config.yaml says
    longest: int | None  # and at most of the longer
    by_factor: bool  # resize by one factor, after the mean is subtracted; else to whole sizes, before
    least_side: float  # of a proposal, in pixels of the picture itself
    regressed: bool  # a box is what the best class makes of the proposal; else the proposal itself
    per_class: float | None  # suppression within each class at this overlap; else of the best classes together


AUTHORS = Recipe("authors", 600, 1000, True, 16.0, False, 0.3)  # what LXMERT was trained on
HUGGINGFACE = Recipe("huggingface", None, None, False, 0.0, True, None)  # as the converted file was published
RECIPES = {recipe.name: recipe for recipe in (AUTHORS, HUGGINGFACE)}


def find_recipe(recipe):
    """A Recipe, given as such or by its name. Raises ConfigError."""
    if isinstance(recipe, Recipe):
        return recipe
    if recipe not in RECIPES:
        raise ConfigError.at("detector", "recipe", f"one of {', '.join(RECIPES)}", recipe)
    return RECIPES[recipe]


def at(place, default):
    """A field of Settings: where a config.yaml has it, and what is published."""
    return field(default=default, metadata={"place": place})


@dataclass(frozen=True)
class Settings:
    """What a detector's config.yaml says that no shape of a tensor tells."""

    shortest: int = at("input.min_size_test", 800)
    longest: int = at("input.max_size_test", 1333)
    mean: tuple = at("model.pixel_mean", (102.9801, 115.9465, 122.7717))  # of blue, green and red
    candidates: int = at("rpn.pre_nms_topk_test", 6000)  # the best of all anchors, before suppression
    proposals: int = at("rpn.post_nms_topk_test", 300)  # most, after it
    overlap: float = at("rpn.nms_thresh", 0.7)  # above which a proposal falls
    resolution: int = at("roi_box_head.pooler_resolution", 14)  # cells of a pooled box, across and down
    weights: tuple = at("roi_box_head.bbox_reg_weights", (10.0, 10.0, 5.0, 5.0))  # by which the deltas were multiplied
    overlaps: tuple = at("roi_heads.nms_thresh_test", (0.5, 0.6, 0.7))  # of the results: the first that leaves enough
    least: int = at("min_detections", 36)  # objects wanted
    most: int = at("max_detections", 36)

    @classmethod
    def from_dict(cls, tree, path):
        """The Settings in a config.yaml's map; what this network cannot do otherwise is refused. Raises ConfigError."""
        for place, only in FIXED.items():
            found = lookup(tree, place, path, only)
            if found != only:
                raise ConfigError.at(path, place, only, found)
        settings = cls(**{one.name: read_setting(tree, one, path) for one in fields(cls)})
        if settings.shortest > settings.longest or settings.least > settings.most:
            raise ConfigError.at(path, "input and detections", "least below most", "the reverse")
        return settings


FIXED = {  # what the network is; res5_dilation is of a backbone that ends before res5
    "input.format": "BGR",
    "model.pixel_std": [1.0, 1.0, 1.0],
    "model.max_pool": True,
    "model.load_proposals": False,
    "anchor_generator.offset": 0,
    "rpn.bbox_reg_weights": [1.0, 1.0, 1.0, 1.0],
    "proposal_generator.min_size": 0,
    "resnets.num_groups": 1,
    "resnets.stride_in_1x1": True,
    "roi_box_head.attr": True,
    "roi_box_head.res5halve": False,
    "roi_box_head.cls_agnostic_bbox_reg": False,
}
LARGEST = {int: 100_000, float: 1.0}  # of sizes and counts, and of overlaps


def lookup(tree, place, path, default):
    """The value at "section.key" of a map; the default where there is none."""
    for key in place.split("."):
        if not isinstance(tree, dict):
            raise ConfigError.at(path, place, "a map of keys", tree)
        tree = tree.get(key)
        if tree is None:
            return default
    return tree


def read_setting(tree, one, path):
    """The value of a field of Settings: a number, as its default is, or as many as in it (of overlaps any number)."""
    place, default = one.metadata["place"], one.default
    value = lookup(tree, place, path, default)
    if isinstance(default, tuple):
        several = isinstance(value, list | tuple) and value and (len(value) == len(default) or one.name == "overlaps")
        if not several or not all(type(number) in (int, float) and 0 < number < 1000 for number in value):
            raise ConfigError.at(path, place, f"{len(default)} numbers above 0", value)
        return tuple(value)
    if not (type(value) in (int, type(default)) and 0 < value <= LARGEST[type(default)]):
        raise ConfigError.at(path, place, f"a number in 1 … {LARGEST[type(default)]}", value)
    return value


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
