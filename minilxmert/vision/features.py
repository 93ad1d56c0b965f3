"""Objects that a detector found in pictures, read from files: TSV, HDF5, npz and folders of npz, in all layouts known.

    with open_features("val2014_obj36.tsv") as pictures:
        objects = pictures["COCO_val2014_000000000042"]       # Objects of one picture
        feats, boxes, mask = pictures.batch([id1, id2])       # what the models take: ragged counts become a mask
All kinds of file have this interface. Of a TSV only an index is in memory; what convert_to_hdf5 writes is mapped."""

import os

import numpy as np

from ..errors import ConfigError, FeatureFileError, listed, shorten
from ..files import PatientFile, expecting, kind_of, replacing
from .feature_files import FORMAT, NpzFiles, open_hdf5
from .objects import COLUMNS, FeatureFile, Objects
from .tsv import TsvFile


def open_features(path, progress=None):
    """The FeatureFile at `path`, whatever its kind; its content decides. Raises FeatureFileError.

    progress: called with (bytes done, bytes in all) while a large TSV is indexed for the first time."""
    kind = kind_of(path).name
    with expecting("objects of pictures: a TSV, HDF5 or npz", path, "TSV", "HDF5", "npz", "folder"):
        if kind == "HDF5":
            return open_hdf5(path)
        if kind in ("npz", "zip", "folder"):
            return NpzFiles(path)
        return TsvFile(path, progress)


def is_feature_file(path):
    """Whether a file is a TSV or npz. HDF5 and folders may hold objects or a checkpoint."""
    return kind_of(path).name in ("TSV", "npz")


def convert_to_hdf5(source, target, progress=None, dtype="float32", about=None):
    """Write the objects of any feature file as one HDF5 file, which is mapped when it is opened.

    source: a path, or several: their pictures in the order of their ids, whatever file they come from. dtype: of the
    features, "float32" or "float16". about: what the file says of all its pictures, as {name: text} (default: what the
    sources say). progress: called with (pictures done, pictures in all). `target` is replaced whole or not at all, a
    picture at a time. Raises FeatureFileError, ConfigError."""
    if dtype not in ("float32", "float16"):
        raise ConfigError.at("convert_to_hdf5", "dtype", "float32 or float16", dtype)
    with open_joined(source) as pictures:
        about = {**pictures.about, "part": pictures.part} if about is None else about
        if not (len(pictures) or about.get("part")):
            raise FeatureFileError.at(target, None, "a picture at least", "none")
        try:
            with replacing(target) as temporary, PatientFile(temporary, "w+") as file:
                write_hdf5(pictures, file, progress, dtype, about)
                file.check()
        except OSError as problem:
            reason = os.strerror(problem.errno) if problem.errno else shorten(problem)
            raise FeatureFileError.at(target, None, "a file that can be written", reason) from problem


def open_joined(source):
    """The feature file at a path, or several as one, which closes them."""
    if isinstance(source, str | os.PathLike):
        return open_features(source)
    return Joined([open_features(path) for path in source])


class Joined(FeatureFile):
    """Several feature files as one, in the order of the pictures' ids. Raises FeatureFileError: they do not fit."""

    def __init__(self, files):
        super().__init__(files[0].path if files else "")
        self.files, owners = files, {}
        for file in files:
            if file.about != self.about:
                mine, theirs = (listed(about) for about in (self.about, file.about))
                raise FeatureFileError.at(file.path, "recipe and weights", mine, theirs)
            twice = next((image_id for image_id in file if image_id in owners), None)
            if twice is not None:
                found = f"one in {owners[twice].path.name}, too"
                raise FeatureFileError.at(file.path, twice, "every picture in one file", found)
            owners |= dict.fromkeys(file, file)
        self.ids = dict(sorted(owners.items()))
        self.check_parts()

    def check_parts(self):
        """Refuse parts of a whole where one is missing, or something else is among them."""
        parts = [file.part for file in self.files]
        if any(parts) and set(parts) != {f"{k}/{len(parts)}" for k in range(1, len(parts) + 1)}:
            whole = next(filter(None, parts)).split("/")[1]
            found = shorten(", ".join(part or "a whole" for part in parts))
            raise FeatureFileError.at(self.path, "part", f"every part of {whole}, once", found)

    @property
    def about(self):
        return self.files[0].about if self.files else {}

    def close(self):
        for file in self.files:
            file.close()

    def count(self, image_id):
        return self.ids[image_id].count(image_id)

    def read(self, image_id):
        return self.ids[image_id].read(image_id)


NOTHING = Objects("", 1, 1, np.zeros((0, 4), np.float32), np.zeros((0, 0), np.float32))


def write_hdf5(pictures, target, progress, dtype, about):
    """Write a FeatureFile into a PatientFile in the layout of TableFile, picture after picture."""
    import h5py

    ids = list(pictures)
    starts = np.concatenate([[0], np.cumsum([pictures.count(image_id) for image_id in ids])]).astype("<i8")
    sample = next((pictures[image_id] for image_id in ids if pictures.count(image_id)), None)
    sample = sample or (pictures[ids[0]] if ids else NOTHING)
    known = columns_of(sample)
    with h5py.File(target, "w", libver="earliest") as file:
        for name, text in {"format": FORMAT, **about}.items():
            if text:
                file.attrs[name] = np.bytes_(text.encode())
        file["image_ids"] = np.array([image_id.encode() for image_id in ids], "S")
        file["starts"], sizes = starts, file.create_dataset("sizes", (len(ids), 2), "<i8")
        boxes = file.create_dataset("boxes", (starts[-1], 4), "<f4")
        features = file.create_dataset(
            "features", (starts[-1], sample.features.shape[1]), np.dtype(dtype).newbyteorder("<")
        )
        columns = {name: file.create_dataset(name, (starts[-1],), kind) for name, (_, kind) in known.items()}
        for number, image_id in enumerate(ids):
            objects, rows = pictures[image_id], slice(*starts[number : number + 2].tolist())
            sizes[number] = objects.width, objects.height
            if len(objects):
                check_alike(objects, sample, pictures.path)
                boxes[rows], features[rows] = objects.boxes, narrow(objects, dtype, pictures.path)
                for name, column in columns.items():
                    column[rows] = getattr(objects, known[name][0])
            target.check()
            if progress:
                progress(number + 1, len(ids))


def columns_of(objects):
    """Those of the COLUMNS that are known of a picture's objects."""
    return {name: kind for name, kind in COLUMNS.items() if getattr(objects, kind[0]) is not None}


def check_alike(objects, sample, path):
    """Refuse objects of another kind than those in `sample`: with features of another width, or other columns."""
    width, found = sample.features.shape[1], objects.features.shape[1]
    if found != width:
        raise FeatureFileError.at(path, f"{objects.image_id}, features", f"{width} numbers an object", found)
    known, found = (", ".join(columns_of(some)) or "no classes" for some in (sample, objects))
    if found != known:
        raise FeatureFileError.at(path, objects.image_id, f"{known}, as {sample.image_id} has", found)


def narrow(objects, dtype, path):
    """The features (M, F) as `dtype`, or a FeatureFileError where it cannot hold them."""
    with np.errstate(over="ignore"):
        features = objects.features.astype(dtype)
    if not np.isfinite(features).all():
        expected = f"numbers that {dtype} can hold"
        raise FeatureFileError.at(path, f"{objects.image_id}, features", expected, np.abs(objects.features).max())
    return features
