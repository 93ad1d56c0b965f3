"""Files of objects, and boxes: good ones exactly, damaged ones refused with the line, large ones never read whole."""

import base64
import tracemalloc
import zipfile

import numpy as np
import pytest
from conftest import check_corpus, check_mutants
from hypothesis import given
from hypothesis import strategies as st

from minilxmert import FeatureFileError, MinilxmertError, ShapeError
from minilxmert.boxes import boxes_from_xywh, check_boxes, normalise_boxes
from minilxmert.features import convert_to_hdf5, is_feature_file, open_features
from minilxmert.npz import read_npz

FIELDS = "img_id img_h img_w objects_id objects_conf attrs_id attrs_conf num_boxes boxes features".split()


def b64(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def row(image_id="one", count=3, width=6, seed=0, **changes):
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
    return "\t".join(str(values[name]) for name in FIELDS) + "\n", arrays


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
        with pytest.raises(FeatureFileError, match="three"):
            pictures["three"]


def test_ragged_counts_become_a_mask(tsv):
    with open_features(tsv) as pictures:
        feats, boxes, mask = pictures.batch(["two", "none", "five"])
        assert feats.shape == (3, 5, 6) and boxes.shape == (3, 5, 4)
        assert mask.sum(1).tolist() == [2, 0, 5]
        np.testing.assert_array_equal(feats[0, :2], pictures["two"].features)
        assert not feats[0, 2:].any() and not boxes[1].any()


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


def test_npz_of_one_picture(tmp_path):
    _, arrays = row()
    np.savez_compressed(tmp_path / "cat.npz", features=arrays["features"], boxes=arrays["boxes"], img_w=120, img_h=100)
    with open_features(tmp_path / "cat.npz") as pictures:
        np.testing.assert_array_equal(pictures["cat"].features, arrays["features"])
    np.savez(tmp_path / "part.npz", features=arrays["features"])
    with pytest.raises(FeatureFileError, match="boxes"):
        open_features(tmp_path / "part.npz")


ARRAYS = [np.arange(6.0).reshape(2, 3), np.float32(3), np.zeros((0, 4), "f2"), np.array([[True, False]]), np.arange(4)]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_as_numpy_writes_them(tmp_path, save):
    arrays = {
        f"a{i}": array for i, array in enumerate([*ARRAYS, np.asfortranarray(ARRAYS[0]), ARRAYS[0].astype(">f4")])
    }
    save(tmp_path / "x.npz", **arrays)
    found = read_npz(tmp_path / "x.npz")
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].shape == np.shape(array) and found[name].dtype == np.asarray(array).dtype.newbyteorder("=")


def test_pickled_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.array([{}], object))
    with pytest.raises(FeatureFileError, match=r"a\.npy"):
        read_npz(tmp_path / "x.npz")


def test_a_shape_that_only_a_zero_keeps_small_is_refused(tmp_path):
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 100000000000000000, 100000000000000000), }\n"
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(FeatureFileError, match=r"a\.npy"):
        read_npz(tmp_path / "x.npz")


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
    "a blank line": row()[0] + "\n",
    "a header": "\t".join(FIELDS) + "\n" + row()[0], "a long line": "A" * (9 << 20),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN_FILES)
def test_broken_files(tmp_path, name):
    with pytest.raises(FeatureFileError, match=r"x\.tsv"):
        open_features(write(tmp_path / "x.tsv", BROKEN_FILES[name]))


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
    monkeypatch.setattr("minilxmert.feature_files.STEP", 4 << 20)
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
        names = dict(zip(("object_ids", "object_conf", "attribute_ids", "attribute_conf"), FIELDS[3:7], strict=True))
        names |= {"boxes": "boxes", "features": "features"}
        values = {f"{i}/{new}": getattr(pictures[i], old) for i in pictures for old, new in names.items()}
        return {name: value for name, value in values.items() if value is not None}


def only_features(path):
    return {name: array for name, array in all_arrays(path).items() if name.endswith("/features")}


@pytest.mark.parametrize("format, read", [("tsv", all_arrays), ("npz", read_npz), ("feat_h5", only_features)])
def test_corpus(corpus, format, read):
    check_corpus(corpus, {format}, {"parse", "policy"}, read)


@pytest.fixture
def small_files(tmp_path, tsv):
    convert_to_hdf5(tsv, tmp_path / "x.h5")
    _, arrays = row()
    np.savez(tmp_path / "x.npz", features=arrays["features"], boxes=arrays["boxes"], img_w=120, img_h=100)
    return tmp_path


def counts(scale):
    return [("x.tsv", 200 * scale), ("x.h5", 200 * scale), ("x.npz", 200 * scale)]


def fuzz(folder, file, count, seed):
    mutant = folder / f"mutant-{file}"
    check_mutants((folder / file).read_bytes(), all_arrays, mutant, count, seed)


@pytest.mark.parametrize("file, count", counts(1))
def test_mutants(small_files, file, count):
    fuzz(small_files, file, count, seed=4)


@pytest.mark.nightly
@pytest.mark.parametrize("file, count", counts(10))
def test_many_mutants(small_files, file, count):
    fuzz(small_files, file, count, seed=5)


def test_every_error_is_of_the_family():
    assert issubclass(FeatureFileError, MinilxmertError) and issubclass(ShapeError, ValueError)
