"""59 valid files in unusual dialects, written by many programs and versions, load to the bit.

reference/dialects.tar.xz holds them; its manifest says of each what is unusual about it."""

import json
import tarfile

import numpy as np
import pytest
from conftest import REFERENCE

from minilxmert import LxmertConfig, LxmertForPreTraining
from minilxmert.checkpoints.names import without_module
from minilxmert.checkpoints.weights import read_tensors
from minilxmert.core.answers import read_answers
from minilxmert.files.arrays import read_npz
from minilxmert.vision.features import open_features
from minilxmert.vision.objects import COLUMNS
from minilxmert.words.vocabulary import read_vocabulary


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dialects")
    with tarfile.open(REFERENCE / "dialects.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "dialects"


def listed():
    with tarfile.open(REFERENCE / "dialects.tar.xz") as archive:
        return json.load(archive.extractfile("dialects/manifest.json"))


CASES = {case["file"]: case for case in listed()}
ARRAYS = [name for name, case in CASES.items() if "arrays" in case]


def read(path, format, names):
    """{name: array} of a file of any format that holds arrays."""
    if format == "npz":
        return read_npz(path, names)
    if format not in ("tsv", "feat_h5"):
        return without_module(read_tensors(path)[1])
    with open_features(path) as pictures:
        fields = {"boxes": "boxes", "features": "features", **{name: field for name, (field, _) in COLUMNS.items()}}
        found = {f"{i}/{name}": getattr(pictures[i], field) for i in pictures for name, field in fields.items()}
    return {name: array for name, array in found.items() if array is not None}


def test_there_are_59():
    assert len(CASES) == 59 and len(ARRAYS) == 51


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_load_to_the_bit(folder, name):
    with np.load(folder / CASES[name]["arrays"]) as expected:
        wanted = {key: expected[key] for key in expected.files}
    found = read(folder / name, CASES[name]["format"], wanted)
    assert set(wanted) <= set(found) if CASES[name]["format"] == "feat_h5" else set(wanted) == set(found)
    for key, array in wanted.items():
        got, what = found[key], f"{key}: {CASES[name]['what']}"
        if array.size or not key.endswith("features"):  # without objects, a TSV does not say how wide features are
            assert got.shape == array.shape, what
        assert got.astype(array.dtype).tobytes() == array.tobytes(), what  # halves are kept as floats there


def test_whole_models_load(folder):
    config = LxmertConfig.from_json_file(folder / "base_config.json")
    for name in ("ok_tz_full_model.bin", "ok_tl_full_model.bin", "ok_st_full_untied.safetensors", "ok_th_4x.h5"):
        model = LxmertForPreTraining.from_pretrained(folder / name, config=config)
        assert len(model.load_report.loaded) == len(model.state_dict()) - 1, name  # the tied word table counts once


def test_texts_load(folder):
    base = LxmertConfig.from_json_file(folder / "base_config.json")
    assert LxmertConfig.from_json_file(folder / "ok_cf_tiny.json").hidden_size == base.hidden_size
    assert LxmertConfig.from_json_file(folder / "ok_cf_minimal.json").hidden_act == "gelu"
    LxmertConfig.from_json_file(folder / "ok_cf_future_keys.json")
    lists = [read_answers(folder / f"ok_lb_{form}.json") for form in ("dict", "list", "id2label")]
    assert lists[0] == lists[1] == lists[2] and len(lists[0]) > 1
    assert any("\u2028" in token for token in read_vocabulary(folder / "ok_vo_separators.txt"))
    crlf = read_vocabulary(folder / "ok_vo_crlf.txt")
    assert crlf == (folder / "ok_vo_crlf.txt").read_bytes().decode().split("\r\n")[: len(crlf)]
