"""What is inside a checkpoint, for people: where it came from, and its parameters part by part."""

import hashlib
from pathlib import Path

import numpy as np

from ..core.params import encoder_shapes, head_shapes
from .loading import open_checkpoint
from .names import HEADS, published_paths


def summary(path, num_attention_heads=None):
    """A dict of plain values: file, format, scheme, bytes, answers, config, parts, tensors, parameters, missing heads.

    parts: {part: (tensors, parameters)}, the parts of the parameter tree and "other"; they add up to the totals."""
    checkpoint = open_checkpoint(path, None, num_attention_heads)
    config = checkpoint.config
    paths = published_paths({**encoder_shapes(config), **head_shapes(config)})
    parts = {}
    for name, array in checkpoint.weights.items():
        part = paths[name].split(".")[0] if name in paths else "other"
        tensors, parameters = parts.get(part, (0, 0))
        parts[part] = (tensors + 1, parameters + int(np.prod(array.shape)))
    default = type(config)()
    return {
        "file": str(checkpoint.path),
        "format": checkpoint.format,
        "scheme": checkpoint.scheme,
        "bytes": checkpoint.path.stat().st_size,
        "answers": f"{len(checkpoint.answers)}, from {checkpoint.answers[0]!r}" if checkpoint.answers else "no list",
        "config": {k: v for k, v in vars(config).items() if v != getattr(default, k)},
        "parts": parts,
        "tensors": sum(tensors for tensors, _ in parts.values()),
        "parameters": sum(parameters for _, parameters in parts.values()),
        "missing heads": [head for head in HEADS if head not in parts],
    }


def provenance(path):
    """Where converted weights came from: the file's name, size and SHA-256."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"source": Path(path).name, "bytes": Path(path).stat().st_size, "sha256": digest}
