"""Objects that a detector found in pictures, read from files: the authors' Faster R-CNN TSV, HDF5 and npz.

    with open_features("val2014_obj36.tsv") as pictures:
        objects = pictures["COCO_val2014_000000000042"]       # Objects of one picture
        feats, boxes, mask = pictures.batch([id1, id2])       # what the models take: ragged counts become a mask
All three kinds of file have this interface; none is read into memory as a whole."""

from pathlib import Path

import numpy as np

from .checkpoints.arrays import map_file
from .errors import FeatureFileError
from .feature_files import Hdf5Pictures, NpzPictures, TsvPictures, write_hdf5
from .files import replacing

HDF5 = b"\x89HDF\r\n\x1a\n"


def open_features(path, progress=None):
    """The feature file at `path` as a Pictures, whatever its kind; its content decides. Raises FeatureFileError.

    progress: called with (bytes done, bytes in all) while a large TSV is indexed for the first time."""
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


def convert_to_hdf5(source, target, progress=None, dtype="float32"):
    """Write the objects of any feature file as one HDF5 file, which is mapped when it is opened.

    dtype: of the features, "float32" or "float16". progress: called with (pictures done, pictures in all). `target` is
    replaced whole or not at all; what is written stays small in memory. Raises FeatureFileError."""
    with open_features(source) as pictures, replacing(target) as temporary:
        write_hdf5(pictures, temporary, progress, np.dtype(dtype))
