"""Objects that a detector found in pictures, read from files: the authors' Faster R-CNN TSV, HDF5 and npz.

    with open_features("val2014_obj36.tsv") as pictures:
        objects = pictures["COCO_val2014_000000000042"]       # Objects of one picture
        feats, boxes, mask = pictures.batch([id1, id2])       # what the models take: ragged counts become a mask
All three kinds of file have this interface; none is read into memory as a whole."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .boxes import normalise_boxes
from .checkpoints.arrays import check_finite, map_file
from .checkpoints.zip_file import read_members
from .errors import FeatureFileError, shorten
from .files import replacing

MOST_OBJECTS, LARGEST_ID, MOST_PIXELS = 10_000, 100_000, 9_999_999
HDF5 = b"\x89HDF\r\n\x1a\n"


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

    def __len__(self):
        return len(self.boxes)

    @property
    def normalised_boxes(self):
        """The boxes as the models take them, (M, 4): x by width, y by height."""
        return normalise_boxes(self.boxes, self.width, self.height, check=False)

    def summary(self):
        """One line that shows features from another detector, or damaged ones, at a glance."""
        f = self.features
        if not f.size:
            return f"{self.image_id}: no objects"
        spread = f"features {f.min():.3g} … {f.mean():.3g} … {f.max():.3g}, {np.mean(f == 0):.0%} zeros"
        return f"{self.image_id}: {len(self)} objects in {self.width} × {self.height} pixels; {spread}"


class Pictures:
    """What every feature file can do. A subclass has `ids` and `read`."""

    def __init__(self, path):
        self.path = Path(path)

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

    def batch(self, image_ids):
        """Several pictures -> visual_feats (B, M, F), visual_pos (B, M, 4) in 0…1, visual_attention_mask (B, M)"""
        return pad_objects([self[image_id] for image_id in image_ids])

    def __repr__(self):
        return f"<{self.path.name}: the objects of {len(self)} pictures>"


def pad_objects(objects, width=None):
    """Objects of several pictures -> feats (B, M, F), boxes (B, M, 4) in 0…1 and mask (B, M); M is the largest count.

    width: F, where the pictures may have no object at all."""
    most = max((len(o) for o in objects), default=0)
    width = width or max((o.features.shape[1] for o in objects), default=0)
    feats, boxes = np.zeros((len(objects), most, width), np.float32), np.zeros((len(objects), most, 4), np.float32)
    mask = np.zeros((len(objects), most), np.float32)
    for row, o in enumerate(objects):
        if len(o) and o.features.shape[1] != width:
            found = o.features.shape[1]
            raise FeatureFileError.at(o.image_id, "features", f"{width} numbers an object", found)
        if len(o):
            feats[row, : len(o)], boxes[row, : len(o)], mask[row, : len(o)] = o.features, o.normalised_boxes, 1
    return feats, boxes, mask


def check_objects(objects, path, entry):
    """Objects whose numbers can be right, or a FeatureFileError that says which cannot."""

    def refuse(field, expected, found):
        return FeatureFileError.at(path, f"{entry}, {field}", expected, found)

    size = np.array([objects.width, objects.height] * 2, np.float32)
    for name in ("features", "boxes", "object_conf", "attribute_conf"):
        values = getattr(objects, name)
        if values is not None and not np.isfinite(values).all():
            raise refuse(name, "finite numbers", "NaN or infinity")
    outside = (objects.boxes < -1) | (objects.boxes > size + 1)  # a pixel of slack: detectors round
    if outside.any():
        found = shorten(objects.boxes[outside.any(1)][0])
        raise refuse("boxes", f"x0 y0 x1 y1 inside {objects.width} × {objects.height} pixels", found)
    reversed_ = (objects.boxes[:, 2:] < objects.boxes[:, :2]).any(1)
    if reversed_.any():
        found = shorten(objects.boxes[reversed_][0])
        raise refuse("boxes", "x0 y0 x1 y1 (if they are x y width height: boxes_from_xywh)", found)
    for name in ("object_conf", "attribute_conf"):
        values = getattr(objects, name)
        if values is not None and values.size and not (values.min() >= 0 and values.max() <= 1):
            raise refuse(name, "confidences in 0…1", f"{values.min()} … {values.max()}")
    for name in ("object_ids", "attribute_ids"):
        values = getattr(objects, name)
        if values is not None and values.size and not (values.min() >= 0 and values.max() <= LARGEST_ID):
            raise refuse(name, f"class numbers of at most {LARGEST_ID}", f"{values.min()} … {values.max()}")
    return objects


def open_features(path, progress=None):
    """The feature file at `path` as a Pictures, whatever its kind; its content decides. Raises FeatureFileError.

    progress: called with (bytes done, bytes in all) while a large TSV is indexed for the first time."""
    from .feature_files import Hdf5Pictures, NpzPictures, TsvPictures

    head = bytes(map_file(path, FeatureFileError)[:8])
    if head == HDF5:
        return Hdf5Pictures(path)
    if head.startswith(b"PK"):
        return NpzPictures(path)
    return TsvPictures(path, progress)


def is_feature_file(path):
    """Whether a file (not a checkpoint) holds objects: a TSV or npz, told by its content."""
    path = Path(path)
    if not path.is_file():
        return False
    data = map_file(path, FeatureFileError)
    first = bytes(data[: 1 << 20]).split(b"\n")[0]
    names = first.count(b"\t") == 9 or (first.startswith(b"PK") and b".npy" in first[:200])
    return bool(names)


# --- npz -------------------------------------------------------------------------------------------------------------

NPY_HEADER = re.compile(
    rb"\{'descr': ?'([<>|=][fiub]\d{1,2})', ?'fortran_order': ?(True|False), ?"
    rb"'shape': ?\(((?:\d{1,18}, ?)*\d{0,18})\),? ?\} *\n?"
)


def read_npz(path):
    """{name: array} of an npz file of numbers. Nothing of it is evaluated. Raises FeatureFileError."""
    members = read_members(map_file(path, FeatureFileError), path, FeatureFileError, deflate=True)
    arrays = {}
    for name, data in members.items():
        if not name.endswith(".npy"):
            raise FeatureFileError.at(path, name, "only .npy members", "another")
        arrays[name.removesuffix(".npy")] = read_npy(data, path, name)
    check_finite(arrays, path, FeatureFileError)
    return arrays


def read_npy(data, path, name):
    """The bytes of one .npy member -> its array. Source: numpy.lib.format, versions 1 to 3."""

    def refuse(expected, found):
        return FeatureFileError.at(path, name, expected, found)

    head = bytes(data[:12])
    if head[:6] != b"\x93NUMPY" or head[6:8] not in (b"\1\0", b"\2\0", b"\3\0"):
        raise refuse("a NumPy array (.npy 1.0 to 3.0)", "another")
    wide = 4 if head[6] > 1 else 2
    length, start = int.from_bytes(head[8 : 8 + wide], "little"), 8 + wide
    match = NPY_HEADER.fullmatch(bytes(data[start : start + length])) if length <= 1024 else None
    if match is None or start + length > len(data):
        raise refuse("a header with descr, fortran_order and shape of numbers", "another")
    kind, fortran, sizes = (group.decode() for group in match.groups())
    shape = tuple(int(size) for size in sizes.replace(" ", "").split(",") if size)
    if kind[1:] not in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1") or len(shape) > 8:
        raise refuse("real numbers of at most 8 axes", f"{kind} {shape}")
    dtype, count = np.dtype(kind), 1
    for size in shape:
        count *= size
    body = data[start + length :]
    if len(body) != count * dtype.itemsize:
        raise refuse(f"{count * dtype.itemsize} bytes for {shape} of {dtype}", len(body))
    array = body.view(dtype).reshape(shape, order="F" if fortran == "True" else "C")
    return np.ascontiguousarray(array.astype(dtype.newbyteorder("="), copy=False)).reshape(shape)


def convert_to_hdf5(source, target, progress=None, dtype="float32"):
    """Write the objects of any feature file as one HDF5 file, which is mapped when it is opened.

    dtype: of the features, "float32" or "float16". progress: called with (pictures done, pictures in all). `target` is
    replaced whole or not at all; what is written stays small in memory. Raises FeatureFileError."""
    from .feature_files import write_hdf5

    with open_features(source) as pictures, replacing(target) as temporary:
        write_hdf5(pictures, temporary, progress, np.dtype(dtype))
