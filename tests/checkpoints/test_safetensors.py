"""safetensors files beyond test_weight_files: bombs in the header, shards of torch files, live comparison."""

import json
import time

import numpy as np
import pytest
from test_weight_files import FOUR, RAW, entry, safetensors, tensor, torch_zip

from minilxmert import CheckpointError
from minilxmert.checkpoints.safetensors import write_safetensors
from minilxmert.checkpoints.weights import read_tensors

KERAS = {"format": "tf"}
BAD = {
    "an empty tensor of impossible size": {"w": entry(shape=[0, 1 << 47, 1 << 47], data_offsets=[0, 0])},
    "more tensors than a model has": {f"w{i}": entry(shape=[0], data_offsets=[0, 0]) for i in range(5000)},
    "one torch name for two Keras names": {
        "__metadata__": KERAS, "lxmert/pooler/dense/bias:0": entry(shape=[2], data_offsets=[0, 8]),
        "lxmert/pooler/dense/bias": entry(shape=[2], data_offsets=[8, 16]),
    },
    "an unknown format": {"__metadata__": {"format": "flax"}, "w": entry()},
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_headers(tmp_path, name):
    empty = name in ("an empty tensor of impossible size", "more tensors than a model has")
    with pytest.raises(CheckpointError, match=r"x\.safetensors"):
        read_tensors(safetensors(tmp_path / "x.safetensors", BAD[name], b"" if empty else RAW))


def test_a_text_that_never_ends_is_read_once(tmp_path):
    path = safetensors(tmp_path / "x.safetensors", b'{"' + b'\\"' * 40_000)
    start = time.perf_counter()
    with pytest.raises(CheckpointError, match="Unterminated"):
        read_tensors(path)
    assert time.perf_counter() - start < 2


def test_shards_of_torch_files(tmp_path):
    for number in (1, 2):
        torch_zip(tmp_path / f"pytorch_model-{number}.bin", {f"w{number}": tensor()}, {"0": RAW})
    index = tmp_path / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"weight_map": {"w1": "pytorch_model-1.bin", "w2": "pytorch_model-2.bin"}}))
    _, arrays, _ = read_tensors(index)
    assert list(arrays) == ["w1", "w2"] and all(np.array_equal(array, FOUR) for array in arrays.values())


ORDERS = {"Fortran": np.asfortranarray, "transposed": lambda a: a.T, "strided": lambda a: a[::2, 1:], "big": None}


@pytest.mark.parametrize("order", ORDERS)
def test_arrays_in_any_order_of_memory(tmp_path, order):
    """The library writes the memory as it lies, and scrambles such arrays."""
    array = np.arange(12, dtype="f4").reshape(3, 4)
    array = ORDERS[order](array) if ORDERS[order] else array.astype(">f4")
    write_safetensors(tmp_path / "x", {"w": array}, {"format": "pt"})
    data = (tmp_path / "x").read_bytes()
    assert data.endswith(np.ascontiguousarray(array, "<f4").tobytes())
    np.testing.assert_array_equal(read_tensors(tmp_path / "x")[1]["w"], array)


@pytest.mark.reference
@pytest.mark.parametrize("seed", range(5))
def test_both_ways_with_the_library(tmp_path, seed):
    """What the library writes is read here, and what is written here is read by the library, to the last bit."""
    library = pytest.importorskip("safetensors.numpy")
    rng, arrays = np.random.default_rng(seed), {}
    for name in ("f4", "f8", "f2", "i8", "i4", "i2", "i1", "u1", "?"):
        arrays[name] = np.asarray(rng.random(rng.integers(0, 6, rng.integers(0, 4))) * 99).astype(name)
    library.save_file(arrays, tmp_path / "theirs", {"format": "np"})
    write_safetensors(tmp_path / "ours", arrays, {"format": "np"})
    for found in (read_tensors(tmp_path / "theirs")[1], library.load_file(tmp_path / "ours")):
        assert set(found) == set(arrays)
        for name, array in arrays.items():
            assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape), name
            assert found[name].tobytes() == array.tobytes(), name
