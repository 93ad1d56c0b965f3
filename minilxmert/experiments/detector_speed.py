"""How fast the detector is, and how much memory it takes, beside the published PyTorch modules (package vltk): the
published size, the same random weights, the same picture, in turns.

What vltk imports and does not need here is stood in for, and so are torchvision's two operations, by ours.
Every measurement is made in a process of its own: python -m minilxmert.experiments.detector_speed time FOLDER BOXES
ours torch, or peak FOLDER BOXES ours"""

import dataclasses
import importlib.util
import os
import sys
import tempfile
import types
from pathlib import Path

import numpy as np

from ..checkpoints.safetensors import write_safetensors
from ..checkpoints.weights import read_tensors
from ..detector.arithmetic import roi_pool, suppress
from ..detector.frcnn import FasterRcnn
from ..detector.network import backbone, propose
from ..detector.recipes import HUGGINGFACE, Settings, resized
from ..detector.weights import HEAD, random_tensors
from ..errors import MinilxmertError
from .timing import (
    SAME,
    answer_process,
    measure_in_process,
    memory,
    processor,
    thread_counts,
    time_in_turns,
    versus,
)  # fmt: skip

SIDES, BOXES, WEIGHTS = (800, 1067), (150, 300), "model.safetensors"
NEAR = np.float32(0.01)  # of random deltas: proposals stay near their anchors, so that there are as many as asked for
STOOD_IN = "torchvision", "torchvision.ops", "torchvision.ops.boxes", "vltk", "vltk.decorators", "vltk.compat"


def our_detector(folder, settings):
    """A function of a picture -> features of the objects (36, F)"""
    detector = FasterRcnn.from_pretrained(folder)
    detector.settings = settings
    return lambda picture: detector(picture, "huggingface").features


def published_detector(folder, settings):
    """our_detector by vltk and torch."""
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    config = as_config(PUBLISHED | {"rpn": PUBLISHED["rpn"] | {"post_nms_topk_test": settings.proposals}})
    model = published_modules(torch).FRCNN(config).eval()
    _, tensors, _ = read_tensors(Path(folder) / WEIGHTS)
    state = {name: torch.from_numpy(array.copy()) for name, array in tensors.items()}
    missing, unknown = model.load_state_dict(state, strict=False)
    if unknown or any(not name.endswith("num_batches_tracked") for name in missing):
        raise MinilxmertError(f"vltk: other tensors than published: {[*missing, *unknown][0]}")

    def run(picture):
        image, _ = resized(picture, settings, HUGGINGFACE)
        image = torch.from_numpy(image.transpose(2, 0, 1)[None].copy())
        return model(image, torch.tensor([image.shape[2:]]))["roi_features"][0].numpy()

    return run


def published_modules(torch):
    """The module that vltk has the network in, taken by its file."""
    place = importlib.util.find_spec("vltk").submodule_search_locations[0]
    spec = importlib.util.spec_from_file_location("vltk_frcnn", Path(place) / "modeling" / "frcnn.py")
    module, before = importlib.util.module_from_spec(spec), {name: sys.modules.get(name) for name in STOOD_IN}
    sys.modules |= {name: types.ModuleType(name) for name in STOOD_IN}
    ops, boxes, compat = (sys.modules[name] for name in ("torchvision.ops", "torchvision.ops.boxes", "vltk.compat"))
    ops.RoIPool, boxes.nms, boxes.batched_nms = pooler(torch), nms(torch), batched_nms(torch)
    sys.modules["vltk"].decorators = sys.modules["vltk.decorators"]
    names = "WEIGHTS_NAME", "Config", "cached_path", "hf_bucket_url", "is_remote_url", "load_checkpoint"
    vars(compat).update(dict.fromkeys(names))
    try:
        spec.loader.exec_module(module)
    finally:
        for name, old in before.items():
            sys.modules.pop(name)
            sys.modules |= {name: old} if old else {}
    return module


def pooler(torch):
    class RoIPool(torch.nn.Module):
        def __init__(self, size, spatial_scale):
            super().__init__()
            self.size, self.scale = size[0] if isinstance(size, tuple) else size, spatial_scale

        def forward(self, x, boxes):  # x (1, C, H, W), boxes (N, 5), the picture's number first
            pooled = roi_pool(x[0].permute(1, 2, 0).numpy(), boxes[:, 1:].numpy(), self.size, self.scale)
            return torch.from_numpy(pooled).permute(0, 3, 1, 2).contiguous()

    return RoIPool


def nms(torch):
    def run(boxes, scores, threshold):
        order = scores.argsort(descending=True, stable=True)
        return order[torch.from_numpy(suppress(boxes[order].numpy(), threshold, len(boxes)))]

    return run


def batched_nms(torch):
    return lambda boxes, scores, levels, threshold: nms(torch)(boxes, scores, threshold)  # one level


PUBLISHED = {  # what the modules ask of the published config.yaml, but for the number of proposals
    "model": {"device": "cpu", "max_pool": True, "pixel_mean": [0, 0, 0]},
    "backbone": {"freeze_at": 2},
    "resnets": {
        "depth": 101, "out_features": ["res4"], "num_groups": 1, "norm": "BN", "width_per_group": 64,
        "stride_in_1x1": True, "res5_dilation": 1, "res2_out_channels": 256, "stem_out_channels": 64,
    },
    "proposal_generator": {"hidden_channels": 512, "min_size": 0.0},
    "anchor_generator": {"sizes": [[64, 128, 256, 512]], "aspect_ratios": [[0.5, 1.0, 2.0]], "offset": 0},
    "rpn": {
        "batch_size_per_image": 1, "pre_nms_topk_test": 6000,
        "pre_nms_topk_train": 0, "post_nms_topk_train": 0, "in_features": ["res4"], "boundary_thresh": -1.0,
        "iou_thresholds": [0.3, 0.7], "iou_labels": [0, -1, 1], "positive_fraction": 0.5, "smooth_l1_beta": 0.0,
        "bbox_reg_weights": [1.0, 1.0, 1.0, 1.0], "loss_weight": 1.0, "nms_thresh": 0.7,
    },
    "roi_heads": {
        "num_classes": 1600, "in_features": ["res4"], "positive_fraction": 0.25, "proposal_append_gt": True,
        "score_thresh_test": 0.2, "nms_thresh_test": [0.5, 0.6, 0.7],
    },
    "roi_box_head": {
        "bbox_reg_weights": [10.0, 10.0, 5.0, 5.0], "smooth_l1_beta": 0.0, "pooler_resolution": 14,
        "pooler_sampling_ratio": 0, "res5halve": False, "attr": True, "num_attrs": 400,
        "cls_agnostic_bbox_reg": False,
    },
    "min_detections": 36, "max_detections": 36,
}  # fmt: skip


def as_config(tree):
    """A dict as an object, whose names may be written in small or in capital letters."""
    values = {name: as_config(value) if isinstance(value, dict) else value for name, value in tree.items()}
    return types.SimpleNamespace(**values, **{name.upper(): value for name, value in values.items()})


def random_weights(rng):
    """Random tensors of the published size, of a detector that proposes as many boxes as it may."""
    tensors = random_tensors(rng)
    tensors[f"{HEAD}anchor_deltas.weight"] *= NEAR
    return tensors


def check_count(folder, boxes):
    """Raises MinilxmertError where the detector proposes fewer boxes in the picture than are to be timed."""
    settings = dataclasses.replace(Settings(), proposals=boxes)
    image, _ = resized(noise(), settings, HUGGINGFACE)
    with FasterRcnn.from_pretrained(folder).weights.for_inference() as p:
        x = backbone(image[None], p)
        proposals, _ = propose(x, p["rpn"], p["anchors"], image.shape[:2], settings, 0)
    if len(proposals) < boxes:
        raise MinilxmertError(f"the random detector proposes {len(proposals)} boxes, not {boxes}")


def noise():
    return np.random.default_rng(1).integers(0, 256, (*SIDES, 3), np.uint8)


DETECTORS = {"ours": our_detector, "torch": published_detector}


def prepare(folder, boxes, names):
    """{name: function without arguments}, of detectors that find the same in one picture."""
    settings = dataclasses.replace(Settings(), proposals=int(boxes))
    picture = noise()
    detectors = {name: DETECTORS[name](folder, settings) for name in names}
    first, *others = [run(picture) for run in detectors.values()]
    if any(o.shape != first.shape or np.abs(o - first).max() > SAME * np.abs(first).max() for o in others):
        raise MinilxmertError("the detectors find other features")
    return {name: lambda run=run: run(picture) for name, run in detectors.items()}


def time_detectors(folder, boxes, seconds, *names):
    """{name: median seconds a picture}"""
    check_count(folder, int(boxes))
    return time_in_turns(prepare(folder, boxes, names), float(seconds))


def peak_of_detector(folder, boxes, name):
    prepare(folder, boxes, [name])
    return memory("VmHWM")


def run_detector_benchmark(seconds, peers=True, report=print):
    """Measure, reporting line by line -> the figures as a dict. peers: torch too, where it and vltk are installed."""
    peers = peers and all(importlib.util.find_spec(name) for name in ("torch", "vltk"))
    names, figures = ("ours", "torch") if peers else ("ours",), {"seconds": {}, "megabytes": {}}
    report(processor())
    report(f"a picture of {SIDES[0]} × {SIDES[1]} through the detector, random weights")
    with tempfile.TemporaryDirectory() as folder:
        write_safetensors(Path(folder) / WEIGHTS, random_weights(np.random.default_rng(0)), {})
        for threads, text in thread_counts().items():
            for boxes in BOXES:
                found = measure_in_process(__name__, threads, "time", folder, boxes, seconds, *names)
                figures["seconds"][f"{threads} threads, {boxes} boxes"] = found
                report(f"  {text}, {boxes} boxes: " + versus(found, 1, "s"))
        figures["megabytes"] = {n: measure_in_process(__name__, 1, "peak", folder, BOXES[-1], n) for n in names}
        report(f"  peak memory of the process, {BOXES[-1]} boxes: " + versus(figures["megabytes"], 1, "MB"))
    return figures


if __name__ == "__main__":
    answer_process(time=time_detectors, peak=peak_of_detector)
