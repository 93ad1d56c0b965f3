"""Files of objects, and boxes: good ones exactly, damaged ones refused with the line, large ones never read whole."""

import base64
import contextlib
import dataclasses
import errno
import json
import multiprocessing
import os
import pickle
import resource
import signal
import tempfile
import threading
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import check_mutants, mutant_counts
from hypothesis import given, settings
from hypothesis import strategies as st

from minilxmert import (
    ConfigError,
    FeatureFileError,
    LxmertForQuestionAnswering,
    LxmertTokenizer,
    MinilxmertError,
    ShapeError,
)
from minilxmert.core.boxes import boxes_from_xywh, check_boxes, normalise_boxes
from minilxmert.files.arrays import read_npz
from minilxmert.vision.features import PatientFile, convert_to_hdf5, is_feature_file, open_features, open_joined
from minilxmert.vision.objects import COLUMNS, pad_objects
from minilxmert.vision.tsv import FIELDS, LAYOUTS


def b64(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def row(image_id="one", count=3, width=6, seed=0, fields=FIELDS, **changes):
    """(a line of the TSV, its arrays)"""
    rng = np.random.default_rng(seed)
    corner = rng.random((count, 2)) * [60, 40]
    arrays = {
        "objects_id": rng.integers(0, 1600, count),
        "objects_conf": rng.random(count).astype("f4"),
        "attrs_id": rng.integers(0, 400, count),
        "attrs_conf": rng.random(count).astype("f4"),
        "boxes": np.concatenate([corner, corner + 1 + rng.random((count, 2)) * 40], 1).astype("f4"),
        "features": rng.random((count, width)).astype("f4"),
    }
    values = {"img_id": image_id, "img_h": 100, "img_w": 120, "num_boxes": count}
    values |= {name: b64(array) for name, array in arrays.items()} | changes
    return "\t".join(str(values[name]) for name in fields) + "\n", arrays


def write(path, *lines):
    path.write_text("".join(lines))
    return path


@pytest.fixture
def tsv(tmp_path):
    """Three pictures, one of them without objects."""
    return write(tmp_path / "x.tsv", *(row(name, n, seed=n)[0] for name, n in (("two", 2), ("none", 0), ("five", 5))))


def test_a_picture_by_its_id(tsv):
    _, arrays = row("five", 5, seed=5)
    with open_features(tsv) as pictures:
        assert list(pictures) == ["two", "none", "five"] and len(pictures) == 3 and "two" in pictures
        five = pictures["five"]
        assert (five.width, five.height, len(five), len(pictures["none"])) == (120, 100, 5, 0)
        found = five.object_ids, five.object_conf, five.attribute_ids, five.attribute_conf, five.boxes, five.features
        for array, expected in zip(found, arrays.values(), strict=True):
            np.testing.assert_array_equal(array, expected)
        np.testing.assert_array_equal(five.normalised_boxes, arrays["boxes"] / np.float32([120, 100, 120, 100]))
        assert "5 objects" in five.summary() and "no objects" in pictures["none"].summary()
        assert [pictures.count(image_id) for image_id in pictures] == [2, 0, 5]
        with pytest.raises(FeatureFileError, match="three"):
            pictures["three"]


SIX = LAYOUTS[6]


def test_the_six_fields_of_the_detectors_authors(tmp_path):
    _, arrays = row("5", 4, seed=1)
    lines = [row(name, 4, seed=1, fields=SIX)[0].replace("\n", "\r\n") for name in ("5", "9")]
    with open_features(write(tmp_path / "trainval_36.tsv", *lines)) as pictures:
        five = pictures["5"]
        assert list(pictures) == ["5", "9"] and (five.width, five.height) == (120, 100) and five.object_ids is None
        np.testing.assert_array_equal(five.boxes, arrays["boxes"])
        np.testing.assert_array_equal(five.features, arrays["features"])
    convert_to_hdf5(tmp_path / "trainval_36.tsv", tmp_path / "x.h5")
    with open_features(tmp_path / "x.h5") as pictures:
        np.testing.assert_array_equal(pictures["9"].features, arrays["features"])
        assert pictures["9"].attribute_conf is None


def test_ragged_counts_become_a_mask(tsv):
    with open_features(tsv) as pictures:
        feats, boxes, mask = pictures.batch(["two", "none", "five"])
        assert feats.shape == (3, 5, 6) and boxes.shape == (3, 5, 4)
        assert mask.sum(1).tolist() == [2, 0, 5]
        np.testing.assert_array_equal(feats[0, :2], pictures["two"].features)
        assert not feats[0, 2:].any() and not boxes[1].any()


def test_a_summary_shows_what_cannot_be_right(tmp_path):
    boxes = np.array([[0, 0, 60, 50], [0, 0, 120, 100]], "f4")
    features = np.array([[0, 0, 0], [1, 2, 9]], "f4")
    line, _ = row("a", 2, boxes=b64(boxes), features=b64(features))
    with open_features(write(tmp_path / "x.tsv", line)) as pictures:
        assert pictures["a"].summary() == (
            "a: 2 objects which cover 25% … 100% of 120 × 100 pixels; features 0 … 2 … 9, 50% zeros"
        )


def test_an_id_may_begin_like_a_zip_file(tmp_path):
    with open_features(write(tmp_path / "x.tsv", row("PK")[0])) as pictures:
        assert list(pictures) == ["PK"]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_conversion_to_hdf5(tsv, tmp_path, dtype):
    target, steps = tmp_path / "x.h5", []
    convert_to_hdf5(tsv, target, progress=lambda *step: steps.append(step), dtype=dtype)
    assert steps == [(1, 3), (2, 3), (3, 3)] and sorted(p.name for p in tmp_path.iterdir()) == ["x.h5", "x.tsv"]
    with open_features(tsv) as one, open_features(target) as two:
        assert list(one) == list(two)
        for image_id in one:
            a, b = one[image_id], two[image_id]
            assert (a.width, a.height) == (b.width, b.height) and b.features.dtype == np.float32
            np.testing.assert_array_equal(a.features.astype(dtype), b.features)
            for name in ("boxes", "object_ids", "object_conf", "attribute_ids", "attribute_conf"):
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_an_interrupted_conversion_leaves_nothing(tsv, tmp_path):
    def interrupt(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert_to_hdf5(tsv, tmp_path / "x.h5", interrupt)
    assert [p.name for p in tmp_path.iterdir()] == ["x.tsv"]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_tsv_and_hdf5_hold_the_same(counts, width):
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "x.tsv", Path(folder) / "x.h5"
        rows = [row(f"p{number}", count, width, seed=number) for number, count in enumerate(counts)]
        convert_to_hdf5(write(source, *(line for line, _ in rows)), target)
        with open_features(source) as one, open_features(target) as two:
            for number, (_, arrays) in enumerate(rows):
                for objects in (one[f"p{number}"], two[f"p{number}"]):
                    assert len(objects) == counts[number]
                    for (field, _), name in zip(COLUMNS.values(), COLUMNS, strict=True):
                        np.testing.assert_array_equal(getattr(objects, field), arrays[name])
                    np.testing.assert_array_equal(objects.boxes, arrays["boxes"])
                    if counts[number]:
                        np.testing.assert_array_equal(objects.features, arrays["features"])


def test_what_a_file_does_not_know_is_not_made_up(tmp_path):
    save_npz(tmp_path / "cat.npz", attrs_conf=np.ones(3))
    convert_to_hdf5(tmp_path / "cat.npz", tmp_path / "cat.h5")
    with open_features(tmp_path / "cat.h5") as pictures:
        cat = pictures["cat"]
    assert cat.object_ids is None and cat.object_conf is None and cat.attribute_conf.tolist() == [1, 1, 1]


def test_numbers_too_large_for_float16(tmp_path):
    source = write(tmp_path / "x.tsv", row("a", features=b64(np.full((3, 6), 1e5, "f4")))[0])
    with pytest.raises(FeatureFileError, match="float16"):
        convert_to_hdf5(source, tmp_path / "x.h5", dtype="float16")
    assert not (tmp_path / "x.h5").exists()
    convert_to_hdf5(source, tmp_path / "x.h5")


@pytest.mark.parametrize("dtype", ["int8", "float64", "nothing"])
def test_other_types_are_refused(tsv, tmp_path, dtype):
    with pytest.raises(ConfigError, match=dtype):
        convert_to_hdf5(tsv, tmp_path / "x.h5", dtype=dtype)


@pytest.mark.parametrize("target", ["missing/x.h5", "."])
def test_targets_that_cannot_be_written(tsv, tmp_path, target):
    (tmp_path / "folder").mkdir()
    with pytest.raises(FeatureFileError, match="can be written"):
        convert_to_hdf5(tsv, tmp_path / "folder" / target)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder", "x.tsv"]


@contextlib.contextmanager
def full_disk(size):
    """Inside, no file of this process grows beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("missing", [1, 200, 300_000, 1_100_000, 10**9])
def test_a_full_disk_leaves_the_older_file(tmp_path, missing):
    source = write(tmp_path / "x.tsv", *(row(f"p{number}", 36, 1000)[0] for number in range(8)))
    target, steps = tmp_path / "x.h5", []
    convert_to_hdf5(source, target)
    size = target.stat().st_size
    target.write_text("older")
    with full_disk(max(size - missing, 0)), pytest.raises(FeatureFileError, match=r"x\.h5: .* can be written"):
        convert_to_hdf5(source, target, progress=lambda *step: steps.append(step))
    assert target.read_text() == "older" and len(list(tmp_path.iterdir())) == 2
    assert len(steps) < 8 or missing < 1000  # it stops at once, unless only the end did not fit


def test_a_disk_that_is_full_at_the_end(tsv, tmp_path, monkeypatch):
    def truncate(self, size=None):  # the HDF5 library does this when it closes a file
        self.problem = OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(PatientFile, "truncate", truncate)
    with pytest.raises(FeatureFileError, match="No space left"):
        convert_to_hdf5(tsv, tmp_path / "x.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["x.tsv"]


@pytest.mark.parametrize("method, value", [("write", b"0123456789"), ("truncate", 10)])
def test_a_patient_file_keeps_its_problem(tmp_path, method, value):
    with full_disk(5), PatientFile(tmp_path / "x", "w+") as file:
        file.check()
        assert getattr(file, method)(value) == 10
        with pytest.raises(OSError, match="large"):
            file.check()


def test_a_shape_that_only_a_zero_keeps_small_is_refused(tmp_path):
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 100000000000000000, 100000000000000000), }\n"
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(FeatureFileError, match=r"a\.npy"):
        read_npz(tmp_path / "x.npz", ["a"])


OWN_DAMAGE = {
    "starts that go back": {"starts": np.array([0, 9, 2, 7], "u8")}, "starts of another file": {"starts": np.arange(9)},
    "one number as features": {"features": np.float32(1)}, "no rows": {"features": np.zeros((7, 2, 2), "f4")},
    "one number as confidence": {"objects_conf": np.float32(1)}, "a wide confidence": {"objects_conf": np.ones((7, 2))},
    "classes that are not whole": {"objects_id": np.ones(7)}, "short boxes": {"boxes": np.ones((6, 4))},
    "ids in a square": {"image_ids": np.array([[b"a"], [b"b"], [b"c"]])}, "one id": {"image_ids": np.bytes_(b"a")},
    "ids not in UTF-8": {"image_ids": np.array([b"a", b"b", b"\xff"])}, "no ids": {"image_ids": np.zeros(0, "S1")},
    "an id twice": {"image_ids": np.array([b"a", b"b", b"a"])},
    "a way out": {"image_ids": np.array([b"a", b"b", b"../c"])}, "no sizes": {"sizes": None},
    "a picture without width": {"sizes": np.zeros((3, 2), "i8")},
}  # fmt: skip


@pytest.mark.parametrize("name", OWN_DAMAGE)
def test_damaged_hdf5(tsv, tmp_path, name):
    convert_to_hdf5(tsv, tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5", "r+") as file:
        for dataset, value in OWN_DAMAGE[name].items():
            del file[dataset]
            if value is not None:
                file[dataset] = value
    with pytest.raises(FeatureFileError, match=r"x\.h5"):
        all_arrays(tmp_path / "x.h5")


PACKED = {"chunks": (2, 2), "compression": "gzip", "shuffle": True}


def save_groups(path, packed=None, **changes):
    """An HDF5 file with a group for each of two pictures, of 3 objects and of none."""
    with h5py.File(path, "w", libver="earliest") as file:
        for image_id, count in (("a", 3), ("b", 0)):
            arrays = {name: row(count=count)[1][name] for name in ("features", "boxes")} | changes
            for name in ("features", "boxes"):
                file.create_dataset(f"{image_id}/{name}", data=arrays[name], **(packed if packed and count else {}))
            file[image_id].attrs["img_w"], file[image_id].attrs["img_h"] = arrays.get("img_w", 120), 100
    return path


@pytest.mark.parametrize("packed", [None, PACKED], ids=["plain", "packed"])
def test_a_group_for_each_picture(tmp_path, packed):
    with open_features(save_groups(tmp_path / "x.h5", packed)) as pictures:
        feats, boxes, mask = pictures.batch(["b", "a"])
        np.testing.assert_array_equal(feats[1], row()[1]["features"])
        np.testing.assert_array_equal(boxes[1], row()[1]["boxes"] / np.float32([120, 100, 120, 100]))
        assert mask.tolist() == [[0, 0, 0], [1, 1, 1]] and pictures["a"].object_ids is None
    convert_to_hdf5(tmp_path / "x.h5", tmp_path / "y.h5")
    with open_features(tmp_path / "y.h5") as pictures:
        assert list(pictures) == ["a", "b"] and len(pictures["a"]) == 3


GROUP_DAMAGE = [
    {"img_w": [1, 2]}, {"img_w": "wide"}, {"img_w": 120.5}, {"features": np.float32(1)}, {"boxes": np.ones((3, 5))},
]  # fmt: skip


@pytest.mark.parametrize("changes", GROUP_DAMAGE, ids=str)
def test_damaged_groups(tmp_path, changes):
    with pytest.raises(FeatureFileError, match=r"x\.h5: a"):
        all_arrays(save_groups(tmp_path / "x.h5", **changes))


VLT5 = {"objects_id": "obj_id", "objects_conf": "obj_conf", "attrs_id": "attr_id", "attrs_conf": "attr_conf"}


def save_vlt5(path, **changes):
    """An HDF5 file as VL-T5 writes it: a group a picture, whose data sets say everything."""
    _, arrays = row("one")
    values = {VLT5.get(name, name): array for name, array in arrays.items()} | {"img_w": 120, "img_h": 100} | changes
    with h5py.File(path, "w") as file:
        for image_id in ("one", "two"):
            for name, value in values.items():
                if value is not None:
                    file[f"{image_id}/{name}"] = value
    return path


def test_the_hdf5_of_vl_t5(tmp_path):
    _, arrays = row("one")
    with open_features(save_vlt5(tmp_path / "val2014_obj36.h5", caption_id=5)) as pictures:
        two = pictures["two"]
        assert list(pictures) == ["one", "two"] and (two.width, two.height) == (120, 100)
        for name in COLUMNS:
            np.testing.assert_array_equal(getattr(two, COLUMNS[name][0]), arrays[name])
        np.testing.assert_array_equal(two.features, arrays["features"])


VLT5_DAMAGE = [
    {"img_w": [1, 2]}, {"img_h": 0}, {"obj_id": np.zeros(3)}, {"attr_conf": np.full(3, 7.0)}, {"boxes": None},
    {"obj_conf": np.ones(2)}, {"num_boxes": 4}, {"features": h5py.Empty("f4")}, {"img_w": None},
]  # fmt: skip


@pytest.mark.parametrize("changes", VLT5_DAMAGE, ids=lambda changes: next(iter(changes)))
def test_damaged_groups_of_vl_t5(tmp_path, changes):
    with pytest.raises(FeatureFileError, match=r"x\.h5: one"):
        all_arrays(save_vlt5(tmp_path / "x.h5", **changes))


def test_hdf5_without_pictures(tmp_path):
    h5py.File(tmp_path / "x.h5", "w").close()
    with pytest.raises(FeatureFileError, match="empty"):
        open_features(tmp_path / "x.h5")


def save_npz(path, **changes):
    _, arrays = row()
    wanted = {"features": arrays["features"], "boxes": arrays["boxes"], "img_w": 120, "img_h": 100} | changes
    np.savez(path, **wanted)
    return path


NPZ_DAMAGE = [
    {"img_w": 120.5}, {"img_h": [100, 100]}, {"img_w": 0}, {"objects_id": np.zeros(2, int)},
    {"objects_id": np.zeros(3)}, {"objects_conf": np.float32(1)}, {"boxes": np.zeros((3, 3))},
    {"features": np.zeros(3)}, {"features": np.full((3, 6), 1e300)},
]  # fmt: skip


@pytest.mark.parametrize("changes", NPZ_DAMAGE, ids=lambda changes: next(iter(changes)))
def test_npz_that_cannot_be_right(tmp_path, changes):
    with pytest.raises(FeatureFileError, match=rf"x\.npz: x, .*{next(iter(changes))}"):
        open_features(save_npz(tmp_path / "x.npz", **changes))


def test_a_size_may_be_a_whole_float(tmp_path):
    with open_features(save_npz(tmp_path / "features.npz", img_w=120.0, img_h=[100])) as pictures:
        objects = pictures["features"]
    assert (objects.width, objects.height) == (120, 100)


def test_npz_of_one_picture(tmp_path):
    _, arrays = row()
    np.savez_compressed(tmp_path / "cat.npz", features=arrays["features"], boxes=arrays["boxes"], img_w=120, img_h=100)
    with open_features(tmp_path / "cat.npz") as pictures:
        np.testing.assert_array_equal(pictures["cat"].features, arrays["features"])
    np.savez(tmp_path / "part.npz", features=arrays["features"])
    with pytest.raises(FeatureFileError, match="boxes"):
        open_features(tmp_path / "part.npz")


class Trap:
    def __reduce__(self):
        return Path.touch, (Path(TRAP),)


TRAP = os.path.join(tempfile.gettempdir(), "minilxmert-a-pickle-was-run")


def save_openvqa(path, turned=True, **changes):
    """An npz file as bottom-up-attention.pytorch writes it, with a pickle; turned: features a column, as OpenVQA's."""
    _, arrays = row()
    x = arrays["features"].T if turned else arrays["features"]
    wanted = {"x": x, "bbox": arrays["boxes"], "num_bbox": 3, "image_h": 100, "image_w": 120} | changes
    np.savez_compressed(path, **wanted, info=np.array({"image_id": Trap()}, object))
    return path


def same_as_row(objects):
    _, arrays = row()
    np.testing.assert_array_equal(objects.boxes, arrays["boxes"])
    np.testing.assert_array_equal(objects.features, arrays["features"])
    assert (objects.width, objects.height, objects.object_ids) == (120, 100, None) and not os.path.exists(TRAP)


@pytest.mark.parametrize("turned", [True, False])
def test_npz_of_bottom_up_attention(tmp_path, turned):
    with open_features(save_openvqa(tmp_path / "COCO_val2014_000000000042.jpg.npz", turned)) as pictures:
        same_as_row(pictures["COCO_val2014_000000000042"])


def test_a_folder_of_npz(tmp_path, monkeypatch):
    for name in ("train/b.jpg", "train/c", "a"):
        (tmp_path / "x" / name).parent.mkdir(parents=True, exist_ok=True)
        save_openvqa(tmp_path / "x" / f"{name}.npz")
    convert_to_hdf5(tmp_path / "x", tmp_path / "x.h5")
    monkeypatch.chdir(tmp_path)
    with open_features("x") as pictures, open_features("x.h5") as converted:
        monkeypatch.chdir("/")
        assert list(pictures) == list(converted) == ["a", "b", "c"] and pictures.count("b") == 3
        for image_id in pictures:
            same_as_row(pictures[image_id])
            same_as_row(converted[image_id])
    save_npz(tmp_path / "x" / "b.npz")
    with pytest.raises(FeatureFileError, match=r"x: b: .* one file of this name, found b\.npz, train.b\.jpg\.npz"):
        open_features(tmp_path / "x")


OPENVQA_DAMAGE = [
    {"num_bbox": 4}, {"image_h": 0}, {"image_w": [1, 2]}, {"x": np.zeros((6, 2))}, {"x": np.zeros(3)},
    {"bbox": np.zeros((3, 5))}, {"bbox": np.float32(3)}, {"x": np.array([[{}]], object)}, {"num_bbox": np.zeros(0)},
]  # fmt: skip


@pytest.mark.parametrize("changes", OPENVQA_DAMAGE, ids=str)
def test_damaged_npz_of_bottom_up_attention(tmp_path, changes):
    with pytest.raises(FeatureFileError, match=r"x\.npz: x[,.]"):
        open_features(save_openvqa(tmp_path / "x.npz", **changes))


def test_features_of_several_widths_are_not_joined(tmp_path):
    for name, width in (("a", 6), ("b", 7)):
        save_openvqa(tmp_path / f"{name}.npz", x=np.zeros((3, width)))
    with pytest.raises(FeatureFileError, match="b, features: expected 6 numbers an object, found 7"):
        convert_to_hdf5(tmp_path, tmp_path / "x.h5")


@pytest.mark.parametrize("order", [(10, 6), (6, 10)])
def test_pictures_with_classes_and_without_are_not_converted_together(tmp_path, order):
    text = [row(f"of {fields}", seed=fields, fields=LAYOUTS[fields])[0] for fields in order]
    (tmp_path / "x.tsv").write_text("".join([row("empty", 0, fields=LAYOUTS[6])[0], *text]))
    classes = "objects_id, objects_conf, attrs_id, attrs_conf"
    expected, found = (classes, "no classes") if order[0] == 10 else ("no classes", classes)
    words = f"of {order[1]}: expected {expected}, as of {order[0]} has, found {found}"
    with pytest.raises(FeatureFileError, match=words):
        convert_to_hdf5(tmp_path / "x.tsv", tmp_path / "x.h5")
    (tmp_path / "x.tsv").write_text(row("empty", 0, fields=LAYOUTS[6])[0] + text[0])
    convert_to_hdf5(tmp_path / "x.tsv", tmp_path / "x.h5")
    with open_features(tmp_path / "x.h5") as pictures:
        assert len(pictures["empty"]) == 0 and len(pictures[f"of {order[0]}"]) == 3


ARRAYS = [np.arange(6.0).reshape(2, 3), np.float32(3), np.zeros((0, 4), "f2"), np.array([[True, False]]), np.arange(4)]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_as_numpy_writes_them(tmp_path, save):
    arrays = {
        f"a{i}": array for i, array in enumerate([*ARRAYS, np.asfortranarray(ARRAYS[0]), ARRAYS[0].astype(">f4")])
    }
    save(tmp_path / "x.npz", **arrays)
    found = read_npz(tmp_path / "x.npz", arrays)
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].shape == np.shape(array) and found[name].dtype == np.asarray(array).dtype.newbyteorder("=")


def test_pickled_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.array([{}], object))
    with pytest.raises(FeatureFileError, match=r"a\.npy: expected numbers, found Python objects"):
        read_npz(tmp_path / "x.npz", ["a"])


def test_what_is_not_asked_for_is_passed_over(tmp_path):
    save_npz(tmp_path / "cat.npz", info=np.array({"a": 1}, object), name=np.array("a text"))
    with zipfile.ZipFile(tmp_path / "cat.npz", "a") as archive:
        archive.writestr("readme.txt", "made by a detector")
    assert len(open_features(tmp_path / "cat.npz")["cat"]) == 3


DAMAGE = {
    "no number": {"num_boxes": "three"}, "an underscore": {"num_boxes": "1_0"}, "many digits": {"num_boxes": "9" * 99},
    "more boxes": {"num_boxes": 4}, "not base64": {"boxes": "!!!!"}, "cut base64": {"features": "AAA"},
    "a wide picture": {"img_w": 0}, "NaN": {"features": b64(np.full((3, 6), np.nan, "f4"))},
    "a box outside": {"boxes": b64(np.full((3, 4), 500, "f4"))},
    "x y w h": {"boxes": b64(np.array([[50, 50, 10, 10]] * 3, "f4"))},
    "confidence": {"objects_conf": b64(np.full(3, 7, "f4"))},
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_row_names_its_line(tmp_path, name):
    lines = row("good")[0], row("bad", **DAMAGE[name])[0]
    with pytest.raises(FeatureFileError, match=r"x\.tsv: line 2"):
        with open_features(write(tmp_path / "x.tsv", *lines)) as pictures:
            assert len(pictures["good"]) == 3
            pictures["bad"]


BROKEN_FILES = {
    "empty": "", "nine fields": row()[0].split("\t", 1)[1], "twice the id": row()[0] * 2,
    "a header": "\t".join(FIELDS) + "\n" + row()[0], "a long line": "A" * (9 << 20),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN_FILES)
def test_broken_files(tmp_path, name):
    with pytest.raises(FeatureFileError, match=r"x\.tsv"):
        open_features(write(tmp_path / "x.tsv", BROKEN_FILES[name]))


def test_blank_lines_and_a_byte_order_mark_are_no_rows(tmp_path):
    write(tmp_path / "x.tsv", "\ufeff" + row("a")[0], row("b")[0], "\n", "\r\n")
    with open_features(tmp_path / "x.tsv") as pictures:
        assert list(pictures) == ["a", "b"] and len(pictures["a"]) == len(pictures["b"]) == 3


# --- read by many at once


SHARED = ["x.tsv", "x.h5", "groups.h5", "chunks.h5", "x.npz"]


def with_bytes(path):
    """Opened features, and the bytes of their numbers, by picture."""
    pictures = open_features(path)
    return pictures, {name: pictures[name].features.tobytes() for name in pictures}


@pytest.fixture(params=SHARED)
def shared(request, small_files):
    return with_bytes(small_files / request.param)


def wrong_reads(pictures, wanted, seed):
    """Pictures whose numbers are others than wanted, over many reads in an order of its own."""
    names = np.random.default_rng(seed).choice(list(wanted), 200)
    return [name for name in names.tolist() if pictures[name].features.tobytes() != wanted[name]]


def test_threads_read_what_they_ask_for(shared):
    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(wrong_reads, *zip(*[(*shared, seed) for seed in range(8)], strict=True)))


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_processes_read_what_they_ask_for(small_files, start):
    """Two processes, each of which reads files of all kinds."""
    if start not in multiprocessing.get_all_start_methods():
        pytest.skip("no fork here")
    files = [with_bytes(small_files / name) for name in SHARED]
    with multiprocessing.get_context(start).Pool(2) as pool:
        assert not any(pool.starmap(wrong_reads, [(*file, seed) for seed in range(4) for file in files]))


def test_a_copy_reads_the_same_from_anywhere(shared, tmp_path, monkeypatch):
    pictures, wanted = shared
    monkeypatch.chdir(pictures.path.parent)
    pictures = open_features(pictures.path.name)
    packed = pickle.dumps(pictures)
    monkeypatch.chdir("/")
    for copied in (pictures, pickle.loads(packed)):  # noqa: S301
        assert {name: copied[name].features.tobytes() for name in copied} == wanted


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_while_a_thread_reads_reads_too(small_files):
    """Whatever lock a thread holds at that moment, the child, which has no such thread, waits for none."""
    pictures, over = open_features(small_files / "groups.h5"), threading.Event()
    wanted = {name: pictures[name].features.tobytes() for name in pictures}

    def keep_reading():
        while not over.is_set():
            wrong_reads(pictures, wanted, 0)

    reader = threading.Thread(target=keep_reading)
    reader.start()
    try:
        for seed in range(12):
            child = os.fork()
            if not child:
                signal.alarm(20)
                os._exit(len(wrong_reads(pictures, wanted, seed)))
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        over.set()
        reader.join()


@pytest.mark.parametrize("name", ["groups.h5", "vlt5.h5"])
def test_a_file_that_stays_open_is_read_for_ever_in_the_same_memory(small_files, name):
    with open_features(small_files / name) as pictures:
        for _ in range(1000):
            for image_id in pictures:
                pictures.read(image_id)
        noted = pictures.file()
        assert len(noted.opened) + len(noted.places) + len(noted.claimed) <= 2 * len(pictures) + 2


def test_two_names_of_one_group_are_refused(small_files):
    with h5py.File(small_files / "groups.h5", "a") as file:
        file["again"] = file[next(iter(file))]
    with pytest.raises(FeatureFileError, match="two names of one"):
        open_features(small_files / "groups.h5")


def test_several_files_as_one_are_pickled_too(tmp_path):
    joined = open_joined([write(tmp_path / f"{name}.tsv", row(name)[0]) for name in "ab"])
    copied = pickle.loads(pickle.dumps(joined))  # noqa: S301
    assert list(copied) == ["a", "b"] and copied.about == joined.about == {}
    np.testing.assert_array_equal(copied["b"].features, joined["b"].features)


def test_a_copy_of_a_file_that_has_changed_is_refused(shared):
    pictures, _ = shared
    if pictures.path.suffix == ".h5":
        packed = pickle.dumps(pictures)
        pictures.path.write_bytes(pictures.path.read_bytes() + b"more")
        with pytest.raises(FeatureFileError, match="another in its place"):
            pickle.loads(packed)  # noqa: S301


def test_a_changed_width_is_refused(tmp_path):
    with open_features(write(tmp_path / "x.tsv", row("a")[0], row("b", width=7)[0])) as pictures:
        assert pictures["a"].features.shape == (3, 6)
        with pytest.raises(FeatureFileError, match="6 numbers"):
            pictures["b"]


def test_a_large_file_is_indexed_not_read(tmp_path, monkeypatch):
    path = tmp_path / "large.tsv"
    with open(path, "w") as file:
        for number in range(150):
            file.write(row(f"p{number}", 36, 1000, seed=number % 3)[0])
    size, steps = path.stat().st_size, []
    monkeypatch.setattr("minilxmert.vision.tsv.STEP", 4 << 20)
    tracemalloc.start()
    with open_features(path, progress=lambda *step: steps.append(step)) as pictures:
        np.testing.assert_array_equal(pictures["p101"].features, row("p101", 36, 1000, seed=2)[1]["features"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 25e6 and peak < 4e6
    assert len(steps) > 3 and all(total == size for _, total in steps) and steps == sorted(steps)
    steps.clear()
    with open_features(path, progress=lambda *step: steps.append(step)) as pictures:  # by the index kept beside it
        assert not steps and len(pictures) == 150 and len(pictures["p7"]) == 36
    path.write_text(row("other")[0])  # the index is stale now
    with open_features(path) as pictures:
        assert list(pictures) == ["other"]


@pytest.fixture
def indexed(tsv, monkeypatch):
    """A TSV with an index beside it, as large ones get."""
    monkeypatch.setattr("minilxmert.vision.tsv.STEP", 1)
    open_features(tsv).close()
    return tsv, tsv.with_name("x.tsv.index")


INDEX_DAMAGE = {
    "before the file": [["two", 1, -5, 2]], "far away": [["two", 1, 10**18, 2]], "twice": [["two", 1, 0, 2]] * 2,
    "short rows": [["two", 1, 0]], "no rows": 5, "a number as id": [[2, 1, 0, 2]], "a flag": [["two", True, 0, 2]],
    "many objects": [["two", 1, 0, 10**6]],
}  # fmt: skip


@pytest.mark.parametrize("name", INDEX_DAMAGE)
def test_an_unsound_index_is_made_anew(indexed, name):
    path, index = indexed
    kept = json.loads(index.read_text())
    assert [image_id for image_id, *_ in kept["rows"]] == ["two", "none", "five"]
    index.write_text(json.dumps({**kept, "rows": INDEX_DAMAGE[name]}))
    with open_features(path) as pictures:
        assert [len(pictures[image_id]) for image_id in ("two", "none", "five")] == [2, 0, 5]
    assert json.loads(index.read_text()) == kept


@pytest.mark.parametrize("text", ["", "[]", '{"rows": ', "null"])
def test_an_index_that_is_none(indexed, text):
    path, index = indexed
    index.write_text(text)
    with open_features(path) as pictures:
        assert len(pictures) == 3


def test_an_index_of_another_file_of_the_same_size_and_time(indexed):
    path, _ = indexed
    before = path.stat()
    path.write_text(path.read_text().replace("five", "four"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with open_features(path) as pictures:
        assert list(pictures) == ["two", "none", "four"]


def test_an_index_that_names_another_row(indexed):
    path, index = indexed
    kept = json.loads(index.read_text())
    (_, *two), (_, *none), _ = kept["rows"]
    for rows in ([["two", *none]], [["two", *two[:2], 3]]):
        index.write_text(json.dumps({**kept, "rows": rows}))
        with pytest.raises(FeatureFileError, match="has changed"), open_features(path) as pictures:
            pictures["two"]


def test_an_index_that_cannot_be_kept(tsv, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr("minilxmert.vision.tsv.STEP", 1)
    monkeypatch.setattr("minilxmert.vision.tsv.write_file", refuse)
    with open_features(tsv) as pictures:
        assert len(pictures["five"]) == 5


def test_what_is_a_feature_file(tsv, tmp_path):
    np.savez(tmp_path / "x.npz", a=1)
    (tmp_path / "text").write_text("no tabs here\n")
    assert is_feature_file(tsv) and is_feature_file(tmp_path / "x.npz")
    assert not any(map(is_feature_file, (tmp_path / "text", tmp_path, tmp_path / "nothing")))


# --- boxes -----------------------------------------------------------------------------------------------------------


def test_boxes_are_divided_as_published():
    boxes = np.array([[0, 0, 120, 100], [30, 25, 60, 50]])
    np.testing.assert_array_equal(normalise_boxes(boxes, 120, 100), [[0, 0, 1, 1], [0.25, 0.25, 0.5, 0.5]])
    assert boxes.dtype == np.int64 and boxes[0, 2] == 120
    with pytest.raises(ShapeError, match="already"):
        normalise_boxes([[0.1, 0.2, 0.3, 0.4]], 120, 100)
    with pytest.raises(ShapeError, match="swapped"):
        normalise_boxes(boxes, 100, 120)
    with pytest.raises(ShapeError, match="no inside"):
        normalise_boxes(boxes, float("nan"), 100)
    for side in (np.inf, None, "120", -1):
        with pytest.raises(ShapeError, match="no inside"):
            normalise_boxes(boxes, 120, side)
    with pytest.raises(ShapeError, match="nan"):
        normalise_boxes([[0, 0, np.nan, 9]], 120, 100)
    assert normalise_boxes(boxes, np.array(120), np.float32(100)).dtype == np.float32
    assert normalise_boxes(np.zeros((0, 4)), 120, 100).shape == (0, 4)
    np.testing.assert_array_equal(boxes_from_xywh([[1, 2, 3, 4]]), [[1, 2, 4, 6]])


@pytest.mark.parametrize(
    "boxes, message",
    [
        ([[0, 0, 1, 1], [3, 4, 50, 60]], "normalise_boxes"),
        ([[0.5, 0.5, 0.2, 0.3]], "boxes_from_xywh"),
        ([[0, 0, 1, np.nan]], "no number"),
        ([[-0.2, 0, 1, 1]], "outside"),
    ],
)
def test_boxes_that_cannot_be_right(boxes, message):
    with pytest.raises(ShapeError, match=message):
        check_boxes(np.array(boxes))


@pytest.mark.parametrize("take", [check_boxes, boxes_from_xywh, lambda boxes: normalise_boxes(boxes, 9, 9)])
@pytest.mark.parametrize("boxes", [[[1, 2, 3]], [["a"] * 4], [[1, 2, 3, 4], [1]], 5, [[None] * 4]], ids=str)
def test_what_is_no_box(take, boxes):
    with pytest.raises(ShapeError, match="boxes: expected"):
        take(boxes)


@given(st.lists(st.tuples(*[st.floats(0, 1)] * 4), max_size=6))
def test_sound_boxes_pass(corners):
    boxes = np.array([(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in corners]).reshape(-1, 4)
    check_boxes(boxes)
    check_boxes(np.random.default_rng(0).random((3, 10, 4)))  # the published reference inputs


# --- hostile files ---------------------------------------------------------------------------------------------------


def all_arrays(path):
    """Everything in a feature file, by "id/field"."""
    with open_features(path) as pictures:
        if hasattr(pictures, "width"):
            pictures.width = 6  # so that a picture without objects has features of a width
        names = {field: name for name, (field, _) in COLUMNS.items()} | {"boxes": "boxes", "features": "features"}
        values = {f"{i}/{new}": getattr(pictures[i], old) for i in pictures for old, new in names.items()}
        return {name: value for name, value in values.items() if value is not None}


@pytest.fixture
def small_files(tmp_path, tsv):
    convert_to_hdf5(tsv, tmp_path / "x.h5")
    save_npz(tmp_path / "x.npz", objects_conf=np.ones(3, "f4"))
    save_groups(tmp_path / "groups.h5")
    save_groups(tmp_path / "chunks.h5", PACKED)
    write(tmp_path / "six.tsv", *(row(name, 2, fields=SIX)[0] for name in "ab"))
    save_vlt5(tmp_path / "vlt5.h5")
    save_openvqa(tmp_path / "openvqa.npz")
    return tmp_path


FUZZED = "x.tsv", "six.tsv", "x.h5", "groups.h5", "chunks.h5", "vlt5.h5", "x.npz", "openvqa.npz"


def fuzz(folder, file, count, seed):
    mutant = folder / f"mutant-{file}"
    check_mutants((folder / file).read_bytes(), all_arrays, mutant, count, seed)


@pytest.mark.parametrize("file", FUZZED)
def test_mutants(small_files, file):
    fuzz(small_files, file, 500, seed=4)


@pytest.mark.nightly
@pytest.mark.parametrize("file", FUZZED)
def test_many_mutants(small_files, file):
    fuzz(small_files, file, 4000, seed=5)


@mutant_counts
def test_mutants_in_a_folder(small_files, count):
    (small_files / "folder").mkdir()
    whole, damaged = (small_files / "openvqa.npz").read_bytes(), small_files / "folder" / "x.npz"
    check_mutants(whole, lambda path: all_arrays(path.parent), damaged, count, seed=6)
    assert not os.path.exists(TRAP)


def test_every_error_is_of_the_family():
    assert issubclass(FeatureFileError, MinilxmertError) and issubclass(ShapeError, ValueError)


# --- numbers that are none


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
@pytest.mark.parametrize("field", ["features", "boxes"])
def test_objects_made_in_python_are_refused_by_picture_object_and_column(tsv, field, value):
    with open_features(tsv) as pictures:
        good, ruined = pictures["two"], dataclasses.replace(pictures["two"], image_id="ruined")
    numbers = getattr(good, field).astype("f8")
    numbers[1, 3] = value
    ruined = dataclasses.replace(ruined, **{field: numbers})
    with pytest.raises(FeatureFileError, match=f"ruined: object 1, {field} column 3: expected a finite number"):
        pad_objects([good, ruined])
    numbers[1, 3] = 0
    assert pad_objects([good, ruined])[2].all()


@pytest.mark.parametrize("name", ["object_conf", "attribute_conf"])
def test_a_confidence_that_is_no_number_is_refused(tsv, name):
    with open_features(tsv) as pictures:
        ruined = dataclasses.replace(pictures["two"], **{name: np.array([0.5, np.nan])})
    with pytest.raises(FeatureFileError, match=f"two: object 1, {name}: expected a finite number"):
        pad_objects([ruined])


WRONG_FEATURES = {
    "one row for both": lambda f: f[:1], "a row": lambda f: f.ravel(), "a stack": lambda f: f[None],
    "a list": lambda f: f.tolist(), "texts": lambda f: f.astype(str), "complex": lambda f: f * 1j,
    "objects": lambda f: f.astype(object), "none": lambda f: None,
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG_FEATURES)
def test_features_that_are_no_row_of_numbers_an_object_are_refused(tsv, kind):
    with open_features(tsv) as pictures:
        two = pictures["two"]
    with pytest.raises(FeatureFileError, match=r"two: features: expected an array \(2, F\) of numbers"):
        pad_objects([dataclasses.replace(two, features=WRONG_FEATURES[kind](two.features))])


def test_nothing_without_a_finite_score_is_answered():
    from minilxmert.ask import ask, look

    model, tokenizer = LxmertForQuestionAnswering.from_pretrained("weights"), LxmertTokenizer.from_pretrained("weights")
    seen = look("weights/scene.png")
    huge = dataclasses.replace(seen, features=np.full_like(seen.features, 3e38))
    with pytest.raises(FeatureFileError, match=r"scene\.png"):
        ask(model, tokenizer, ["what color is the star ?"], [huge])


@pytest.mark.parametrize("kind", ["table", "groups"])
def test_a_mapped_file_that_is_cut_short_is_refused(tmp_path, kind):
    """Reading what is gone would end the process; so a child looks."""
    path, rng = tmp_path / "x.h5", np.random.default_rng(0)
    if kind == "table":
        (tmp_path / "x.tsv").write_text("".join(row(f"p{n}", 36, 256)[0] for n in range(20)))
        convert_to_hdf5(tmp_path / "x.tsv", path)
    else:
        with h5py.File(path, "w") as file:
            for n in range(20):
                file[f"p{n}/features"], file[f"p{n}/boxes"] = rng.random((36, 256), np.float32), [[0.0, 0, 9, 9]] * 36
                file[f"p{n}/img_w"], file[f"p{n}/img_h"] = 100, 80
    pictures = open_features(path)
    first = pictures["p3"].features.copy()
    with open(path, "rb+") as file:
        file.truncate(path.stat().st_size // 2)
    child = os.fork()
    if not child:
        for name in ("p3", "p19"):
            with pytest.raises(FeatureFileError, match=r"the file that was opened|readable"):
                pictures[name]
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0 and first.all()
