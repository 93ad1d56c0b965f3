"""The objects that a detector found in pictures, as arrays: of one picture, of several, and what cannot be right."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from ..core.boxes import normalise_boxes
from ..errors import FeatureFileError, VocabularyError, shorten
from ..files import read_text

MOST_OBJECTS, LARGEST_ID, MOST_PIXELS = 10_000, 100_000, 9_999_999
VINVL = ", as VinVL's detector gives: minilxmert detect finds LXMERT's"
COLUMNS = {  # what files may say of each object: its name there, field of Objects, type
    "objects_id": ("object_ids", np.int64),
    "objects_conf": ("object_conf", np.float32),
    "attrs_id": ("attribute_ids", np.int64),
    "attrs_conf": ("attribute_conf", np.float32),
}

OTHER_NAMES = {  # what other programs call what we read
    "x": "features", "bbox": "boxes", "num_bbox": "num_boxes", "image_w": "img_w", "image_h": "img_h",
    "width": "img_w", "height": "img_h",
    "obj_id": "objects_id", "obj_conf": "objects_conf", "attr_id": "attrs_id", "attr_conf": "attrs_conf",
}  # fmt: skip
IMAGE_ID = re.compile(r"[^\s\"\\:](?:[^\"\\:]{0,254}\S)?")


def own_names(names):
    """{our name: the name in the file} of what a file has. Where it has both, ours counts."""
    return {OTHER_NAMES[name]: name for name in names if name in OTHER_NAMES} | {name: name for name in names}


def check_id(image_id, path, entry):
    """A picture's id: printable, and no way out of a folder should it ever become a path. Raises FeatureFileError."""
    good = IMAGE_ID.fullmatch(image_id) and image_id.isprintable() and ".." not in image_id.split("/")
    if not good or image_id in ("img_id", "image_id"):  # the header of a table
        raise FeatureFileError.at(path, f"{entry}, img_id", "a plain image id", repr(image_id))
    return image_id


def plain_id(text):
    """A text, the name of a file say, as an id of a picture: what an id cannot hold becomes _."""
    kept = "".join(c if c.isprintable() and c not in '"\\:' else "_" for c in text)
    return re.sub(r"^\s|\s$", "_", kept)


@dataclass(frozen=True)
class Objects:
    """The objects of one picture. Classes and attributes are None where the file has none."""

    image_id: str
    width: int  # of the picture, in pixels
    height: int
    boxes: np.ndarray  # (M, 4) float32: x0 y0 x1 y1 in pixels
    features: np.ndarray  # (M, F) float32
    object_ids: np.ndarray | None = None  # (M,) int64: the detector's class
    object_conf: np.ndarray | None = None  # (M,) float32: its confidence, 0…1
    attribute_ids: np.ndarray | None = None  # (M,) int64
    attribute_conf: np.ndarray | None = None  # (M,) float32
    plain_ground: bool = True  # whether there is nothing to be seen between them

    def __len__(self):
        return len(self.boxes)

    @property
    def normalised_boxes(self):
        """The boxes as the models take them, (M, 4): x by width, y by height."""
        return normalise_boxes(self.boxes, self.width, self.height, check=False)

    def summary(self):
        """One line that shows features from another detector, or damaged ones, at a glance."""
        f, (x0, y0, x1, y1) = self.features, self.normalised_boxes.T
        if not f.size:
            return f"{self.image_id}: no objects"
        spread = f"features {f.min():.3g} … {f.mean():.3g} … {f.max():.3g}, {np.mean(f == 0):.0%} zeros"
        area = (x1 - x0) * (y1 - y0)
        cover = f"which cover {area.min():.0%} … {area.max():.0%} of {self.width} × {self.height} pixels"
        return f"{self.image_id}: {len(self)} objects {cover}; {spread}"


class FeatureFile:
    """What every file of objects can do, in any thread, forked process or pickled copy. A subclass has `ids` and
    `read`. path: as given, for messages; place: its absolute path, which stays right after a change of directory."""

    about = MappingProxyType({})  # what the file says of all its pictures: {"recipe": "authors", "weights": "1f3c…"}
    part = None  # which of how many parts of a whole it is: "3/8"

    def __init__(self, path):
        self.path, self.place = Path(path), os.path.abspath(path)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.close()

    def close(self):
        """Let go of the file."""

    def __len__(self):
        return len(self.ids)

    def __iter__(self):
        return iter(self.ids)

    def __contains__(self, image_id):
        return image_id in self.ids

    def __getitem__(self, image_id):
        """The Objects of a picture. Raises FeatureFileError, naming line and field of a damaged row."""
        if image_id not in self.ids:
            sample = ", ".join(list(self.ids)[:3])
            raise FeatureFileError.at(self.path, f"image {image_id!r}", f"one of {len(self)} ids: {sample}, …", "none")
        return self.read(image_id)

    def count(self, image_id):
        """How many objects a picture has."""
        return len(self[image_id])

    def batch(self, image_ids):
        """Several pictures -> visual_feats (B, M, F), visual_pos (B, M, 4) in 0…1, visual_attention_mask (B, M)"""
        return pad_objects([self[image_id] for image_id in image_ids])

    def __repr__(self):
        return f"<{self.path.name}: the objects of {len(self)} pictures>"


def pad_objects(objects, width=None):
    """Objects of several pictures -> feats (B, M, F), boxes (B, M, 4) in 0…1 and mask (B, M); M is the largest count.

    width: F, where the pictures may have no object at all. Raises FeatureFileError for what cannot be right, also
    in Objects that a program has made or changed."""
    for o in objects:
        check_arrays(o)
    most = max((len(o) for o in objects), default=0)
    width = width or max((o.features.shape[1] for o in objects), default=0)
    feats, boxes = np.zeros((len(objects), most, width), np.float32), np.zeros((len(objects), most, 4), np.float32)
    mask = np.zeros((len(objects), most), np.float32)
    for row, o in enumerate(objects):
        if len(o) and o.features.shape[1] != width:
            found = f"{o.features.shape[1]}{VINVL if o.features.shape[1] == 2054 else ''}"
            raise FeatureFileError.at(o.image_id, "features", f"{width} numbers an object", found)
        if len(o):
            with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # refused below
                feats[row, : len(o)], boxes[row, : len(o)], mask[row, : len(o)] = o.features, o.normalised_boxes, 1
    sure = [c for o in objects for c in (o.object_conf, o.attribute_conf) if c is not None]
    if not all(np.isfinite(numbers).all() for numbers in (feats, boxes, *sure)):
        for o in objects:
            check_finite_objects(o, o.image_id)
    return feats, boxes, mask


def check_arrays(objects):
    """Refuse Objects whose features are no row of numbers for each box."""
    found = np.asarray(objects.features)
    if found is not objects.features or found.ndim != 2 or len(found) != len(objects) or found.dtype.kind not in "biuf":
        expected = f"an array ({len(objects)}, F) of numbers"
        found = f"{type(objects.features).__name__} of {found.dtype} {found.shape}"
        raise FeatureFileError.at(objects.image_id, "features", expected, found)


def check_finite_objects(objects, path, entry=""):
    """Refuse Objects with a number that float32 cannot hold, naming object and column."""
    for name in ("features", "boxes", "object_conf", "attribute_conf"):
        values = getattr(objects, name)
        with np.errstate(over="ignore"):
            finite = True if values is None else np.isfinite(np.asarray(values, np.float32))
        if not np.all(finite):
            row, *column = place = tuple(np.argwhere(~finite)[0].tolist())
            where = f"object {row}, {name}{' column ' if column else ''}{''.join(map(str, column))}"
            raise FeatureFileError.at(path, f"{entry}{where}", "a finite number", values[place])


def make_objects(path, entry, image_id, width, height, arrays):
    """Objects from the arrays of a file, {name in the file: array}; whatever cannot be right is a FeatureFileError."""

    def check(name, good, expected):
        if not good:
            found = f"{arrays[name].dtype} of shape {arrays[name].shape}"
            raise FeatureFileError.at(path, f"{entry}, {name}", expected, found)

    if not all(type(side) is int and 1 <= side <= MOST_PIXELS for side in (width, height)):
        raise FeatureFileError.at(path, f"{entry}, img_w and img_h", "whole numbers of pixels", f"{width} × {height}")
    check("features", arrays["features"].ndim == 2, "a row of numbers an object, (M, F)")
    count = len(arrays["features"])
    check("boxes", arrays["boxes"].shape == (count, 4), f"({count}, 4) numbers, as there are features")
    if "num_boxes" in arrays and arrays["num_boxes"].tolist() not in (count, [count]):
        raise FeatureFileError.at(path, f"{entry}, num_boxes", count, shorten(arrays["num_boxes"]))
    columns = {}
    for name in COLUMNS.keys() & arrays.keys():
        field, dtype = COLUMNS[name]
        kinds = "iu" if dtype is np.int64 else "iuf"
        check(name, arrays[name].shape == (count,) and arrays[name].dtype.kind in kinds, f"{count} numbers, {field}")
        columns[field] = arrays[name].astype(dtype, copy=False)
    with np.errstate(over="ignore"):  # what becomes infinite is refused below
        boxes, features = (arrays[name].astype(np.float32, copy=False) for name in ("boxes", "features"))
    return check_objects(Objects(image_id, width, height, boxes, features, **columns), path, entry)


def check_objects(objects, path, entry):
    """Objects whose numbers can be right, or a FeatureFileError that says which cannot."""

    def refuse(field, expected, found):
        return FeatureFileError.at(path, f"{entry}, {field}", expected, found)

    size = np.array([objects.width, objects.height] * 2, np.float32)
    check_finite_objects(objects, path, f"{entry}, ")
    outside = (objects.boxes < -1) | (objects.boxes > size + 1)  # a pixel of slack: detectors round
    if outside.any():
        found = shorten(objects.boxes[outside.any(1)][0])
        raise refuse("boxes", f"x0 y0 x1 y1 inside {objects.width} × {objects.height} pixels", found)
    reversed_ = (objects.boxes[:, 2:] < objects.boxes[:, :2]).any(1)
    if reversed_.any():
        found = shorten(objects.boxes[reversed_][0])
        raise refuse("boxes", "x0 y0 x1 y1 (if they are x y width height: boxes_from_xywh)", found)
    for name, dtype in COLUMNS.values():
        values, most = getattr(objects, name), LARGEST_ID if dtype is np.int64 else 1
        if values is not None and values.size and not (values.min() >= 0 and values.max() <= most):
            kind = "class numbers" if dtype is np.int64 else "confidences"
            raise refuse(name, f"{kind} in 0 … {most}", f"{values.min()} … {values.max()}")
    return objects


def read_names(path):
    """Texts by number from a file with one a line; of "cup,mug" (the published objects_vocab.txt) the first counts."""
    lines = read_text(path, "names, one a line", VocabularyError).splitlines()
    return [line.split(",")[0].strip() for line in lines]
