"""Our own checkpoint: an HDF5 file that any HDF5 program can read, and whose arrays are mapped, never copied.

    /                     attributes: format "minilxmert", version 1, config (JSON), provenance (JSON), digest
    /weights/<name>       a plain array (float16, 32 or 64, little-endian) under its published name; attribute crc32
    /answers, /tokens     optional: the texts of the answers, the tokens of the vocabulary, in order, UTF-8, padded to
                          one length; attribute crc32

Opening compares every checksum: crc32 of the bytes of each array, and SHA-256, the digest, of everything else that
the reader uses: the other attributes, and the name, type, shape and crc32 of each array. So a file that loads holds
what was saved. Checksums find damage, not malice: an author of a file can always write the weights he likes."""

import hashlib
import json
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..errors import CheckpointError, MinilxmertError, shorten
from ..files import PatientFile, forget_pages, replacing, strict_json
from ..files.arrays import check_finite

FORMAT, VERSION = "minilxmert", 1
ATTRIBUTES = ["config", "digest", "format", "provenance", "version"]
LISTS = ("answers", "tokens")
LONGEST = 60_000  # bytes of an attribute; HDF5 keeps them below 64 kB


def write_own(path, arrays, config, answers=None, provenance=None, tokens=None):
    """Write {published name: array}, a config as a dict and, optionally, the answers' texts, the vocabulary's tokens
    and a dict that says where the weights came from. Replaces `path` whole or not at all. Raises CheckpointError, also
    for NaN and infinity."""
    try:
        check_finite(arrays, path)
        stored = {f"weights/{name}": little(path, name, array) for name, array in arrays.items()}
        lists = zip(LISTS, (answers, tokens), strict=True)
        stored |= {name: padded(path, name, texts) for name, texts in lists if texts}
        texts = {"format": FORMAT, "config": json_text(path, config), "provenance": json_text(path, provenance)}
        checksums = crc32s(stored)
        texts["digest"] = digest(texts, VERSION, stored, checksums)
        with replacing(path) as temporary:
            write_arrays(temporary, stored, checksums, texts)
    except MinilxmertError:
        raise
    except Exception as problem:
        raise CheckpointError.at(path, None, "a file that can be written", shorten(problem)) from problem


def write_arrays(path, stored, checksums, texts):
    """The HDF5 file itself: first all descriptions, then all numbers, so that the former lie together."""
    import h5py

    with PatientFile(path, "wb+") as target, h5py.File(target, "w", libver="earliest") as file:
        for name, text in texts.items():
            file.attrs[name] = np.array(text.encode(), h5py.string_dtype("utf-8", len(text.encode())))
        file.attrs["version"] = VERSION
        for entry, array in stored.items():
            dtype = h5py.string_dtype("utf-8", array.itemsize) if array.dtype.kind == "S" else array.dtype
            file.create_dataset(entry, array.shape, dtype).attrs["crc32"] = np.uint32(checksums[entry])
        for entry, array in stored.items():
            file[entry][...] = array.view(file[entry].dtype)
    target.check()


def read_own(file):
    """A CheckedFile in our layout -> ({published name: mapped array}, {"config", "provenance", the lists})."""
    if file.attributes() != ATTRIBUTES or not is_own_layout(file):
        raise file.refuse("root", f"format {FORMAT}, and the attributes {', '.join(ATTRIBUTES)}", "others")
    texts = {name: file.attribute("", name) for name in ATTRIBUTES}
    version = texts.pop("version")
    if not all(isinstance(text, str) for text in texts.values()):
        raise file.refuse("root", f"texts in the attributes {', '.join(texts)}", "numbers")
    if version != VERSION:
        raise file.refuse("root attribute version", f"{VERSION}; a newer minilxmert may read this file", version)
    arrays, checksums = checked_arrays(file)
    expected = texts.pop("digest")
    if digest(texts, version, arrays, checksums) != expected:
        raise file.refuse("root attribute digest", expected, "names, types, shapes or texts of another digest")
    metadata = {name: strict_json(texts[name].encode(), file.path, file.error) for name in ("config", "provenance")}
    if not isinstance(metadata["config"], dict):
        raise file.refuse("root attribute config", "a JSON object", type(metadata["config"]).__name__)
    metadata["answers"] = None
    for name in LISTS:
        if name in arrays:
            with file.sound(name, "a list of texts in UTF-8"):
                metadata[name] = unpadded(arrays.pop(name))
    return {entry.removeprefix("weights/"): array for entry, array in arrays.items()}, metadata


def is_own_layout(file):
    """Whether a CheckedFile says that it is ours."""
    return "format" in file.attributes() and file.attribute("", "format") == FORMAT


def checked_arrays(file):
    """({entry: array}, {entry: crc32}) of all datasets; the bytes of each have the checksum beside it."""
    arrays = {}
    for entry in file.datasets():
        if entry not in LISTS and not entry.startswith("weights/"):
            raise file.refuse(entry, "weights, answers and tokens", "something else")
        arrays[entry] = file.array(entry, "S" if entry in LISTS else "f")
    checksums = crc32s({entry: little(file.path, entry, array) for entry, array in arrays.items()})
    for entry, found in checksums.items():
        expected = file.attribute(entry, "crc32")
        if found != expected:
            raise file.refuse(entry, f"crc32 {expected}", f"{found}: the file is damaged")
    return arrays, checksums


def crc32s(arrays):
    """{name: crc32 of an array's bytes}; zlib lets go of Python's lock, so threads share the work."""
    try:
        with ThreadPoolExecutor() as pool:
            sums = list(pool.map(crc32, arrays.values()))
    except RuntimeError:  # the system gives no more threads
        sums = map(crc32, arrays.values())
    return dict(zip(arrays, sums, strict=True))


def crc32(array):
    """The checksum of an array's bytes, whose pages are then not kept: opening a file costs no memory."""
    value = zlib.crc32(array)
    forget_pages(array)
    return value


def little(path, name, array):
    """An array as it is stored: little-endian, in C order."""
    dtype = array.dtype.newbyteorder("<")
    if dtype.kind != "S" and dtype.str not in ("<f2", "<f4", "<f8"):
        raise CheckpointError.at(path, name, "float16, float32 or float64", array.dtype)
    return np.asarray(array, dtype, order="C")


def padded(path, name, texts):
    """Texts as one array of bytes, which ends each with NULs up to the longest."""
    array = np.array([text.encode() for text in texts])
    if unpadded(array) != list(texts):
        raise CheckpointError.at(path, name, "texts that do not end in a NUL character", "one that does")
    return array


def unpadded(array):
    return [text.decode() for text in array.tolist()]


def json_text(path, value):
    """JSON that fits into an attribute."""
    text = json.dumps(value, sort_keys=True, allow_nan=False)
    if len(text) > LONGEST:
        raise CheckpointError.at(path, shorten(value), f"at most {LONGEST} bytes of JSON", len(text))
    return text


def digest(texts, version, arrays, checksums):
    """SHA-256 over the attributes and the name, type, shape and checksum of every array, in order of the names."""
    table = [[entry, little("", entry, a).dtype.str, a.shape, checksums[entry]] for entry, a in sorted(arrays.items())]
    return hashlib.sha256(json.dumps([sorted(texts.items()), version, table]).encode()).hexdigest()
