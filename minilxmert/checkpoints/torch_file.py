"""Weight files of torch.save: the zip format (torch 1.6 and later) and the older one of pickles and raw storages.

Both are a pickled dict of tensors, each a window (offset, size, stride) into a storage of raw numbers."""

import math
import re
import warnings
from functools import partial
from typing import NamedTuple

import numpy as np

from ..errors import CheckpointError, shorten
from ..files.arrays import DTYPES, Budget, as_native, check_finite, check_name, check_shape, is_size
from ..files.zip_file import read_members
from .unpickle import STORAGES, Symbol, Tensor, Unpickler

MAGIC = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."  # the first pickle of the older format
PROTOCOL = 1001
NAMES = ("F32", "F64", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL")
STORAGE_DTYPES = dict(zip(STORAGES, NAMES, strict=True))
IGNORED = (".format_version", ".storage_alignment", ".data/serialization_id")
WRAPPERS = ("state_dict", "model", "model_state_dict")  # where trainers put the weights
LOCATION = re.compile(r"[a-z]{1,16}(:\d{1,4})?")  # "cpu", "cuda:3"


class Storage(NamedTuple):
    """A storage as a tensor names it; view: (offset, numbers) of a part of it, which torch before 0.4 wrote."""

    key: str
    dtype: str
    count: int
    view: tuple | None = None


def storages_of(known, items, refuse):
    """A function from persistent ids to Storages that are kept in `known` {key: Storage}. items: how many an id has."""
    views = {}

    def storage_of(identity):
        if len(identity) != items or identity[0] != "storage":
            raise refuse("pickle", "the id of a storage", "another")
        _, kind, key, location, count, *view = identity
        if type(kind) is not Symbol or kind not in STORAGE_DTYPES:  # hashing deep tuples would overrun the C stack
            raise refuse("pickle", "a storage of numbers", "another type")
        good = isinstance(key, str) and re.fullmatch(r"[0-9]{1,20}", key) and is_size(count)
        if not good or not isinstance(location, str) or not LOCATION.fullmatch(location):
            raise refuse("pickle", "a storage's key, place and size", "others")
        root = known.setdefault(key, Storage(key, STORAGE_DTYPES[kind], count))
        if root != Storage(key, STORAGE_DTYPES[kind], count):
            raise refuse(f"storage {key}", f"{root.count} numbers of {root.dtype} everywhere", "another size or type")
        if not view or view[0] is None:
            return root
        extent = check_view(view[0], root, refuse)
        if views.setdefault((key, view[0][0]), extent) != extent:
            raise refuse(f"storage {key}", f"one extent of view {view[0][0]}", "another")
        return root._replace(view=extent)

    return storage_of


def check_view(view, root, refuse):
    good = isinstance(view, tuple) and len(view) == 3 and isinstance(view[0], str)
    if not good or not is_size(view[1]) or not is_size(view[2]) or view[1] + view[2] > root.count:
        raise refuse(f"storage {root.key}", f"a view inside its {root.count} numbers", "another")
    return view[1:]


def read_torch_zip(data, file):
    """The bytes of a torch zip file -> {name: array}, in the file's order. Raises CheckpointError."""
    refuse = partial(CheckpointError.at, file)
    members = read_members(data, file)
    roots = {name.split("/")[0] for name in members}
    root = next(iter(roots)) if len(roots) == 1 else ""
    parts = {name.removeprefix(f"{root}/"): content for name, content in members.items()}
    if "data.pkl" not in parts:
        raise refuse(None, "a torch file (data.pkl in one folder)", "a zip archive of other files: unpack it first")
    big_endian = read_byteorder(parts.pop("byteorder", None), refuse)
    check_version(parts.pop("version", None), refuse)
    known, pickled = {}, bytes(parts.pop("data.pkl"))
    machine = Unpickler(pickled, refuse, storages_of(known, 5, refuse))
    described = check_state_dict(state_dict_in(machine.load(), file), refuse)
    if machine.position != len(pickled):
        raise refuse("data.pkl", "nothing after its object", f"{len(pickled) - machine.position} bytes")
    raw = {name: content for name, content in parts.items() if name not in IGNORED}
    if wrong := raw.keys() ^ {f"data/{key}" for key in known}:
        raise refuse(min(wrong), "the storages that tensors use, and no others", "another list of members")
    contents = {key: raw[f"data/{key}"] for key in known}
    return cut_tensors(described, known, contents, big_endian, Budget(file, len(data)), refuse)


def read_byteorder(content, refuse):
    order = b"little" if content is None else bytes(content)
    if order not in (b"little", b"big"):
        raise refuse("byteorder", "little or big", order[:20])
    return order == b"big"


def check_version(content, refuse):
    if content is not None and not re.fullmatch(rb"(?:[1-9]|10)\n?", bytes(content)[:8]):
        raise refuse("version", "1 … 10", bytes(content)[:8])


def read_torch_legacy(data, file):
    """The bytes of an older torch file -> {name: array}, in the file's order. Raises CheckpointError."""
    refuse = partial(CheckpointError.at, file)
    known, position = {}, len(MAGIC)

    def unpickle(storage_of=None):
        nonlocal position
        machine = Unpickler(memoryview(data), refuse, storage_of, position)
        value = machine.load()
        position = machine.position
        return value

    if unpickle() != PROTOCOL:
        raise refuse("second pickle", f"protocol {PROTOCOL}", "another")
    big_endian = check_system(unpickle(), refuse)
    described = check_state_dict(state_dict_in(unpickle(storages_of(known, 6, refuse)), file), refuse)
    keys = unpickle()
    good = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
    if not good or len(set(keys)) < len(keys) or set(keys) != set(known):
        raise refuse("storage keys", "the storages that tensors use, each once", "another list")
    contents = raw_storages(data, position, [known[key] for key in keys], big_endian, refuse)
    return cut_tensors(described, known, contents, big_endian, Budget(file, len(data)), refuse)


def raw_storages(data, position, storages, big_endian, refuse):
    """{key: bytes} of the storages at the end of a file: how many numbers, then these, one storage after the other."""
    contents = {}
    for key, dtype, count, _ in storages:
        size = 8 + count * np.dtype(DTYPES[dtype]).itemsize
        if position + size > len(data):
            raise refuse(f"storage {key}", f"{size} bytes", f"{len(data) - position}")
        if int.from_bytes(bytes(data[position : position + 8]), "big" if big_endian else "little") != count:
            raise refuse(f"storage {key}", f"{count} numbers", "another number before them")
        contents[key] = data[position + 8 : position + size]
        position += size
    if position != len(data):
        raise refuse(None, "the end after the last storage", f"{len(data) - position} more bytes")
    return contents


def check_system(info, refuse):
    """Whether the third pickle says that the file is big-endian."""
    known = info if isinstance(info, dict) else {}
    if known.get("protocol_version") != PROTOCOL or type(known.get("little_endian")) is not bool:
        raise refuse("third pickle", "the writer's byte order", "something else")
    return not known["little_endian"]


def state_dict_in(value, file):
    """The dict of tensors in what was saved: it itself or, as trainers save it, its entry of a name in WRAPPERS."""
    inside = [name for name in WRAPPERS if type(value) is dict and type(value.get(name)) is dict and value[name]]
    if len(inside) != 1:
        return value
    beside = ", ".join(str(name) for name in value if name != inside[0])
    message = f"{file}: the weights are its entry {inside[0]!r}{f', beside {shorten(beside)}' if beside else ''}"
    warnings.warn(message, stacklevel=2)
    return value[inside[0]]


def check_state_dict(value, refuse):
    """The pickled object must be {name: Tensor}."""
    if type(value) is not dict or not value:
        raise refuse("pickle", "a dict of named tensors (a state_dict)", f"{type(value).__name__} without any")
    for name, tensor in value.items():
        if type(name) is not str:
            raise refuse(name, "a tensor's name", "a number")
        if type(tensor) is not Tensor or type(tensor.storage) is not Storage:
            kind = "an optimizer's or trainer's state" if type(tensor) in (dict, list, int, float) else "no tensor"
            raise refuse(name, "a tensor", kind)
    return value


def cut_tensors(described, known, contents, big_endian, budget, refuse):
    """{name: Tensor} and the storages' bytes -> {name: array}; equal windows of one storage are one array."""
    storages, seen, arrays = {}, {}, {}
    for key, storage in known.items():
        dtype = np.dtype(DTYPES[storage.dtype])
        if storage.count * dtype.itemsize != len(contents[key]):
            raise refuse(f"storage {key}", f"{storage.count} numbers of {storage.dtype}", f"{len(contents[key])} bytes")
        storages[key] = contents[key].view(dtype.newbyteorder(">") if big_endian else dtype)
    for name, tensor in described.items():
        check_name(name, budget.file)
        window = check_window(name, tensor, storages[tensor.storage.key], refuse)
        if window not in seen:
            seen[window] = cut_tensor(name, window, storages[tensor.storage.key], budget)
        arrays[name] = seen[window]
    check_finite(arrays, budget.file)
    return arrays


def check_window(name, tensor, numbers, refuse):
    """A tensor's (storage, offset, shape, stride), inside its storage (or the part of it that is its view)."""
    shape, stride, (start, count) = tensor.size, tensor.stride, tensor.storage.view or (0, len(numbers))
    good = isinstance(shape, tuple) and isinstance(stride, tuple) and len(stride) == len(shape)
    if not good or not all(map(is_size, (tensor.offset, *shape, *stride))):
        raise refuse(name, "an offset, a shape and strides of whole numbers", "others")
    last = tensor.offset + sum((n - 1) * s for n, s in zip(shape, stride, strict=True))
    if 0 not in shape and last >= count:
        raise refuse(name, f"a window inside its storage of {count} numbers", f"one that needs {last + 1}")
    return tensor.storage, start + tensor.offset, shape, stride


def cut_tensor(name, window, numbers, budget):
    """One window into the numbers of a storage, as an array in C order; a view where it already is that."""
    storage, offset, shape, stride = window
    check_shape(shape, budget.file, name)
    if 0 in shape:
        return np.zeros(shape, as_native(numbers[:0], storage.dtype).dtype)
    budget.spend(math.prod(shape) * max(numbers.itemsize, 4 if storage.dtype == "BF16" else 0), name)
    count, steps = math.prod(shape), tuple(s * numbers.itemsize for s in stride)
    array = numbers[offset : offset + count].reshape(shape) if offset + count <= len(numbers) else None
    if array is None or array.strides != steps:
        array = np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps, writeable=False)
    return np.ascontiguousarray(as_native(array, storage.dtype)).reshape(shape)
