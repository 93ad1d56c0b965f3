"""Feature files that hold arrays: HDF5 (mapped), whose layouts are told apart here, npz (a picture), folders of npz."""

import contextlib
import os
import re
import threading
from pathlib import Path

import numpy as np

from ..errors import FeatureFileError, shorten
from ..files import what_it_is
from ..files.arrays import read_npz
from ..files.hdf5 import open_checked
from ..files.reading import mapping_of
from .objects import COLUMNS, FeatureFile, check_id, make_objects, own_names

FORMAT = "minilxmert objects"
ABOUT = "recipe", "weights"  # of the detector that saw all pictures
KINDS = {"image_ids": "S", "sizes": "iu", "starts": "iu", "boxes": "f", "features": "f"}
SIZES = "img_w", "img_h"
READ = "features", "boxes", *SIZES, "num_boxes", *COLUMNS  # of a picture in a group or file of its own
KINDS |= {name: "iu" if dtype is np.int64 else "f" for name, (_, dtype) in COLUMNS.items()}


def open_hdf5(path):
    """The FeatureFile of an HDF5 file of either layout."""
    with checked(path) as file:
        own = "format" in file.attributes()
        return (TableFile if own else GroupFile)(path, file)


def checked(path):
    """The context of an HDF5 file with a million groups and data sets."""
    return open_checked(path, FeatureFileError, objects=2_000_000)


def open_again(path, place, stamp):
    """A copy of opened HDF5 features, as pickle makes it: of the file itself, which must not have changed."""
    check_stamp(path, place, stamp)
    pictures = open_hdf5(place)
    pictures.path = path
    return pictures


def check_stamp(path, place, stamp):
    """Refuse a file that is another than when it was opened."""
    if not os.path.exists(place) or stamp_of(place) != stamp:
        raise FeatureFileError.at(path, None, "the file that was opened", "another in its place, or none")


def stamp_of(place):
    """What tells a file from another that has been in its place."""
    about = os.stat(place)
    return about.st_size, about.st_mtime_ns


class Hdf5File(FeatureFile):
    """Objects whose arrays are mapped; so a copy is not pickled but opened again."""

    def __init__(self, path):
        super().__init__(path)
        self.stamp = stamp_of(path)

    def __reduce__(self):
        return open_again, (self.path, self.place, self.stamp)

    def check_size(self, part):
        """Refuse a file that somebody has cut short: reading what is gone of a mapped one would end the process."""
        mapped = mapping_of(part)
        if mapped is not None and mapped.size() < len(mapped):
            raise FeatureFileError.at(self.path, None, "the file that was opened", "a shorter one: it was cut off")


class TableFile(Hdf5File):
    """HDF5 of our own writing: the objects of all pictures in one array each, mapped.

    image_ids (B,); sizes (B, 2), width and height; starts (B + 1,): the rows of picture b are starts[b] … starts[b + 1]
    of boxes (R, 4) in pixels, features (R, F) and, where known, objects_id, objects_conf, attrs_id, attrs_conf (R,)."""

    def __init__(self, path, file):
        super().__init__(path)
        if file.attribute("", "format") != FORMAT:
            raise file.refuse("root attribute format", FORMAT, file.attribute("", "format"))
        said = {name: str(file.attribute("", name)) for name in (*ABOUT, "part") if name in file.attributes()}
        self.part, self.about = said.pop("part", None), said
        if self.part:
            read_part(self.part, path, "root attribute part")
        names = set(file.datasets())
        missing = KINDS.keys() - COLUMNS.keys() - names
        if missing:
            raise file.refuse(min(missing), "this dataset", "none")
        self.table = {name: file.array(name, kinds) for name, kinds in KINDS.items() if name in names}
        with file.sound("image_ids", "a list of texts in UTF-8"):
            ids = [check_id(text.decode(), path, "image_ids") for text in self.table["image_ids"].tolist()]
        self.ids = {image_id: number for number, image_id in enumerate(ids)}
        if not (ids or self.part) or len(self.ids) < len(ids):
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
        self.check_size(self.table["features"])
        number = self.ids[image_id]
        rows = slice(*self.table["starts"][number : number + 2].tolist())
        arrays = {name: self.table[name][rows] for name in ("boxes", "features", *COLUMNS) if name in self.table}
        return make_objects(self.path, image_id, image_id, *self.table["sizes"][number].tolist(), arrays)


def read_part(text, source, entry=None):
    """ "3/8" -> (3, 8). Raises FeatureFileError, which names the source of the text."""
    numbers = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    if not numbers or not 1 <= int(numbers[1]) <= int(numbers[2]):
        raise FeatureFileError.at(source, entry, "K/N like 3/8", shorten(text))
    return int(numbers[1]), int(numbers[2])


class GroupFile(Hdf5File):
    """HDF5 with a group a picture: <id>/features (M, F), <id>/boxes (M, 4) in pixels, img_w and img_h as attributes or
    numbers, and where known the four COLUMNS, by their names or by VL-T5's (obj_id, …).

    Only the ids are in memory, since files of a hundred thousand pictures are published. The file stays open: each
    process has its own, which its threads use in turn."""

    def __init__(self, path, file):
        super().__init__(path)
        names = file.names()
        if not names:
            raise file.refuse("root", "a group for each picture", "an empty file")
        if not file.is_group(names[0]):
            found = f"the layout of another program: {', '.join(names)}"
            raise file.refuse(None, "a group a picture: <id>/features, <id>/boxes, img_w, img_h", found)
        self.ids = dict.fromkeys(check_id(name, path, name) for name in names)
        if len(set(file.root.links.values())) < len(self.ids):
            raise file.refuse("root", "a group for each picture", "two names of one")
        self.turns, self.opened = {}, {}  # {process: its lock} (a fork copies it held), {process: (its file, closing)}

    def close(self):
        _, closing = self.opened.pop(os.getpid(), (None, contextlib.ExitStack()))
        closing.close()

    def file(self):
        if os.getpid() not in self.opened:
            check_stamp(self.path, self.place, self.stamp)
            closing = contextlib.ExitStack()
            self.opened[os.getpid()] = closing.enter_context(checked(self.place)), closing
        return self.opened[os.getpid()][0]

    def read(self, image_id):
        with self.turns.setdefault(os.getpid(), threading.Lock()):
            whole = self.file()
            self.check_size(whole.content)
            file = whole.alone()
            called = own_names(file.names(image_id))
            missing = {"features", "boxes"} - called.keys()
            if missing:
                raise file.refuse(f"{image_id}/{min(missing)}", "this dataset", "none")
            arrays = {own: file.array(f"{image_id}/{called[own]}", "fiu") for own in READ if own in called}
            sizes = [arrays[s].tolist() if s in arrays else file.attribute(image_id, s) for s in SIZES]
            whole.claim(image_id, file.total)
        return make_objects(self.path, image_id, image_id, *map(unwrap_number, sizes), arrays)


# --- npz -------------------------------------------------------------------------------------------------------------


class NpzFiles(FeatureFile):
    """An npz file a picture: one, or a folder of them and those in it, each opened when its picture is wanted.

    features (M, F), boxes (M, 4) in pixels, img_w and img_h, and where known objects_id, objects_conf, attrs_id,
    attrs_conf (M,). Or as bottom-up-attention.pytorch and OpenVQA have it: x (M, F) or (F, M), bbox, num_bbox, image_w,
    image_h. A picture's id is its file's name."""

    def __init__(self, path):
        super().__init__(path)
        self.ids, place = {}, Path(self.place)
        for file in sorted(place.rglob("*.npz")) if place.is_dir() else [place]:
            image_id = npz_id(file, path)
            if image_id in self.ids:
                found = f"{self.ids[image_id].relative_to(place)}, {file.relative_to(place)}"
                raise FeatureFileError.at(path, image_id, "one file of this name", found)
            self.ids[image_id] = file
        if not self.ids:
            other = next((file for file in sorted(self.path.rglob("*")) if file.is_file()), None)
            found = f"{other.name}: {what_it_is(other)}" if other else "nothing"
            raise FeatureFileError.at(path, None, "a folder of npz files", found)
        if not place.is_dir():
            self.read(image_id)  # it is refused now, as other files are

    def read(self, image_id):
        """The Objects of a picture. Raises FeatureFileError."""
        file = self.ids[image_id]
        arrays = read_npz(file, ("features", "boxes", *SIZES), READ, own_names)
        features, count = arrays["features"], arrays["boxes"].shape[:1]
        if features.ndim == 2 and features.shape[:1] != count == features.shape[1:]:
            arrays["features"] = features.T
        sizes = [unwrap_number(arrays[name].tolist()) for name in SIZES]
        return make_objects(file, image_id, image_id, *sizes, arrays)


def npz_id(file, path):
    """The id of a picture by the name of its file, which may be that of the photograph: cat.jpg.npz."""
    return check_id(re.sub(r"(\.(jpe?g|png))?\.npz$", "", file.name, flags=re.IGNORECASE), path, file.name)


def unwrap_number(value):
    """One whole number, written as 640, 640.0 or [640] -> an int; anything else stays what it is, for make_objects."""
    while isinstance(value, list) and len(value) == 1:
        (value,) = value
    return int(value) if isinstance(value, float) and value.is_integer() else value
