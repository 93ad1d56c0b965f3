"""Reading HDF5 files that nobody vouches for. Importing this module imports h5py, so import it inside functions.

    with open_checked(path, error=FeatureFileError) as file:  # every fault is raised as the given error
        file.names(group)              the names inside a group, sorted; "" is the root
        file.datasets(group)           the paths of all datasets below it
        file.is_group(entry)           group or dataset?
        file.attributes(entry)         the names of its attributes
        file.attribute(entry, name)    str, int or float, or a list of them
        file.describe(entry, kinds)    (shape, dtype), checked, before any number is read
        file.array(entry, kinds)       the numbers; mapped and read-only where the file stores them plainly

The HDF5 library follows links into other files, calls plug-ins, allocates what a file claims and can loop for ever.
So it gets a Python file object (it opens nothing itself) and only finds *where* things are; every answer is checked
before it is used, and the numbers are mapped, or unpacked with zlib, here. Arrays outlive the closed file."""

import contextlib
import math

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5l, h5o, h5s, h5t, h5z

from ..errors import CheckpointError, MinilxmertError, shorten
from . import content
from .arrays import ALLOWANCE, EXPANSION
from .hdf5_bytes import STRING, WatchedBytes, assembled, check_superblock, unlzf, unshuffled, unzipped, without_block

OBJECTS = 20_000  # groups and datasets in a file
DEPTH = 16  # groups in groups
NAME = 512  # characters
RANK = 8
ATTRIBUTES = 256  # of an object; the library takes quadratic time to list them
STRINGS = 4096  # in one attribute: 64 kB, the usual limit of an attribute, hold as many references to strings
RATIO = 100  # unpacked to packed bytes; weights and features stay below 2
UNPACK = {h5z.FILTER_DEFLATE: unzipped, h5z.FILTER_LZF: unlzf}
FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scale-offset", 32000: "lzf"}
OPENED = 64  # objects kept open, for speed


@contextlib.contextmanager
def open_checked(path, error=CheckpointError, objects=OBJECTS, mapped=True):
    """A context whose value is the CheckedFile of `path`; every fault of the file is raised as `error`.

    objects: how many groups and datasets the caller is ready to meet. mapped: whether the file is mapped or read."""
    with content(path, error, mapped) as whole:
        data, block = without_block(whole)
        check_superblock(data, lambda *fault: error.at(path, *fault), block)
        file = CheckedFile(path, data, error, objects)
        try:
            yield file
        finally:
            file.close()


class CheckedFile:
    """An open HDF5 file of which only what has been checked can be seen. Entries are paths like "group/name"."""

    def __init__(self, path, content, error, objects):
        self.path, self.content, self.error, self.objects = path, content, error, objects
        self.opened = {}  # {entry: h5py identifier}, the last few
        self.places = {}  # {address of an object: its entry}; each has one, so there are no cycles
        self.claimed = {}  # {entry of a dataset: bytes stored}
        self.total = 0  # of them
        self.fillable = EXPANSION * len(content) + ALLOWANCE  # bytes of numbers that the file may only tell of
        with self.sound(None, "an HDF5 file"):
            self.source = WatchedBytes(content)
            self.file = h5py.File(self.source, "r")
            self.root = h5g.open(self.file.id, b"/")

    def close(self):
        with contextlib.suppress(Exception):  # nothing was written, so nothing can be lost
            self.file.close()

    def refuse(self, entry, expected, found):
        """The error about one entry of this file."""
        return self.error.at(self.path, entry, expected, found)

    @contextlib.contextmanager
    def sound(self, entry, expected):
        """Whatever h5py raises inside, of a dozen types, is our error."""
        try:
            yield
        except MinilxmertError:
            raise
        except Exception as problem:
            raise self.refuse(entry, expected, shorten(problem) or type(problem).__name__) from None

    def open(self, entry):
        """The h5py identifier of an entry, reached from the root one component at a time."""
        if not entry:
            return self.root
        if entry not in self.opened:
            if entry.count("/") >= DEPTH:
                raise self.refuse(entry, f"at most {DEPTH} levels", entry.count("/") + 1)
            above, _, name = entry.rpartition("/")
            found = self.step(self.group(above), entry, name)
            if len(self.opened) >= OPENED:
                self.opened.clear()
            self.opened[entry] = found
        return self.opened[entry]

    def step(self, group, entry, name):
        """From a group to the object that it calls `name`."""
        if not 0 < len(name) <= NAME or name in (".", ".."):
            raise self.refuse(entry, f"names of 1 to {NAME} characters", shorten(name) or "an empty name")
        with self.sound(entry, "a group or dataset of this file"):
            if not group.links.exists(name.encode()):
                raise self.refuse(entry, "a group or dataset of this file", "none of this name")
            link = group.links.get_info(name.encode())
            if link.type != h5l.TYPE_HARD:
                raise self.refuse(entry, "data in this place", "a link to elsewhere")
            if self.places.setdefault(link.u, entry) != entry:
                raise self.refuse(entry, "an object of its own", "a second name of another")
            self.source.chunk_key = None
            found = h5o.open(group, name.encode())
        if not isinstance(found, h5g.GroupID | h5d.DatasetID):
            raise self.refuse(entry, "a group or a dataset", "something else")
        if len(self.places) > self.objects:
            raise self.refuse(entry, f"at most {self.objects} objects", "more")
        return found

    def is_group(self, entry):
        return isinstance(self.open(entry), h5g.GroupID)

    def group(self, entry):
        """The h5py identifier of an entry that must be a group."""
        if not self.is_group(entry):
            raise self.refuse(entry, "a group", "a dataset")
        return self.open(entry)

    def names(self, group=""):
        """The names inside a group, sorted."""
        found = []

        def collect(name):
            found.append(name)
            return True if len(found) > self.objects else None  # anything but None ends the iteration

        with self.sound(group or "root", "a list of names in UTF-8"):
            self.group(group).links.iterate(collect)
            if len(found) > self.objects:
                raise self.refuse(group, f"at most {self.objects} names", "more")
            if any(not name or b"/" in name for name in found):
                raise self.refuse(group or "root", "names without a slash", "others")
            return sorted(name.decode() for name in found)

    def datasets(self, group=""):
        """The paths of all datasets below a group, in order."""
        for name in self.names(group):
            entry = f"{group}/{name}" if group else name
            if self.is_group(entry):
                yield from self.datasets(entry)
            else:
                yield entry

    def attributes(self, entry=""):
        """The names of the attributes of a group or dataset, sorted."""
        holder = self.open(entry)
        with self.sound(entry or "root", "a list of attributes"):
            count = h5a.get_num_attrs(holder)
            if count > ATTRIBUTES:
                raise self.refuse(entry or "root", f"at most {ATTRIBUTES} attributes", count)
            return sorted(h5a.open(holder, index=i).name.decode() for i in range(count))

    def attribute(self, entry, name):
        """The value of an attribute: str, int or float, or a list of them."""
        holder, label = self.open(entry), f"{entry or 'root'} attribute {name}"
        with self.sound(label, "a text, a number or a list of them"):
            if not h5a.exists(holder, name.encode()):
                raise self.refuse(label, "a text, a number or a list of them", "no such attribute")
            attribute = h5a.open(holder, name.encode())
            shape = self.checked_attribute(attribute, label)
            values = np.empty(shape, attribute.dtype)
            attribute.read(values)
            values = [v.decode() if isinstance(v, bytes) else v for v in values.reshape(-1).tolist()]
        return values if shape else values[0]

    def checked_attribute(self, attribute, label):
        """The shape of an attribute whose values are few and small."""
        kind, shape = attribute.get_type(), checked_shape(attribute.get_space())
        text, count = isinstance(kind, h5t.TypeStringID), math.prod(shape)
        if len(shape) > 1 or not (text or checked_dtype(kind)):
            raise self.refuse(label, "a text, a number or a list of them", "another type")
        variable = text and kind.is_variable_str()
        size = STRING if variable else kind.get_size()
        if count > STRINGS or count * size > STRINGS * STRING:
            raise self.refuse(label, f"at most {STRINGS} values of {STRING} bytes", f"{shape} of {size}")
        if variable:
            if kind.get_super().get_size() != 1:
                raise self.refuse(label, "texts of characters of 1 byte", "others")
            self.source.check_lengths(attribute.name, count)
        return shape

    def describe(self, entry, kinds="f"):
        """(shape, dtype) of a dataset, all of whose numbers are stored in this file, in a plain way.

        kinds: the letters of the NumPy kinds to accept: f floats, i and u integers, S texts of a fixed length."""
        return self.checked(entry, kinds)[1:3]

    def array(self, entry, kinds="f"):
        """The numbers of a dataset, in the byte order of this machine; mapped and read-only where possible."""
        dataset, shape, dtype, layout = self.checked(entry, kinds)
        with self.sound(entry, "readable numbers"):
            if layout == h5d.CHUNKED:
                array = self.unpacked(entry, dataset, shape, dtype)
            elif layout == h5d.CONTIGUOUS and not dataset.get_storage_size():
                array = np.full(shape, self.fill(entry, dataset, math.prod(shape) * dtype.itemsize), dtype)
            elif layout == h5d.COMPACT or 0 in shape:
                array = np.empty(shape, dtype)
                dataset.read(h5s.ALL, h5s.ALL, array, dataset.get_type())
            else:
                array = np.ndarray(shape, dtype, self.content, dataset.get_offset())
        native = dtype.newbyteorder("=")
        return np.require(array if dtype == native else array.astype(native), requirements="A")

    def checked(self, entry, kinds):
        """(identifier, shape, dtype, layout) of a dataset of which only the chunks are still unchecked."""
        if self.is_group(entry):
            raise self.refuse(entry, "a dataset", "a group")
        with self.sound(entry, "a dataset of numbers"):
            dataset = self.open(entry)
            properties = dataset.get_create_plist()
            layout = properties.get_layout()
            if layout not in (h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED) or properties.get_external_count():
                raise self.refuse(entry, "numbers stored in this file", "a reference to another place")
            shape, dtype = checked_shape(dataset.get_space()), checked_dtype(dataset.get_type())
            if dtype is None or dtype.kind not in kinds:
                raise self.refuse(entry, f"numbers of kind {kinds}", dtype or "another type")
            if layout == h5d.CHUNKED:
                self.source.chunk_key = 16 + 8 * len(properties.get_chunk())
            stored, size = dataset.get_storage_size(), math.prod(shape) * dtype.itemsize
            if layout != h5d.CHUNKED and stored not in (size, 0 if layout == h5d.CONTIGUOUS else size):
                raise self.refuse(entry, f"{size} bytes for shape {shape}", f"{stored} bytes stored")
            self.claim(entry, stored)
        return dataset, shape, dtype, layout

    def claim(self, entry, stored):
        """Datasets may not be made of the same bytes: together they fit into the file."""
        if entry not in self.claimed:
            self.claimed[entry] = stored
            self.total += stored
        if self.total > len(self.content):
            raise self.refuse(entry, "bytes of its own", "more bytes than the file has")

    def unpacked(self, entry, dataset, shape, dtype):
        """The numbers of a dataset stored in chunks, with or without the gzip, lzf and shuffle filters."""
        properties = dataset.get_create_plist()
        chunk = properties.get_chunk()
        grid = [-(-length // step) for length, step in zip(shape, chunk, strict=True)]
        size = math.prod(chunk) * dtype.itemsize
        filters = [properties.get_filter(i)[::2] for i in range(properties.get_nfilters())]
        codes = {code for code, _ in filters}
        if not codes <= {*UNPACK, h5z.FILTER_SHUFFLE}:
            names = [FILTERS.get(code, f"number {code}") for code in sorted(codes)]
            raise self.refuse(entry, "no filters but gzip, lzf and shuffle: write it anew", ", ".join(names))
        found = self.chunks(entry, dataset, chunk, grid)
        limit = self.claimed[entry] * (RATIO if codes & UNPACK.keys() else 1)
        if len(found) * size > limit:
            raise self.refuse(entry, f"at most {limit} bytes of numbers", len(found) * size)
        missing = math.prod(grid) - len(found)
        fill = self.fill(entry, dataset, missing * size) if missing else 0
        undo = [
            (1 << i, UNPACK[code], size) if code in UNPACK else (1 << i, unshuffled, values[0])
            for i, (code, values) in enumerate(filters)
        ]
        stored = (
            (offset, self.content[info.byte_offset : info.byte_offset + info.size], info.filter_mask)
            for offset, info in found.items()
        )
        return assembled(stored, shape, chunk, dtype, undo[::-1], fill)

    def fill(self, entry, dataset, size):
        """The number that stands in `size` bytes of a dataset that nobody has written."""
        self.fillable -= size
        if self.fillable < 0:
            raise self.refuse(entry, f"numbers that fit {EXPANSION} times into the file", f"{size} bytes never written")
        properties = dataset.get_create_plist()
        if properties.fill_value_defined() == h5d.FILL_VALUE_UNDEFINED:
            raise self.refuse(entry, "numbers", "places that were never written, without a value to fill them")
        value = np.zeros((), dataset.dtype)
        properties.get_fill_value(value)
        return value

    def chunks(self, entry, dataset, chunk, grid):
        """{first index: where it is stored} of every chunk that is; none outside the dataset, none twice."""
        found, unsound = {}, []

        def collect(info):
            place = [divmod(first, step) for first, step in zip(info.chunk_offset, chunk, strict=True)]
            inside = all(index < length and not rest for (index, rest), length in zip(place, grid, strict=True))
            if not inside or info.chunk_offset in found:
                unsound.append(info.chunk_offset)
                return True  # ends the iteration
            found[info.chunk_offset] = info

        dataset.chunk_iter(collect)
        if unsound:
            raise self.refuse(entry, f"{math.prod(grid)} chunks", f"{len(found)} sound ones")
        return found


def checked_shape(space):
    """The shape of a dataspace; ValueError for the null space and for sizes that no array here has."""
    if space.get_simple_extent_type() not in (h5s.SCALAR, h5s.SIMPLE):
        raise ValueError("no shape")
    shape = tuple(int(length) for length in space.get_simple_extent_dims())
    if len(shape) > RANK or math.prod(shape) >= 2**48:
        raise ValueError(f"shape {shape}")
    return shape


def checked_dtype(kind):
    """The NumPy type of plain numbers or of texts of a fixed length; None for HDF5 types without a counterpart."""
    if isinstance(kind, h5t.TypeStringID):
        return None if kind.is_variable_str() else np.dtype(f"S{kind.get_size()}")
    if not isinstance(kind, h5t.TypeIntegerID | h5t.TypeFloatID) or kind.get_size() > 8:
        return None
    return kind.dtype if h5t.py_create(kind.dtype) == kind else None
