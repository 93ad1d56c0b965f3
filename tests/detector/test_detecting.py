"""Many photographs: one file whoever finds them, resumed behind the last whole line; the detector fetched, checked."""

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest
from conftest import REFERENCE
from test_download import Hub, contents, hub  # noqa: F401 (a fixture)
from test_jpeg import FILES

from minilxmert import DownloadError, FasterRcnn, FeatureFileError
from minilxmert.cli import main
from minilxmert.detector import folders, weights
from minilxmert.detector.cluster import detect_on_cluster
from minilxmert.vision.features import convert_to_hdf5, open_features
from minilxmert.vision.pictures import write_png

DETECTOR = REFERENCE / "frcnn"
QUICK = "--recipe", "huggingface"  # which takes the small sizes of the small detector
NAMES = ("2x2-baseline.jpg", "grey.jpg", "orientation-6.jpg")


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for name in NAMES:
        (folder / name).write_bytes(FILES[name])
    write_png(folder / "more" / "red.PNG", np.full((30, 40, 3), (255, 0, 0), np.uint8))
    return folder


def run(photos, out, *more):
    return main(["detect", str(photos), "--detector", str(DETECTOR), "--out", str(out), *QUICK, *more])


def test_one_file_of_all(photos, tmp_path, capsys):
    assert run(photos, tmp_path / "found.h5") == 0
    assert "4 pictures, 0 left out" in capsys.readouterr().out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["found.h5", "photos"]
    with open_features(tmp_path / "found.h5") as pictures:
        assert list(pictures) == ["2x2-baseline", "grey", "more/red", "orientation-6"]
        found, own = pictures["orientation-6"], FasterRcnn.from_pretrained(DETECTOR)
        assert pictures.about == {"recipe": "huggingface", "weights": own.fingerprint()} and pictures.part is None
    seen = own(folders.read_picture(photos / "orientation-6.jpg"), "huggingface", "orientation-6")
    assert (found.width, found.height) == (seen.width, seen.height) == (16, 24)
    for name in ("boxes", "features", "object_ids", "object_conf", "attribute_ids", "attribute_conf"):
        np.testing.assert_array_equal(getattr(found, name), getattr(seen, name))


def test_parts_join_to_the_bytes_of_one_run(photos, tmp_path):
    assert run(photos, tmp_path / "one.h5") == 0
    parts = [tmp_path / f"part-{k}.h5" for k in (1, 2)]
    for k, part in enumerate(parts, 1):
        assert run(photos, part, "--part", f"{k}/2") == 0
    assert main(["convert", *map(str, reversed(parts)), str(tmp_path / "joined.h5")]) == 0
    assert (tmp_path / "joined.h5").read_bytes() == (tmp_path / "one.h5").read_bytes()
    with pytest.raises(FeatureFileError, match="every picture in one file"):
        convert_to_hdf5([parts[0], parts[0]], tmp_path / "twice.h5")
    assert run(photos, tmp_path / "other.h5", "--recipe", "authors", "--part", "2/4") == 0
    with pytest.raises(FeatureFileError, match="recipe"):
        convert_to_hdf5([parts[0], tmp_path / "other.h5"], tmp_path / "mixed.h5")


def test_parts_without_a_picture_and_parts_that_are_missing(photos, tmp_path):
    """Of six parts of four pictures and one that cannot be read, one has none and one has nothing else."""
    (photos / "cut.jpg").write_bytes(FILES["grey.jpg"][:300])
    detector = FasterRcnn.from_pretrained(DETECTOR)

    def find(out, k, n):
        return folders.detect_all(detector, folders.photographs(photos, (k, n)), out, "huggingface", (k, n))

    assert find(tmp_path / "one.h5", 1, 1) == 1
    parts = [tmp_path / f"part-{k}.h5" for k in range(1, 7)]
    assert [find(part, k, 6) for k, part in enumerate(parts, 1)] == [0, 1, 0, 0, 0, 0]
    convert_to_hdf5(parts, tmp_path / "joined.h5")
    assert (tmp_path / "joined.h5").read_bytes() == (tmp_path / "one.h5").read_bytes()
    for others in (parts[:5], [*parts[:5], parts[1]], [*parts, parts[1]], [*parts[:5], tmp_path / "one.h5"]):
        with pytest.raises(FeatureFileError, match=r"part: expected every part of 6, once|every picture in one file"):
            convert_to_hdf5(others, tmp_path / "less.h5")
    convert_to_hdf5(parts[5], tmp_path / "alone.h5", dtype="float16")  # it stays the part that it is
    with open_features(tmp_path / "alone.h5") as pictures:
        assert pictures.part == "6/6" and not len(pictures)
    with pytest.raises(FeatureFileError, match="a picture at least, found none"):
        convert_to_hdf5([], tmp_path / "nothing.h5")


def test_what_another_detector_found_is_not_joined(photos, tmp_path):
    own, other = (FasterRcnn.from_pretrained(DETECTOR) for _ in range(2))
    assert own.fingerprint() == other.fingerprint() != FasterRcnn.from_pretrained(DETECTOR, "bfloat16").fingerprint()
    other.params["classes"]["b"] = other.params["classes"]["b"] + 1  # which changes no probability
    for k, detector in enumerate((own, other), 1):
        found = folders.photographs(photos, (k, 4))
        folders.detect_all(detector, found, tmp_path / f"{k}.h5", "huggingface", (k, 2))
    with pytest.raises(FeatureFileError, match=r"2\.h5: recipe and weights: expected .*huggingface"):
        convert_to_hdf5([tmp_path / "1.h5", tmp_path / "2.h5"], tmp_path / "x.h5")


@pytest.mark.skipif(os.name != "posix", reason="needs the files of POSIX")
def test_what_is_no_plain_file_is_refused_at_once_and_a_link_written_through(photos, tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")
    for out, found in ((tmp_path / "pipe", "a pipe"), ("/dev/null", "a device"), (photos, "a folder")):
        assert run(photos, out) == 1 and found in capsys.readouterr().err
    (tmp_path / "target").mkdir()
    (tmp_path / "found.h5").symlink_to(tmp_path / "target" / "there.h5")
    assert run(photos, tmp_path / "found.h5", "--part", "2/4") == 0
    assert (tmp_path / "found.h5").is_symlink() and [p.name for p in (tmp_path / "target").iterdir()] == ["there.h5"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["found.h5", "photos", "pipe", "target"]
    assert not Path("/dev/null.huggingface.part").exists()


class Stopped(Exception):
    pass


def detector_that(look):
    """The detector, to which look(detector, picture, recipe, image_id) is all that it does."""
    return type("Detector", (FasterRcnn,), {"__call__": look}).from_pretrained(DETECTOR)


def test_a_stopped_run_goes_on_behind_the_last_whole_line(photos, tmp_path):
    detector, looked = FasterRcnn.from_pretrained(DETECTOR), []

    def look(self, picture, recipe, image_id):
        looked.append(image_id)
        if len(looked) == 3:
            raise Stopped
        return detector(picture, recipe, image_id)

    stopping = detector_that(look)
    pictures, out = folders.photographs(photos), tmp_path / "found.h5"
    folders.detect_all(detector, pictures, tmp_path / "whole.h5", "huggingface")
    with pytest.raises(Stopped):
        folders.detect_all(stopping, pictures, out, "huggingface")
    journal = tmp_path / f"found.h5.huggingface-{detector.fingerprint()}.part"
    assert journal.read_bytes().count(b"\n") == 2 and not out.exists()
    journal.write_bytes(journal.read_bytes()[:-100])  # and the second line was not whole
    folders.detect_all(stopping, pictures, out, "huggingface")
    assert looked == ["2x2-baseline", "grey", "more/red", "grey", "more/red", "orientation-6"]
    assert out.read_bytes() == (tmp_path / "whole.h5").read_bytes() and not journal.exists()


def test_a_stopped_run_over_other_pictures_is_not_mixed_in(photos, tmp_path):
    looked = []

    def look(self, picture, recipe, image_id):
        looked.append(image_id)
        if len(looked) == 2:
            raise Stopped
        return FasterRcnn.__call__(self, picture, recipe, image_id)

    detector, out = FasterRcnn.from_pretrained(DETECTOR), tmp_path / "found.h5"
    with pytest.raises(Stopped):
        folders.detect_all(detector_that(look), folders.photographs(photos, (1, 2)), out, "huggingface", (1, 2))
    pictures = folders.photographs(photos, (2, 2))
    folders.detect_all(detector, pictures, out, "huggingface", (2, 2))
    with open_features(out) as found:
        assert found.part == "2/2" and set(found) == pictures.keys()
    with pytest.raises(FeatureFileError, match="a stopped run found in these pictures, found one of 2x2-baseline"):
        folders.detect_all(detector, {"another": photos / "grey.jpg"}, out, "huggingface", (1, 2))


def test_a_part_that_is_none_is_named_by_its_option(photos, tmp_path, capsys):
    assert run(photos, tmp_path / "found.h5", "--part", "9/8") == 1
    assert capsys.readouterr().err.startswith("minilxmert detect: --part: expected K/N like 3/8, found 9/8")


class Client:
    """As of Dask, without a cluster."""

    def submit(self, task, *arguments, pure):
        return task(*arguments)

    def gather(self, results):
        return results


def test_a_cluster_that_could_read_no_picture_begins_anew(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"none")
    found = Client(), tmp_path, DETECTOR, tmp_path / "found.h5", "huggingface", 2
    with pytest.raises(FeatureFileError, match=r"a picture that can be read, found .*plain text"):
        detect_on_cluster(*found)
    for number in (1, 2):  # parts that were ended before the whole was stopped
        assert run(tmp_path, f"{found[3]}.huggingface.{number}-of-2", "--part", f"{number}/2") == 1
    with pytest.raises(FeatureFileError, match=r"a picture that can be read, found .*plain text"):
        detect_on_cluster(*found)
    write_png(tmp_path / "a.png", np.zeros((30, 40, 3), np.uint8))
    assert len(detect_on_cluster(*found)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png", "found.h5"]


def test_a_cluster_that_goes_on_tells_again_what_it_could_not_read_and_refuses_other_pictures(photos, tmp_path):
    (photos / "broken.png").write_bytes(b"none")
    found = Client(), photos, DETECTOR, tmp_path / "found.h5", "huggingface", 2
    (told,) = detect_on_cluster(*found)
    whole = found[3].read_bytes()
    parts = [Path(f"{found[3]}.huggingface.{number}-of-2") for number in (1, 2)]
    for number, part in enumerate(parts, 1):  # ended before the whole was stopped
        run(photos, part, "--part", f"{number}/2")
    assert detect_on_cluster(*found) == [told] and "broken.png" in told
    assert found[3].read_bytes() == whole and not any(part.exists() for part in parts)
    run(photos, parts[0], "--part", "1/2")
    (photos / "added.jpg").write_bytes(FILES["grey.jpg"])
    with pytest.raises(FeatureFileError, match=r"1-of-2.*other pictures"):
        detect_on_cluster(*found)
    (photos / "added.jpg").unlink()
    with pytest.raises(FeatureFileError, match=r"1-of-2: expected what this detector finds.*weights"):
        detect_on_cluster(*found, dtype="bfloat16")


NAMED_OTHERWISE = {  # names that no id can have: the ids
    "10:30 photo": "10_30 photo", 'say "a"': "say _a_", "tab\tbed": "tab_bed", "soft\u00adhyphen": "soft_hyphen",
    "Screenshot at 9.41.00\u202fAM": "Screenshot at 9.41.00_AM", "trail ": "trail_", "back\\slash": "back_slash",
}  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="no such names")
def test_unusual_names_become_ids_and_impossible_ones_are_left_out(tmp_path, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in [*NAMED_OTHERWISE, "img_id"]:
        (folder / f"{name}.jpg").write_bytes(FILES["grey.jpg"])
    with contextlib.suppress(OSError):  # a system that has no such names
        Path(os.fsdecode(os.fsencode(folder) + b"/latin\xe9.jpg")).write_bytes(FILES["grey.jpg"])
    count = len(list(folder.iterdir()))
    assert run(folder, tmp_path / "found.h5") == 1
    printed = capsys.readouterr()
    assert f"{count - 1} pictures, 1 left out" in printed.out
    assert "img_id.jpg" in printed.err and "(rename it)" in printed.err
    with open_features(tmp_path / "found.h5") as found:
        assert set(found) - {"latin_"} == set(NAMED_OTHERWISE.values())


def test_no_photograph_loses_its_id_to_another(tmp_path):
    names = ["a_b.jpg", "a\u202fb.jpg", "a\u202fb.heic", "a_b.heic.jpg", "c.HEIC", "c.jpg", "c.HEIC.jpg", "d/e.jpg"]
    (tmp_path / "d").mkdir()
    for name in names:
        (tmp_path / name).write_bytes(FILES["grey.jpg"] if name.endswith("jpg") else b"none")
    found = folders.photographs(tmp_path)
    assert sorted(found.values()) == sorted(tmp_path / name for name in names)
    assert {"a_b", "a_b.jpg", "a_b.heic", "c", "c.HEIC", "d/e"} < set(found)
    readable = ("a_b", "a_b.heic", "c", "c.HEIC")  # nobody's name is changed for one that must be changed anyway
    assert [found[name].name for name in readable] == ["a_b.jpg", "a_b.heic.jpg", "c.jpg", "c.HEIC.jpg"]


def test_an_unreadable_twin_is_left_out(photos, tmp_path, capsys):
    (photos / "grey.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    assert run(photos, tmp_path / "found.h5") == 1
    printed = capsys.readouterr()
    assert "4 pictures, 1 left out" in printed.out and "grey.HEIC" in printed.err
    with open_features(tmp_path / "found.h5") as found:
        assert {"grey", "grey.HEIC"} & set(found) == {"grey"}


def test_a_large_run_leaves_the_file_alone(photos, tmp_path, monkeypatch):
    monkeypatch.setattr("minilxmert.vision.tsv.STEP", 1)  # bytes, from which on the reader keeps an index beside a TSV
    assert run(photos, tmp_path / "found.h5") == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["found.h5", "photos"]


def test_what_cannot_be_read_is_told_and_left_out(photos, tmp_path, capsys):
    (photos / "cut.jpg").write_bytes(FILES["grey.jpg"][:300])
    (photos / "page.webp").write_bytes(b"RIFF\0\0\0\0WEBPVP8 ")
    assert run(photos, tmp_path / "found.h5") == 1
    told = capsys.readouterr()
    assert "4 pictures, 2 left out" in told.out
    assert "cut.jpg" in told.err and "page.webp" in told.err and "WebP" in told.err
    with open_features(tmp_path / "found.h5") as pictures:
        assert len(pictures) == 4


def test_folders_without_pictures_and_names_that_meet(photos, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FeatureFileError, match="found none"):
        folders.photographs(tmp_path / "empty")
    write_png(photos / "grey.png", np.zeros((30, 40, 3), np.uint8))
    with pytest.raises(FeatureFileError, match=r"grey: expected one picture of this name .*found grey\.jpg, grey\.png"):
        folders.photographs(photos)


@pytest.mark.parametrize("part", ["0/3", "4/3", "1", "a/b", "1/0"])
def test_parts_that_are_none(photos, tmp_path, capsys, part):
    assert run(photos, tmp_path / "found.h5", "--part", part) == 1
    assert "expected K/N like 3/8" in capsys.readouterr().err


def test_the_detector_is_fetched(hub, tmp_path, monkeypatch, capsys):  # noqa: F811
    hub.files = {name: (DETECTOR / name).read_bytes() for name in weights.FILES}
    monkeypatch.setattr(weights, "STORE", hub.endpoint)
    assert main(["download", "unc-nlp/frcnn-vg-finetuned", str(tmp_path / "detector")]) == 0
    assert contents(tmp_path / "detector") == hub.files
    assert "SHA-256 of the weights" in capsys.readouterr().out
    hub.files["pytorch_model.bin"] = (REFERENCE / "pytorch_model.bin").read_bytes()  # an LXMERT
    assert main(["download", "frcnn-vg-finetuned", str(tmp_path / "other")]) == 1
    assert "pytorch_model.bin" in capsys.readouterr().err
    hub.files = {}
    with pytest.raises(DownloadError, match="404"):
        weights.download_detector(tmp_path / "none", pause=0.01)


def test_a_copy_is_compared_with_the_published_run(tmp_path, capsys):
    write_png(tmp_path / "rider.png", np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8))
    assert main(["verify", str(DETECTOR), "--image", str(tmp_path / "rider.png")]) == 1  # neither its network nor it
    out = capsys.readouterr().out
    assert "published 149" in out and "published 169.32" in out and "published 0.9641, 0.9235" in out
    assert "box 0, class" in out and "8 values agree" in out


def test_two_runs_into_one_file(photos, tmp_path):
    detector, out = FasterRcnn.from_pretrained(DETECTOR), tmp_path / "found.h5"

    def another(self, picture, recipe, image_id):
        with pytest.raises(FeatureFileError, match=r"found\.h5: .* another run is at work"):
            folders.detect_all(detector, folders.photographs(photos), out, recipe)
        return detector(picture, recipe, image_id)

    assert folders.detect_all(detector_that(another), folders.photographs(photos), out, "huggingface") == 0
