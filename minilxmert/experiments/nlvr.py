"""NLVR: sentences about drawn pictures of three boxes, true or not, written by people (Suhr et al., ACL 2017).

    examples = read_nlvr("nlvr/dev/dev.json")
    read_picture(examples[0].pictures[0])
Each sentence and scene comes as six PNG files, the boxes in every order, beside the file of sentences:
<split>/images/<directory>/<split>-<identifier>-<k>.png. Source: README and metrics_images.py of lil-lab/nlvr."""

import re
from dataclasses import dataclass
from pathlib import Path

from ..training.entries import read_lines, refuse_repeated
from ..training.metrics import consistency_report, predicted

ORDERS = 6  # of three boxes
NUMBER, IDENTIFIER = re.compile("[0-9]{1,9}"), re.compile("[0-9]{1,9}-[0-9]{1,9}")  # they become names of files
TRUTH = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class NlvrExample:
    """A sentence and a scene: whether it is true there, and the six pictures of the scene."""

    identifier: str  # sentence-scene
    sentence: str
    label: bool
    pictures: tuple  # six paths, order k = 0 … 5
    boxes: list | None = None  # the scene in words: three lists of {"x_loc", "y_loc", "type", "color", "size"}

    def keys(self):
        """The names of the six pictures in predictions: sentence-scene-k."""
        return [f"{self.identifier}-{k}" for k in range(ORDERS)]


def read_nlvr(path):
    """train.json, dev.json or test.json of NLVR, an object a line -> [NlvrExample]. Raises TaskFileError.

    The pictures are looked for when they are read, not before."""
    path = Path(path)

    def example(entry):
        identifier = entry.take("identifier", matches(IDENTIFIER), "sentence-scene, as 72-0")
        folder = path.parent / "images" / str(entry.take("directory", matches(NUMBER), "a number"))
        pictures = tuple(folder / f"{path.stem}-{identifier}-{k}.png" for k in range(ORDERS))
        boxes = entry.maybe(entry.take, "structured_rep", are_boxes, "three lists of things")
        return NlvrExample(identifier, entry.text("sentence"), entry.choice("label", TRUTH), pictures, boxes)

    return refuse_repeated(read_lines(path, example), "identifier", path)


def matches(pattern):
    """A test of whether a value, a text or a whole number, is of the pattern."""
    return lambda value: type(value) in (int, str) and pattern.fullmatch(str(value))


def are_boxes(value):
    boxes = isinstance(value, list) and len(value) == 3 and all(isinstance(box, list) for box in value)
    return boxes and all(is_thing(thing) for box in value for thing in box)


def is_thing(value):
    return isinstance(value, dict) and {"x_loc", "y_loc", "type", "color", "size"} <= value.keys()


def nlvr_report(examples, predictions):
    """Accuracy over pictures, and consistency: the share of sentences right in every picture of every scene.

    predictions: {sentence-scene-k: True or False} -> Report"""
    judged = [
        (example.identifier.partition("-")[0], bool(predicted(predictions, key, "NLVR")) == example.label)
        for example in examples
        for key in example.keys()
    ]
    return consistency_report("NLVR", judged)
