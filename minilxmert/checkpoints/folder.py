"""What lies in a model's folder: which weight file is the model, and which files a saving there may replace.

A folder holds one model. Several weight files (of any kind: a download may bring one a framework) must hold the same
numbers; where they do not, nobody can know which was saved last (a copy or a clone gives its files new dates), so both
are named. A saving leaves one weight file: it removes those that minilxmert wrote, and is refused beside others."""

from pathlib import Path

import numpy as np

from ..errors import CheckpointError, MinilxmertError
from ..files import read_small, strict_json
from ..files.arrays import map_file
from ..files.together import settle
from .formats import is_index, read_tensors, shards_of
from .names import to_published, untie
from .safetensors import read_about

KINDS = ("model.h5", "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
KINDS += ("pytorch_model.bin.index.json", "tf_model.h5")  # and every .pth; whatever is first is opened
POINTER = b"version https://git-lfs"  # a file that was not fetched


def find_weights(path):
    """The weight file at a path: the file itself, or that of a directory. Raises CheckpointError."""
    settle(path if path.is_dir() else path.parent)
    if not path.is_dir():
        return path
    files = weight_files(path) or [path / name for name in KINDS if (path / name).is_file()]
    if not files:
        raise CheckpointError.at(path, None, f"one of {', '.join(KINDS[:4])}, …", "none of them")
    first, *others = fetched = [file for file in files if not is_pointer(file)] or files
    other = next((file for file in others if not same_numbers(first, file)), None)
    if other:
        names = ", ".join(file.name for file in fetched if file not in (first, other))
        raise CheckpointError(
            f"{path}: expected one model, found {first.name} and {other.name}, whose numbers differ; name the file "
            f"that you mean, or move the other one away{f' (also there: {names[:60]})' if names else ''}"
        )
    return first


def weight_files(folder):
    """Every weight file in a folder, by KINDS; an index counts where one of its shards is there."""
    named = [folder / name for name in KINDS if (folder / name).is_file()]
    named = [file for file in named if not is_index(file) or any(map(Path.is_file, shards_in(file)))]
    return [*named, *sorted(folder.glob("*.pth"))]


def shards_in(index):
    """The files that an index names, there or not; none for an index that cannot be read (reading it tells why)."""
    try:
        places = shards_of(strict_json(read_small(index, CheckpointError), index, CheckpointError), index)
    except CheckpointError:
        return [index]
    return [index.with_name(name) for name in dict.fromkeys(places.values())]


def is_pointer(file):
    with open(file, "rb") as source:
        return source.read(len(POINTER)) == POINTER


def same_numbers(*files):
    """Whether two weight files hold the same tensors; one that cannot be read holds others."""
    try:
        one, other = (untie(to_published(read_tensors(file)[1], file)[1], file) for file in files)
    except MinilxmertError:
        return False
    return one.keys() == other.keys() and all(np.array_equal(array, other[name]) for name, array in one.items())


def is_ours(file):
    """Whether minilxmert wrote a weight file."""
    try:
        head = bytes(map_file(file)[:9])
        if head.startswith(b"\x89HDF"):
            from .hdf5_file import is_own

            return is_own(file)
        return head[8:] == b"{" and bool(read_about(file))
    except MinilxmertError:
        return False


def replaced_by(target, replace=False):
    """The names of the weight files that a saving as `target` removes: all others in its folder, shards too.

    Those that minilxmert did not write (`target` itself included) are a CheckpointError, unless `replace` is true."""
    files = weight_files(target.parent) if target.parent.is_dir() else []
    foreign = next((file for file in files if not is_ours(file)), None)
    if foreign and not replace:
        expected = "an empty place, or a model that minilxmert wrote (replace=True or --replace removes others, too)"
        raise CheckpointError(f"{target.parent}: expected {expected}, found {foreign.name}")
    shards = [shard for file in files if is_index(file) for shard in shards_in(file)]
    return sorted({file.name for file in [*files, *shards] if file != target and file.is_file()})
