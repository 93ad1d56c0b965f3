"""safetensors files: a JSON header of names, types, shapes and places, then the numbers.

Source: the format's description in huggingface/safetensors."""

import json
import math
from functools import partial

import numpy as np

from ..errors import CheckpointError
from ..files import replacing, strict_json
from ..files.arrays import DTYPES, as_native, check_finite, check_name, check_shape, is_size, map_file
from .h5 import torch_name

LONGEST_HEADER, MOST_TENSORS = 16 << 20, 4096  # bytes; the full model's header has 0.05 MB and 473 tensors …
ABOUT = "minilxmert"  # … and here, in a file that minilxmert wrote, a JSON object: answers, tokens, provenance
WRITTEN = {np.dtype(text): name for name, text in DTYPES.items() if name != "BF16"}


def read_safetensors(data, file):
    """The bytes of a safetensors file -> ({name: array}, {text: text}); arrays are views. Raises CheckpointError.

    A file marked "format: tf" holds Keras names and kernels (in, out): it is given torch names and (out, in)."""
    refuse = partial(CheckpointError.at, file)
    size, header, metadata = read_header(data, file, refuse)
    if not 0 < len(header) <= MOST_TENSORS:
        raise refuse("header", f"1 … {MOST_TENSORS} tensors", len(header))
    body, end, arrays = data[8 + size :], 0, {}
    places = {name: check_entry(name, entry, file, refuse) for name, entry in header.items()}
    for name, (dtype, shape, start, stop) in sorted(places.items(), key=lambda item: item[1][2:]):
        if start != end or stop > len(body):
            raise refuse(name, f"bytes from {end}, without gap or overlap, inside the file", f"{start} … {stop}")
        arrays[name], end = as_native(body[start:stop].view(DTYPES[dtype]).reshape(shape), dtype), stop
    if end != len(body):
        raise refuse(None, "the end after the last tensor", f"{len(body) - end} more bytes")
    arrays = {name: arrays[name] for name in header}
    check_finite(arrays, file)
    return (from_keras(arrays, refuse) if metadata.get("format") == "tf" else arrays), metadata


def read_header(data, file, refuse):
    """The bytes of a safetensors file -> the header's size, {tensor: its line}, {text: text}"""
    size = int.from_bytes(bytes(data[:8]), "little")
    if len(data) < 10 or not 2 <= size <= min(LONGEST_HEADER, len(data) - 8) or data[8] != ord("{"):
        raise refuse("header", f"2 … {LONGEST_HEADER} bytes of JSON", f"{size}")
    header = strict_json(bytes(data[8 : 8 + size]), file, CheckpointError, LONGEST_HEADER)
    return size, header, check_metadata(header.pop("__metadata__", {}), refuse)


def read_about(file):
    """What minilxmert wrote into a safetensors file beside the tensors; nothing in a file of others."""
    refuse = partial(CheckpointError.at, file)
    return about(read_header(map_file(file), file, refuse)[2], file)


def about(metadata, file):
    """The same from its metadata: answers, tokens and provenance, where they are known."""
    if ABOUT not in metadata:
        return {}
    written = strict_json(metadata[ABOUT].encode(), file, CheckpointError, LONGEST_HEADER)
    lists = [written.get(name) or [] for name in ("answers", "tokens")] if isinstance(written, dict) else [None]
    if not all(isinstance(texts, list) and all(isinstance(text, str) for text in texts) for texts in lists):
        raise CheckpointError.at(file, f"__metadata__ {ABOUT}", "lists of answers and of tokens", "something else")
    return written


def check_metadata(metadata, refuse):
    """The header's __metadata__: texts by name, of a format that is known here."""
    plain = isinstance(metadata, dict) and all(isinstance(value, str) for value in metadata.values())
    if not plain:
        raise refuse("__metadata__", "texts by name", "something else")
    if metadata.get("format", "pt") not in ("pt", "np", "tf"):
        raise refuse("__metadata__ format", "pt, np or tf", metadata["format"])
    return metadata


def check_entry(name, entry, file, refuse):
    """A tensor's line in the header -> (dtype, shape, first byte, end)"""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise refuse(name, "dtype, shape and data_offsets", "something else")
    check_name(name, file)
    dtype, offsets = entry["dtype"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise refuse(name, f"one of {', '.join(DTYPES)}", dtype)
    shape = check_shape(entry["shape"], file, name)
    good = isinstance(offsets, list) and len(offsets) == 2 and all(map(is_size, offsets))
    size = math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize
    if not good or offsets[1] - offsets[0] != size:
        raise refuse(name, f"{size} bytes for {shape} of {dtype}", offsets)
    return dtype, shape, *offsets


def from_keras(arrays, refuse):
    """Arrays by Keras names -> by torch names, kernels as torch stores them; no two may get the same name."""
    renamed = {}
    for name, array in arrays.items():
        new, transposed = torch_name(name)
        if new in renamed:
            raise refuse(name, f"{new} once", "a second one")
        renamed[new] = np.ascontiguousarray(array.T) if transposed and array.ndim == 2 else array
    return renamed


def write_safetensors(path, arrays, metadata):
    """Write {name: array} and metadata {text: text}; `path` is replaced whole or not at all. Raises CheckpointError."""
    header, position = {"__metadata__": metadata}, 0
    for name, array in arrays.items():
        dtype = WRITTEN.get(array.dtype.newbyteorder("<"))
        if dtype is None:
            raise CheckpointError.at(path, name, f"one of {', '.join(map(str, WRITTEN))}", array.dtype)
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [position, position + array.nbytes]}
        position += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers are aligned
    if len(text) > LONGEST_HEADER:
        raise CheckpointError.at(path, "header", f"at most {LONGEST_HEADER} bytes of names and lists", len(text))
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)
