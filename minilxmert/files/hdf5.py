"""HDF5 files read without the HDF5 library, which follows links into other files, calls plug-ins, allocates what a
file claims and can loop for ever. What h5py reads as plain numbers and texts is read; every answer is checked first.

    with open_checked(path, error=FeatureFileError) as file:  # every fault is raised as the given error
        file.names(""), file.datasets(), file.attribute("group/name", "units"), file.array("group/name")

An entry is a path like "group/name", "" the root. Arrays outlive the closed file."""

import contextlib
import copy
import math
import struct
from typing import NamedTuple

import numpy as np

from ..errors import CheckpointError, MinilxmertError, shorten
from . import content
from . import hdf5_objects as objects
from .arrays import ALLOWANCE, EXPANSION
from .hdf5_bytes import UNDEFINED, Source, read_superblock, without_block
from .hdf5_chunks import FILTERS, SHUFFLE, UNPACK, Chunks, read_filters

OBJECTS = 20_000  # groups and datasets in a file
DEPTH, NAME = 16, 512  # groups in groups; characters
ATTRIBUTES = 256  # of an object
VALUES = 4096  # of an attribute
RATIO = 100  # unpacked to packed bytes; weights and features stay below 2
OPENED = 64  # objects kept open, for speed
COMPACT, CHUNKED = 0, 2  # layouts; 1: numbers in one row


class Object(NamedTuple):
    """A group or dataset: its messages, of a group {name: address}, and its attributes as soon as they were read."""

    messages: list
    links: dict | None
    attributes: dict


@contextlib.contextmanager
def open_checked(path, error=CheckpointError, objects=OBJECTS, mapped=True):
    """A context whose value is the CheckedFile of `path`; every fault of the file is raised as `error`.

    objects: how many groups and datasets the caller is ready to meet. mapped: whether the file is mapped or read."""
    with content(path, error, mapped) as whole:
        yield CheckedFile(path, whole, error, objects)


class CheckedFile:
    """An HDF5 file of which only what has been checked can be seen."""

    def __init__(self, path, whole, error, objects):
        self.path, self.error, self.objects = path, error, objects
        self.content, block = without_block(whole)
        self.source = Source(self.content)
        self.opened = {}  # {entry: Object}, the last few
        self.places = {}  # {address of an object: its entry}; each has one, so there are no cycles
        self.claimed, self.total = {}, 0  # {entry of a dataset: bytes stored}, and their sum
        self.fillable = EXPANSION * len(self.content) + ALLOWANCE  # bytes of fill values, which no file holds
        root = read_superblock(self.content, self.refuse, block)
        self.root = self.read_object("", root, "an HDF5 file")

    def alone(self):
        """A copy of this file for one question. What it notes of objects is dropped with it, so that a file that stays
        open takes no more memory, however often it is asked."""
        one = copy.copy(self)
        one.opened, one.places, one.claimed, one.total = {}, {}, {}, 0
        one.source, one.fillable = Source(self.content), EXPANSION * len(self.content) + ALLOWANCE
        return one

    def refuse(self, entry, expected, found):
        return self.error.at(self.path, entry, expected, found)

    @contextlib.contextmanager
    def sound(self, entry, expected):
        """Every exception inside becomes the file's error: damaged bytes can fail anywhere."""
        try:
            yield
        except MinilxmertError:
            raise
        except Exception as problem:
            raise self.refuse(entry, expected, shorten(problem) or type(problem).__name__) from None

    # --- groups

    def read_object(self, entry, address, expected="a group or dataset of this file"):
        if self.places.setdefault(address, entry) != entry:
            raise self.refuse(entry, "an object of its own", "a second name of another")
        if len(self.places) > self.objects:
            raise self.refuse(entry, f"at most {self.objects} objects", "more")
        with self.sound(entry, expected):
            messages = objects.read_header(self.source, address)
            kinds = {kind for kind, _, _ in messages}
            links = self.read_links(entry, messages) if kinds & objects.GROUP else None
        if links is None and not kinds & objects.DATASET:
            raise self.refuse(entry, "a group or a dataset", "something else")
        return Object(messages, links, {})

    def read_links(self, group, messages):
        """{name: address} of a group."""
        links = {}
        for name, address in objects.read_links(self.source, messages):
            if not name or b"/" in name or name in links:
                raise self.refuse(group or "root", "names without a slash, each once", "others")
            links[name] = address
            if len(links) > self.objects:
                raise self.refuse(group or "root", f"at most {self.objects} names", "more")
        return links

    def open(self, entry):
        """The Object of an entry, reached from the root one component at a time."""
        if not entry:
            return self.root
        if entry not in self.opened:
            if entry.count("/") >= DEPTH:
                raise self.refuse(entry, f"at most {DEPTH} levels", entry.count("/") + 1)
            above, _, name = entry.rpartition("/")
            found = self.read_object(entry, self.address(above, entry, name))
            if len(self.opened) >= OPENED:
                self.opened = {above: one for above, one in self.opened.items() if entry.startswith(f"{above}/")}
            self.opened[entry] = found
        return self.opened[entry]

    def address(self, group, entry, name):
        """Where the object is that a group calls `name`."""
        if not 0 < len(name) <= NAME or name in (".", ".."):
            raise self.refuse(entry, f"names of 1 to {NAME} characters", shorten(name) or "an empty name")
        links = self.open(group).links or {}
        address = links.get(name.encode(), UNDEFINED)
        if address == UNDEFINED:
            raise self.refuse(entry, "a group or dataset of this file", "none of this name")
        if address is None:
            raise self.refuse(entry, "data in this place", "a link to elsewhere")
        return address

    def is_group(self, entry):
        return self.open(entry).links is not None

    def names(self, group=""):
        """The names inside a group, sorted."""
        if not self.is_group(group):
            raise self.refuse(group, "a group", "a dataset")
        with self.sound(group or "root", "a list of names in UTF-8"):
            return sorted(name.decode() for name in self.open(group).links)

    def datasets(self, group=""):
        """The paths of all datasets below a group, in order."""
        for name in self.names(group):
            entry = f"{group}/{name}" if group else name
            if self.is_group(entry):
                yield from self.datasets(entry)
            else:
                yield entry

    # --- attributes

    def attributes(self, entry=""):
        """{name: its parts} of the attributes of a group or dataset, sorted by name."""
        found = self.open(entry)
        with self.sound(entry or "root", "a list of attributes"):
            if not found.attributes:
                found.attributes.update(sorted(objects.read_attributes(self.source, found.messages).items()))
        if len(found.attributes) > ATTRIBUTES:
            raise self.refuse(entry or "root", f"at most {ATTRIBUTES} attributes", len(found.attributes))
        return found.attributes

    def attribute(self, entry, name):
        """The value of an attribute: str, int or float, or a list of them."""
        label, expected = f"{entry or 'root'} attribute {name}", "a text, a number or a list of them"
        found = self.attributes(entry)
        with self.sound(label, expected):
            if name not in found:
                raise self.refuse(label, expected, "no such attribute")
            return objects.read_values(self.source, *found[name], VALUES)

    # --- arrays

    def array(self, entry, kinds="f"):
        """The numbers of a dataset, in the byte order of this machine; mapped and read-only where possible.

        kinds: the letters of the NumPy kinds to accept: f floats, i and u integers, S texts of a fixed length."""
        dataset = self.dataset(entry, kinds)
        with self.sound(entry, "readable numbers"):
            array = self.read_chunks(entry, dataset) if dataset.layout[1] == CHUNKED else self.plain(entry, dataset)
        native = array.dtype.newbyteorder("=")
        return np.require(array if array.dtype == native else array.astype(native), requirements="A")

    def dataset(self, entry, kinds):
        """The Dataset of an entry, all checked but where its numbers are."""
        if self.is_group(entry):
            raise self.refuse(entry, "a dataset", "a group")
        messages = self.open(entry).messages
        with self.sound(entry, "a dataset of numbers"):
            layout = objects.message(messages, objects.LAYOUT)
            if not 3 <= layout[0] <= 5 or layout[1] > 2 or objects.message(messages, objects.EXTERNAL):
                raise self.refuse(entry, "numbers stored in this file", "a reference to another place")
            shape, most = objects.read_shape(objects.message(messages, objects.SPACE))
            dtype = objects.read_dtype(objects.read_type(self.source, messages))
            if dtype is None or dtype.kind not in kinds:
                raise self.refuse(entry, f"numbers of kind {kinds}", dtype or "another type")
        return objects.Dataset(messages, shape, most, dtype, layout)

    def plain(self, entry, dataset):
        """The numbers that stand in one row: in the header itself, or anywhere, and then mapped."""
        whole, at, (stored,) = dataset.layout[4:], 0, struct.unpack_from("<H", dataset.layout, 2)
        if dataset.layout[1] != COMPACT:
            whole, (at, stored) = self.content, struct.unpack_from("<2Q", dataset.layout, 2)
        if at == UNDEFINED or not dataset.size:
            return np.full(dataset.shape, self.fill(entry, dataset, dataset.size), dataset.dtype)
        if stored != dataset.size:
            raise self.refuse(entry, f"{dataset.size} bytes for shape {dataset.shape}", f"{stored} bytes stored")
        self.claim(entry, stored)
        return np.ndarray(dataset.shape, dataset.dtype, whole, at)

    def claim(self, entry, stored):
        """Datasets may not be made of the same bytes: together they fit into the file."""
        self.total += stored - self.claimed.get(entry, 0)
        self.claimed[entry] = stored
        if self.total > len(self.content):
            raise self.refuse(entry, "bytes of its own", "more bytes than the file has")

    def read_chunks(self, entry, dataset):
        """The numbers that are stored in chunks, with or without the gzip, lzf and shuffle filters."""
        message = objects.message(dataset.messages, objects.FILTERS)
        filters = read_filters(message) if message else []
        codes = {code for code, _ in filters}
        if not codes <= {*UNPACK, SHUFFLE}:
            names = [FILTERS.get(code, f"number {code}") for code in sorted(codes)]
            raise self.refuse(entry, "no filters but gzip, lzf and shuffle: write it anew", ", ".join(names))
        chunks = Chunks(self.source, dataset.layout, dataset.shape, dataset.most, bool(filters))
        found = chunks.find()
        stored = sum(size for _, size, _ in found.values())
        self.claim(entry, stored)
        limit = stored * (RATIO if codes & UNPACK.keys() else 1)
        if len(found) * chunks.size > limit or chunks.itemsize != dataset.dtype.itemsize:
            raise self.refuse(entry, f"at most {limit} bytes of numbers", len(found) * chunks.size)
        missing = math.prod(chunks.grid) - len(found)
        fill = self.fill(entry, dataset, missing * chunks.size) if missing else 0
        return chunks.assemble(np.full(dataset.shape, fill, dataset.dtype), found, filters)

    def fill(self, entry, dataset, size):
        """The number that stands in `size` bytes of a dataset that nobody has written."""
        self.fillable -= size
        if self.fillable < 0:
            raise self.refuse(entry, f"numbers that fit {EXPANSION} times into the file", f"{size} bytes never written")
        value = objects.fill_value(dataset.messages, dataset.dtype)
        if value is None:
            raise self.refuse(entry, "numbers", "places that were never written, without a value to fill them")
        return value
