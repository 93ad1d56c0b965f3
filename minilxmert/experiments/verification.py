"""Does a copy of a model compute what it should? Tables of found against expected values."""

import inspect
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..detector.frcnn import FasterRcnn
from ..detector.network import backbone, propose
from ..detector.recipes import HUGGINGFACE, resized
from ..errors import CheckpointError, ShapeError
from ..files.arrays import read_npz

RTOL, ATOL = 1e-4, 1e-5  # float32 against float32 of another implementation

# transformers' integration test of unc-nlp/lxmert-base-uncased: language_output[0, :3, :3], stated to 1e-4
BASE_IDS = [[101, 345, 232, 328, 740, 140, 1695, 69, 6078, 1588, 102]]
BASE_VALUES = [[0.2417, -0.9807, 0.1480], [1.2541, -0.8320, 0.5112], [1.4070, -1.1052, 0.6990]]
BASE_TOLERANCE = 1e-4
CALL = ("input_ids", "visual_feats", "visual_pos", "attention_mask", "visual_attention_mask", "token_type_ids")

# The run shown in py-bottom-up-attention's demo notebook (85ec9b7), with attributes, on its photograph of a rider
# (480 × 640): resized by other code, so within pixels.
PROPOSALS, FIRST_BOX, SIZE = 149, (169.3202, 214.3334, 485.1053, 469.7548), (480, 640)
FEW, NEAR = 4, 2.0  # proposals, pixels
# The class of the first box, and the five best scores, are known of a sister alone, trained without attributes.
CLASS, SCORES, ALIKE = 42, (0.9641, 0.9235, 0.7266, 0.6717, 0.6676), 0.25


@dataclass(frozen=True)
class Agreement:
    """One compared value: the largest difference, and whether it is within the tolerance everywhere."""

    name: str
    shape: tuple
    difference: float
    agrees: bool


def compare(name, found, expected, rtol=RTOL, atol=ATOL):
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape:
        return Agreement(name, found.shape, float("inf"), False)
    difference = float(np.abs(found - expected).max(initial=0))
    return Agreement(name, found.shape, difference, np.allclose(found, expected, rtol, atol))


def verify_published(model):
    """A copy of unc-nlp/lxmert-base-uncased (LxmertModel) against the published values: nine Agreements.

    Raises ShapeError for a model that cannot even read the published input."""
    arrays, words, width = {"input_ids": BASE_IDS}, model.config.vocab_size, model.config.visual_feat_dim
    for name, size in (("visual_feats", 2048), ("visual_pos", 4)):  # each drawn after np.random.seed(0), as published
        arrays[name] = np.random.RandomState(0).rand(1, 10, size).astype(np.float32)
    if np.max(arrays["input_ids"]) >= words or arrays["visual_feats"].shape[-1] != width:
        found = f"{words} words and objects of {width} numbers"
        raise ShapeError(f"this is not the published model, it has {found}; --against compares with other values")
    found = computed_values(model, arrays)["language_output"][0, :3, :3]
    return [
        compare(f"language_output[0, {i}, {j}]", found[i, j], BASE_VALUES[i][j], 0, BASE_TOLERANCE)
        for i in range(3)
        for j in range(3)
    ]


def verify_against(model, directory):
    """A model against the expected_*.npz of a directory, for its inputs.npz: [(file, Agreements, names not compared)].

    Names in expected files: output fields, "field/3" for the fourth of several arrays, "loss/task"."""
    directory = Path(directory)
    files = sorted(directory.glob("expected_*.npz"))
    if not files:
        raise CheckpointError.at(directory, None, "expected_*.npz files", "none")
    found = computed_values(model, read_npz(directory / "inputs.npz"))
    tables = []
    for file in files:
        expected = read_npz(file)
        rows = [compare(name, found[name], value) for name, value in expected.items() if name in found]
        tables.append((file, rows, [name for name in expected if name not in found]))
    return tables


def computed_values(model, arrays):
    """Everything that a model computes from the arrays of an inputs.npz, by the names of expected files."""
    call = {name: arrays[name] for name in CALL if name in arrays}
    inputs, targets = model.read(**call, **find_labels(model, arrays), check_boxes=False)
    run, scores, losses, _ = model.compute(inputs.spread(), targets, {})
    output = model.Output.of(run, scores, losses, attentions=True, hidden_states=True)
    values = {"language_output": run.lang[-1], "vision_output": run.visn[-1], "pooled_output": run.pooled}
    for name in output.keys():
        field = output[name]
        values |= {f"{name}/{i}": x for i, x in enumerate(field)} if isinstance(field, tuple) else {name: field}
    losses = {f"loss/{task}": loss for task, loss in losses.items()}
    return values | losses | ({"loss/total": output.loss} if losses else {})


def find_labels(model, arrays):
    """The labels of an inputs.npz as the face's call takes them."""
    takes = inspect.signature(model.targets).parameters
    labels = {name: arrays[name] for name in ("masked_lm_labels", "matched_label", "ans") if name in arrays}
    kinds = {kind: (f"{kind}_labels", f"{kind}_conf") for kind in ("obj", "attr")} | {
        "feat": ("feat_labels", "feat_mask")
    }
    if all(name in arrays for pair in kinds.values() for name in pair):
        labels["obj_labels"] = {kind: (arrays[label], arrays[weight]) for kind, (label, weight) in kinds.items()}
    return {name: value for name, value in labels.items() if name in takes}


def verify_detector(folder, picture):
    """A copy of the detector against the published run on that picture (H, W, 3): a list of Agreement"""
    detector = FasterRcnn.from_pretrained(folder)
    image, _ = resized(picture, detector.settings, HUGGINGFACE)
    p = detector.params
    boxes, _ = propose(backbone(image[None], p), p["rpn"], p["anchors"], image.shape[:2], detector.settings, 0)
    found = detector(picture, HUGGINGFACE)
    rows = [agreement("height and width of the picture", picture.shape[:2], SIZE, 0)]
    rows.append(agreement("proposals", [len(boxes)], [PROPOSALS], FEW))
    rows += [agreement(f"box 0, {n}", found.boxes[:1, i], FIRST_BOX[i : i + 1], NEAR) for i, n in enumerate("xyXY")]
    rows.append(agreement("box 0, class", found.object_ids[:1], [CLASS], 0))
    return [*rows, agreement("best scores, beside a sister's", found.object_conf[: len(SCORES)], SCORES, ALIKE)]


def agreement(name, found, expected, tolerance):
    return compare(f"{name}: {join(found)}, published {join(expected)}", found, expected, 0, tolerance)


def join(numbers):
    return ", ".join(f"{n:g}" for n in numbers) or "none"
