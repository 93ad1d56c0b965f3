"""Feature files that hold arrays: HDF5 (mapped), whose layouts are told apart here, and npz (one picture)."""

import os

import numpy as np

from ..errors import FeatureFileError
from ..files.npz import read_npz
from .objects import COLUMNS, Pictures, check_id, make_objects

FORMAT = "minilxmert objects"
KINDS = {"image_ids": "S", "sizes": "iu", "starts": "iu", "boxes": "f", "features": "f"}
KINDS |= {name: "iu" if dtype is np.int64 else "f" for name, (_, dtype) in COLUMNS.items()}


def open_hdf5(path):
    """The Pictures of an HDF5 file of either layout."""
    from ..files.hdf5_guard import open_checked

    with open_checked(path, FeatureFileError, objects=2_000_000) as file:
        own = "format" in file.attributes()
        return (TablePictures if own else GroupPictures)(path, file)


def open_again(path, place, stamp):
    """A copy of opened HDF5 features, as pickle makes it: of the file itself, which must not have changed."""
    if not os.path.exists(place) or stamp_of(place) != stamp:
        raise FeatureFileError.at(path, None, "the file that was opened", "another in its place, or none")
    pictures = open_hdf5(place)
    pictures.path = path
    return pictures


def stamp_of(place):
    """What tells a file from another that has been in its place."""
    about = os.stat(place)
    return about.st_size, about.st_mtime_ns


class Hdf5Pictures(Pictures):
    """Objects whose arrays are mapped; so a copy is not pickled but opened again."""

    def __init__(self, path):
        super().__init__(path)
        self.stamp = stamp_of(path)

    def __reduce__(self):
        return open_again, (self.path, self.place, self.stamp)


class TablePictures(Hdf5Pictures):
    """HDF5 of our own writing: the objects of all pictures in one array each, mapped.

    image_ids (B,); sizes (B, 2), width and height; starts (B + 1,): the rows of picture b are starts[b] … starts[b + 1]
    of boxes (R, 4) in pixels, features (R, F) and, where known, objects_id, objects_conf, attrs_id, attrs_conf (R,)."""

    def __init__(self, path, file):
        super().__init__(path)
        if file.attribute("", "format") != FORMAT:
            raise file.refuse("root attribute format", FORMAT, file.attribute("", "format"))
        if "recipe" in file.attributes():
            self.about = {"recipe": str(file.attribute("", "recipe"))}
        names = set(file.datasets())
        missing = KINDS.keys() - COLUMNS.keys() - names
        if missing:
            raise file.refuse(min(missing), "this dataset", "none")
        self.table = {name: file.array(name, kinds) for name, kinds in KINDS.items() if name in names}
        with file.sound("image_ids", "a list of texts in UTF-8"):
            ids = [check_id(text.decode(), path, "image_ids") for text in self.table["image_ids"].tolist()]
        self.ids = {image_id: number for number, image_id in enumerate(ids)}
        if not ids or len(self.ids) < len(ids):
            raise file.refuse("image_ids", "pictures, each once", f"{len(ids)} ids, {len(self.ids)} different ones")
        self.check_rows(file, len(ids))

    def check_rows(self, file, pictures):
        """Every object has one row in each array and belongs to one picture."""
        if self.table["features"].ndim != 2:
            raise file.refuse("features", "a row an object, (R, F)", f"shape {self.table['features'].shape}")
        rows = len(self.table["features"])
        for name in self.table.keys() - {"image_ids", "sizes", "starts"}:
            if self.table[name].shape[:1] != (rows,):
                raise file.refuse(name, f"{rows} rows, as features has", f"shape {self.table[name].shape}")
        starts, sizes = self.table["starts"], self.table["sizes"]
        fits = starts.shape == (pictures + 1,) and sizes.shape == (pictures, 2)
        if not fits or starts[0] or starts[-1] != rows or (starts[1:] < starts[:-1]).any():
            raise file.refuse("starts", f"{pictures} pictures that share {rows} rows", "another division")

    def read(self, image_id):
        number = self.ids[image_id]
        rows = slice(*self.table["starts"][number : number + 2].tolist())
        arrays = {name: self.table[name][rows] for name in ("boxes", "features", *COLUMNS) if name in self.table}
        return make_objects(self.path, image_id, image_id, *self.table["sizes"][number].tolist(), arrays)


class GroupPictures(Hdf5Pictures):
    """HDF5 with a group a picture: <id>/features (M, F), <id>/boxes (M, 4) in pixels, attributes img_w and img_h.

    Plainly stored arrays are mapped; those in chunks are unpacked when the file is opened."""

    def __init__(self, path, file):
        super().__init__(path)
        self.ids = {}
        for name in file.names():
            if not file.is_group(check_id(name, path, name)):
                found = f"the layout of another program: {', '.join(file.names())}"
                raise file.refuse(None, "a group a picture: <id>/features, <id>/boxes, img_w, img_h", found)
            sizes = [whole_number(file.attribute(name, side)) for side in ("img_w", "img_h")]
            self.ids[name] = sizes, {array: file.array(f"{name}/{array}", "fiu") for array in ("boxes", "features")}
        if not self.ids:
            raise file.refuse("root", "a group for each picture", "an empty file")

    def read(self, image_id):
        sizes, arrays = self.ids[image_id]
        return make_objects(self.path, image_id, image_id, *sizes, arrays)


# --- npz -------------------------------------------------------------------------------------------------------------


class NpzPictures(Pictures):
    """One picture in an npz file: features (M, F), boxes (M, 4) in pixels, img_w and img_h, and where known
    objects_id, objects_conf, attrs_id, attrs_conf (M,). The picture's id is the file's name."""

    def __init__(self, path):
        super().__init__(path)
        image_id = check_id(self.path.stem, path, "the file's name")
        arrays = read_npz(path, ("features", "boxes", "img_w", "img_h"), COLUMNS)
        sizes = [whole_number(arrays[name].tolist()) for name in ("img_w", "img_h")]
        self.ids = {image_id: make_objects(path, image_id, image_id, *sizes, arrays)}

    def read(self, image_id):
        return self.ids[image_id]


def whole_number(value):
    """One whole number, written as 640, 640.0 or [640] -> an int; anything else stays what it is, for make_objects."""
    while isinstance(value, list) and len(value) == 1:
        (value,) = value
    return int(value) if isinstance(value, float) and value.is_integer() else value
