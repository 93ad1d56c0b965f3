"""The three kinds of feature files behind open_features: TSV (read row by row), HDF5 (mapped) and npz (one picture)."""

import base64
import binascii
import hashlib
import json
import re

import numpy as np

from .checkpoints.arrays import is_size
from .errors import FeatureFileError
from .files import read_small, strict_json, write_file
from .npz import read_npz
from .objects import COLUMNS, MOST_OBJECTS, MOST_PIXELS, Pictures, make_objects

FIELDS = "img_id img_h img_w objects_id objects_conf attrs_id attrs_conf num_boxes boxes features".split()
LONGEST_LINE = 8 << 20  # bytes; 36 objects of 2,048 numbers take 0.4 MB
STEP = 64 << 20  # bytes between two reports of progress, and the size above which an index is kept beside the file
INDEX_LIMIT = 256 << 20
IMAGE_ID = re.compile(r"[^\s\"\\:](?:[^\"\\:]{0,254}\S)?")


def check_id(image_id, path, entry):
    """A picture's id: printable, and no way out of a folder should it ever become a path."""
    good = IMAGE_ID.fullmatch(image_id) and image_id.isprintable() and ".." not in image_id.split("/")
    if not good or image_id == FIELDS[0]:
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
            expected = f"a number from {lowest} to {most}"
            raise FeatureFileError.at(self.path, f"line {line}, {name}", expected, field[:30])
        return value

    def count(self, image_id):
        return self.ids[image_id][2]

    def read(self, image_id):
        """The Objects of one row, read and decoded now."""
        number, offset, expected = self.ids[image_id]
        self.file.seek(offset)
        fields = self.fields(self.file.readline(LONGEST_LINE + 1), number)
        if self.image_id(fields[0], number) != image_id:
            raise FeatureFileError.at(self.path, f"line {number}", f"image {image_id}", "another: the file has changed")
        height, width = (self.number(fields, name, number, 1, MOST_PIXELS) for name in ("img_h", "img_w"))
        count = self.number(fields, "num_boxes", number, 0, MOST_OBJECTS)
        if count != expected:
            found = f"{count}: the file has changed"
            raise FeatureFileError.at(self.path, f"line {number}", f"{expected} objects", found)
        arrays = {name: self.array(fields, name, number, count, dtype) for name, (_, dtype) in COLUMNS.items()}
        arrays["boxes"] = self.array(fields, "boxes", number, count, np.float32).reshape(count, 4)
        features = self.array(fields, "features", number, count, np.float32)
        arrays["features"] = features.reshape(count, -1 if count else self.width or 0)
        self.check_width(arrays["features"], number)
        return make_objects(self.path, f"line {number}", image_id, width, height, arrays)

    def check_width(self, features, line):
        """All objects of a file have features of one width, F."""
        if len(features) and self.width not in (None, features.shape[1]):
            expected = f"{self.width} numbers an object"
            raise FeatureFileError.at(self.path, f"line {line}, features", expected, features.shape[1])
        self.width = features.shape[1] if len(features) else self.width

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
        dtype = np.dtype(dtype).newbyteorder("<")
        size = count * dtype.itemsize * (4 if name == "boxes" else 1)
        any_width = name == "features" and count
        if not (data and len(data) % size == 0 if any_width else len(data) == size):
            raise refuse(f"{'a multiple of ' if any_width else ''}{size} bytes for {count} objects", len(data))
        return np.frombuffer(data, dtype)

    def stamp(self):
        """What tells this file from another that has been in its place."""
        about = self.path.stat()
        self.file.seek(0)
        start = hashlib.sha256(self.file.read(1 << 16)).hexdigest()
        return {"bytes": about.st_size, "modified": about.st_mtime_ns, "start": start}

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
        """The index beside the file, or None if there is none that was made, soundly, from the file as it is now."""
        try:
            data = read_small(self.index_path(), FeatureFileError, INDEX_LIMIT)
            kept = strict_json(data, self.index_path(), FeatureFileError, INDEX_LIMIT)
        except FeatureFileError:
            return None
        stamp = self.stamp()
        if not isinstance(kept, dict) or {name: kept.get(name) for name in stamp} != stamp:
            return None
        rows, limits = kept.get("rows"), (stamp["bytes"], stamp["bytes"], MOST_OBJECTS)
        if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == 4 for row in rows):
            return None
        sound = all(isinstance(row[0], str) and all(map(is_size, row[1:], limits)) for row in rows)
        index = {image_id: tuple(place) for image_id, *place in rows} if sound else {}
        return index if len(index) == len(rows) else None


# --- HDF5 ------------------------------------------------------------------------------------------------------------

FORMAT = "minilxmert objects"
KINDS = {"image_ids": "S", "sizes": "iu", "starts": "iu", "boxes": "f", "features": "f"}
KINDS |= {name: "iu" if dtype is np.int64 else "f" for name, (_, dtype) in COLUMNS.items()}


def open_hdf5(path):
    """The Pictures of an HDF5 file of either layout."""
    from .checkpoints.hdf5_guard import open_checked

    with open_checked(path, FeatureFileError, objects=2_000_000) as file:
        own = "format" in file.attributes()
        return (TablePictures if own else GroupPictures)(path, file)


class TablePictures(Pictures):
    """HDF5 of our own writing: the objects of all pictures in one array each, mapped.

    image_ids (B,); sizes (B, 2), width and height; starts (B + 1,): the rows of picture b are starts[b] … starts[b + 1]
    of boxes (R, 4) in pixels, features (R, F) and, where known, objects_id, objects_conf, attrs_id, attrs_conf (R,)."""

    def __init__(self, path, file):
        super().__init__(path)
        if file.attribute("", "format") != FORMAT:
            raise file.refuse("root attribute format", FORMAT, file.attribute("", "format"))
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


class GroupPictures(Pictures):
    """HDF5 with a group a picture: <id>/features (M, F), <id>/boxes (M, 4) in pixels, attributes img_w and img_h.

    Plainly stored arrays are mapped; those in chunks are unpacked when the file is opened."""

    def __init__(self, path, file):
        super().__init__(path)
        self.ids = {}
        for name in file.names():
            sizes = [file.attribute(check_id(name, path, name), side) for side in ("img_w", "img_h")]
            self.ids[name] = sizes, {array: file.array(f"{name}/{array}") for array in ("boxes", "features")}
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
        arrays, image_id = read_npz(path), check_id(self.path.stem, path, "the file's name")
        missing = {"features", "boxes", "img_w", "img_h"} - set(arrays)
        if missing:
            raise FeatureFileError.at(path, min(missing), "features, boxes, img_w and img_h", f"{', '.join(arrays)}")
        sizes = [whole_number(arrays[name]) for name in ("img_w", "img_h")]
        self.ids = {image_id: make_objects(path, image_id, image_id, *sizes, arrays)}

    def read(self, image_id):
        return self.ids[image_id]


def whole_number(array):
    """An array of one whole number -> that number as an int; anything else stays what it is, for make_objects."""
    whole = array.size == 1 and array.item() == int(array.item())
    return int(array.item()) if whole else array.tolist()
