"""The published tensors as a parameter tree: every name used once, every shape checked, normalisations folded in.
Random tensors under the same names; and where the published files are said to lie."""

import hashlib
import math
from pathlib import Path

import numpy as np

from ..checkpoints.download import fetch, folder_for
from ..checkpoints.weights import find_weights, read_tensors
from ..errors import CheckpointError
from ..files import forget_pages
from ..files.arrays import check_finite
from .arithmetic import Window

EPSILON = 1e-5  # of the normalisations
ANCHORS = "proposal_generator.anchor_generator.cell_anchors.0"
HEAD, BOXES = "proposal_generator.rpn_head.", "roi_heads.box_predictor."
NORM = ("norm.weight", "norm.bias", "norm.running_mean", "norm.running_var")


def read_weights(path):
    """A file, or the folder that holds it -> (parameter tree, path of the file). Raises CheckpointError."""
    path = find_weights(Path(path))
    _, tensors, _ = read_tensors(path)
    check_finite(tensors, path)
    return build(Tensors(tensors, path)), path


class Tensors:
    """The tensors of a file, each taken once. A size that is not given is taken from the file."""

    def __init__(self, tensors, path):
        self.left, self.path = dict(tensors), path

    def take(self, name, *shape):
        """The tensor of this name and shape; None stands for any size."""
        if name not in self.left:
            raise CheckpointError.at(self.path, name, "this tensor", "none")
        array = self.left.pop(name)
        fits = array.ndim == len(shape) and all(n is None or n == array.shape[i] for i, n in enumerate(shape))
        if not fits or array.dtype.kind != "f" or not array.size:
            wanted = " × ".join("any" if n is None else str(n) for n in shape)
            raise CheckpointError.at(self.path, name, f"numbers of shape {wanted}", f"{array.dtype} {array.shape}")
        return array

    def linear(self, name, inputs, outputs=None, kernel=()):
        """A layer with a bias: {"w": (O, size · size · I), "b": (O,)}"""
        w = self.take(f"{name}.weight", outputs, inputs, *kernel)
        return layer(w, self.take(f"{name}.bias", len(w)))

    def folded(self, name, inputs, size=1, outputs=None):
        """A convolution without a bias and the normalisation behind it, as one layer.

        γ·(w·x - μ) / √(σ² + ε) + β = (w·g)·x + (β - μ·g) with g = γ / √(σ² + ε)"""
        w = self.take(f"{name}.weight", outputs, inputs, size, size)
        scale, shift, mean, variance = (self.take(f"{name}.{part}", len(w)).astype(np.float64) for part in NORM)
        self.left.pop(f"{name}.norm.num_batches_tracked", None)
        if variance.min() < 0:
            raise CheckpointError.at(self.path, f"{name}.norm.running_var", "variances from 0", variance.min())
        g = scale / np.sqrt(variance + EPSILON)
        made = layer(w * g[:, None, None, None].astype(np.float32), shift - mean * g)
        forget_pages(w)
        return made

    def stage(self, name, inputs, side=2):
        """Blocks 0, 1, … -> ({"0": block, …}, the width of what comes out); side: see Window"""
        blocks = {}
        while not blocks or f"{name}.{len(blocks)}.conv1.weight" in self.left:
            place, block = f"{name}.{len(blocks)}", {}
            if not blocks:
                block["shortcut"] = self.folded(f"{place}.shortcut", inputs)
                outputs = len(block["shortcut"]["b"])
            block["conv1"] = self.folded(f"{place}.conv1", inputs if not blocks else outputs)
            width = len(block["conv1"]["b"])
            block["conv2"] = Window(self.folded(f"{place}.conv2", width, 3, width), side)
            block["conv3"] = self.folded(f"{place}.conv3", width, 1, outputs)
            blocks[str(len(blocks))] = block
        return blocks, outputs


def layer(w, b):
    """w (O, I) or (O, I, size, size), b (O,) -> a layer in float32, its inputs in the order of patches"""
    inputs_last = w.transpose(0, 2, 3, 1) if w.ndim == 4 else w
    flat = np.array(inputs_last, np.float32, order="C").reshape(len(w), -1)
    forget_pages(w)
    return {"w": flat, "b": np.asarray(b, np.float32)}


def build(tensors):
    """Tensors -> the tree that the stages take; one that is left over is refused."""
    p = {"stem": tensors.folded("backbone.stem.conv1", 3, 7)}
    width = len(p["stem"]["b"])
    for name in ("res2", "res3", "res4"):
        p[name], width = tensors.stage(f"backbone.{name}", width)
    p["res5"], features = tensors.stage("roi_heads.res5", width, side=4)  # most of the work: worth more memory
    p["anchors"] = np.array(tensors.take(ANCHORS, None, 4), np.float32)
    count = len(p["anchors"])
    conv = tensors.linear(f"{HEAD}conv", width, kernel=(3, 3))
    hidden = len(conv["b"])
    p["rpn"] = {
        "conv": Window(conv, 2),
        "objectness": tensors.linear(f"{HEAD}objectness_logits", hidden, count, (1, 1)),
        "deltas": tensors.linear(f"{HEAD}anchor_deltas", hidden, 4 * count, (1, 1)),
    }
    p["classes"] = tensors.linear(f"{BOXES}cls_score", features)
    classes = len(p["classes"]["b"])  # with background, the last
    p["boxes"] = tensors.linear(f"{BOXES}bbox_pred", features, 4 * (classes - 1))
    p["embedding"] = np.array(tensors.take(f"{BOXES}cls_embedding.weight", classes, None), np.float32)
    known = features + p["embedding"].shape[1]
    p["attribute_hidden"] = tensors.linear(f"{BOXES}fc_attr", known)
    p["attributes"] = tensors.linear(f"{BOXES}attr_score", len(p["attribute_hidden"]["b"]))
    if tensors.left:
        more = f" and {len(tensors.left) - 1} more" if len(tensors.left) > 1 else ""
        raise CheckpointError.at(tensors.path, min(tensors.left) + more, "only the detector's tensors", "another")
    return p


PUBLISHED = {  # blocks and inner width of each stage; a stage's maps are four times as wide
    "backbone.res2": (3, 64), "backbone.res3": (4, 128), "backbone.res4": (23, 256), "roi_heads.res5": (3, 512),
}  # fmt: skip


def random_params(rng, **sizes):
    """The parameter tree of a FasterRcnn; sizes as of random_tensors."""
    return build(Tensors(random_tensors(rng, **sizes), "random weights"))


def random_tensors(rng, stages=PUBLISHED, sides=(64, 128, 256, 512), hidden=512, classes=1600, attributes=400):
    """{published name: tensor float32}. sides: of the anchors, in pixels; hidden: width of the proposal network."""
    tensors = {ANCHORS: anchors(sides)}

    def draw(name, outputs, inputs, *kernel):
        spread = np.float32(math.sqrt(2 / (inputs * math.prod(kernel))))  # values keep their size from layer to layer
        tensors[f"{name}.weight"] = spread * rng.standard_normal((outputs, inputs, *kernel), np.float32)

    def folded(name, outputs, inputs, size=1, scale=1.0):
        draw(name, outputs, inputs, size, size)
        for part, value in zip(NORM, (scale, 0, 0, 1), strict=True):
            tensors[f"{name}.{part}"] = np.full(outputs, value, np.float32)

    def linear(name, outputs, inputs, *kernel):
        draw(name, outputs, inputs, *kernel)
        tensors[f"{name}.bias"] = np.zeros(outputs, np.float32)

    width = stages["backbone.res2"][1]
    folded("backbone.stem.conv1", width, 3, 7, 0.02)  # pixels reach 150
    for stage, (blocks, inner) in stages.items():
        if stage.startswith("roi_heads"):
            linear(f"{HEAD}conv", hidden, width, 3, 3)
        folded(f"{stage}.0.shortcut", 4 * inner, width)
        for number in range(blocks):
            folded(f"{stage}.{number}.conv1", inner, width)
            folded(f"{stage}.{number}.conv2", inner, inner, 3)
            folded(f"{stage}.{number}.conv3", 4 * inner, inner, scale=0.2)  # what a block adds is little
            width = 4 * inner
    count = len(tensors[ANCHORS])
    linear(f"{HEAD}objectness_logits", count, hidden, 1, 1)
    linear(f"{HEAD}anchor_deltas", 4 * count, hidden, 1, 1)
    linear(f"{BOXES}cls_score", classes + 1, width)
    linear(f"{BOXES}bbox_pred", 4 * classes, width)
    draw(f"{BOXES}cls_embedding", classes + 1, width // 8)
    linear(f"{BOXES}fc_attr", width // 4, width + width // 8)
    linear(f"{BOXES}attr_score", attributes + 1, width // 4)
    return tensors


def anchors(sides, ratios=(0.5, 1.0, 2.0)):
    """Boxes of areas side² and of heights `ratio` times their widths, around 0: (A, 4) float32"""
    shapes = [(side / math.sqrt(ratio), side * math.sqrt(ratio)) for side in sides for ratio in ratios]
    return np.array([(-w / 2, -h / 2, w / 2, h / 2) for w, h in shapes], np.float32)


NAME = "frcnn-vg-finetuned"
STORE = "https://s3.amazonaws.com/models.huggingface.co/bert/unc-nlp"  # the hub has it no more
FILES = ("config.yaml", "pytorch_model.bin")


def download_detector(directory=None, store=None, progress=None, pause=1.0):
    """Fetch the published detector into a directory -> its path, and the SHA-256 of its weights in hex.

    The store tells no checksum of its own: all tensors must be there, of shapes that fit. Raises DownloadError,
    CheckpointError."""
    directory = Path(directory or NAME)
    with folder_for(directory):
        for name in FILES:
            fetch(f"{store or STORE}/{NAME}/{name}", directory / name, progress, pause)
    read_weights(directory)
    with open(directory / FILES[-1], "rb") as file:
        return directory, hashlib.file_digest(file, "sha256").hexdigest()
