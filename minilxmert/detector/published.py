"""The published detector: where its files are said to lie, and what it is said to find."""

import hashlib
from pathlib import Path

import numpy as np

from ..checkpoints.download import fetch
from ..errors import DownloadError
from ..verification import Agreement
from .frcnn import FasterRcnn
from .proposals import propose
from .recipes import HUGGINGFACE
from .resizing import resized
from .resnet import backbone
from .weights import read_weights

NAME = "frcnn-vg-finetuned"
STORE = "https://s3.amazonaws.com/models.huggingface.co/bert/unc-nlp"  # the hub has it no more
FILES = ("config.yaml", "pytorch_model.bin")
# The run shown in py-bottom-up-attention's demo notebook (85ec9b7), with attributes, on its photograph of a rider
# (480 × 640): resized by other code, so within pixels.
PROPOSALS, FIRST_BOX, SIZE = 149, (169.3202, 214.3334, 485.1053, 469.7548), (480, 640)
FEW, NEAR = 4, 2.0  # proposals, pixels


def download_detector(directory=None, store=None, progress=None, pause=1.0):
    """Fetch the published detector into a directory -> its path, and the SHA-256 of its weights in hex.

    The store tells no checksum of its own: all tensors must be there, of shapes that fit. Raises DownloadError,
    CheckpointError."""
    directory = Path(directory or NAME)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise DownloadError.at(directory, None, "a folder to write into", problem.strerror) from None
    for name in FILES:
        fetch(f"{store or STORE}/{NAME}/{name}", directory / name, progress, pause)
    read_weights(directory)
    with open(directory / FILES[-1], "rb") as file:
        return directory, hashlib.file_digest(file, "sha256").hexdigest()


def verify_detector(folder, picture):
    """A copy of the detector against the published run on that picture (H, W, 3): a list of Agreement"""
    detector = FasterRcnn.from_pretrained(folder)
    image, _ = resized(picture, detector.settings, HUGGINGFACE)
    p = detector.params
    boxes, _ = propose(backbone(image[None], p), p["rpn"], p["anchors"], image.shape[:2], detector.settings, 0)
    first = detector(picture, HUGGINGFACE).boxes[:1]
    rows = [agreement("height and width of the picture", picture.shape[:2], SIZE, 0)]
    rows.append(agreement("proposals", [len(boxes)], [PROPOSALS], FEW))
    return [*rows, *(agreement(f"box 0, {n}", first[:, i], FIRST_BOX[i : i + 1], NEAR) for i, n in enumerate("xyXY"))]


def agreement(name, found, expected, tolerance):
    """What was found beside what was published."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    far = float(np.abs(found - expected).max()) if found.shape == expected.shape else float("inf")
    return Agreement(f"{name}: {told(found)}, published {told(expected)}", found.shape, far, far <= tolerance)


def told(numbers):
    return ", ".join(f"{n:g}" for n in numbers) or "none"
