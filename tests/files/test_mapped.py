"""Weights that are mapped, and weights that are read: what becomes of them when others touch the file."""

import os
import shutil

import numpy as np
import pytest

from minilxmert import CheckpointError, LxmertForQuestionAnswering, MinilxmertError
from minilxmert.checkpoints.weights import read_tensors
from minilxmert.files import content


@pytest.mark.parametrize("format", ["h5", "safetensors"])
def test_what_is_read_whole_does_not_change_with_the_file(tmp_path, format):
    LxmertForQuestionAnswering.from_pretrained("weights").save_pretrained(tmp_path, format=format)
    path = next(tmp_path.glob(f"model.{format}"))
    model = LxmertForQuestionAnswering.from_pretrained(tmp_path, mapped=False)
    expected = {name: array.tobytes() for name, array in model.state_dict().items()}
    with open(path, "rb+") as file:
        file.write(bytes(os.path.getsize(path)))
        file.truncate(10)
    assert {name: array.tobytes() for name, array in model.state_dict().items()} == expected
    with pytest.raises(CheckpointError):
        LxmertForQuestionAnswering.from_pretrained(tmp_path)


@pytest.mark.parametrize("mapped", [True, False])
def test_both_ways_give_the_same_numbers(mapped):
    one, other = (LxmertForQuestionAnswering.from_pretrained("weights", mapped=m).state_dict() for m in (True, mapped))
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_saving_never_changes_a_file_in_place(tmp_path):
    """A model that was loaded from a folder keeps its numbers when another is saved there."""
    shutil.copytree("weights", tmp_path / "w", ignore=shutil.ignore_patterns("pretrained*", "*.png"))
    model = LxmertForQuestionAnswering.from_pretrained(tmp_path / "w")
    expected = {name: array.tobytes() for name, array in model.state_dict().items()}
    other = LxmertForQuestionAnswering.from_pretrained(tmp_path / "w", mapped=False)
    other.load_state_dict({name: np.zeros_like(array) for name, array in other.state_dict().items()})
    other.save_pretrained(tmp_path / "w")
    assert {name: array.tobytes() for name, array in model.state_dict().items()} == expected


@pytest.mark.parametrize("mapped", [True, False])
@pytest.mark.parametrize("change", [b"more", None])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, mapped, change):
    path = tmp_path / "x.bin"
    path.write_bytes(b"something")
    with pytest.raises(MinilxmertError, match="expected the 9 bytes that it had, found another size"):
        with content(path, mapped=mapped) as data:
            assert bytes(data) == b"something"
            with open(path, "rb+") as file:
                file.truncate(3) if change is None else file.write(bytes(9) + change)


def test_every_format_is_checked_at_the_end(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    LxmertForQuestionAnswering.from_pretrained("weights").save_pretrained(tmp_path, format="safetensors")
    sizes = iter([path.stat().st_size, path.stat().st_size - 1])
    fstat = os.fstat

    class Shrinking:
        def __init__(self, number):
            self.st_size = next(sizes, fstat(number).st_size)

    monkeypatch.setattr("minilxmert.files.reading.os.fstat", Shrinking)
    with pytest.raises(CheckpointError, match="another size"):
        read_tensors(path)
