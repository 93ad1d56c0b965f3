"""The published tensors as a parameter tree: every name used once, every shape checked, normalisations folded in."""

from pathlib import Path

import numpy as np

from ..checkpoints.weights import find_weights, read_tensors
from ..errors import CheckpointError
from ..files import forget_pages
from ..files.arrays import check_finite

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
        return layer(w * g[:, None, None, None].astype(np.float32), shift - mean * g)

    def stage(self, name, inputs, stem=False):
        """Blocks 0, 1, … -> ({"0": block, …}, the width of what comes out)"""
        blocks = {}
        while not blocks or f"{name}.{len(blocks)}.conv1.weight" in self.left:
            place, block = f"{name}.{len(blocks)}", {}
            if not blocks:
                block["shortcut"] = self.folded(f"{place}.shortcut", inputs)
                outputs = len(block["shortcut"]["b"])
            block["conv1"] = self.folded(f"{place}.conv1", inputs if not blocks else outputs)
            width = len(block["conv1"]["b"])
            block["conv2"] = self.folded(f"{place}.conv2", width, 3, width)
            block["conv3"] = self.folded(f"{place}.conv3", width, 1, outputs)
            blocks[str(len(blocks))] = block
        return blocks, outputs


def layer(w, b):
    """w (O, I) or (O, I, size, size), b (O,) -> a layer in float32, its inputs in the order of patches"""
    w = w.transpose(0, 2, 3, 1) if w.ndim == 4 else w
    flat = np.array(w, np.float32, order="C").reshape(len(w), -1)
    forget_pages(w)
    return {"w": flat, "b": np.asarray(b, np.float32)}


def build(tensors):
    """Tensors -> the tree that the stages take; one that is left over is refused."""
    p = {"stem": tensors.folded("backbone.stem.conv1", 3, 7)}
    width = len(p["stem"]["b"])
    for name in ("res2", "res3", "res4"):
        p[name], width = tensors.stage(f"backbone.{name}", width)
    p["res5"], features = tensors.stage("roi_heads.res5", width)
    p["anchors"] = np.array(tensors.take(ANCHORS, None, 4), np.float32)
    count = len(p["anchors"])
    conv = tensors.linear(f"{HEAD}conv", width, kernel=(3, 3))
    hidden = len(conv["b"])
    p["rpn"] = {
        "conv": conv,
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
