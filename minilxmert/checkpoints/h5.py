"""Weights in HDF5: our own checkpoint, which any HDF5 program can read and whose arrays are mapped, never copied; and
the `tf_model.h5` of transformers' TensorFlow models.

    /                     attributes: format "minilxmert", version 1, config (JSON), provenance (JSON), digest
    /weights/<name>       a plain array (float16, 32 or 64, little-endian) under its published name; attribute crc32
    /answers, /tokens     optional: the texts of the answers, the tokens of the vocabulary, in order, UTF-8, padded to
                          one length; attribute crc32

Opening compares every checksum: crc32 of the bytes of each array, and SHA-256, the digest, of everything else that
the reader uses: the other attributes, and the name, type, shape and crc32 of each array. So a file that loads holds
what was saved. Checksums find damage, not malice: who writes a file can write any weights into it."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..errors import CheckpointError, MinilxmertError, shorten
from ..files import PatientFile, replacing, strict_json
from ..files.arrays import check_finite
from ..files.hdf5 import open_checked
from ..files.reading import crc32

FORMAT, VERSION = "minilxmert", 1
ATTRIBUTES = ["config", "digest", "format", "provenance", "version"]
LISTS = ("answers", "tokens")
LONGEST = 60_000  # bytes of an attribute; HDF5 keeps them below 64 kB


def read_hdf5(path, mapped=True):
    """(format, {name: array}, metadata) of a weight file: "keras h5" or "minilxmert h5". Raises CheckpointError.

    Names are published torch names. metadata: for our own format config, answers, tokens, provenance; or nothing.
    mapped: whether the arrays are views of the mapped file or of its bytes, read."""
    with open_checked(path, CheckpointError, mapped=mapped) as file:
        if "format" in file.attributes():
            return "minilxmert h5", *read_own(file)
        return "keras h5", read_keras(file), {}


def write_own(path, arrays, config, answers=None, provenance=None, tokens=None):
    """Write {published name: array}, a config as a dict and, optionally, the answers' texts, the vocabulary's tokens
    and a dict that says where the weights came from. Replaces `path` whole or not at all. Raises CheckpointError, also
    for NaN and infinity."""
    try:
        check_finite(arrays, path)
        stored = {f"weights/{name}": little(path, name, array) for name, array in arrays.items()}
        lists = zip(LISTS, (answers, tokens), strict=True)
        stored |= {name: as_bytes(path, name, texts) for name, texts in lists if texts}
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
    if list(file.attributes()) != ATTRIBUTES or not is_own_layout(file):
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
                metadata[name] = as_texts(arrays.pop(name))
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


def little(path, name, array):
    """An array as it is stored: little-endian, in C order."""
    dtype = array.dtype.newbyteorder("<")
    if dtype.kind != "S" and dtype.str not in ("<f2", "<f4", "<f8"):
        raise CheckpointError.at(path, name, "float16, float32 or float64", array.dtype)
    return np.asarray(array, dtype, order="C")


def as_bytes(path, name, texts):
    """Texts as one array of bytes, which ends each with NULs up to the longest."""
    array = np.array([text.encode() for text in texts])
    if as_texts(array) != list(texts):
        raise CheckpointError.at(path, name, "texts that do not end in a NUL character", "one that does")
    return array


def as_texts(array):
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


# --- Keras: a list of layers, each with a list of its variables

LAYERS = 100  # LXMERT has 4: lxmert and its heads
LEAVES = {"kernel": "weight", "embeddings": "weight", "gamma": "weight", "beta": "bias"}


def torch_name(keras_name):
    """(published torch name, whether the array is transposed) of a variable, named from "lxmert", "cls", … on.

    "lxmert/encoder/layer_._0/attention/self/query/kernel:0" -> ("lxmert.encoder.layer.0.attention.self.query.weight",
    True): Keras multiplies x @ kernel and stores (in, out), torch stores (out, in).
    Source: transformers, convert_tf_weight_name_to_pt_weight_name."""
    module, _, leaf = keras_name.removesuffix(":0").rpartition("/")
    module = module.replace("_._", ".").replace("/", ".")
    return f"{module}.{LEAVES.get(leaf, leaf)}", leaf == "kernel"


def read_keras(file):
    """A CheckedFile in Keras' layout -> {published torch name: array}, kernels transposed. Raises CheckpointError."""
    if "model_config" in file.attributes():
        raise file.refuse("root attribute model_config", "weights alone", "a whole Keras model, which can hold code")
    layers = names_in(file, "", "layer_names")
    if len(layers) > LAYERS:
        raise file.refuse("root attribute layer_names", f"at most {LAYERS} layers", len(layers))
    entries = [f"{layer}/{name}" for layer in layers for name in names_in(file, layer, "weight_names")]
    arrays = {}
    for entry in entries:
        if entry.count("/") < 3:
            raise file.refuse(entry, "variable names of at least 3 levels", "fewer")
        name, transposed = torch_name(entry.split("/", 2)[2])  # the levels dropped are the layer and the model
        array = weight(file, entry, transposed)
        if not np.array_equal(arrays.setdefault(name, array), array, equal_nan=True):
            raise file.refuse(entry, "the same numbers as in its other layer", "other numbers")
    unlisted = sorted(set(file.datasets()) - set(entries))
    if unlisted:
        raise file.refuse(unlisted[0], "only datasets listed in weight_names", "an unlisted one")
    check_finite(arrays, file.path)
    return arrays


def names_in(file, entry, attribute):
    """The list in an attribute, which a long list continues: weight_names, or weight_names0, weight_names1, …"""
    present = [name for name in file.attributes(entry) if name.startswith(attribute)]
    parts = [f"{attribute}{number}" for number in range(len(present))]
    if sorted(present) not in ([attribute], sorted(parts)) or not present:
        found = ", ".join(present) or "none"
        raise file.refuse(entry or "root", f"attribute {attribute}, or {attribute}0, {attribute}1, …", found)
    lists = [file.attribute(entry, part) for part in (present if present == [attribute] else parts)]
    names = [name for part in lists for name in (part if isinstance(part, list) else [part])]
    if any(type(name) is not str for name in names) or len(set(names)) < len(names):
        raise file.refuse(f"{entry or 'root'} attribute {attribute}", "names, each once", "other values")
    return names


def weight(file, entry, transposed):
    """The array of one variable, kernels as (out, in)."""
    array = file.array(entry)
    if not array.size or not array.shape or (transposed and array.ndim != 2):
        raise file.refuse(entry, "a kernel of two axes" if transposed else "at least one number and axis", array.shape)
    return np.ascontiguousarray(array.T) if transposed else array
