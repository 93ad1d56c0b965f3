"""A detector with random weights, of any size, under the published names: for teaching and for measuring."""

import math

import numpy as np

from .weights import ANCHORS, BOXES, HEAD, NORM, Tensors, build

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
