"""Every reader says in the same words what a file is that is none of its own."""

import gzip
import io
import zipfile

import h5py
import numpy as np
import pytest
from conftest import REFERENCE

from minilxmert import LxmertConfig, LxmertTokenizer, MinilxmertError
from minilxmert.checkpoints.weights import read_tensors
from minilxmert.core.answers import read_answers
from minilxmert.files import expecting, kind_of, strict_json, what_it_is
from minilxmert.training.task_files import read_gqa, read_nlvr2, read_vqa
from minilxmert.vision.features import open_features
from minilxmert.vision.objects import read_names
from minilxmert.vision.pictures import read_picture

READERS = {
    "x.tsv": open_features, "x.png": read_picture, "x.jpg": read_picture, "vocab.txt": LxmertTokenizer,
    "minival.json": read_vqa, "testdev.json": read_gqa, "dev.json": read_nlvr2, "label2ans.json": read_answers,
    "config.json": LxmertConfig.from_json_file, "model.bin": read_tensors, "names.txt": read_names,
}  # fmt: skip


def zipped():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("train2014_obj36.tsv", "a\t1\n")
    return target.getvalue()


FOREIGN = {  # what a download, a copy or a wrong name leaves in a file's place: its bytes, a word that names it
    "pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 871000000\n",
        "Git LFS pointer: fetch",
    ),
    "annex": (b"/annex/objects/SHA256E-s1--0.tsv\n", "git-annex pointer"),
    "page": (b"<!DOCTYPE html><html><head><title>Can't scan for viruses</title>\n\n\n</html>", "web page"),
    "small page": (b"\r\n <html>\n", "web page"),
    "refusal": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "XML"),
    "gzip": (gzip.compress(b"a\t1\n"), "gzip data: unpack it first"),
    "zip": (zipped(), "zip archive"),
    "pickle": (b"\x80\x04}.", "pickle, which is not run"),
    "empty": (b"", "an empty file"),
    "zeros": (bytes(1000), "zeros: it was not copied"),
    "PDF": (b"%PDF-1.7\n", "a PDF document"),
    "database": (bytes(16) + b"\xde\xc0\xef\xbe" + bytes(99), "LMDB database"),
    "UTF-16": ("[PAD]\n".encode("utf-16"), "text in UTF-16: save it as UTF-8"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", FOREIGN)
def test_every_reader_names_what_it_is_given(tmp_path, reader, name):
    data, word = FOREIGN[name]
    (tmp_path / reader).write_bytes(data)
    with pytest.raises(MinilxmertError) as refusal:
        READERS[reader](tmp_path / reader)
    assert reader in str(refusal.value) and word in str(refusal.value), refusal.value
    assert len(str(refusal.value)) <= 300 + len(str(tmp_path))


def test_other_feature_files_of_the_field_are_refused_in_words(tmp_path):
    features, boxes = np.zeros((3, 36, 8), "f4"), np.zeros((3, 36, 4), "f4")
    others = {"gqa_objects_0.h5": ("features", "bboxes"), "train36.hdf5": ("image_features", "image_bb")}
    for name, keys in others.items():
        with h5py.File(tmp_path / name, "w") as file:
            file[keys[0]], file[keys[1]] = features, boxes
        with pytest.raises(MinilxmertError, match=f"a group a picture.*layout of another program: {keys[1]}"):
            open_features(tmp_path / name)
    np.save(tmp_path / "a.npy", features)
    with pytest.raises(MinilxmertError, match=r"np\.savez"):
        open_features(tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz", feat=features)
    with pytest.raises(MinilxmertError, match=r"arrays of a picture's objects: features, .*found feat"):
        open_features(tmp_path / "a.npz")
    np.save(tmp_path / "a_info.npy", np.array({"bbox": boxes}, object))
    with pytest.raises(MinilxmertError, match=r"pickle in a NumPy array .*not run.*np\.savez"):
        open_features(tmp_path / "a_info.npy")


FOLDERS = [
    ("data.mdb", FOREIGN["database"][0], "LMDB"), ("a_info.npy", b"\x93NUMPY\1\0v\0{'descr': '|O', ", "pickle"),
    ("", b"", "nothing"),
]  # fmt: skip


@pytest.mark.parametrize("name, data, word", FOLDERS)
def test_a_folder_without_npz_is_named(tmp_path, name, data, word):
    if name:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(MinilxmertError, match=f"a folder of npz files, found {name}.*{word}"):
        open_features(tmp_path)


BASE64 = b"A" * 10940
VINVL = [
    b"12\t36\t" + BASE64,
    b'12\t{"num_boxes": 36, "features": "' + BASE64,
    b'9\t{"objects": [{"class": "cat"',
    b'9\t[{"class": "cat", "rect": [1, 2, 3, 4]',
]


@pytest.mark.parametrize("data", VINVL, ids=len)
def test_features_of_vinvl_are_named(tmp_path, data):
    (tmp_path / "features.tsv").write_bytes(data + b"\n")
    with pytest.raises(MinilxmertError, match=r"features\.tsv: .*found a TSV of VinVL or Oscar.*minilxmert detect"):
        open_features(tmp_path / "features.tsv")


@pytest.mark.parametrize("line", [b"9\t640\t480\t36\t" + BASE64, b"COCO_9\t480\t640\t" + BASE64, b"9\t480\t640\t\t\t"])
def test_a_tsv_of_objects_is_known_by_its_first_fields(line):
    assert kind_of(line).name == "TSV"


def test_a_picture_without_its_sizes_is_said_so(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["p/features"], file["p/boxes"] = np.zeros((3, 8), "f4"), np.zeros((3, 4), "f4")
    with pytest.raises(MinilxmertError, match=r"p attribute img_w: .*found no such attribute"):
        open_features(tmp_path / "a.h5")["p"]


@pytest.mark.parametrize("text", ["BM25\t1", "PK 7", "II*", "<pad>\n<s>", "GIF is a word", "{", "[PAD]\n[UNK]"])
def test_texts_that_begin_like_something_else_are_texts(text):
    assert kind_of(text.encode()).name == "text"


def test_files_of_ours_are_known(tmp_path):
    expected = {"png/r2_rgb8.png": "PNG", "jpeg/baseline.jpg": "JPEG", "../sample/objects.tsv": "TSV"}
    for path in (REFERENCE / name for name in expected):
        if path.exists():
            assert kind_of(path).name == expected[path.relative_to(REFERENCE).as_posix()]
    assert what_it_is(b'{"a": 1}') == "JSON" and what_it_is(tmp_path) == "a folder"


def test_a_refusal_of_its_own_kind_keeps_its_words():
    with pytest.raises(MinilxmertError, match="line 3"), expecting("JSON", "x", "JSON", source=b'{"a":'):
        raise MinilxmertError("line 3")


def test_a_repeated_key_is_found_in_one_pass():
    """Searching the keys for each of them would take many minutes here."""
    text = "{" + ",".join(f'"k{i}":0' for i in range(300_000)) + ',"k299999":1}'
    with pytest.raises(MinilxmertError, match="k299999: expected every key once"):
        strict_json(text.encode(), "x", limit=1 << 24)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_json_may_begin_with_a_byte_order_mark(mark, tmp_path):
    assert strict_json(mark + b'{"a": 1}', "x") == {"a": 1}
    (tmp_path / "a.json").write_bytes(mark + b'["yes", "no"]')
    assert read_answers(tmp_path / "a.json") == ["yes", "no"]
    statement = b'{"sentence": "a", "left_url": "", "right_url": "", "identifier": "dev-0-0-0", "label": "True"}'
    (tmp_path / "a.jsonl").write_bytes(mark + statement + b"\n\n")
    assert len(read_nlvr2(tmp_path / "a.jsonl")) == 1
