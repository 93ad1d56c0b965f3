"""The three kinds of feature files behind open_features: TSV (read row by row), HDF5 (mapped) and npz (one picture)."""

import base64
import binascii
import json
import re

import numpy as np

from .errors import FeatureFileError
from .files import read_small, strict_json, write_file
from .npz import read_npz
from .objects import MOST_OBJECTS, MOST_PIXELS, Objects, Pictures, check_objects

FIELDS = "img_id img_h img_w objects_id objects_conf attrs_id attrs_conf num_boxes boxes features".split()
TYPES = {"objects_id": "<i8", "objects_conf": "<f4", "attrs_id": "<i8", "attrs_conf": "<f4", "boxes": "<f4"}
LONGEST_LINE = 8 << 20  # bytes; 36 objects of 2,048 numbers take 0.4 MB
STEP = 64 << 20  # bytes between two reports of progress, and the size above which an index is kept beside the file
INDEX_LIMIT = 256 << 20
IMAGE_ID = re.compile(r"[^\s\"\\:](?:[^\"\\:]{0,254}\S)?")


def check_id(image_id, path, entry):
    """A picture's id: printable, and no way out of a folder should it ever become a path."""
    good = IMAGE_ID.fullmatch(image_id) and image_id.isprintable() and ".." not in image_id.split("/")
    if not good or image_id in FIELDS:
        raise FeatureFileError.at(path, f"{entry}, img_id", "a plain image id", repr(image_id))
    return image_id


# --- TSV -------------------------------------------------------------------------------------------------------------


class TsvPictures(Pictures):
    """The TSV of the authors' Faster R-CNN tool: ten fields a line, arrays in base64. Only an index is in memory."""

    def __init__(self, path, progress=None):
        super().__init__(path)
        self.file = open(path, "rb")
        try:
            self.ids = self.load_index() or self.make_index(progress)
            self.width = None  # F, known after the first row
        except BaseException:
            self.file.close()
            raise

    def close(self):
        self.file.close()

    def make_index(self, progress):
        """{image id: (line number, offset, number of objects)}, from one pass that decodes nothing."""
        size, index, reported = self.path.stat().st_size, {}, 0
        for number, offset, line in self.lines():
            fields = self.fields(line, number)
            image_id = self.image_id(fields[0], number)
            if image_id in index:
                raise FeatureFileError.at(self.path, f"line {number}, img_id", "an id of its own", repr(image_id))
            index[image_id] = number, offset, self.number(fields, "num_boxes", number, 0, MOST_OBJECTS)
            if progress and offset - reported >= STEP:
                reported = offset
                progress(offset, size)
        if not index:
            raise FeatureFileError.at(self.path, None, "rows of objects", "an empty file")
        if size >= STEP:
            self.save_index(index)
        return index

    def lines(self):
        """(line number, offset, bytes) of every line."""
        number = offset = 0
        self.file.seek(0)
        while line := self.file.readline(LONGEST_LINE + 1):
            number += 1
            yield number, offset, line
            offset += len(line)

    def fields(self, line, number):
        """The ten fields of a line, as bytes."""
        if len(line) > LONGEST_LINE:
            raise FeatureFileError.at(self.path, f"line {number}", f"at most {LONGEST_LINE} bytes", "a longer line")
        fields = line.removesuffix(b"\n").removesuffix(b"\r").split(b"\t")
        if len(fields) != len(FIELDS):
            expected = f"{len(FIELDS)} fields separated by tabs"
            raise FeatureFileError.at(self.path, f"line {number}", expected, f"{len(fields)} (is it a TSV of objects?)")
        return fields

    def image_id(self, field, number):
        try:
            return check_id(field.decode("utf-8"), self.path, f"line {number}")
        except UnicodeDecodeError:
            raise FeatureFileError.at(self.path, f"line {number}, img_id", "UTF-8 text", "other bytes") from None

    def number(self, fields, name, line, lowest, most):
        """A field as a whole number in lowest … most, written in plain digits."""
        field = fields[FIELDS.index(name)]
        value = int(field) if re.fullmatch(rb"[0-9]{1,7}", field) else -1
        if not lowest <= value <= most:
            raise FeatureFileError.at(
                self.path, f"line {line}, {name}", f"a number from {lowest} to {most}", field[:30]
            )
        return value

    def read(self, image_id):
        """The Objects of one row, read and decoded now."""
        number, offset, _ = self.ids[image_id]
        self.file.seek(offset)
        fields = self.fields(self.file.readline(LONGEST_LINE + 1), number)
        if self.image_id(fields[0], number) != image_id:
            raise FeatureFileError.at(self.path, f"line {number}", f"image {image_id}", "another: the file has changed")
        height, width = (self.number(fields, name, number, 1, MOST_PIXELS) for name in ("img_h", "img_w"))
        count = self.number(fields, "num_boxes", number, 0, MOST_OBJECTS)
        arrays = {name: self.array(fields, name, number, count, dtype) for name, dtype in TYPES.items()}
        features = self.array(fields, "features", number, count, "<f4")
        arrays["boxes"] = arrays["boxes"].reshape(count, 4)
        features = features.reshape(count, -1) if count else np.zeros((0, self.width or 0), np.float32)
        if count and self.width not in (None, features.shape[1]):
            entry = f"line {number}, features"
            raise FeatureFileError.at(self.path, entry, f"{self.width} numbers an object", features.shape[1])
        self.width = features.shape[1] if count else self.width
        objects = Objects(
            image_id, width, height, arrays["boxes"], features, arrays["objects_id"], arrays["objects_conf"],
            arrays["attrs_id"], arrays["attrs_conf"],
        )  # fmt: skip
        return check_objects(objects, self.path, f"line {number}")

    def array(self, fields, name, line, count, dtype):
        """One base64 field -> its numbers; only the canonical text of exactly the right length is taken."""

        def refuse(expected, found):
            return FeatureFileError.at(self.path, f"line {line}, {name}", expected, found)

        text = fields[FIELDS.index(name)]
        try:
            data = base64.b64decode(text, validate=True)
        except binascii.Error:
            raise refuse("base64", "other text") from None
        if base64.b64encode(data) != text:
            raise refuse("base64 in its usual form", "another")
        size = count * np.dtype(dtype).itemsize * (4 if name == "boxes" else 1)
        fits = (
            len(data) == size if name != "features" else (size and len(data) and len(data) % size == 0) or data == text
        )
        if not fits:
            expected = f"{size} bytes for {count} objects" if name != "features" else f"a multiple of {size} bytes"
            raise refuse(expected, len(data))
        return np.frombuffer(data, dtype)

    def stamp(self):
        about = self.path.stat()
        return {"bytes": about.st_size, "modified": about.st_mtime_ns}

    def index_path(self):
        return self.path.with_name(self.path.name + ".index")

    def save_index(self, index):
        """Keep the index of a large file beside it; where that cannot be written, it is made anew each time."""
        rows = [[image_id, *place] for image_id, place in index.items()]
        try:
            write_file(self.index_path(), json.dumps({**self.stamp(), "rows": rows}))
        except OSError:
            pass

    def load_index(self):
        """The index beside the file, if there is one and it was made from the file as it is now."""
        if not self.index_path().exists():
            return None
        data = read_small(self.index_path(), FeatureFileError, INDEX_LIMIT)
        kept = strict_json(data, self.index_path(), FeatureFileError, INDEX_LIMIT)
        if not isinstance(kept, dict) or {name: kept.get(name) for name in self.stamp()} != self.stamp():
            return None
        rows = kept.get("rows")
        good = isinstance(rows, list) and all(isinstance(row, list) and len(row) == 4 for row in rows)
        if not good or not all(isinstance(row[0], str) and all(type(n) is int for n in row[1:]) for row in rows):
            raise FeatureFileError.at(self.index_path(), "rows", "[id, line, offset, count] each", "others")
        return {image_id: tuple(place) for image_id, *place in rows}


# --- HDF5 ------------------------------------------------------------------------------------------------------------

FORMAT = "minilxmert objects"
COLUMNS = {  # one row an object: name in the file, field of Objects, type
    "objects_id": ("object_ids", "<i8"),
    "objects_conf": ("object_conf", "<f4"),
    "attrs_id": ("attribute_ids", "<i8"),
    "attrs_conf": ("attribute_conf", "<f4"),
}


class Hdf5Pictures(Pictures):
    """HDF5 of our own writing (one array for all pictures, mapped), or with a group a picture:
    <id>/features (M, F), <id>/boxes (M, 4), attributes img_w and img_h."""

    def __init__(self, path):
        from .checkpoints.hdf5_guard import open_checked

        super().__init__(path)
        with open_checked(path, FeatureFileError, objects=2_000_000) as file:
            if "format" in file.attributes():
                self.ids, self.arrays = self.read_own(file), None
            else:
                self.ids = {name: None for name in file.names()}
                self.groups = {name: self.read_group(file, name) for name in self.ids}
                self.read = self.groups.__getitem__

    def read_group(self, file, name):
        check_id(name, self.path, name)
        width, height = (file.attribute(name, side) for side in ("img_w", "img_h"))
        boxes, features = file.array(f"{name}/boxes"), file.array(f"{name}/features")
        return make_objects(self.path, name, width, height, boxes, features)

    def read_own(self, file):
        """Map the arrays of our own layout -> {image id: its number}"""
        if file.attribute("", "format") != FORMAT:
            raise file.refuse("root attribute format", FORMAT, file.attribute("", "format"))
        kinds = {"image_ids": "S", "sizes": "iu", "starts": "iu"}
        self.table = {name: file.array(name, kinds.get(name, "iuf")) for name in file.datasets()}
        missing = {*kinds, "boxes", "features"} - set(self.table)
        if missing:
            raise file.refuse(min(missing), "this dataset", "none")
        ids = [
            check_id(text.decode("utf-8", "replace"), self.path, "image_ids")
            for text in self.table["image_ids"].tolist()
        ]
        starts, rows = self.table["starts"], len(self.table["features"])
        fits = starts.shape == (len(ids) + 1,) and self.table["sizes"].shape == (len(ids), 2)
        if not fits or len(set(ids)) < len(ids) or starts[0] or starts[-1] != rows or (np.diff(starts) < 0).any():
            raise file.refuse("starts", f"{len(ids)} pictures that share {rows} rows", "another division")
        for name in self.table.keys() - kinds.keys():
            if len(self.table[name]) != rows:
                raise file.refuse(name, f"{rows} rows", len(self.table[name]))
        return {image_id: number for number, image_id in enumerate(ids)}

    def read(self, image_id):
        """The Objects of one picture: its rows of the mapped arrays."""
        number = self.ids[image_id]
        rows = slice(*self.table["starts"][number : number + 2].tolist())
        width, height = self.table["sizes"][number].tolist()
        more = {field: self.table[name][rows] for name, (field, _) in COLUMNS.items() if name in self.table}
        features = self.table["features"][rows].astype(np.float32, copy=False)
        return make_objects(self.path, image_id, width, height, self.table["boxes"][rows], features, **more)


def make_objects(path, image_id, width, height, boxes, features, **more):
    """Objects from a file's arrays, shapes and numbers checked."""
    whole = all(isinstance(side, int) and 1 <= side <= MOST_PIXELS for side in (width, height))
    if not whole or boxes.ndim != 2 or features.ndim != 2 or boxes.shape != (len(features), 4):
        expected = "a size in pixels, boxes (M, 4) and features (M, F)"
        raise FeatureFileError.at(path, image_id, expected, f"{width} × {height}, {boxes.shape}, {features.shape}")
    floats = (np.asarray(array, np.float32) for array in (boxes, features))
    return check_objects(Objects(image_id, width, height, *floats, **more), path, image_id)


def write_hdf5(pictures, path, progress, dtype):
    """Write Pictures in our layout, row after row."""
    import h5py

    ids = list(pictures)
    counts = [pictures.ids[i][2] if isinstance(pictures, TsvPictures) else len(pictures[i]) for i in ids]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype("<i8")
    width = next((pictures[i].features.shape[1] for i, count in zip(ids, counts, strict=True) if count), 0)
    with h5py.File(path, "w", libver="earliest") as file:
        file.attrs["format"] = np.bytes_(FORMAT.encode())
        file["image_ids"] = np.array([image_id.encode() for image_id in ids])
        file["starts"], sizes = starts, file.create_dataset("sizes", (len(ids), 2), "<i8")
        boxes = file.create_dataset("boxes", (starts[-1], 4), "<f4")
        features = file.create_dataset("features", (starts[-1], width), dtype.newbyteorder("<"))
        columns = {name: file.create_dataset(name, (starts[-1],), kind) for name, (_, kind) in COLUMNS.items()}
        for number, image_id in enumerate(ids):
            objects, rows = pictures[image_id], slice(*starts[number : number + 2].tolist())
            sizes[number], boxes[rows], features[rows] = (
                (objects.width, objects.height),
                objects.boxes,
                objects.features,
            )
            for name, (field, _) in COLUMNS.items():
                value = getattr(objects, field)
                columns[name][rows] = 0 if value is None else value
            if progress:
                progress(number + 1, len(ids))


# --- npz -------------------------------------------------------------------------------------------------------------


class NpzPictures(Pictures):
    """One picture in an npz file: features (M, F), boxes (M, 4), img_w and img_h; its id is the file's name."""

    def __init__(self, path):
        super().__init__(path)
        arrays = read_npz(path)
        missing = {"features", "boxes", "img_w", "img_h"} - set(arrays)
        if missing:
            raise FeatureFileError.at(path, min(missing), "features, boxes, img_w and img_h", f"{', '.join(arrays)}")
        sizes = [int(arrays[name].reshape(-1)[0]) if arrays[name].size == 1 else 0 for name in ("img_w", "img_h")]
        more = {field: arrays[name] for name, (field, _) in COLUMNS.items() if name in arrays}
        objects = make_objects(path, self.path.stem, *sizes, arrays["boxes"], arrays["features"], **more)
        self.ids, self.read = {self.path.stem: 0}, lambda _: objects
