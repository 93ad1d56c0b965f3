"""Which format a weight file has is told by its first bytes, never by its name."""

import re
from pathlib import Path

import numpy as np

from ..errors import CheckpointError
from ..files import content, kind_of, read_small, strict_json, what_it_is
from .safetensors import read_safetensors
from .torch_file import MAGIC, read_torch_legacy, read_torch_zip


def read_tensors(path, mapped=True):
    """(format, {name: array}, metadata) of a weight file; names are the file's own. Raises CheckpointError.

    format: "torch zip", "torch legacy", "safetensors", "keras h5" or "minilxmert h5". Arrays are read-only and, where
    nothing must be converted, views of the mapped file, or with mapped=False of its bytes, read."""
    if is_index(path):
        return "safetensors", *read_sharded(path, mapped)
    with content(path, CheckpointError, mapped) as data:
        return read_content(np.frombuffer(data, np.uint8), path, mapped)


def read_content(data, path, mapped):
    """read_tensors of a file whose bytes are at hand, (size,) uint8."""
    head = bytes(data[:24])
    if kind_of(data).name == "HDF5":
        from .hdf5_file import read_hdf5

        return read_hdf5(path, mapped)
    if head.startswith(b"PK"):
        return "torch zip", read_torch_zip(data, path), {}
    if head.startswith(MAGIC):
        return "torch legacy", read_torch_legacy(data, path), {}
    if head[8:9] == b"{":
        return "safetensors", *read_safetensors(data, path)
    raise CheckpointError.at(path, None, "a weight file (torch, safetensors or HDF5)", what_it_is(data))


def is_index(path):
    """Whether a path is that of a checkpoint in several files."""
    return str(path).endswith(".index.json")


def shards_of(table, index):
    """{tensor: the name of its file} of an index; the files are its neighbours. Raises CheckpointError."""
    places = table.get("weight_map") if isinstance(table, dict) else None
    if not isinstance(places, dict) or not places or not all(isinstance(shard, str) for shard in places.values()):
        raise CheckpointError.at(index, "weight_map", "a file for each tensor", "something else")
    for shard in dict.fromkeys(places.values()):
        if not re.fullmatch(r"[\w-][\w.-]{0,200}\.(safetensors|bin)", shard):
            raise CheckpointError.at(index, shard, "a plain file name", "another")
    return places


def read_sharded(index, mapped=True):
    """A checkpoint in several files -> ({name: array}, metadata), from its …index.json. Raises CheckpointError.

    Every tensor is exactly where the index says."""
    index = Path(index)
    places = shards_of(strict_json(read_small(index, CheckpointError), index, CheckpointError), index)
    arrays = {}
    for shard in dict.fromkeys(places.values()):
        _, found, _ = read_tensors(index.with_name(shard), mapped)
        listed = {name for name, place in places.items() if place == shard}
        if set(found) != listed:
            name = min(set(found) ^ listed)
            raise CheckpointError.at(index.with_name(shard), name, "the tensors that the index lists", "others")
        arrays.update(found)
    return arrays, {}
