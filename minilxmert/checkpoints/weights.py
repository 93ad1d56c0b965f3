"""Weight files: their format, told by the first bytes, never by the name; which one in a folder is the model, and which
ones a saving there may replace.

A folder holds one model. Several weight files (of any kind: a download may bring one a framework) must hold the same
numbers; where they do not, nobody can know which was saved last (a copy or a clone gives its files new dates), so both
are named. A saving leaves one weight file: it removes those that minilxmert wrote, and is refused beside others."""

import json
import re
from pathlib import Path

import numpy as np

from ..errors import CheckpointError, ConfigError, MinilxmertError
from ..files import content, kind_of, read_json, what_it_is, write_file
from ..files.arrays import map_file
from ..files.hdf5 import open_checked
from ..files.reading import refuse_other
from ..files.saving import note_removal, replace_files, settle
from ..words.saved import tokens_beside
from ..words.vocabulary import FILES as VOCABULARY
from .h5 import is_own_layout, read_hdf5, write_own
from .names import to_published, untie
from .safetensors import ABOUT, read_about, read_safetensors, write_safetensors
from .torch_file import MAGIC, read_torch_legacy, read_torch_zip


def read_tensors(path, mapped=True):
    """(format, {name: array}, metadata) of a weight file; names are the file's own. Raises CheckpointError.

    format: "torch zip", "torch legacy", "safetensors", "keras h5" or "minilxmert h5". Arrays are read-only and, where
    nothing must be converted, views of the mapped file, or with mapped=False of its bytes, read."""
    if is_index(path):
        return "safetensors", read_sharded(path, mapped), {}
    with content(path, CheckpointError, mapped) as whole:
        data = np.frombuffer(whole, np.uint8)
        head = bytes(data[:24])
        if kind_of(data).name == "HDF5":
            return read_hdf5(path, mapped)
        if head.startswith(b"PK"):
            return "torch zip", read_torch_zip(data, path), {}
        if head.startswith(MAGIC):
            return "torch legacy", read_torch_legacy(data, path), {}
        if head[8:9] == b"{":
            return "safetensors", *read_safetensors(data, path)
    raise CheckpointError.at(path, None, "a weight file (torch, safetensors or HDF5)", what_it_is(path))


def is_index(path):
    """Whether a path is that of a checkpoint in several files."""
    return str(path).endswith(".index.json")


def shards_of(index, error=CheckpointError):
    """{tensor: the name of its file} of an index file; the files are its neighbours. Raises `error`."""
    table = read_json(index, error)
    places = table.get("weight_map") if isinstance(table, dict) else None
    if not isinstance(places, dict) or not places or not all(isinstance(shard, str) for shard in places.values()):
        raise error.at(index, "weight_map", "a file for each tensor", "something else")
    for shard in dict.fromkeys(places.values()):
        if not re.fullmatch(r"[\w-][\w.-]{0,200}\.(safetensors|bin|h5)", shard):
            raise error.at(index, shard, "a plain file name", "another")
    return places


def read_sharded(index, mapped=True):
    """The {name: array} of a checkpoint in several files, each where its …index.json says. Raises CheckpointError."""
    index = Path(index)
    places = shards_of(index)
    arrays = {}
    for shard in dict.fromkeys(places.values()):
        _, found, _ = read_tensors(index.with_name(shard), mapped)
        listed = {name for name, place in places.items() if place == shard}
        if set(found) != listed:
            name = min(set(found) ^ listed)
            raise CheckpointError.at(index.with_name(shard), name, "the tensors that the index lists", "others")
        arrays.update(found)
    return arrays


KINDS = (  # and every .pth; the first is opened
    "model.h5", "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
    "pytorch_model.bin.index.json", "tf_model.h5", "tf_model.h5.index.json",
)  # fmt: skip
OTHER_STATE = "rng_state"  # begins the name of a .pth in which transformers' Trainer keeps random numbers


def find_weights(path):
    """The weight file at a path: the file itself, or that of a directory. Raises CheckpointError."""
    settle(path if path.is_dir() else path.parent)
    if not path.exists():
        raise CheckpointError.at(path, None, "a readable file", "No such file or directory")
    if not path.is_dir():
        return path
    files = weight_files(path) or [path / name for name in KINDS if (path / name).is_file()]
    if not files:
        raise CheckpointError.at(path, None, f"one of {', '.join(KINDS[:4])}, …", "none of them")
    first, *others = fetched = [file for file in files if kind_of(file).name != "pointer"] or files
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
    others = [file for file in sorted(folder.iterdir()) if file.suffix.lower() == ".pth" and file.is_file()]
    return [*named, *(file for file in others if not file.name.startswith(OTHER_STATE))]


def shards_in(index):
    """The files that an index names, there or not; none for an index that cannot be read (reading it tells why)."""
    try:
        places = shards_of(index)
    except CheckpointError:
        return [index]
    return [index.with_name(name) for name in dict.fromkeys(places.values())]


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
            with open_checked(file, CheckpointError) as opened:
                return is_own_layout(opened)
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


# --- saving: the files of a checkpoint take the place of those in a folder, all together or not at all

FORMATS = {"h5": "model.h5", "safetensors": "model.safetensors"}


def target_of(directory, format):
    """The path of the weights of a format. Raises ConfigError."""
    if format not in FORMATS:
        raise ConfigError.at("save_pretrained", "format", f"one of {', '.join(FORMATS)}", format)
    return Path(directory) / FORMATS[format]


def write_checkpoint(directory, format, arrays, config, made, about, tokenizer=None, replace=False):
    """Write the weights {published name: array}, config.json, answers.json and, of a tokenizer, the vocabulary.

    made: what config.json says beside the config. about: {"answers", "tokens", "provenance"}, inside the weights, too.
    What lies there of other models is removed, or is an error: see replaced_by. -> the path of the weights.
    Raises CheckpointError, VocabularyError, ConfigError."""
    target = target_of(directory, format)
    stale = replaced_by(target, replace) + ([] if about["answers"] else ["answers.json"])
    if tokenizer or other_words(target.parent, about["tokens"], replace):
        stale += VOCABULARY
    with replace_files(directory) as folder:
        if format == "h5":
            bare = config.replace(num_labels=None, others={})
            write_own(folder / target.name, arrays, {**bare.to_dict(), **made}, **about)
        else:
            write_safetensors(folder / target.name, arrays, {"format": "pt", ABOUT: json.dumps(about)})
        values = {name: value for name, value in config.to_dict().items() if name != "torch_dtype"}  # an older dtype
        write_file(folder / "config.json", json.dumps({**values, **made}, indent=2, sort_keys=True) + "\n")
        if about["answers"]:
            write_file(folder / "answers.json", json.dumps(about["answers"], ensure_ascii=False, indent=0) + "\n")
        if tokenizer:
            tokenizer.save_pretrained(folder)
        for name in (name for name in stale if not (folder / name).exists()):
            note_removal(folder, name)
    return target


def other_words(folder, tokens, replace):
    """Whether a folder holds a vocabulary of other tokens than these. VocabularyError unless `replace` is true."""
    beside = tokens and tokens_beside(folder)
    if not beside or beside[: len(tokens)] == tokens:
        return False
    if not replace:
        refuse_other("token", beside[: len(tokens)], tokens, folder, "the model (tokenizer=…)")
    return True
