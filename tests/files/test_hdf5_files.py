"""HDF5 weight files: Keras' and our own, sound, hostile and damaged."""

import csv
import faulthandler
import json
import os
import struct
import zlib

import h5py
import numpy as np
import pytest
from conftest import REFERENCE, check_mutants, mutant_counts, refusal_faults

from minilxmert import CheckpointError
from minilxmert.checkpoints.h5 import read_hdf5, torch_name, write_own
from minilxmert.checkpoints.weights import read_tensors
from minilxmert.files.hdf5 import open_checked
from minilxmert.files.hdf5_bytes import Source, leaves, read_heap
from minilxmert.files.hdf5_chunks import unlzf

KERNEL, BIAS = "model/cls/dense/kernel:0", "model/cls/dense/bias:0"
WORDS = "model/lxmert/word_embeddings/weight:0"  # listed in both layers, as Keras does
CONFIG, ANSWERS = {"hidden_size": 12, "name": "ü"}, ["yes", "no", "", "déjà vu"]


@pytest.fixture(autouse=True)
def no_endless_loop(request):
    """The HDF5 library cannot be interrupted while it loops: end the whole run, with a traceback, instead."""
    faulthandler.dump_traceback_later(3600 if request.node.get_closest_marker("nightly") else 120, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def values(file=read_hdf5):
    return lambda path: file(path)[1]


def variables(dtype="<f4"):
    rng = np.random.default_rng(5)
    shapes = {WORDS: (9, 5), KERNEL: (5, 5), BIAS: (5,)}
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


def expected(arrays):
    return {torch_name(n.partition("/")[2])[0]: a.T if "kernel" in n else a for n, a in arrays.items()}


def same(found, wanted):
    return found.keys() == wanted.keys() and all(np.array_equal(found[name], wanted[name]) for name in wanted)


def write_keras(path, arrays, vlen=False, parts=False, libver="earliest", **storage):
    """A file as Keras writes it: the layers lxmert and cls, the word embedding in both."""
    layers = {"lxmert": [WORDS], "cls": [KERNEL, BIAS, WORDS]}
    with h5py.File(path, "w", libver=libver) as file:

        def strings(texts):
            return np.array(texts, h5py.string_dtype("ascii") if vlen else "S64")

        file.attrs["layer_names"] = strings(list(layers))
        file.attrs["backend"] = "tensorflow"
        for layer, names in layers.items():
            group = file.create_group(layer)
            for part, listed in enumerate([[n] for n in names]) if parts else [("", names)]:
                group.attrs[f"weight_names{part}"] = strings(listed)
            for name in names:
                group.create_dataset(name, data=arrays[name], **storage)
        if vlen:
            file.create_group("top_level_model_weights").attrs["weight_names"] = np.zeros(0)
    return path


def write_mine(path):
    arrays = {
        "lxmert.a.weight": np.arange(12, dtype="f4").reshape(3, 4),
        "b": np.ones(5, "f2"),
        "c": np.float64(2) + np.zeros(()),
    }
    write_own(path, arrays, CONFIG, ANSWERS, {"source": "x.bin"})
    return arrays


# --- Keras


def test_the_name_rule_gives_every_published_name():
    with open(REFERENCE / "tf_lxmert_names.tsv") as file:
        rows = list(csv.DictReader((line for line in file if not line.startswith("#")), delimiter="\t"))
    assert len(rows) > 180
    for row in rows:
        assert torch_name(row["tf_name"].partition("/")[2]) == (row["pt_name"], row["transpose"] == "T")


def test_the_reference_file_holds_the_numbers_of_the_other_formats():
    data = (REFERENCE / "v5" / "model.safetensors").read_bytes()
    start = 8 + struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    wanted = {
        name: np.frombuffer(data[start:], "<f4")[t["data_offsets"][0] // 4 : t["data_offsets"][1] // 4].reshape(
            t["shape"]
        )
        for name, t in header.items()
    }
    format, found, metadata = read_hdf5(REFERENCE / "tf_model.h5")
    assert format == "keras h5" and metadata == {} and len(found) == 202 and same(found, wanted)
    assert not next(iter(found.values())).flags.writeable  # mapped


def test_a_file_of_tensorflow_itself():
    found = values()(REFERENCE / "tf_native" / "tf_model.h5")
    assert len(found) > 180 and all(array.dtype == np.float32 for array in found.values())


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f2", ">f8"])
@pytest.mark.parametrize(
    "style",
    [
        {},
        {"vlen": True},
        {"parts": True},
        {"libver": "latest"},
        {"chunks": (2,)},
        {"chunks": (2,), "compression": "gzip", "shuffle": True},
    ],
    ids=str,
)
def test_every_dialect_of_keras(tmp_path, style, dtype):
    arrays = variables(dtype)
    if "chunks" in style:
        arrays[KERNEL], arrays[WORDS] = arrays[KERNEL][0], arrays[WORDS][0]  # chunks of one axis
        with pytest.raises(CheckpointError, match="two axes"):
            values()(write_keras(tmp_path / "flat.h5", arrays, **style))
        path = write_keras(tmp_path / "chunks.h5", variables(dtype), **{**style, "chunks": True})
        assert same(values()(path), expected(variables(dtype)))
        with open_checked(tmp_path / "flat.h5") as file:  # a last chunk that reaches beyond the array
            np.testing.assert_array_equal(file.array("cls/" + BIAS), arrays[BIAS])
    else:
        assert same(values()(write_keras(tmp_path / "a.h5", arrays, **style)), expected(arrays))


# --- hostile files


def replaced(make):
    """A change of a file that puts something else in the place of the kernel."""

    def change(file, folder):
        group = file["cls/model/cls/dense"]
        del group["kernel:0"]
        make(group, "kernel:0", folder)

    return change


def external(group, name, folder):
    (folder / "secret").write_bytes(b"SECRET" * 100)
    group.create_dataset(name, (5, 5), "<f4", external=[(str(folder / "secret"), 0, 100)])


def virtual(group, name, folder):
    layout = h5py.VirtualLayout((5, 5), "<f4")
    layout[...] = h5py.VirtualSource(".", "lxmert/" + WORDS, (9, 5))[:5]
    group.create_virtual_dataset(name, layout)


def link(make):
    return replaced(lambda group, name, folder: group.__setitem__(name, make()))


def gzip_bomb(group, name, folder):
    group.create_dataset(name, data=np.zeros((2048, 2048), "<f4"), chunks=(2048, 512), compression="gzip")


def lying_chunk(group, name, folder):
    """A chunk of 100 bytes whose zlib data unpack to 64 MB."""
    dataset = group.create_dataset(name, (5, 5), "<f4", chunks=(5, 5), compression="gzip")
    dataset.id.write_direct_chunk((0, 0), zlib.compress(bytes(64 << 20)))


def stored(data=None, **arguments):
    return replaced(lambda group, name, folder: group.create_dataset(name, data=data, **arguments))


def attribute(entry, name, value):
    return lambda file, folder: file[entry].attrs.__setitem__(name, value)


def conflict(file, folder):
    file["cls/" + WORDS][0, 0] += 1


HOSTILE = {
    "external storage": (replaced(external), "stored in this file"),
    "virtual dataset": (replaced(virtual), "stored in this file"),
    "external link": (link(lambda: h5py.ExternalLink("other.h5", "/d")), "link to elsewhere"),
    "soft link": (link(lambda: h5py.SoftLink("/lxmert/" + WORDS)), "link to elsewhere"),
    "cycle": (lambda file, folder: file["cls"].__setitem__("again", file["/"]), "second name"),
    "second name": (lambda file, folder: file["cls"].__setitem__("again", file["cls/" + BIAS]), "second name"),
    "shape bomb": (stored(shape=(1 << 20, 1 << 20), dtype="<f4"), "numbers that fit"),
    "shape bomb in chunks": (stored(shape=(1 << 20, 1 << 20), dtype="<f4", chunks=(9, 9)), "numbers that fit"),
    "gzip bomb": (replaced(gzip_bomb), "bytes of numbers"),
    "lying chunk": (replaced(lying_chunk), "chunk of other than 100 bytes"),
    "fletcher32": (stored(np.ones((5, 5), "<f4"), fletcher32=True, chunks=(5, 5)), "no filters but"),
    "integers": (stored(np.ones((5, 5), "<i4")), "found int32"),
    "ragged": (stored(shape=(5, 5), dtype=h5py.vlen_dtype("f4")), "another type"),
    "strings": (stored(np.full((5, 5), b"1.0")), r"found \|S3"),
    "empty": (stored(h5py.Empty("f4")), "no shape"),
    "no number": (stored(np.zeros((0, 5), "<f4")), "two axes"),
    "nan": (stored(np.full((5, 5), np.nan, "<f4")), "finite numbers"),
    "a group": (replaced(lambda group, name, folder: group.create_group(name)), "found a group"),
    "missing": (replaced(lambda group, name, folder: None), "a group or dataset of this file"),
    "whole model": (attribute("/", "model_config", "{}"), "whole Keras model"),
    "no layer names": (lambda file, folder: file.attrs.__delitem__("layer_names"), "layer_names, or"),
    "numbers for names": (attribute("/", "layer_names", np.arange(3)), "names, each once"),
    "a layer twice": (attribute("/", "layer_names", [b"cls", b"cls"]), "names, each once"),
    "another layer's": (attribute("cls", "weight_names", [("../lxmert/" + WORDS).encode()]), r"names of 1 to"),
    "absolute": (attribute("cls", "weight_names", [("/lxmert/" + WORDS).encode()]), r"names of 1 to"),
    "shallow": (attribute("cls", "weight_names", [b"a/b:0"]), "3 levels"),
    "not UTF-8": (attribute("cls", "weight_names", [b"a/b/\xff:0"]), "a text, a number"),
    "two lists": (attribute("cls", "weight_names0", [KERNEL.encode()]), "weight_names, or"),
    "a gap": (attribute("cls", "weight_names2", [KERNEL.encode()]), "weight_names, or"),
    "unlisted": (lambda file, folder: file["cls"].create_dataset("more", data=np.ones(3)), "unlisted"),
    "copies differ": (conflict, "the same numbers"),
    "long text": (attribute("/", "layer_names", "x" * 20_000), "a text, a number"),
}


def test_too_many_objects_are_refused(tmp_path):
    with h5py.File(tmp_path / "wide.h5", "w") as file:
        for number in range(101):
            file.create_group(f"many/{number}")
    with pytest.raises(CheckpointError, match="at most 100"), open_checked(tmp_path / "wide.h5", objects=100) as file:
        list(file.datasets())


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(tmp_path, name):
    change, message = HOSTILE[name]
    path = write_keras(tmp_path / "hostile.h5", variables(), vlen=True)
    with h5py.File(path, "r+") as file:
        change(file, tmp_path)
    assert not list(refusal_faults(read_hdf5, path))
    with pytest.raises(CheckpointError, match=message):
        read_hdf5(path)


def overwritten(at, new):
    return lambda data: data[:at] + new + data[at + len(new) :]


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda data: data[:-1], "a file of"),
        (lambda data: data + b"PK\5\6", "a file of"),
        (lambda data: data[:8], "superblock version"),
        (lambda data: b"", "an HDF5 file"),
        (lambda data: b"#!/bin/sh\n".ljust(500, b"\0") + data, "an HDF5 file"),
        (overwritten(8, b"\4"), "superblock version"),
        (overwritten(13, b"\4"), "8 bytes"),
        (overwritten(24, b"\1"), "base address"),
        (overwritten(48, bytes(8)), "several files"),
        (overwritten(64, struct.pack("<Q", 1 << 40)), "an HDF5 file"),
    ],
)
def test_damaged_superblocks_are_refused(tmp_path, damage, message):
    path = write_keras(tmp_path / "a.h5", variables())
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match=message):
        read_hdf5(path)


def pack(*numbers):
    return struct.pack(f"<{len(numbers)}Q", *numbers)


# Structures on which the HDF5 library does not end are shown to the reader as bytes, not as files.


@pytest.mark.parametrize("number, size", [(n, size) for n in (1, 2) for size in (2**64 - 16, 2**64 - 1, 1 << 40)])
def test_texts_of_a_heap_follow_one_another(number, size):
    head = b"GCOL\1" + bytes(3) + pack(16 + 32 + 16)
    first = struct.pack("<H6xQ8s", 1, 3, b"abc")
    assert read_heap(head + first + struct.pack("<H6xQ", 0, 0)) == {1: b"abc"}
    with pytest.raises(ValueError, match="in a heap"):
        read_heap(head + first + struct.pack("<H6xQ", number, size) + bytes(32))


def test_a_heap_that_is_more_than_plain_is_refused(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["long"] = "x" * 20_000
    with h5py.File(path) as file:
        assert len(file.attrs["long"]) == 20_000
    with open_checked(path) as file, pytest.raises(CheckpointError, match="a text, a number"):
        file.attribute("", "long")


@pytest.mark.parametrize("parts, good", [((1, 2), True), ((0, 1), False), ((1, 1), False)])
@pytest.mark.parametrize("kind, key", [(0, 8), (1, 24)])
def test_the_parts_of_a_tree_are_its_own(kind, key, parts, good):
    """A tree of level 1 with two parts of level 0; in a ring it is a part of itself, or has one part twice."""
    size = 24 + 2 * (key + 8) + key
    places = 0, size, size + 24
    tree = b"TREE" + struct.pack("<BBH16x", kind, 1, 2) + b"".join(bytes(key) + pack(places[part]) for part in parts)
    leaf = b"TREE" + struct.pack("<BBH16x", kind, 0, 0)
    found = leaves(Source(tree + bytes(key) + leaf + leaf), 0, kind, key)
    if good:
        assert list(found) == []
    else:
        with pytest.raises(ValueError, match="ring"):
            list(found)


def test_arrays_of_the_same_bytes_are_refused(tmp_path):
    path, sizes = tmp_path / "a.h5", {"a": 77_777, "b": 777, "c": 777}
    with h5py.File(path, "w") as file:
        for name, size in sizes.items():
            file[name] = np.ones(size)
        places = {name: file[name].id.get_offset() for name in sizes}
    data = path.read_bytes()
    for name in "bc":
        data = data.replace(pack(places[name], 777 * 8), pack(places["a"], 77_777 * 8))
    path.write_bytes(data.replace(pack(777), pack(77_777)))
    with open_checked(path) as file:
        assert file.array("b").shape == (77_777,)
        with pytest.raises(CheckpointError, match="bytes of its own"):
            [file.array(name) for name in "abc"]


def test_names_that_many_groups_share_are_not_read_for_ever(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for number in range(80):
            file.create_group(f"{number:03}")
        many = file.create_group("many")
        for number in range(3000):
            many[f"a name of {number}"] = file["000"]
    with h5py.File(path) as file:
        headers = [h5py.h5o.get_info(file[f"{number:03}"].id).addr for number in range(80)]
        (shared,) = [h5py.h5o.get_info(file["many"].id).addr]
    data = bytearray(path.read_bytes())
    for header in headers:  # all groups have the tree and the heap of one
        data[header + 16 : header + 40] = data[shared + 16 : shared + 40]
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="too often"), open_checked(path) as file:
        [file.names(f"{number:03}") for number in range(80)]


@pytest.mark.parametrize("name", [b"\0", b"/"])
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("Q")
    data = (tmp_path / "a.h5").read_bytes()
    assert data.count(b"Q\0") == 1
    (tmp_path / "a.h5").write_bytes(data.replace(b"Q\0", name + b"\0"))
    with pytest.raises(CheckpointError, match="names without"), open_checked(tmp_path / "a.h5"):
        pass


def test_a_text_that_claims_gigabytes_is_refused(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_group("a").attrs["name"] = "abc"
        file.create_group("b").attrs["name"] = ["abc", "def"]
    data = path.read_bytes()
    with open_checked(path) as file:
        assert (file.attribute("a", "name"), file.attribute("b", "name")) == ("abc", ["abc", "def"])
    heap, character = pack(data.index(b"GCOL")), b"\x10\0\0\0\1\0\0\0\0\0\x08\0"
    length, size = b"\3\0\0\0" + heap, b"\1\0\0\4"
    assert data.count(length) == 3 and data.count(character) == 2
    wide = data.replace(character, character[:4] + size + character[8:])  # HDF5 2.0 finds this one itself
    for hostile, message in (data.replace(length, size + heap), "more than"), (wide, "of 1 byte|a text, a number"):
        path.write_bytes(hostile)
        with open_checked(path) as file:
            for entry in "ab":
                with pytest.raises(CheckpointError, match=message):
                    file.attribute(entry, "name")


def test_what_is_no_file_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(CheckpointError, match="a readable file"):
            read_hdf5(path)


# --- our own format


def test_own_round_trip(tmp_path):
    arrays = write_mine(tmp_path / "a.h5")
    format, found, metadata = read_hdf5(tmp_path / "a.h5")
    assert format == "minilxmert h5" and same(found, arrays)
    assert {name: array.dtype for name, array in found.items()} == {n: a.dtype for n, a in arrays.items()}
    assert metadata == {"config": CONFIG, "answers": ANSWERS, "provenance": {"source": "x.bin"}}
    assert not found["lxmert.a.weight"].flags.owndata and not found["lxmert.a.weight"].flags.writeable


def test_own_takes_every_layout_and_byte_order(tmp_path):
    arrays = {"t": np.arange(6, dtype="f4").reshape(2, 3).T, "b": np.ones(3, ">f8"), "none": np.zeros((0, 4), "f4")}
    write_own(tmp_path / "a.h5", arrays, CONFIG)
    assert same(values()(tmp_path / "a.h5"), arrays)
    assert read_hdf5(tmp_path / "a.h5")[2] == {"config": CONFIG, "answers": None, "provenance": None}


def test_own_is_plain_hdf5(tmp_path):
    arrays = write_mine(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert same({name: dataset[()] for name, dataset in file["weights"].items()}, arrays)
        assert json.loads(file.attrs["config"]) == CONFIG and file["answers"].asstr()[()].tolist() == ANSWERS
        assert file["weights/b"].attrs["crc32"] == zlib.crc32(arrays["b"])


def test_own_detects_every_flipped_bit(tmp_path):
    arrays = write_mine(tmp_path / "a.h5")
    wanted, data = read_hdf5(tmp_path / "a.h5")[2], (tmp_path / "a.h5").read_bytes()
    rng, refused = np.random.default_rng(0), 0
    for at in [data.index(arrays["lxmert.a.weight"].tobytes()) + 5, *rng.integers(len(data), size=400)]:
        (tmp_path / "b.h5").write_bytes(overwritten(at, bytes([data[at] ^ 1 << int(rng.integers(8))]))(data))
        try:
            _, found, metadata = read_hdf5(tmp_path / "b.h5")
        except CheckpointError:
            refused += 1
        else:  # a byte that means nothing
            assert same(found, arrays) and metadata == wanted, at
    assert refused > 100


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda file: file.attrs.__setitem__("version", 2), "newer minilxmert"),
        (lambda file: file.attrs.__setitem__("more", 1), "others"),
        (lambda file: file.attrs.__setitem__("format", np.bytes_("other")), "others"),
        (lambda file: file.attrs.__setitem__("config", np.bytes_(b'{"hidden_size": 13}')), "another digest"),
        (lambda file: file["weights"].move("b", "d"), "another digest"),
        (lambda file: file["weights"].__delitem__("b"), "another digest"),
        (lambda file: file["weights/b"].__setitem__(0, 2), "damaged"),
        (lambda file: file["answers"].__setitem__(0, b"noo"), "damaged"),
        (lambda file: file["weights/b"].attrs.__setitem__("crc32", 5), "damaged"),
        (lambda file: file.create_dataset("more", data=np.ones(3)), "something else"),
    ],
)
def test_own_refuses_what_was_changed_later(tmp_path, change, message):
    write_mine(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        change(file)
    with pytest.raises(CheckpointError, match=message):
        read_hdf5(tmp_path / "a.h5")


@pytest.mark.parametrize(
    "arrays, config, answers, message",
    [
        ({"a": np.ones(3, "i4")}, {}, None, "found int32"),
        ({"a": np.full(3, np.inf, "f4")}, {}, None, "finite numbers"),
        ({"a/../b": np.ones(3, "f4")}, {"a": float("nan")}, None, "JSON"),
        ({}, {"a": "x" * 70_000}, None, "60000 bytes"),
        ({}, {}, ["a\0"], "NUL"),
        ({}, {}, ["\ud800"], "written"),
    ],
)
def test_what_cannot_be_stored_leaves_the_old_file(tmp_path, arrays, config, answers, message):
    write_mine(tmp_path / "a.h5")
    before = (tmp_path / "a.h5").read_bytes()
    with pytest.raises(CheckpointError, match=message):
        write_own(tmp_path / "a.h5", arrays, config, answers)
    assert (tmp_path / "a.h5").read_bytes() == before and os.listdir(tmp_path) == ["a.h5"]


@pytest.mark.parametrize("limit", [0, 1000, 5000, 50_000])
def test_a_full_disk_leaves_the_old_file(tmp_path, limit):
    resource = pytest.importorskip("resource")
    arrays = write_mine(tmp_path / "a.h5")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, old[1]))
    try:
        with pytest.raises(CheckpointError, match="can be written"):
            write_own(tmp_path / "a.h5", {"a": np.ones(100_000, "f4")}, CONFIG)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert same(values()(tmp_path / "a.h5"), arrays) and os.listdir(tmp_path) == ["a.h5"]


def test_own_needs_a_directory(tmp_path):
    with pytest.raises(CheckpointError, match="can be written"):
        write_own(tmp_path / "none" / "a.h5", {}, CONFIG)


# --- layouts of other programs: what h5py reads as plain numbers


def written_in_part(group, **storage):
    group.create_dataset("a", (36, 8), "<f4", chunks=(10, 8), fillvalue=0.25, **storage)[:10] = NUMBERS[:10]


NUMBERS = np.random.default_rng(0).standard_normal((36, 8)).astype("f4")
NOISE = np.random.default_rng(1).integers(0, 2**32, (36, 8), np.uint32).view("f4")
NOISE[~np.isfinite(NOISE)] = 1
LAYOUTS = {
    "plain": lambda group: group.create_dataset("a", data=NUMBERS),
    "chunks that were never written": written_in_part,
    "packed chunks that were never written": lambda group: written_in_part(group, compression="gzip", shuffle=True),
    "nothing written": lambda group: group.create_dataset("a", (36, 8), ">f8", fillvalue=0.5),
    "nothing written in chunks": lambda group: group.create_dataset("a", (36, 8), "<f2", chunks=(10, 8)),
    "lzf": lambda group: group.create_dataset("a", data=np.rint(NUMBERS), compression="lzf", shuffle=True),
    "lzf, repeating": lambda group: group.create_dataset("a", data=np.tile(NUMBERS[:1], (999, 1)), compression="lzf"),
    "lzf, of one number": lambda group: group.create_dataset("a", data=np.full((999, 8), 0.1), compression="lzf"),
    "lzf that would not be smaller": lambda group: group.create_dataset("a", data=NOISE, compression="lzf"),
    "gzip that would not be smaller": lambda group: group.create_dataset("a", data=NOISE, compression="gzip"),
    "growing": lambda group: group.create_dataset("a", data=NUMBERS, maxshape=(None, 8)),
}
REFUSED = {
    "fletcher32": (lambda group: group.create_dataset("a", data=NUMBERS, fletcher32=True), {}, "found fletcher32"),
    "rounded": (lambda group: group.create_dataset("a", data=NUMBERS, scaleoffset=3), {}, "found scale-offset"),
    "never written, huge": (lambda group: group.create_dataset("a", (1 << 20, 1 << 10), "<f4"), {}, "numbers that fit"),
}


@pytest.mark.parametrize("block", [0, 512, 4096])
@pytest.mark.parametrize("name", LAYOUTS)
def test_what_h5py_reads_as_numbers_is_read(tmp_path, name, block):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", userblock_size=block) as file:
        LAYOUTS[name](file)
    if block:
        with open(path, "rb+") as file:
            file.write(b"MATLAB 7.3 MAT-file")
    with h5py.File(path) as file, open_checked(path) as ours:
        found, wanted = ours.array("a"), file["a"][...]
    assert found.dtype == wanted.dtype.newbyteorder("=") and np.array_equal(found, wanted)


def random_dataset(group, rng):
    """A dataset "a" of random shape, type and storage, written in part, perhaps resized."""
    rank = int(rng.integers(4))
    shape = tuple(int(n) for n in rng.integers(1, [2, 900, 40, 12][rank] + 1, rank))
    dtype, options = str(rng.choice(["<f4", ">f8", "<f2", "<i8", ">u2", "i1"])), {}
    if rank and rng.random() < 0.8:
        options["chunks"] = tuple(int(rng.integers(1, max(2, n // 4))) for n in shape)
        options["maxshape"] = tuple(None if rng.random() < 0.4 else n + int(rng.integers(9)) for n in shape)
        options |= {"compression": str(rng.choice(["gzip", "lzf"]))} if rng.random() < 0.3 else {}
        options |= {"shuffle": True} if rng.random() < 0.3 else {}
    dataset = group.create_dataset("a", shape, dtype, fillvalue=int(rng.integers(2)) * 7, **options)
    for _ in range(int(rng.integers(4))):
        at = tuple(slice(int(rng.integers(n)), n) for n in shape)
        dataset[at] = rng.integers(0, 100, dataset[at].shape)
    if "maxshape" in options and rng.random() < 0.5:
        limits = [n + 20 if most is None else most for n, most in zip(shape, options["maxshape"], strict=True)]
        dataset.resize(tuple(int(rng.integers(max(1, n - 3), most + 1)) for n, most in zip(shape, limits, strict=True)))


@pytest.mark.parametrize("count", [30, pytest.param(3000, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("libver", ["earliest", "v110", "latest"])
def test_any_storage_is_read_as_h5py_reads_it(tmp_path, libver, count):
    path = tmp_path / "a.h5"
    for seed in range(count):
        with h5py.File(path, "w", libver=libver) as file:
            random_dataset(file, np.random.default_rng(seed))
        with h5py.File(path) as file, open_checked(path) as ours:
            found, wanted = ours.array("a", "fiu"), np.asarray(file["a"][()])
            np.testing.assert_array_equal(found, wanted.astype(found.dtype), strict=True, err_msg=str(seed))
            assert found.dtype == wanted.dtype.newbyteorder("=")


def early(group):
    """Chunks that are all stored at once, without an index."""
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((10, 8))
    made.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    kind, space = h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((36, 8), (40, 9))
    h5py.h5d.create(group.id, b"a", kind, space, made)
    group["a"][...] = NUMBERS


def grown(group, shape, most):
    group.create_dataset("a", shape, "u1", chunks=(1,) * len(shape), maxshape=most)[...] = np.arange(shape[-1]) % 251


INDEXES = {  # by the signatures of what only they have
    "fixed, in pages": (lambda group: grown(group, (2500,), (2600,)), b"FADB"),
    "extensible, with blocks of blocks": (lambda group: grown(group, (3, 1500), (3, None)), b"EASB"),
    "extensible, in pages": (lambda group: grown(group, (20_000,), (None,)), b"EASB"),
    "tree of three levels": (lambda group: grown(group, (60, 80), (None, None)), b"BTIN"),
    "none": (early, b""),
}


@pytest.mark.parametrize("name", INDEXES)
def test_newer_indexes(tmp_path, name):
    make, signature = INDEXES[name]
    with h5py.File(tmp_path / "a.h5", "w", libver="v110") as file:
        make(file)
        wanted = file["a"][...]
    with open_checked(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(file.array("a", "fu"), wanted)
    assert signature in (tmp_path / "a.h5").read_bytes()


@pytest.mark.parametrize("order", [False, True])
@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_many_names_and_attributes(tmp_path, libver, order):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver=libver, track_order=order) as file:
        group, file["type"] = file.create_group("many", track_order=order), np.dtype("<f8")
        for number in range(600):
            group.create_group(f"é{number}" * (1 + number % 9))
        for number in range(40):
            group.attrs[f"a{number}"] = ["ü", "", "b"] if number % 3 else number / 4
        group.create_dataset("typed", data=np.arange(3.0), dtype=file["type"]).attrs.create("x", 1, dtype=file["type"])
    with h5py.File(path) as file, open_checked(path) as ours:
        assert ours.names("many") == sorted(file["many"])
        wanted = {name: getattr(v, "tolist", lambda v=v: v)() for name, v in file["many"].attrs.items()}
        assert {name: ours.attribute("many", name) for name in ours.attributes("many")} == wanted
        assert ours.array("many/typed").tolist() == [0, 1, 2] and ours.attribute("many/typed", "x") == 1


def test_damage_in_newer_structures_is_seen(tmp_path):
    """Each ends with its checksum."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver="v110") as file:
        grown(file, (3, 1500), (3, None))
        for number in range(20):
            file.create_group(str(number))
    data = path.read_bytes()
    for signature in (b"OHDR", b"EAHD", b"EAIB", b"EASB", b"EADB", b"FRHP", b"FHDB", b"BTHD", b"BTLF"):
        path.write_bytes(overwritten(data.index(signature) + 16, b"\x5a")(data))
        with pytest.raises(CheckpointError, match=signature.decode() + "|block of objects"), open_checked(path) as file:
            file.array("a", "u")


NO_LZF = [b"", b"\x01a", b"\x01abc", b"\x20\x00", b"\x00a\x20", b"\x00a\xe0\x05", b"\x00a\x20\x01"]


@pytest.mark.parametrize("damage", NO_LZF)
def test_lzf_data_that_are_none_are_an_error(damage):
    assert unlzf(b"\x00a\x40\x00", 5) == b"aaaaa"
    with pytest.raises(ValueError, match=r"step|bytes"):
        unlzf(damage, 5)


@pytest.mark.parametrize("name", REFUSED)
def test_other_layouts_are_refused_in_words(tmp_path, name):
    make, options, message = REFUSED[name]
    with h5py.File(tmp_path / "a.h5", "w", **options) as file:
        make(file)
    with pytest.raises(CheckpointError, match=message), open_checked(tmp_path / "a.h5") as file:
        file.array("a")


def test_many_arrays_that_were_never_written_are_refused_together(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number in range(40):
            file.create_dataset(str(number), (1 << 16,), "<f4")
    with open_checked(tmp_path / "a.h5") as file, pytest.raises(CheckpointError, match="numbers that fit"):
        [file.array(name) for name in file.names()]


def test_weights_behind_a_user_block(tmp_path):
    path = write_keras(tmp_path / "a.h5", variables())
    (tmp_path / "b.h5").write_bytes(bytes(512) + path.read_bytes())
    assert same(read_tensors(tmp_path / "b.h5")[1], read_tensors(path)[1])


# --- damage at random


@mutant_counts
@pytest.mark.parametrize("style", ["fixed", "vlen", "latest", "gzip", "own"])
def test_mutants(tmp_path, style, count):
    path, read = tmp_path / "a.h5", read_hdf5
    if style == "own":
        arrays = write_mine(path)
        wanted = read_hdf5(path)[2]

        def read(path):
            _, found, metadata = read_hdf5(path)
            assert same(found, arrays) and metadata == wanted

    else:
        styles = {"vlen": {"vlen": True}, "latest": {"libver": "latest"}}
        styles["gzip"] = {"compression": "gzip", "shuffle": True}
        write_keras(path, variables(), **styles.get(style, {}))
    check_mutants(path.read_bytes(), read, tmp_path / "mutant.h5", count, seed=len(style) + count)
