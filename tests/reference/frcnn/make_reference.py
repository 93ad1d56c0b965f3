"""Reference values for the photograph detector, computed by the published modules on random weights.

    python make_reference.py DIRECTORY_OF_THE_PUBLISHED_FILES PICTURE.png OUT [--full]

DIRECTORY holds modeling_frcnn.py, processing_image.py and utils.py as published (Apache 2.0; research projects of
transformers, folder lxmert); torch, torchvision, pillow, pyyaml and numpy must be installed. Nothing of them is copied
here: this script writes a configuration with the published keys and small sizes, fills the published model with random
numbers, runs it on a photograph and keeps what goes through it.

OUT/config.yaml, OUT/pytorch_model.bin   the small model, with the published names
OUT/picture.npz                          the photograph (H, W, 3) uint8, RGB
OUT/expected.npz                         what the published modules computed, by stage (README.md says which)
OUT/operations.npz                       single operations on hard inputs: pooling, RoI pooling, suppression, resizing
OUT/names.tsv                            name, shape and type of every tensor of the published size
OUT/full.npz                             with --full (minutes): the published size, weights by recipe(), sampled results
"""

import argparse
import math
import sys
import types
import zlib
from pathlib import Path

import numpy as np
import torch
import yaml
from PIL import Image


def import_published(directory):
    """The published modules; what they import and do not need here is stood in for."""
    for name in ("cv2", "wget", "requests", "filelock", "tqdm", "tqdm.auto", "huggingface_hub", "huggingface_hub.utils",
                 "transformers", "transformers.image_utils"):  # fmt: skip
        sys.modules.setdefault(name, types.ModuleType(name))
    for name, things in {"filelock": ["FileLock"], "tqdm.auto": ["tqdm"], "huggingface_hub.utils": ["insecure_hashlib"],
                         "transformers.image_utils": ["PILImageResampling"]}.items():  # fmt: skip
        for thing in things:
            if not hasattr(sys.modules[name], thing):
                setattr(sys.modules[name], thing, None)
    sys.path.insert(0, str(directory))
    import modeling_frcnn
    import processing_image
    import utils

    return modeling_frcnn, processing_image, utils


def published_config():
    """The keys and values of the published config.yaml, without those of its solver."""
    return {
        "model": {"load_proposals": False, "device": "cpu", "max_pool": True, "chkpoint": "",
                  "pixel_mean": [102.9801, 115.9465, 122.7717], "pixel_std": [1.0, 1.0, 1.0], "num_channels": 3},
        "input": {"max_size_train": 1333, "min_size_train": 640, "max_size_test": 1333, "min_size_test": 800,
                  "format": "BGR"},
        "backbone": {"freeze_at": 2},
        "proposal_generator": {"hidden_channels": 512, "min_size": 0.0},
        "anchor_generator": {"sizes": [[64, 128, 256, 512]], "aspect_ratios": [[0.5, 1.0, 2.0]],
                             "angles": [[-90.0, 0.0, 90.0]], "offset": 0},
        "rpn": {"batch_size_per_image": 1, "pre_nms_topk_test": 6000, "post_nms_topk_test": 300,
                "pre_nms_topk_train": 12000, "post_nms_topk_train": 2000, "in_features": ["res4"],
                "boundary_thresh": -1.0, "iou_thresholds": [0.3, 0.7], "iou_labels": [0.0, -1.0, 1.0],
                "positive_fraction": 0.5, "bbox_reg_weights": [1.0, 1.0, 1.0, 1.0], "smooth_l1_beta": 0.0,
                "loss_weight": 1.0, "nms_thresh": 0.7},
        "roi_heads": {"num_classes": 1600, "in_features": ["res4"], "iou_thresholds": [0.5], "iou_labels": [0, 1],
                      "positive_fraction": 0.25, "score_thresh_test": 0.2, "nms_thresh_test": [0.5, 0.6, 0.7],
                      "proposal_append_gt": True},
        "roi_box_head": {"bbox_reg_weights": [10.0, 10.0, 5.0, 5.0], "smooth_l1_beta": 0.0, "pooler_resolution": 14,
                         "pooler_sampling_ratio": 0, "res5halve": False, "attr": True, "num_attrs": 400, "num_fc": 0,
                         "fc_dim": 1024, "num_conv": 0, "conv_dim": 256, "cls_agnostic_bbox_reg": False},
        "resnets": {"depth": 101, "out_features": ["res4"], "num_groups": 1, "norm": "BN", "width_per_group": 64,
                    "stride_in_1x1": True, "res5_dilation": 1, "res2_out_channels": 256, "stem_out_channels": 64},
        "size_divisibility": 0, "pad_value": 0.0, "min_detections": 36, "max_detections": 36,
    }  # fmt: skip


def small_config():
    config = published_config()
    config["input"].update(min_size_test=160, max_size_test=224)
    config["proposal_generator"]["hidden_channels"] = 24
    config["anchor_generator"]["sizes"] = [[16, 32, 64, 128]]
    config["rpn"].update(pre_nms_topk_test=500, post_nms_topk_test=60)
    config["roi_heads"]["num_classes"] = 19
    config["roi_box_head"]["num_attrs"] = 11
    config["resnets"].update(width_per_group=4, res2_out_channels=16, stem_out_channels=8)
    config.update(min_detections=36, max_detections=36)
    return config


def recipe(name, shape, seed):
    """The random numbers of one tensor, from its published name alone: the same in any language with PCG64."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if name.endswith("running_var"):
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    if name.endswith("norm.weight"):
        low, high = (0.1, 0.3) if ".conv3." in name else (0.8, 1.2)  # the sum over 33 blocks stays tame
        return rng.uniform(low, high, shape).astype(np.float32)
    if name.endswith(("running_mean", "bias")):
        return (0.1 * rng.standard_normal(shape)).astype(np.float32)
    scale = math.sqrt(2 / math.prod(shape[1:]))
    for part, factor in {"stem.": 0.02, "objectness": 1.5, "anchor_deltas": 0.4, "cls_score": 3.0, "bbox_pred": 0.7,
                         "attr_score": 2.0, "cls_embedding": 4.0}.items():  # fmt: skip
        if part in name:
            scale *= factor
    return (scale * rng.standard_normal(shape)).astype(np.float32)


def fill(model, seed):
    state = model.state_dict()
    for name, tensor in state.items():
        if "cell_anchors" not in name:
            tensor.copy_(torch.from_numpy(recipe(name, tuple(tensor.shape), seed)))
    return state


def build(published, config, seed):
    modeling, processing, utils = published
    cfg = utils.Config(config)
    model = modeling.GeneralizedRCNN(cfg).eval()
    fill(model, seed)
    model.proposal_generator.anchor_generator.cell_anchors[0].data += 0.25  # the file's anchors count, not the formula
    return model, processing.Preprocess(cfg), cfg


@torch.no_grad()
def spread(published, model, preprocess, cfg, picture):
    """Set the biases of the scores so that no class or attribute is the favourite of all boxes."""
    heads, rpn = model.roi_heads.box_predictor, model.proposal_generator.rpn_head
    for layer, name in ((rpn.objectness_logits, "objectness_logits"), (heads.cls_score, "object_logits"),
                        (heads.attr_score, "attribute_logits")):  # fmt: skip
        scores = torch.from_numpy(run(published, model, preprocess, cfg, picture, 0, detect=False)[name])
        mean = scores.mean((0, 2, 3) if scores.dim() == 4 else 0)
        layer.bias -= (mean * 1000).round() / 1000


@torch.no_grad()
def run(published, model, preprocess, cfg, picture, rois_kept, detect=True):
    """Every stage of one picture (H, W, 3) uint8 RGB, in the order in which the published modules go through them."""
    modeling = published[0]
    bgr = torch.from_numpy(picture[:, :, ::-1].copy())
    images, sizes, scales = preprocess(bgr)
    images = images.to(next(model.parameters()).dtype)
    kept = {"image": images, "sizes": sizes, "scales_yx": scales}
    x = kept["stem"] = model.backbone.stem(images)
    for stage, name in model.backbone.stages_and_names:
        x = kept[name] = stage(x)
    features = {"res4": x}
    rpn = model.proposal_generator
    kept["rpn_hidden"] = torch.relu(rpn.rpn_head.conv(x))
    logits, deltas = rpn.rpn_head([x])
    kept["objectness_logits"], kept["anchor_deltas"] = logits[0], deltas[0]
    anchors = rpn.anchor_generator([x])
    kept["anchors"] = anchors[0, 0]
    outputs = modeling.RPNOutputs(rpn.box2box_transform, rpn.anchor_matcher, 1, 0.5, images, logits, deltas, anchors)
    kept["decoded"] = outputs.predict_proposals()[0, 0]
    proposals, scores = rpn(images, sizes, features)
    kept["proposals"], kept["proposal_logits"] = proposals[0], scores[0]
    pooled = model.roi_heads.pooler(features, proposals)
    kept["roi_pooled"] = pooled[:rois_kept]
    kept["res5"] = model.roi_heads.res5(pooled[:rois_kept])
    obj, attr, box_deltas, means = model.roi_heads(features, proposals)
    kept |= {"object_logits": obj, "attribute_logits": attr, "box_deltas": box_deltas, "roi_features": means}
    if detect:
        out = model(images, sizes, scales_yx=scales, padding="max_detections", max_detections=cfg.max_detections,
                    return_tensors="np")  # fmt: skip
        kept |= {f"out/{name}": np.asarray(value) for name, value in out.items()}
    return {name: np.asarray(value) for name, value in kept.items()}


def check_steady(published, config, seed, picture):
    """The decisions (which boxes, classes, attributes) must not hang on rounding: float64 takes the same."""
    model, preprocess, cfg = build(published, config, seed)
    spread(published, model, preprocess, cfg, picture)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    try:
        single = run(published, model, preprocess, cfg, picture, 2)
        double = run(published, model.double(), preprocess, cfg, picture, 2)
    except UnboundLocalError:  # the published way to say that no threshold leaves enough boxes
        return state, {}, None
    worst = {}
    for name in single:
        if single[name].shape != double[name].shape:
            return state, single, None
        scale = np.abs(double[name]).max() or 1
        worst[name] = float(np.abs(single[name] - double[name]).max() / scale)
    same = all(np.array_equal(single[f"out/{n}"], double[f"out/{n}"]) for n in ("obj_ids", "attr_ids"))
    good = same and worst["out/boxes"] < 1e-4 and worst["proposals"] < 1e-4 and second_threshold(single)
    return state, single, worst if good else None


def second_threshold(kept):
    """Whether the first threshold left too few boxes, so that the second was needed; ids are many, no scores equal."""
    from torchvision.ops import nms

    boxes = torch.from_numpy(kept["out/boxes"][0])
    first = nms(boxes, torch.from_numpy(kept["out/obj_probs"][0]), 0.5)
    steps = -np.diff(kept["out/obj_probs"][0])
    return (
        steps.min() > 1e-5
        and len(first) < len(boxes)
        and len(set(kept["out/obj_ids"][0])) > 4
        and len(set(kept["out/attr_ids"][0])) > 4
    )


def operations(modeling):
    """Single operations of torch and torchvision on inputs that tell right from nearly right."""
    from torchvision.ops import nms, roi_pool

    g, r = torch.Generator().manual_seed(7), {}
    for h, w in ((5, 7), (6, 8), (7, 6), (3, 3), (4, 9)):  # ceil_mode with no padding: odd and even sides
        x = torch.randn(1, 2, h, w, generator=g)
        r[f"max_pool/{h}x{w}/x"] = x
        r[f"max_pool/{h}x{w}/y"] = torch.max_pool2d(x, 3, 2, 0, ceil_mode=True)
    x = torch.randn(1, 3, 11, 13, generator=g)
    boxes = torch.tensor([
        [0, 0, 208, 176], [0, 0, 15, 15], [8, 8, 8, 8], [7.9, 7.9, 8.1, 8.1], [24, 40, 25, 41], [200, 170, 208, 176],
        [100.3, 55.7, 160.2, 99.9], [-20, -20, 40, 40], [180, 150, 400, 400], [500, 500, 600, 600], [56, 24, 72, 40],
        [40, 8, 39, 7],
    ])  # fmt: skip
    r["roi_pool/x"], r["roi_pool/boxes"] = x, boxes
    rois = torch.cat([torch.zeros(len(boxes), 1), boxes], 1)
    for size in (2, 7, 14):
        r[f"roi_pool/{size}"] = roi_pool(x, rois, size, 1 / 16)
    corner = torch.rand(60, 2, generator=g) * 80
    boxes = torch.cat([corner, corner + 5 + torch.rand(60, 2, generator=g) * 40], 1)
    boxes[10] = boxes[3]
    scores = torch.rand(60, generator=g)
    scores[20:24] = scores[20]  # equal scores: the earlier box wins
    r["nms/boxes"], r["nms/scores"] = boxes, scores
    exact = torch.tensor([[0, 0, 10, 10], [0, 0, 10, 5], [0, 0, 10, 5.001], [5, 5, 5, 5.0]])
    r["nms/exact_boxes"], r["nms/exact_scores"] = exact, torch.tensor([0.9, 0.8, 0.7, 0.6])
    r["nms/exact_0.5"] = nms(exact, r["nms/exact_scores"], 0.5)  # an overlap of exactly the threshold stays
    for t in (0.3, 0.5, 0.6, 0.7):
        r[f"nms/{t}"] = nms(boxes, scores, t)
    x = torch.rand(1, 3, 9, 14, generator=g) * 255
    r["resize/x"] = x
    for h, w in ((18, 28), (5, 8), (9, 14), (13, 20), (4, 31)):
        r[f"resize/{h}x{w}"] = torch.nn.functional.interpolate(x, (h, w), mode="bilinear", align_corners=False)
    x, w = torch.randn(1, 4, 14, 14, generator=g), torch.randn(5, 4, 3, 3, generator=g)
    r["dilated/x"], r["dilated/w"] = x, w
    r["dilated/y"] = torch.nn.functional.conv2d(x, w, padding=2, dilation=2)
    boxes = torch.tensor([[0, 0, 16, 16], [10.5, 20.25, 110.5, 60.75], [5, 5, 5, 9], [-8, -8, 24, 8.0]])
    deltas = torch.randn(4, 12, generator=g)
    deltas[0, 2], deltas[1, 3], deltas[2, 6], deltas[3, 10] = 4.13, 4.14, 90.0, -90.0  # clamped above log(1000/16)
    r["decode/boxes"], r["decode/deltas"] = boxes, deltas
    for name, weights in (("rpn", (1.0, 1.0, 1.0, 1.0)), ("roi", (10.0, 10.0, 5.0, 5.0))):
        r[f"decode/{name}"] = modeling.Box2BoxTransform(weights).apply_deltas(deltas, boxes)
    photo = torch.randint(0, 256, (9, 14, 3), generator=g, dtype=torch.uint8)
    r["pillow/x"] = photo  # what detectron2 did with whole numbers: bilinear over the covered area
    for h, w in ((18, 28), (5, 8), (13, 20), (4, 31)):
        r[f"pillow/{h}x{w}"] = np.asarray(Image.fromarray(photo.numpy()).resize((w, h), Image.Resampling.BILINEAR))
    return {name: np.asarray(value) for name, value in r.items()}


@torch.no_grad()
def full(published, picture, seed=5):
    """The published size on random weights that anyone can make again: sampled results, steady under rounding."""
    model, preprocess, _ = build(published, published_config(), seed)
    heads, rpn = model.roi_heads.box_predictor, model.proposal_generator.rpn_head
    images, sizes, scales = preprocess(torch.from_numpy(picture[:, :, ::-1].copy()))

    def go(images, set_biases=False):
        features = model.backbone(images)
        if set_biases:
            rpn.objectness_logits.bias -= rpn(list(features.values()))[0][0].mean((0, 2, 3)).mul(1000).round() / 1000
        proposals, _ = model.proposal_generator(images, sizes, features)
        parts = [model.roi_heads(features, [part]) for part in proposals[0].split(20)]
        obj, attr, deltas, means = (torch.cat([part[i] for part in parts]) for i in range(4))
        if set_biases:
            for layer, scores in ((heads.cls_score, obj), (heads.attr_score, attr)):
                layer.bias -= scores.mean(0).mul(1000).round() / 1000
            return None
        found = model.roi_outputs(obj, attr, deltas, proposals, means, sizes, scales)
        names = ("boxes", "obj_ids", "obj_probs", "attr_ids", "attr_probs", "roi_features")
        kept = {name: np.asarray(value[0]) for name, value in zip(names, found, strict=True)}
        return kept | {
            "proposals": np.asarray(proposals[0]),
            "res4_sample": np.asarray(features["res4"][0, ::64, ::7, ::7]),
        }

    go(images, set_biases=True)
    single = go(images)
    biases = {f"bias/{n}": np.asarray(t) for n, t in model.state_dict().items()
              if n.endswith(("objectness_logits.bias", "cls_score.bias", "attr_score.bias"))}  # fmt: skip
    summed = "backbone.stem.conv1.weight", "backbone.res4.22.conv2.weight", "roi_heads.res5.2.conv3.norm.running_var"
    sums = {f"sum/{n}": np.float64(model.state_dict()[n].double().sum()) for n in summed}
    model.double()
    double = go(images.double())
    print("full size:", len(single["proposals"]), "proposals")
    for name in single:
        same = single[name].shape == double[name].shape
        gap = np.abs(single[name] - double[name]).max() / np.abs(double[name]).max() if same else np.inf
        print(f"  {name:16} {gap:.1e}")
    for kind in ("obj_ids", "attr_ids"):
        print(" ", kind, np.array_equal(single[kind], double[kind]), len(set(single[kind])), "different")
    print("  nearest scores", -np.diff(single["obj_probs"]).max(), "sizes", tuple(images.shape))
    single["roi_features"] = single["roi_features"][:, ::16]
    return {**single, **biases, **sums, "seed": np.int64(seed), "sizes": np.asarray(sizes)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("published", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--full", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(0)
    published = import_published(options.published)
    options.out.mkdir(parents=True, exist_ok=True)
    picture = np.asarray(Image.open(options.picture).convert("RGB"))[40:230, 60:330]  # 190 × 270 of it
    if options.full:
        return np.savez_compressed(options.out / "full.npz", **full(published, picture))
    config = small_config()
    for seed in range(300):
        state, expected, worst = check_steady(published, config, seed, picture)
        if worst:
            break
    print(f"seed {seed}; float32 against float64, relative to the largest value:")
    for name, value in worst.items():
        print(f"  {name:24} {value:.1e}  {expected[name].shape}")
    (options.out / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    torch.save(state, options.out / "pytorch_model.bin")
    np.savez_compressed(options.out / "picture.npz", picture=picture)
    np.savez_compressed(options.out / "expected.npz", seed=np.int64(seed), **expected)
    np.savez_compressed(options.out / "operations.npz", **operations(published[0]))
    whole = published[0].GeneralizedRCNN(published[2].Config(published_config()))
    rows = [f"{n}\t{'x'.join(map(str, t.shape))}\t{str(t.dtype)[6:]}" for n, t in whole.state_dict().items()]
    (options.out / "names.tsv").write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
