"""torch files beyond single bytes: pickles with whole instructions out of place, and live comparison with torch."""

import itertools
import pickletools
import struct
import time

import numpy as np
import pytest
from test_weight_files import MAGIC, RAW, dump, tensor, torch_zip

from minilxmert import CheckpointError
from minilxmert.checkpoints.weights import read_tensors


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def storage(kind):
    """A pickle of a storage's id whose second part is made by the instructions `kind`."""
    return b"\x80\x02(" + text("storage") + kind + text("0") + text("cpu") + b"K\x04tQ."


DEEP = b")" + b"\x85" * 240_000  # tuples in tuples, deeper than the C stack can follow
NESTED = {
    "a dict for a type": (storage(b"}"), "a storage of numbers"),
    "deep tuples for a type": (storage(DEEP), "a storage of numbers"),
    "deep tuples for a key": (b"\x80\x02}" + DEEP + b"Ns.", "text keys"),
    "a text of megabytes": (b"\x80\x02" + text("a" * (4 << 20)) + b".", "a text of at most"),
}


@pytest.mark.parametrize("name", NESTED)
def test_objects_where_none_belong(tmp_path, name):
    pickled, expected = NESTED[name]
    path = torch_zip(tmp_path / "x.bin", None, {}, pickled=pickled)
    with pytest.raises(CheckpointError, match=expected):
        read_tensors(path)
    head = MAGIC + dump(1001) + dump({"protocol_version": 1001, "little_endian": True})
    path.write_bytes(head + pickled.replace(b"K\x04tQ", b"K\x04NtQ"))  # where ids have a sixth part
    with pytest.raises(CheckpointError, match=expected):
        read_tensors(path)


def test_an_empty_tensor_of_impossible_size(tmp_path):
    value = {"w": tensor(size=(0, 1 << 47, 1 << 47), stride=(1, 1, 1))}
    with pytest.raises(CheckpointError, match=r"x\.bin: w: expected at most 8 sizes"):
        read_tensors(torch_zip(tmp_path / "x.bin", value, {"0": RAW}))


def test_a_tensor_with_a_thousand_names_is_looked_at_once(tmp_path):
    shared, numbers = tensor(count=1 << 20, size=(1 << 20,)), np.ones(1 << 20, "<f4")
    pickled = dump({"w": shared})[:-2] + b"r\xff\0\0\0s("  # the tensor is remembered, then named again and again
    pickled += b"".join(text(f"w{i}") + b"h\xff" for i in range(20_000)) + b"u."
    start = time.perf_counter()
    _, arrays, _ = read_tensors(torch_zip(tmp_path / "x.bin", None, {"0": numbers.tobytes()}, pickled=pickled))
    assert len(arrays) == 20_001 and all(array is arrays["w"] for array in arrays.values())
    assert time.perf_counter() - start < 4


# --- weights as trainers save them

PLAIN = {"epoch": 3, "best": 0.5, "arguments": {"rate": 1e-4, "name": "x", "sizes": [1, 2], "none": None}, "done": True}
WRAPPED = {
    "state_dict": {"state_dict": {"w": tensor()}},
    "model": {"model": {"w": tensor()}, **PLAIN},
    "model_state_dict": {**PLAIN, "model_state_dict": {"w": tensor()}, "optimizer": {"state": {0: {"step": 1}}}},
}


@pytest.mark.parametrize("name", WRAPPED)
def test_weights_beside_plain_values(tmp_path, name):
    with pytest.warns(UserWarning, match=f"x.bin: the weights are its entry '{name}'") as told:
        found = read_tensors(torch_zip(tmp_path / "x.bin", WRAPPED[name], {"0": RAW}))[1]
    assert list(found) == ["w"] and found["w"].tobytes() == RAW and len(told) == 1


@pytest.mark.parametrize(
    "value",
    [PLAIN, {"model": {"w": tensor()}, "state_dict": {"w": tensor()}}, {"model": {"w": 1}}, {"net": {"w": tensor()}}],
)
def test_no_weights_or_twice(tmp_path, value):
    with pytest.raises(CheckpointError, match="expected a tensor"):
        read_tensors(torch_zip(tmp_path / "x.bin", value, {"0": RAW}))


# --- instructions deleted, repeated, exchanged and put where they do not belong ---------------------------------------

STRAY = [bytes([code]) for code in b"}])N(tuaesbR0.2Q\x85\x86\x87\x88\x89\x93\x81"]
STRAY += [b"K\x00", b"J\xff\xff\xff\xff", b"G" + bytes(8), b"\x8a\x10" + b"\x7f" * 16, b"h\0", b"q\0", text("storage")]
STRAY += [b"ctime\ntime\n", b"ccollections\nOrderedDict\n", b"ctorch\nLongStorage\n"]


def reordered(pickled, count, seed):
    """`count` copies of a pickle of which one to three whole instructions are changed."""
    places = [*(at for _, _, at in pickletools.genops(pickled)), len(pickled)]
    parts = [pickled[start:end] for start, end in itertools.pairwise(places)]
    rng = np.random.default_rng(seed)
    for _ in range(count):
        changed = list(parts)
        for _ in range(rng.integers(1, 4)):
            at, other = rng.integers(1, len(changed), 2)
            new = [changed[other], STRAY[rng.integers(len(STRAY))]][rng.integers(2)]
            changed[at : at + rng.integers(3)] = [new] * rng.integers(3)
            changed = changed if len(changed) > 1 else list(parts)
        yield b"".join(changed)


def check_reordered(folder, count, seed):
    path = folder / "x.bin"
    value = {"w": tensor(size=(2, 2), stride=(2, 1)), "v": tensor("1")}
    for number, pickled in enumerate(reordered(dump(value), count, seed)):
        try:
            read_tensors(torch_zip(path, None, {"0": RAW, "1": RAW}, pickled=pickled))
        except CheckpointError:
            pass
        except Exception as error:
            raise AssertionError(f"pickle {number} of seed {seed}: {type(error).__name__}: {error}") from error


def test_reordered_pickles(tmp_path):
    check_reordered(tmp_path, 400, seed=1)


@pytest.mark.nightly
def test_many_reordered_pickles(tmp_path):
    check_reordered(tmp_path, 20_000, seed=5)


# --- live ------------------------------------------------------------------------------------------------------------


@pytest.mark.reference
@pytest.mark.parametrize("seed", range(5))
def test_what_torch_saves(tmp_path, seed):
    """Random types and shapes, views, transposed, tied, single and empty tensors, in both containers."""
    torch = pytest.importorskip("torch")
    rng, state = np.random.default_rng(seed), {}
    for name in ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"):
        shape = rng.integers(0, 6, rng.integers(0, 4)).tolist()
        numbers = torch.tensor(rng.random(shape) * 99)
        state[name] = numbers > 40 if name == "bool" else numbers.to(getattr(torch, name))
    matrix = torch.from_numpy(rng.standard_normal((4, 6), np.float32))
    state |= {"rows": matrix[1:3], "columns": matrix[:, 2:5], "turned": matrix.T, "tied": matrix, "all": matrix}
    state |= {"expanded": matrix[:1].expand(3, 6), "parameter": torch.nn.Parameter(matrix[2])}
    for zipped in (True, False):
        torch.save(state, tmp_path / "x.bin", _use_new_zipfile_serialization=zipped)
        format, found, _ = read_tensors(tmp_path / "x.bin")
        assert (format, list(found)) == ("torch zip" if zipped else "torch legacy", list(state))
        assert found["tied"] is found["all"]
        for name, value in state.items():
            expected = (value.float() if name == "bfloat16" else value).detach().numpy()
            assert found[name].dtype == expected.dtype and found[name].shape == expected.shape, name
            assert found[name].tobytes() == expected.tobytes(), name
