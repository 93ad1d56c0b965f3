"""The TSV of the authors' Faster R-CNN tool, read row by row: ten fields a line, arrays in base64; or the six fields of
the detector's own authors (Anderson et al. 2018), who keep no classes."""

import base64
import binascii
import contextlib
import functools
import hashlib
import json
import os
import re

import numpy as np

from ..errors import FeatureFileError
from ..files import read_json, write_file
from ..files.arrays import is_size
from .objects import COLUMNS, MOST_OBJECTS, MOST_PIXELS, FeatureFile, check_id, make_objects

FIELDS = "img_id img_h img_w objects_id objects_conf attrs_id attrs_conf num_boxes boxes features".split()
LAYOUTS = {len(names): names for names in (FIELDS, "img_id img_w img_h num_boxes boxes features".split())}
LONGEST_LINE = 8 << 20  # bytes; 36 objects of 2,048 numbers take 0.4 MB
STEP = 64 << 20  # bytes between two reports of progress, and the size above which an index is kept beside the file
INDEX_LIMIT = 256 << 20
MARK = b"\xef\xbb\xbf"  # the byte order mark that some editors begin with


class TsvFile(FeatureFile):
    """The objects of a TSV. Only an index is in memory, and the file is opened for each row that is read: nothing is
    shared by threads, forked processes or copies."""

    def __init__(self, path, progress=None):
        super().__init__(path)
        self.index_path = f"{self.place}.index"
        self.ids = self.load_index() or self.make_index(progress)
        self.width = None  # F, known after the first row

    @contextlib.contextmanager
    def opened(self, offset=0):
        """A context of the file, open at a place."""
        try:
            file = open(self.place, "rb")
        except OSError as problem:
            raise FeatureFileError.at(self.path, None, "a readable file", problem.strerror) from None
        with file:
            file.seek(offset)
            yield file

    def make_index(self, progress):
        """{image id: (line number, offset, number of objects)}, from one pass that decodes nothing."""
        with self.opened() as file:
            size = os.fstat(file.fileno()).st_size
        index, reported = {}, 0
        for number, offset, line in self.lines():
            fields = self.fields(line, number)
            image_id = self.image_id(fields, number)
            if image_id in index:
                raise self.refuse(number, "img_id", "an id of its own", repr(image_id))
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
        """(line number, offset, bytes) of every line that is not blank."""
        number = offset = 0
        with self.opened() as file:
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                if line.strip():
                    yield number, offset, line
                offset += len(line)

    def fields(self, line, number):
        """The fields of a line, {name: bytes}."""
        if len(line) > LONGEST_LINE:
            raise self.refuse(number, None, f"at most {LONGEST_LINE} bytes", "a longer line")
        line = line.removeprefix(MARK) if number == 1 else line
        fields = line.removesuffix(b"\n").removesuffix(b"\r").split(b"\t")
        if len(fields) not in LAYOUTS:
            found = f"{len(fields)} (is it a TSV of objects?)"
            raise self.refuse(number, None, "10 fields separated by tabs, or 6", found)
        return dict(zip(LAYOUTS[len(fields)], fields, strict=True))

    def refuse(self, line, name, expected, found):
        return FeatureFileError.at(self.path, f"line {line}, {name}" if name else f"line {line}", expected, found)

    def image_id(self, fields, number):
        try:
            return check_id(fields["img_id"].decode("utf-8"), self.path, f"line {number}")
        except UnicodeDecodeError:
            raise self.refuse(number, "img_id", "UTF-8 text", "other bytes") from None

    def number(self, fields, name, line, lowest, most):
        """A field as a whole number in lowest … most, written in plain digits."""
        field = fields[name]
        value = int(field) if re.fullmatch(rb"[0-9]{1,7}", field) else -1
        if not lowest <= value <= most:
            raise self.refuse(line, name, f"a number from {lowest} to {most}", field[:30])
        return value

    def count(self, image_id):
        return self.ids[image_id][2]

    def read(self, image_id):
        """The Objects of one row, read and decoded now."""
        number, offset, expected = self.ids[image_id]
        with self.opened(offset) as file:
            fields = self.fields(file.readline(LONGEST_LINE + 1), number)
        if self.image_id(fields, number) != image_id:
            raise self.refuse(number, None, f"image {image_id}", "another: the file has changed")
        height, width = (self.number(fields, name, number, 1, MOST_PIXELS) for name in ("img_h", "img_w"))
        count = self.number(fields, "num_boxes", number, 0, MOST_OBJECTS)
        if count != expected:
            raise self.refuse(number, None, f"{expected} objects", f"{count}: the file has changed")
        known = {name: dtype for name, (_, dtype) in COLUMNS.items() if name in fields}
        arrays = {name: self.array(fields, name, number, count, dtype) for name, dtype in known.items()}
        arrays["boxes"] = self.array(fields, "boxes", number, count, np.float32).reshape(count, 4)
        features = self.array(fields, "features", number, count, np.float32)
        arrays["features"] = features.reshape(count, -1 if count else self.width or 0)
        self.check_width(arrays["features"], number)
        return make_objects(self.path, f"line {number}", image_id, width, height, arrays)

    def check_width(self, features, line):
        """All objects of a file have features of one width, F."""
        if len(features) and self.width not in (None, features.shape[1]):
            raise self.refuse(line, "features", f"{self.width} numbers an object", features.shape[1])
        if len(features):
            self.width = features.shape[1]

    def array(self, fields, name, line, count, dtype):
        """One base64 field -> its numbers; only the canonical text of exactly the right length is taken."""
        text, refuse = fields[name], functools.partial(self.refuse, line, name)
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
        with self.opened() as file:
            about, start = os.fstat(file.fileno()), hashlib.sha256(file.read(1 << 16)).hexdigest()
        return {"bytes": about.st_size, "modified": about.st_mtime_ns, "start": start}

    def save_index(self, index):
        """Keep the index of a large file beside it; where that cannot be written, it is made anew each time."""
        rows = [[image_id, *place] for image_id, place in index.items()]
        try:
            write_file(self.index_path, json.dumps({**self.stamp(), "rows": rows}))
        except OSError:
            pass

    def load_index(self):
        """The index beside the file; None if it is missing, damaged or made from another state of the file."""
        try:
            kept = read_json(self.index_path, FeatureFileError, INDEX_LIMIT)
        except FeatureFileError:
            return None
        stamp = self.stamp()
        if not isinstance(kept, dict) or {name: kept.get(name) for name in stamp} != stamp:
            return None
        rows, limits = kept.get("rows"), (stamp["bytes"], stamp["bytes"], MOST_OBJECTS)
        try:
            index = {image_id: (line, offset, count) for image_id, line, offset, count in rows}
        except (TypeError, ValueError):  # no rows of four
            return None
        sound = all(isinstance(image_id, str) and all(map(is_size, place, limits)) for image_id, place in index.items())
        return index if sound and len(index) == len(rows) else None
