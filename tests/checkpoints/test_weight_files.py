"""torch and safetensors files: the published ones to the last bit; hostile ones refused, nothing of them run."""

import ast
import io
import json
import operator
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import REFERENCE, check_mutants

import minilxmert
from minilxmert import CheckpointError
from minilxmert.checkpoints.safetensors import write_safetensors
from minilxmert.checkpoints.torch_file import MAGIC
from minilxmert.checkpoints.weights import read_tensors

# --- torch files written by hand, with pickle's own writer and no torch -----------------------------------------------


class Global:
    """Pickled as a mention of module.name."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Call:
    """Pickled as a call of a Global."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments


class Pid:
    """Pickled as a persistent id."""

    def __init__(self, *parts):
        self.parts = parts


class Writer(pickle._Pickler):
    def save(self, value, *rest, **options):
        if isinstance(value, Global):
            self.write(f"c{value.module}\n{value.name}\n".encode())
        elif isinstance(value, Call):
            self.save(value.function)
            self.save(value.arguments)
            self.write(b"R")
        elif isinstance(value, Pid):
            self.save(value.parts)
            self.write(b"Q")
        else:
            super().save(value, *rest, **options)


def dump(value):
    out = io.BytesIO()
    Writer(out, 2).dump(value)
    return out.getvalue()


ODICT = Call(Global("collections", "OrderedDict"))


def tensor(key="0", count=4, size=(4,), stride=(1,), offset=0, kind="Float", items=()):
    storage = Pid("storage", Global("torch", f"{kind}Storage"), key, "cpu", count, *items)
    return Call(Global("torch._utils", "_rebuild_tensor_v2"), storage, offset, size, stride, False, ODICT)


def torch_zip(path, value, storages, pickled=None, more=()):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", dump(value) if pickled is None else pickled)
        for name, content in ((f"archive/data/{key}", content) for key, content in storages.items()):
            archive.writestr(name, content)
        for name, content in more:
            archive.writestr(name, content)
    return path


def torch_legacy(path, value, storages, system=True, keys=None, tail=b""):
    info = {"protocol_version": 1001, "little_endian": system, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    data = MAGIC + dump(1001) + dump(info) + dump(value) + dump(list(storages) if keys is None else keys)
    for content, count in storages.values():
        data += struct.pack("<q" if system else ">q", count) + content
    path.write_bytes(data + tail)
    return path


FOUR = np.arange(1, 5, dtype="<f4")
RAW = FOUR.tobytes()


def test_published_containers_are_equal_to_the_last_bit():
    _, first, _ = read_tensors(REFERENCE / "pytorch_model.bin")
    for file in ("pytorch_model.legacy.bin", "v5/model.safetensors"):
        _, other, _ = read_tensors(REFERENCE / file)
        assert set(first) - set(other) <= {"cls.predictions.decoder.weight"}  # tied, and left out by newer writers
        assert all(first[name].tobytes() == other[name].tobytes() for name in other)
    assert first["cls.predictions.decoder.weight"] is first["lxmert.embeddings.word_embeddings.weight"]


def test_arrays_are_views_of_the_mapped_file():
    for file in ("pytorch_model.bin", "pytorch_model.legacy.bin", "v5/model.safetensors"):
        for array in read_tensors(REFERENCE / file)[1].values():
            assert not array.flags.owndata and not array.flags.writeable


WINDOWS = {
    "plain": (tensor(size=(2, 2), stride=(2, 1)), [[1, 2], [3, 4]]),
    "transposed": (tensor(size=(2, 2), stride=(1, 2)), [[1, 3], [2, 4]]),
    "a part": (tensor(size=(2,), offset=1), [2, 3]),
    "expanded": (tensor(size=(3, 2), stride=(0, 1)), [[1, 2]] * 3),
    "a single number": (tensor(size=(), stride=(), offset=3), 4),
    "empty": (tensor(size=(0, 7), stride=(7, 1)), np.zeros((0, 7))),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_windows_into_a_storage(tmp_path, name):
    value, expected = WINDOWS[name]
    _, arrays, _ = read_tensors(torch_zip(tmp_path / "x.bin", {"w": value}, {"0": RAW}))
    np.testing.assert_array_equal(arrays["w"], np.array(expected, "f4"))
    if name == "plain":
        path = torch_legacy(
            tmp_path / "y.bin", {"w": tensor(size=(2, 2), stride=(2, 1), items=(None,))}, {"0": (RAW, 4)}
        )
        np.testing.assert_array_equal(read_tensors(path)[1]["w"], expected)


TYPES = {
    "Double": "<f8",
    "Half": "<f2",
    "Long": "<i8",
    "Int": "<i4",
    "Short": "<i2",
    "Char": "i1",
    "Byte": "u1",
    "Bool": "?",
}


@pytest.mark.parametrize("kind", TYPES)
def test_types(tmp_path, kind):
    expected = np.array([1, 0, 1, 1]).astype(TYPES[kind])
    path = torch_zip(tmp_path / "x.bin", {"w": tensor(kind=kind)}, {"0": expected.tobytes()})
    found = read_tensors(path)[1]["w"]
    assert found.dtype == expected.dtype and np.array_equal(found, expected)


def test_bfloat16_is_the_upper_half_of_float32(tmp_path):
    halves = (FOUR.view("<u4") >> 16).astype("<u2").tobytes()
    for path in (
        torch_zip(tmp_path / "x.bin", {"w": tensor(kind="BFloat16")}, {"0": halves}),
        safetensors(tmp_path / "y", {"w": entry(dtype="BF16", data_offsets=[0, 8])}, halves),
    ):
        np.testing.assert_array_equal(read_tensors(path)[1]["w"], FOUR)


def test_big_endian_storages(tmp_path):
    swapped = FOUR.astype(">f4").tobytes()
    paths = (
        torch_zip(tmp_path / "x.bin", {"w": tensor()}, {"0": swapped}, more=[("archive/byteorder", "big")]),
        torch_legacy(tmp_path / "y.bin", {"w": tensor(items=(None,))}, {"0": (swapped, 4)}, system=False),
    )
    for path in paths:
        np.testing.assert_array_equal(read_tensors(path)[1]["w"], FOUR)


IDLE = Global("operator", "truth")  # any name that is not on the list will do: this one does nothing
CALLS = {
    "a call": Call(IDLE, 1), "a call in a dict": {"w": Call(IDLE, 1)}, "a name alone": {"w": IDLE},
    "a call in a storage id": {"w": Pid("storage", Call(IDLE, 1), "0", "cpu", 4)},
}  # fmt: skip


@pytest.mark.parametrize("container", ["zip", "legacy", "plain"])
@pytest.mark.parametrize("name", CALLS)
def test_no_name_is_called_that_is_not_listed(tmp_path, name, container):
    path = tmp_path / "x.bin"
    if container == "zip":
        torch_zip(path, CALLS[name], {"0": RAW})
    elif container == "legacy":
        torch_legacy(path, CALLS[name], {"0": (RAW, 4)})
    else:
        path.write_bytes(dump(CALLS[name]))
    with pytest.raises(CheckpointError, match=r"x\.bin"):
        read_tensors(path)


def test_names_of_every_protocol_are_refused(tmp_path):
    class Idle:
        def __reduce__(self):
            return operator.truth, (1,)

    for protocol in (2, 3, 4, 5):
        path = torch_zip(tmp_path / "x.bin", None, {}, pickled=pickle.dumps({"w": Idle()}, protocol))
        with pytest.raises(CheckpointError):
            read_tensors(path)


BAD_TORCH = {
    "beyond the storage": {"value": {"w": tensor(size=(5,))}},
    "a stride beyond it": {"value": {"w": tensor(size=(2, 2), stride=(3, 1))}},
    "a negative offset": {"value": {"w": tensor(offset=-1)}},
    "a true size": {"value": {"w": tensor(size=(True,))}},
    "an expansion bomb": {"value": {"w": tensor(size=(1 << 20, 1 << 10), stride=(0, 0))}},
    "sizes whose product wraps": {"value": {"w": tensor(size=(1 << 33, 1 << 33), stride=(0, 0))}},
    "another storage size": {"value": {"w": tensor(count=5)}},
    "no storage": {"storages": {}},
    "an unused storage": {"storages": {"0": RAW, "1": RAW}},
    "no tensor": {"value": {"epoch": 3}},
    "an empty dict": {"value": {}},
    "a list": {"value": [tensor()]},
    "a number as key": {"value": {0: tensor()}},
    "a code member": {"more": [("archive/code/a.py", b"")]},
    "two roots": {"more": [("other/version", b"3")]},
    "a path with a step back": {"more": [("archive/x/../x", b"")]},
    "NaN": {"storages": {"0": np.full(4, np.nan, "<f4").tobytes()}},
}


@pytest.mark.parametrize("name", BAD_TORCH)
def test_bad_torch_files(tmp_path, name):
    parts = {"value": {"w": tensor()}, "storages": {"0": RAW}, **BAD_TORCH[name]}
    with pytest.raises(CheckpointError, match=r"x\.bin"):
        read_tensors(torch_zip(tmp_path / "x.bin", **parts))


BAD_PICKLES = {
    "memo bomb": b"\x80\x02}r\xff\xff\xff\x7f.",
    "text that is not there": b"\x80\x02X\xff\xff\xff\x7f.",
    "an empty stack": b"\x80\x02.",
    "no stop": b"\x80\x02}",
    "endless marks": b"\x80\x02" + b"(" * 100_000,
    "a huge number": b"\x80\x02\x8a\xff" + b"1" * 255 + b".",
    "two objects": b"\x80\x02}}.",
    "an old name": b"\x80\x02(itime\ntime\n.",
}


@pytest.mark.parametrize("name", BAD_PICKLES)
def test_bad_pickles(tmp_path, name):
    with pytest.raises(CheckpointError, match=r"x\.bin"):
        read_tensors(torch_zip(tmp_path / "x.bin", None, {}, pickled=BAD_PICKLES[name]))


def test_damage_in_a_zip_is_found_by_its_checksum(tmp_path):
    path = torch_zip(tmp_path / "x.bin", {"w": tensor()}, {"0": RAW})
    data = bytearray(path.read_bytes())
    data[data.find(RAW) + 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="checksum"):
        read_tensors(path)


BAD_LEGACY = {
    "a storage missing": {"storages": {}},
    "keys of others": {"keys": ["1"]},
    "more after the end": {"tail": b"PK\5\6" + bytes(18)},
    "a short storage": {"storages": {"0": (RAW[:-1], 4)}},
    "another count": {"storages": {"0": (RAW, 3)}},
    "a view beyond the storage": {"value": {"w": tensor(items=(("v", 2, 4),))}},
    "a tensor beyond its view": {"value": {"w": tensor(items=(("v", 0, 2),))}},
}


@pytest.mark.parametrize("name", BAD_LEGACY)
def test_bad_legacy_files(tmp_path, name):
    parts = {"value": {"w": tensor(items=(None,))}, "storages": {"0": (RAW, 4)}, **BAD_LEGACY[name]}
    with pytest.raises(CheckpointError, match=r"x\.bin"):
        read_tensors(torch_legacy(tmp_path / "x.bin", **parts))


# --- safetensors -----------------------------------------------------------------------------------------------------


def entry(**changes):
    return {"dtype": "F32", "shape": [4], "data_offsets": [0, 16], **changes}


def safetensors(path, header, body=RAW, size=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if size is None else size).to_bytes(8, "little") + text + body)
    return path


BAD_SAFETENSORS = {
    "a hole": {"header": {"w": entry(data_offsets=[4, 20])}, "body": RAW + RAW},
    "an overlap": {"header": {"v": entry(), "w": entry(data_offsets=[8, 24])}, "body": RAW + RAW},
    "a tail": {"header": {"w": entry()}, "body": RAW + b"tail"},
    "short data": {"header": {"w": entry()}, "body": RAW[:-1]},
    "another size": {"header": {"w": entry(shape=[5])}},
    "a negative size": {"header": {"w": entry(shape=[-4])}},
    "a wrapping size": {"header": {"w": entry(shape=[1 << 32, 1 << 32])}},
    "an unknown type": {"header": {"w": entry(dtype="F8_E4M3")}},
    "a field more": {"header": {"w": entry(more=1)}},
    "a name twice": {
        "header": b'{"w":' + json.dumps(entry()).encode() + b',"w":' + json.dumps(entry()).encode() + b"}"
    },
    "deep nesting": {"header": b"{" + b'"a":{' * 100_000},
    "a header beyond the file": {"header": {"w": entry()}, "size": 1 << 60},
    "metadata of numbers": {"header": {"__metadata__": {"a": 1}, "w": entry()}},
    "no tensors": {"header": {}, "body": b""},
}


@pytest.mark.parametrize("name", BAD_SAFETENSORS)
def test_bad_safetensors(tmp_path, name):
    with pytest.raises(CheckpointError, match=r"x\.safetensors"):
        read_tensors(safetensors(tmp_path / "x.safetensors", **BAD_SAFETENSORS[name]))


def test_safetensors_round_trip(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {f"w/{i}": rng.standard_normal(shape).astype(t) for i, (shape, t) in enumerate(
        [((3, 4), "f4"), ((2,), "f8"), ((), "f2"), ((0, 3), "f4"), ((5,), "i8"), ((2, 2), "?")]
    )}  # fmt: skip
    write_safetensors(tmp_path / "x", arrays, {"format": "pt"})
    format, found, metadata = read_tensors(tmp_path / "x")
    assert (format, metadata, list(found)) == ("safetensors", {"format": "pt"}, list(arrays))
    assert all(found[n].dtype == a.dtype and np.array_equal(found[n], a) for n, a in arrays.items())


def test_keras_names_in_safetensors(tmp_path):
    kernel = np.arange(4, dtype="<f4").reshape(2, 2)
    header = {"__metadata__": {"format": "tf"}, "lxmert/pooler/dense/kernel:0": entry(shape=[2, 2])}
    path = safetensors(tmp_path / "x", header, kernel.tobytes())
    _, arrays, _ = read_tensors(path)
    np.testing.assert_array_equal(arrays["lxmert.pooler.dense.weight"], kernel.T)


def shards(folder, **changes):
    for number in (1, 2):
        write_safetensors(folder / f"model-{number}.safetensors", {f"w{number}": FOUR}, {"format": "pt"})
    places = {"w1": "model-1.safetensors", "w2": "model-2.safetensors", **changes}
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {name: shard for name, shard in places.items() if shard}}))
    return index


def test_shards(tmp_path):
    _, arrays, _ = read_tensors(shards(tmp_path))
    assert list(arrays) == ["w1", "w2"]
    for change in (
        {"w3": "model-2.safetensors"},
        {"w2": "model-1.safetensors"},
        {"w3": "../model-1.safetensors"},
        {"w3": "none.safetensors"},
    ):
        with pytest.raises(CheckpointError):
            read_tensors(shards(tmp_path, **change))


LOOK_ALIKES = {
    b"version https://git-lfs.github.com/spec/v1\n": "LFS", b"<!doctype html><html>": "web page",
    b"\x1f\x8b\x08": "gzip",
    b"": "empty", b'{"a": 1}': "JSON", b"\x80\x02}.": "pickle", bytes(257) + b"ustar": "tar",
    b"PK\3\4 and no more": "truncated",
}  # fmt: skip


@pytest.mark.parametrize("start", LOOK_ALIKES)
def test_look_alikes_are_named(tmp_path, start):
    (tmp_path / "x.bin").write_bytes(start)
    with pytest.raises(CheckpointError, match=LOOK_ALIKES[start]):
        read_tensors(tmp_path / "x.bin")


@pytest.fixture(scope="module")
def small_files(tmp_path_factory):
    """One small file a format, all of the same tensors."""
    folder = tmp_path_factory.mktemp("small")
    torch_zip(folder / "zip", {"w": tensor(size=(2, 2), stride=(2, 1)), "v": tensor("1")}, {"0": RAW, "1": RAW})
    torch_legacy(
        folder / "legacy", {"w": tensor(items=(None,)), "v": tensor("1", items=(None,))}, {"0": (RAW, 4), "1": (RAW, 4)}
    )
    write_safetensors(folder / "safetensors", {"w": FOUR, "v": FOUR}, {"format": "pt"})
    return folder


@pytest.mark.parametrize("format", ["zip", "legacy", "safetensors"])
def test_mutants(small_files, tmp_path, format):
    check_mutants((small_files / format).read_bytes(), read_tensors, tmp_path / "mutant", 500, seed=1)


@pytest.mark.nightly
@pytest.mark.parametrize("file", ["pytorch_model.bin", "pytorch_model.legacy.bin", "v5/model.safetensors"])
def test_many_mutants(small_files, tmp_path, file):
    check_mutants((REFERENCE / file).read_bytes(), read_tensors, tmp_path / "mutant", 2000, seed=2)
    small = {"pytorch_model.bin": "zip", "pytorch_model.legacy.bin": "legacy"}.get(file, "safetensors")
    check_mutants((small_files / small).read_bytes(), read_tensors, tmp_path / "mutant", 20_000, seed=3)


def test_the_package_holds_nothing_that_could_run_a_file():
    """No pickle, eval or the like anywhere; HDF5 files are opened for writing in one place."""
    forbidden = {"pickle", "marshal", "shelve", "dill", "torch", "eval", "exec", "compile", "extractall", "extract"}
    writers = []
    for path in Path(minilxmert.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name.split(".")[0] for alias in node.names] if isinstance(node, ast.Import) else []
            names += [(node.module or "").split(".")[0]] if isinstance(node, ast.ImportFrom) and not node.level else []
            if isinstance(node, ast.Call):
                names.append(getattr(node.func, "id", None))
                allowed = [k for k in node.keywords if k.arg == "allow_pickle" and getattr(k.value, "value", True)]
                assert not allowed, path
                if getattr(node.func, "attr", "") == "File" and any(
                    getattr(a, "value", "r") in "wax" for a in node.args[1:]
                ):
                    writers.append(path.name)
            runs_others = (
                "peers.py",
                "speed.py",
                "exercises/student.py",
                "exercises/__init__.py",
            )  # torch; answers
            if not path.as_posix().endswith(runs_others):
                assert not forbidden & set(filter(None, names)), (path, names)
    assert set(writers) <= {"h5.py", "features.py", "feature_files.py"}
