"""The published detector: where its files are said to lie."""

import hashlib
from pathlib import Path

from ..checkpoints.download import fetch
from ..errors import DownloadError
from .weights import read_weights

NAME = "frcnn-vg-finetuned"
STORE = "https://s3.amazonaws.com/models.huggingface.co/bert/unc-nlp"  # the hub has it no more
FILES = ("config.yaml", "pytorch_model.bin")


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
