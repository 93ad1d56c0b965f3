"""Damaged copies of the smaller kinds of file: each is read, or refused in words, whatever was done to it.

Larger kinds have theirs beside their other tests: weights and HDF5 (files, checkpoints, published), feature files,
pictures (vision), config and answers (core), vocabularies (words), logs (training), a detector's config (detector)."""

import json
import shutil

import pytest
from conftest import check_mutants, mutant_counts
from training_run import tiny_run

from minilxmert import LxmertTokenizer
from minilxmert.cli.answering import questions
from minilxmert.detector.folders import resume
from minilxmert.experiments.ablation_results import share_of
from minilxmert.experiments.easy_vqa import read_easy_vqa
from minilxmert.experiments.nlvr import read_nlvr
from minilxmert.training import task_files
from minilxmert.training.log import save_curves, text_curves
from minilxmert.training.loop import STATE
from minilxmert.training.tasks import load_task
from minilxmert.vision import tsv
from minilxmert.vision.exif import orientation
from minilxmert.vision.features import open_features
from minilxmert.vision.objects import read_names

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b", "cat"]
ROW = b"one\t40\t50\tAAAAAAAAAAA=\tAAAAAA==\tAAAAAAAAAAA=\tAAAAAA==\t1\tAAAAAAAAAAAAACBBAAAgQQ==\tAAAAAAAAgD8=\n"
QUESTION = {"question_id": 1, "image_id": 42, "question": "what is it ?"}
PEOPLE = [{"answer": "cat", "answer_confidence": "yes", "answer_id": number} for number in range(3)]
ANNOTATION = {"question_id": 1, "image_id": 42, "question_type": "what", "answer_type": "other", "answers": PEOPLE}
PROGRAM = [{"operation": "select", "argument": "cat (1)"}, {"operation": "exist", "argument": "?"}]
GQA = {"imageId": "7", "question": "is it ?", "answer": "no", "isBalanced": True, "types": {"structural": "query"}}
STATEMENT = {"identifier": "dev-1-0-1", "sentence": "two cats", "label": "True", "synset": "cat"}
BOXES = [[{"x_loc": 1, "y_loc": 2, "size": 10, "type": "square", "color": "#0099ff"}], [], []]
NLVR = {"identifier": "72-0", "directory": 5, "sentence": "a box", "label": "true", "structured_rep": BOXES}
EXIF = b"MM\0*\0\0\0\x08\0\x02\x01\x0f\0\x02\0\0\0\x04abc\0\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"


def lines(*values):
    return "".join(json.dumps(value) + "\n" for value in values).encode()


class Options:
    """What the command line gives."""

    question = image = None

    def __init__(self, batch):
        self.batch = str(batch)


def read_index(path):
    """The TSV whose index was damaged: read as ever, by an index made anew."""
    with open_features(path.with_suffix("")) as pictures:
        assert len(pictures["one"]) == 1


def read_exif(path):
    assert 1 <= orientation(path.read_bytes()) <= 8


def both_annotated(path):
    named = path.with_name("questions.json")
    named.write_bytes(json.dumps({"data_subtype": "val2014", "questions": [QUESTION]}).encode())
    return load_task("vqa", [named], {}, [path]).answers()


def tokenizer_beside(path):
    return LxmertTokenizer.from_pretrained(path.parent)("a cat", padding="max_length", max_length=9)


def run_beside(path):
    """A run in whose folder a file is damaged, taken up; and its curves."""
    tiny_run(path.parent).alone.release()
    text_curves(path.parent)
    save_curves([path.parent], path.with_name("curves.svg"))


FILES = {  # name: (its bytes, what reads it); bytes of None: as the fixture made it
    "questions.jsonl": (lines({"image": "one", "question": "what ?"}, {"image": "two", "question": "is it ?"}),
                        lambda path: questions(Options(path))),
    "v2_questions.json": (lines({"data_type": "mscoco", "data_subtype": "val2014", "questions": [QUESTION]}),
                          task_files.read_vqa),
    "v2_annotations.json": (lines({"annotations": [ANNOTATION]}), both_annotated),
    "balanced.json": (lines({"17": {**GQA, "semantic": PROGRAM, "groups": {"global": None}, "entailed": ["17"]}}),
                      task_files.read_gqa),
    "dev.json": (lines(STATEMENT, {**STATEMENT, "identifier": "dev-1-0-2"}), task_files.read_nlvr2),
    "nlvr.json": (lines(NLVR), read_nlvr),
    "data/test/questions.json": (lines([["what ?", "red", 3], ["is it ?", "no", 4]]),
                                 lambda path: read_easy_vqa(path.parents[2], "test")),
    "data/answers.txt": (b"red\nno\nyes\n", lambda path: read_easy_vqa(path.parents[1], "test")),
    "names.txt": ("cup,mug\nTür\n".encode(), read_names),
    "result.json": (lines({"right": 3, "of": 4}), share_of),
    "found.tsv.index": (None, read_index),
    "found.h5.authors.part": (ROW + ROW.replace(b"one", b"two"), resume),
    "exif": (EXIF, read_exif),
    "words/tokenizer.json": (None, tokenizer_beside),
    "words/tokenizer_config.json": (None, tokenizer_beside),
    "words/special_tokens_map.json": (lines({"mask_token": {"content": "[MASK]", "lstrip": True}}), tokenizer_beside),
    "words/added_tokens.json": (lines({"[NEW]": 8}), tokenizer_beside),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder in which each of the files is whole."""
    monkeypatch.setattr(tsv, "STEP", 1)  # as if the TSV were large: it gets an index
    tokenizer = LxmertTokenizer(WORDS)
    tokenizer.add_tokens(["[NEW]"])
    tokenizer.save_pretrained(tmp_path / "words")
    (tmp_path / "found.tsv").write_bytes(ROW)
    open_features(tmp_path / "found.tsv").close()
    for name, (data, _) in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if data is not None:
            (tmp_path / name).write_bytes(data)
    return tmp_path


@mutant_counts
@pytest.mark.parametrize("name", FILES)
def test_damage_is_read_or_refused_in_words(folder, name, count):
    _, read = FILES[name]
    read(folder / name)  # whole
    count = count // 4 if name.startswith("words/") else count  # four files of one reader
    check_mutants((folder / name).read_bytes(), read, folder / name, count, seed=11)


@pytest.mark.parametrize("count", [40, pytest.param(4000, marks=pytest.mark.nightly)])  # their readers alone have more
@pytest.mark.parametrize("name", [STATE, "log.jsonl"])
def test_a_damaged_run_goes_on_or_is_refused_in_words(tmp_path_factory, name, count):
    whole, folder = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("damaged")
    tiny_run(whole).run()
    shutil.copytree(whole, folder, dirs_exist_ok=True)

    def read(path):
        (other,) = {STATE, "log.jsonl"} - {name}
        shutil.copy(whole / other, folder / other)  # as a run that goes on would change it
        run_beside(path)

    check_mutants((folder / name).read_bytes(), read, folder / name, count, seed=12)
