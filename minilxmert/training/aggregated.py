"""The sentences of pre-training, as the authors gathered them: what five data sets say about a picture, in one entry.

    pictures = read_pictures("mscoco_minival.json")
    for sentence in sentences(pictures): ...
    write_entries("copy.json", pictures)                # of entries.py
Source: section 3.1.2 of the paper; lxmert_data.py of the authors (mscoco_train.json, mscoco_nominival.json,
vgnococo.json, mscoco_minival.json)."""

from collections import Counter
from dataclasses import dataclass

from ..core.answers import published_form
from .batches import Example
from .entries import is_text, read_entries

SOURCES = {"mscoco": "COCO-Cap", "vg": "VG-Cap", "vqa": "VQA", "gqa": "GQA", "visual7w": "VG-QA"}  # names of Table 1
COCO, GENOME = {"mscoco", "vqa"}, {"vg", "gqa", "visual7w"}  # whose pictures the sentences of a source are about
SPLITS = ("MS COCO - VG", "MS COCO ∩ VG", "VG - MS COCO")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with its sentences by source, and the answers to those that are questions."""

    img_id: str
    sentf: dict  # {source: [sentence]}
    labelf: dict  # {source: [{answer: score} of each sentence]}


def read_pictures(path):
    """An aggregated file -> [Picture]. Raises TaskFileError."""
    return read_entries(path, picture)


def picture(entry):
    img_id = str(entry.identity("img_id"))
    sentf, labelf = (entry.take(key, dict, "an object of lists by source") for key in ("sentf", "labelf"))
    for source, sents in sentf.items():
        if not isinstance(sents, list) or not all(map(is_text, sents)):
            raise entry.refuse(f"sentf, {source}", "a list of texts", repr(sents))
    for source, labels in labelf.items():
        if not isinstance(labels, list) or len(labels) != len(sentf.get(source, ())):
            count = len(sentf.get(source, ()))
            found = len(labels) if isinstance(labels, list) else type(labels).__name__
            raise entry.refuse(f"labelf, {source}", f"labels of each of {count} sentences", found)
        for label in labels:
            entry.check_scores(f"labelf, {source}", label)
    return Picture(img_id, sentf, labelf)


def sentences(pictures):
    """An Example of every sentence about the pictures, in the order of the file; only questions may have answers."""
    for item in pictures:
        for source, texts in item.sentf.items():
            labels = item.labelf.get(source) or [None] * len(texts)
            for text, label in zip(texts, labels, strict=True):
                yield Example(item.img_id, text, label)


def known_answers(label, answers):
    """{answer: score} of a label -> the same of the answers that a list (a set of texts) has, as the authors spell
    them; where two become one, the greater score stays. Source: AnswerTable and LXMERTDataset of the authors."""
    found = {}
    for answer, score in label.items():
        answer = published_form(answer)
        if answer in answers:
            found[answer] = max(score, found.get(answer, 0.0))
    return found


def count_sentences(files):
    """Table 1 of the paper for lists of Pictures -> {row: {"Images": n, source: n, …, "All": n}}; the last row is All.

    A picture's row says whose data sets speak of it; one that no known source speaks of counts in All alone."""
    counts = {row: Counter() for row in (*SPLITS, "All")}
    images = {row: set() for row in counts}
    for item in (item for pictures in files for item in pictures):
        sources = {source for source, sents in item.sentf.items() if sents}
        row = {(True, False): SPLITS[0], (True, True): SPLITS[1], (False, True): SPLITS[2]}
        for name in {row.get((bool(sources & COCO), bool(sources & GENOME)), "All"), "All"}:
            images[name].add(item.img_id)
            for source, sents in item.sentf.items():
                counts[name].update({SOURCES.get(source, source): len(sents), "All": len(sents)})
    return {row: {"Images": len(images[row]), **counts[row]} for row in counts}
