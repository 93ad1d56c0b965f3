"""The detector: every stage against the published modules' values, the rules of choice, and what its files may hold."""

import math
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest
from conftest import REFERENCE, check_mutants, mutant_counts

import minilxmert.cli
from minilxmert import CheckpointError, ConfigError, FasterRcnn, ShapeError, VocabularyError
from minilxmert.checkpoints.safetensors import write_safetensors
from minilxmert.checkpoints.weights import read_tensors
from minilxmert.detector import arithmetic, network, weights
from minilxmert.detector.recipes import (
    AUTHORS,
    HUGGINGFACE,
    RECIPES,
    Settings,
    bilinear,
    grid,
    resized,
    scale_factor,
    target_size,
)
from minilxmert.kernels import BACKENDS, winograd
from minilxmert.kernels.packing import pack_tree

FOLDER = REFERENCE / "frcnn"
TOLERANCE = 2e-5  # of the largest value: float32 sums in another order, through a hundred layers
with np.load(FOLDER / "expected.npz") as archive:
    EXPECTED = dict(archive)
with np.load(FOLDER / "operations.npz") as archive:
    OPERATIONS = dict(archive)
with np.load(FOLDER / "picture.npz") as archive:
    PICTURE = archive["picture"]


@pytest.fixture(scope="module")
def detector():
    return FasterRcnn.from_pretrained(FOLDER)


@pytest.fixture(params=BACKENDS)
def backend(request):
    with minilxmert.backend(request.param):
        yield request.param


def near(found, name, tolerance=TOLERANCE):
    expected = EXPECTED[name]
    assert found.shape == expected.shape, name
    assert np.abs(found.astype(float) - expected).max() <= tolerance * np.abs(expected).max(), name


def channels_first(x):
    return x.transpose(0, 3, 1, 2)


def test_every_stage_has_the_published_values(detector, backend):
    with detector.weights.for_inference() as p:
        check_stages(p, detector.settings)


def check_stages(p, settings):
    image, _ = resized(PICTURE, settings, HUGGINGFACE)
    near(channels_first(image[None]), "image")
    x = network.stem(image[None], p["stem"])
    near(channels_first(x), "stem")
    for name, stride in (("res2", 1), ("res3", 2), ("res4", 2)):
        x = network.stage(x, p[name], stride)
        near(channels_first(x), name)
    near(channels_first(arithmetic.convolve(x, p["rpn"]["conv"], size=3, padding=1)), "rpn_hidden")
    _, deltas = network.rpn(x, p["rpn"])
    anchors = network.place_anchors(p["anchors"], x.shape[1:3])
    np.testing.assert_array_equal(anchors, EXPECTED["anchors"])
    near(network.decode(deltas, anchors, (1, 1, 1, 1)), "decoded")
    boxes, best = network.propose(x, p["rpn"], p["anchors"], image.shape[:2], settings, 0)
    near(boxes, "proposals")
    near(best, "proposal_logits")
    pooled = arithmetic.roi_pool(x[0], boxes[:2], settings.resolution, 1 / 16)
    near(channels_first(pooled), "roi_pooled")
    near(channels_first(network.stage(pooled, p["res5"], dilation=2)), "res5")
    near(network.features(x[0], boxes, p["res5"], settings.resolution), "roi_features")


def test_the_results_are_the_published_ones(detector, backend):
    objects = detector(PICTURE, "huggingface", "cat")
    assert (objects.image_id, objects.height, objects.width) == ("cat", *PICTURE.shape[:2])
    np.testing.assert_array_equal(objects.object_ids[None], EXPECTED["out/obj_ids"])
    np.testing.assert_array_equal(objects.attribute_ids[None], EXPECTED["out/attr_ids"])
    near(objects.object_conf[None], "out/obj_probs")
    near(objects.attribute_conf[None], "out/attr_probs")
    near(objects.boxes[None], "out/boxes")
    near(objects.normalised_boxes[None], "out/normalized_boxes")
    near(objects.features[None], "out/roi_features")


SMALLER = replace(AUTHORS, shortest=160, longest=224)


def test_both_backends_find_the_same_by_the_authors_recipe(detector):
    found = []
    for name in BACKENDS:
        with minilxmert.backend(name):
            found.append(detector(PICTURE, SMALLER))
    a, b = found
    np.testing.assert_array_equal(a.object_ids, b.object_ids)
    np.testing.assert_allclose(a.boxes, b.boxes, atol=0.01)
    np.testing.assert_allclose(a.features, b.features, rtol=1e-3, atol=1e-4)


def test_bfloat16_when_asked_is_near_and_changes_the_order(detector):
    halves = FasterRcnn.from_pretrained(FOLDER, "bfloat16")
    image, _ = resized(PICTURE, halves.settings, HUGGINGFACE)
    with halves.weights.for_inference() as p:
        x = network.backbone(image[None], p)
    with pytest.raises(AssertionError):
        near(channels_first(x), "res4")
    near(channels_first(x), "res4", 1e-2)  # 8 bits of a factor, through thirty layers
    assert (halves(PICTURE, "huggingface").object_ids != EXPECTED["out/obj_ids"][0]).any()


# --- the published size ----------------------------------------------------------------------------------------------


def random_tensor(name, shape, seed):
    """A tensor of the network of full.npz, made from its name alone, as its maker made it."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    if name.endswith("running_var"):
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    if name.endswith("norm.weight"):
        return rng.uniform(*((0.1, 0.3) if ".conv3." in name else (0.8, 1.2)), shape).astype(np.float32)
    if name.endswith(("running_mean", "bias")):
        return (0.1 * rng.standard_normal(shape)).astype(np.float32)
    factors = {"stem.": 0.02, "objectness": 1.5, "anchor_deltas": 0.4, "cls_score": 3.0, "bbox_pred": 0.7}
    factors |= {"attr_score": 2.0, "cls_embedding": 4.0}
    scale = math.sqrt(2 / math.prod(shape[1:]))
    for part, factor in factors.items():
        scale *= factor if part in name else 1
    return (scale * rng.standard_normal(shape)).astype(np.float32)


def full_tensors(known):
    """{name: tensor} of the published size; known: full.npz, whose biases take the place of some."""
    tensors = {}
    for line in (FOLDER / "names.tsv").read_text().splitlines():
        name, shape, dtype = line.split("\t")
        if dtype == "float32" and name != weights.ANCHORS:
            shape = tuple(int(n) for n in shape.split("x"))
            tensors[name] = known.get(f"bias/{name}", random_tensor(name, shape, int(known["seed"])))
    sides = [(math.sqrt(size**2 / ratio), ratio) for size in (64, 128, 256, 512) for ratio in (0.5, 1, 2)]
    anchors = [[-w / 2, -w * ratio / 2, w / 2, w * ratio / 2] for w, ratio in sides]
    return {**tensors, weights.ANCHORS: np.array(anchors, np.float32) + np.float32(0.25)}


@pytest.mark.fullsize
def test_the_published_size_gives_the_published_results():
    with np.load(FOLDER / "full.npz") as archive:
        known = dict(archive)
    detector = FasterRcnn(weights.build(weights.Tensors(full_tensors(known), "full")))
    found = detector(PICTURE, "huggingface")
    np.testing.assert_array_equal(found.object_ids, known["obj_ids"])
    np.testing.assert_array_equal(found.attribute_ids, known["attr_ids"])
    pairs = [(found.boxes, "boxes"), (found.object_conf, "obj_probs"), (found.attribute_conf, "attr_probs")]
    for values, name in [*pairs, (found.features[:, ::16], "roi_features")]:
        assert np.abs(values - known[name]).max() <= TOLERANCE * np.abs(known[name]).max(), name


# --- single operations -----------------------------------------------------------------------------------------------

POOLED = sorted(name[:-2] for name in OPERATIONS if name.startswith("max_pool") and name.endswith("/x"))


@pytest.mark.parametrize("name", POOLED)
def test_pooling_counts_what_is_left_at_the_ends(name, backend):
    x, y = (OPERATIONS[f"{name}/{part}"].transpose(0, 2, 3, 1) for part in "xy")
    np.testing.assert_array_equal(arithmetic.max_pool(x), y)


@pytest.mark.parametrize("size", [2, 7, 14])
def test_boxes_are_pooled_exactly(size, backend):
    x = OPERATIONS["roi_pool/x"][0].transpose(1, 2, 0)
    found = arithmetic.roi_pool(x, OPERATIONS["roi_pool/boxes"], size, 1 / 16)
    np.testing.assert_array_equal(channels_first(found), OPERATIONS[f"roi_pool/{size}"])


SUPPRESSED = sorted(name for name in OPERATIONS if re.fullmatch(r"nms/(exact_)?0\.\d", name))


@pytest.mark.parametrize("name", SUPPRESSED)
def test_suppression_is_exact_and_keeps_the_first_of_equals(name, backend):
    kind = "nms/exact_" if "exact" in name else "nms/"
    boxes, scores = OPERATIONS[f"{kind}boxes"], OPERATIONS[f"{kind}scores"]
    order = np.argsort(-scores, kind="stable")
    kept = order[arithmetic.suppress(boxes[order], float(name[-3:]), len(boxes))]
    np.testing.assert_array_equal(kept, OPERATIONS[name])


@pytest.mark.parametrize(("threshold", "stays"), [(0.1, 1), (0.3, 1), (0.5, 2), (0.6, 1), (0.7, 2)])
def test_an_overlap_at_the_threshold(threshold, stays, backend):
    tenths = round(10 * threshold)
    boxes = np.array([[0, 0, 10, 1], [0, 0, tenths, 1]], np.float32)  # the second is inside: an overlap of tenths/10
    assert len(arithmetic.suppress(boxes, threshold, 9)) == stays


def test_boxes_without_area_overlap_nothing(backend):
    boxes = np.array([[3, 3, 3, 3], [3, 3, 3, 3], [0, 0, 9, 9], [5, 5, 5, 8]], np.float32)
    assert arithmetic.suppress(boxes, 0.1, 9).tolist() == [0, 1, 2, 3]
    assert arithmetic.suppress(boxes, 0.1, 2).tolist() == [0, 1]
    assert arithmetic.suppress(boxes[:0], 0.1, 2).tolist() == []


@pytest.mark.parametrize("weights", ["rpn", "roi"])
def test_decoding(weights):
    numbers = {"rpn": (1, 1, 1, 1), "roi": (10, 10, 5, 5)}[weights]
    deltas, boxes, expected = (OPERATIONS[f"decode/{part}"] for part in ("deltas", "boxes", weights))
    found = network.decode(deltas.reshape(-1, 4), np.repeat(boxes, deltas.size // boxes.size, 0), numbers)
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-5, atol=1e-4)


def test_a_dilated_convolution(backend):
    x, w, y = (OPERATIONS[f"dilated/{part}"] for part in "xwy")
    p = weights.layer(w, np.zeros(len(w)))
    found = arithmetic.convolve(x.transpose(0, 2, 3, 1), p, None, size=3, padding=2, dilation=2)
    np.testing.assert_allclose(channels_first(found), y, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("size", "padding", "dilation"), [(1, 0, 1), (3, 1, 1), (3, 2, 2), (7, 3, 1), (2, 0, 3)])
def test_convolutions_one_product_at_a_time(size, padding, dilation, stride, backend, monkeypatch):
    monkeypatch.setattr(arithmetic, "STRIP", 7)
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 9, 8, 3), np.float32), rng.standard_normal((5, 3, size, size), np.float32)
    b = rng.standard_normal(5, np.float32)
    wide = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    h, v = ((side + 2 * padding - dilation * (size - 1) - 1) // stride + 1 for side in x.shape[1:3])
    expected = np.zeros((2, h, v, 5)) + b
    for i in range(size):
        for j in range(size):
            part = wide[:, i * dilation :: stride, j * dilation :: stride][:, :h, :v]
            expected += part.astype(float) @ w[:, :, i, j].T
    found = arithmetic.convolve(x, weights.layer(w, b), "relu", size, stride, padding, dilation)
    np.testing.assert_allclose(found, np.maximum(expected, 0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("side", [2, 4])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_three_by_three_pixels_by_fewer_multiplications(side, dilation, monkeypatch):
    """The same sums as by patches, the same bits whatever the strips and the threads."""
    rng = np.random.default_rng(side)
    for shape in ((2, 9, 8, 3), (1, 14, 14, 70), (3, 1, 1, 5), (1, 5, 23, 64)):
        x, w = rng.standard_normal(shape, np.float32), rng.standard_normal((7, shape[3], 3, 3), np.float32)
        plain = weights.layer(w, rng.standard_normal(7, np.float32))
        p = pack_tree({"p": arithmetic.Window(plain, side)}, False)["p"]
        expected = arithmetic.convolve(x.astype(float), plain, "relu", 3, 1, dilation, dilation)
        found = arithmetic.convolve(x, p, "relu", 3, 1, dilation, dilation)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
        assert (arithmetic.convolve(x, p, None, 3, 1, dilation, dilation) < 0).any()
        monkeypatch.setattr(winograd, "STRIP", 3)
        np.testing.assert_array_equal(arithmetic.convolve(x, p, "relu", 3, 1, dilation, dilation), found)
        monkeypatch.undo()


def test_whole_numbers_are_exact_in_small_tiles():
    """Sums of whole numbers and of halves and quarters of them need no rounding."""
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 10, (1, 12, 13, 40)).astype(np.float32)
    plain = weights.layer(rng.integers(-9, 10, (5, 40, 3, 3)), rng.integers(-9, 10, 5))
    p = pack_tree({"p": arithmetic.Window(plain, 2)}, False)["p"]
    exact = arithmetic.convolve(x.astype(float), plain, None, 3, 1, 1)
    np.testing.assert_array_equal(arithmetic.convolve(x, p, None, 3, 1, 1), exact)


# --- resizing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(name for name in OPERATIONS if re.fullmatch(r"resize/\d+x\d+", name)))
def test_resizing_to_a_size(name):
    x, expected = OPERATIONS["resize/x"], OPERATIONS[name]
    x, expected = (np.moveaxis(a.reshape(a.shape[-3:]), 0, 2) if a.shape[-1] != 3 else a for a in (x, expected))
    sides = zip(x.shape[:2], expected.shape[:2], strict=True)
    rows, columns = (grid(n, m, np.float32(n) / np.float32(m)) for n, m in sides)
    np.testing.assert_allclose(bilinear(x[..., ::-1], rows, columns), expected, rtol=1e-6, atol=1e-5 * np.abs(x).max())


def test_sizes_of_both_recipes():
    assert target_size(427, 640, 800, 1333) == (800, 1199)
    assert target_size(480, 640, 800, 1333) == (800, 1067)
    assert target_size(100, 1000, 800, 1333) == (133, 1333)
    assert scale_factor(333, 500, 600, 1000) == 600 / 333
    assert scale_factor(100, 1000, 600, 1000) == 1


def test_a_factor_gives_another_picture_than_the_size_that_it_gives():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (333, 500, 3), np.uint8)
    by_factor, factors = resized(picture, Settings(), AUTHORS)
    assert by_factor.shape == (600, 901, 3) and np.allclose(factors, 333 / 600)
    rows, columns = (grid(n, m, np.float32(n) / np.float32(m)) for n, m in ((333, 600), (500, 901)))
    to_size = bilinear(picture, rows, columns) - np.array(Settings().mean, np.float32)
    assert np.abs(by_factor - to_size).max() > 10


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_red_picture_is_red_for_a_network_of_blue_green_red(recipe):
    red = np.zeros((40, 60, 3), np.uint8)
    red[..., 0] = 255
    image, _ = resized(red, Settings(), RECIPES[recipe])
    np.testing.assert_allclose(image[3, 5], [-102.9801, -115.9465, 255 - 122.7717], rtol=1e-5)


# --- choice ----------------------------------------------------------------------------------------------------------


def apart(count):
    """Boxes that do not overlap."""
    x = 20 * np.arange(count, dtype=np.float32)
    return np.stack([x, 0 * x, x + 10, 0 * x + 10], 1)


def test_fewer_objects_than_wanted_are_no_error():
    kept = network.by_best_class(np.repeat(apart(1), 5, 0), np.linspace(0.1, 0.5, 5, dtype=np.float32), Settings())
    assert kept.tolist() == [4, 3, 2, 1, 0]  # at an overlap of 1 nothing falls
    assert network.by_best_class(apart(0), np.zeros(0, np.float32), Settings()).tolist() == []
    assert network.per_class(apart(0), np.zeros((0, 4), np.float32), 0.3, Settings()).tolist() == []
    few = network.per_class(apart(3), np.full((3, 4), 0.25, np.float32), 0.3, Settings())
    assert few.tolist() == [0, 1, 2]


def test_the_authors_keep_a_box_that_is_best_in_another_class():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 9, 9]], np.float32)  # all nearly the same
    probabilities = np.array([[0.9, 0.05], [0.8, 0.15], [0.3, 0.6]], np.float32)
    settings = Settings(least=2, most=2)
    assert network.per_class(boxes, probabilities, 0.3, settings).tolist() == [0, 2]  # 1 is second in both classes
    settings = Settings(least=1, most=1)
    assert network.per_class(boxes, probabilities, 0.3, settings).tolist() == [0]


def test_a_picture_with_nothing_in_it_and_the_smallest_one(detector):
    for shape in ((1, 1, 3), (1, 300, 3), (64, 64, 3)):
        for recipe in ("huggingface", SMALLER):
            objects = detector(np.zeros(shape, np.uint8), recipe)
            assert objects.features.shape == (len(objects), 128)


@pytest.mark.parametrize("recipe", [HUGGINGFACE, AUTHORS])
def test_no_proposal_gives_no_objects(detector, recipe):
    objects = detector(np.zeros((8, 8, 3), np.uint8), replace(recipe, least_side=1e4))
    assert objects.boxes.shape == (0, 4) and objects.features.shape == (0, 128)


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_the_detector_is_named_where_an_lxmert_is_wanted(command, capsys):
    assert minilxmert.cli.main([command, str(REFERENCE / "frcnn" / "pytorch_model.bin")]) == 1
    assert "expected an LXMERT, found the detector" in capsys.readouterr().err


def test_arguments_are_checked(detector, tmp_path):
    with pytest.raises(ShapeError, match="picture"):
        detector(PICTURE.astype(float))
    with pytest.raises(ConfigError, match="one of authors, huggingface"):
        detector(PICTURE, "caffe")
    with pytest.raises(ConfigError, match="one of float32, bfloat16"):
        FasterRcnn.from_pretrained(FOLDER, dtype="int8")


# --- files -----------------------------------------------------------------------------------------------------------

TENSORS = read_tensors(FOLDER / "pytorch_model.bin")[1]


def test_each_of_the_published_names_is_used_once():
    names = [line.split("\t") for line in (FOLDER / "names.tsv").read_text().splitlines()]
    assert len(names) == 640 and {name for name, *_ in names} == set(TENSORS)
    taken = []

    class Watched(weights.Tensors):
        def take(self, name, *shape):
            taken.append(name)
            return super().take(name, *shape)

    weights.build(Watched(TENSORS, "x"))
    counters = [name for name in TENSORS if name.endswith("num_batches_tracked")]
    assert sorted(taken + counters) == sorted(TENSORS)


def folder_of(tmp_path, tensors, config=None):
    write_safetensors(
        tmp_path / "model.safetensors", {name: np.ascontiguousarray(a) for name, a in tensors.items()}, {}
    )
    if config is not None:
        (tmp_path / "config.yaml").write_text(config)
    return tmp_path


def test_the_anchors_are_those_of_the_file_and_counters_may_be_missing(tmp_path):
    fewer = {name: array for name, array in TENSORS.items() if not name.endswith("num_batches_tracked")}
    detector = FasterRcnn.from_pretrained(folder_of(tmp_path, fewer))
    np.testing.assert_array_equal(detector.params["anchors"], TENSORS[weights.ANCHORS])
    assert detector.settings == Settings()


@pytest.mark.parametrize("name", ["backbone.res4.7.conv2.weight", weights.ANCHORS, weights.BOXES + "attr_score.bias"])
def test_a_missing_tensor_is_named(tmp_path, name):
    with pytest.raises(CheckpointError, match=rf"{re.escape(name)}: expected this tensor, found none"):
        FasterRcnn.from_pretrained(folder_of(tmp_path, {n: a for n, a in TENSORS.items() if n != name}))


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("backbone.stem.conv1.weight", np.zeros((8, 4, 7, 7), np.float32), "shape any × 3 × 7 × 7"),
        ("backbone.stem.conv1.norm.bias", np.zeros(3, np.float32), "shape 8"),
        ("backbone.stem.conv1.norm.running_var", np.full(8, -1, np.float32), "variances from 0"),
        ("backbone.stem.conv1.norm.weight", np.full(8, np.nan, np.float32), "finite"),
        (weights.BOXES + "cls_embedding.weight", np.zeros((3, 16), np.float32), "shape 20 × any"),
        ("backbone.fc.weight", np.zeros(3, np.float32), "only the detector's tensors"),
        ("backbone.res3.4.conv1.weight", np.zeros((32, 32, 1, 1), np.float32), "expected"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, name, array, words):
    with pytest.raises(CheckpointError, match=words):
        FasterRcnn.from_pretrained(folder_of(tmp_path, {**TENSORS, name: array}))


def test_names_beside_the_weights(detector, tmp_path):
    folder = folder_of(tmp_path, TENSORS)
    objects = detector(PICTURE)
    assert detector.names(objects)[0] == f"attribute {objects.attribute_ids[0]} object {objects.object_ids[0]}"
    (folder / "objects_vocab.txt").write_text("\n".join(f"thing{n},other" for n in range(19)))
    (folder / "attributes_vocab.txt").write_text("\n".join(f"brown{n}" for n in range(11)))
    named = FasterRcnn.from_pretrained(folder).names(objects)
    assert named[0] == f"brown{objects.attribute_ids[0]} thing{objects.object_ids[0]}"
    (folder / "attributes_vocab.txt").write_text("brown\n")
    with pytest.raises(VocabularyError, match=r"attributes_vocab\.txt: expected 11 lines"):
        FasterRcnn.from_pretrained(folder)


def test_the_settings_are_read(detector):
    settings = detector.settings
    assert (settings.shortest, settings.longest, settings.candidates, settings.proposals) == (160, 224, 500, 60)
    assert settings.overlaps == (0.5, 0.6, 0.7) and settings.mean == (102.9801, 115.9465, 122.7717)


PUBLISHED = """
# the detector of the paper
model:
    pixel_mean : [102.9801, 115.9465, 122.7717]
    pixel_std: [1, 1, 1]
    device: 'cpu'
    chkpoint: ""
input:
    min_size_test: 700   # pixels
    format: BGR
roi_box_head:
    attr: True
    res5halve: False
anchor_generator:
    sizes: [[64, 128], [256, 512]]
    aspect_ratios:
    - - 0.5
      - 1.0
    - - 2.0
min_detections: 10
"""


def test_published_spellings_of_the_config(tmp_path):
    from minilxmert.detector.yaml import read_yaml

    path = tmp_path / "config.yaml"
    path.write_text(PUBLISHED)
    tree = read_yaml(path)
    assert tree["anchor_generator"] == {"sizes": [[64, 128], [256, 512]], "aspect_ratios": [[0.5, 1.0], [2.0]]}
    path.write_text("a:\n  -\n    - 1\n  -\n    b: [2]\n")
    assert read_yaml(path) == {"a": [[1], {"b": [2]}]}
    assert tree["model"]["device"] == "cpu" and tree["model"]["chkpoint"] == ""
    settings = Settings.from_dict(tree, path)
    assert (settings.shortest, settings.least, settings.longest) == (700, 10, 1333)


REFUSED = {
    "a: &x 1": "line 1",
    "a: *x": "line 1",
    "a: !!python/name:operator.truth": "line 1",
    "a: {b: 1}": "line 1",
    "a: |\n  text": "line 1",
    "a: 1\na: 2": "a key, once",
    "\ta: 1": "a tab",
    "a:\n  b: 1\n-\t5": "a key",
    "a:\n    b: 1\n  c: 2": "line 3",
    "a:": "found nothing",
    "- 1": "one map",
    "a: [1, 2": "line 1",
    "a: " + "[" * 99 + "]" * 99: "deep",
    "a:\n" + "- " * 99 + "1": "levels",
    "a": "a colon",
    "input:\n  format: RGB": "input.format: expected BGR, found RGB",
    "model:\n  pixel_std: [57.4, 57.1, 58.4]": "model.pixel_std",
    "input: 3": "a map of keys",
    "input:\n  min_size_test: 0": "a number in 1",
    "input:\n  min_size_test: 1.5": "a number in 1",
    "input:\n  max_size_test: 9": "least below most",
    "model:\n  pixel_mean: [1, 2]": "3 numbers",
    "roi_heads:\n  nms_thresh_test: []": "numbers",
    "rpn:\n  nms_thresh: true": "a number in",
    "a: '\xff'": None,
}


@pytest.mark.parametrize("text", REFUSED)
def test_other_configs_are_refused_in_words(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_bytes(text.encode("latin-1"))
    from minilxmert.detector.yaml import read_yaml

    with pytest.raises(ConfigError, match=REFUSED[text]) as caught:
        Settings.from_dict(read_yaml(path), path)
    assert "config.yaml" in str(caught.value)


@mutant_counts
def test_mutants_of_the_config_end_in_our_error(tmp_path, count):
    from minilxmert.detector.yaml import read_yaml

    def read(path):
        return Settings.from_dict(read_yaml(path), path)

    check_mutants((FOLDER / "config.yaml").read_bytes(), read, tmp_path / "config.yaml", count)


# --- the tests can fail ----------------------------------------------------------------------------------------------


def rounded_to_even(boxes, scale):
    return np.rint(boxes * np.float32(scale)).astype(np.int64)


def with_one_more(boxes, threshold, most):
    """Suppression whose widths are x1 - x0 + 1."""
    wider = boxes + np.array([0, 0, 1, 1], np.float32)
    return arithmetic.suppress(wider, threshold, most)


@pytest.mark.parametrize("name", ["PIXELS", "SUMS", "WEIGHTS"])
def test_wrong_tiles_are_noticed(monkeypatch, name):
    wrong = np.array(getattr(winograd, name)[4], float)
    wrong[1, 2] += 0.001 * np.abs(wrong).max()
    monkeypatch.setitem(getattr(winograd, name), 4, wrong.tolist())
    with pytest.raises(AssertionError):
        test_three_by_three_pixels_by_fewer_multiplications(4, 1, monkeypatch)


def test_wrong_roundings_are_noticed(monkeypatch):
    with minilxmert.backend("numpy"):
        monkeypatch.setattr(arithmetic, "whole_cells", rounded_to_even)
        x = OPERATIONS["roi_pool/x"][0].transpose(1, 2, 0)
        found = arithmetic.roi_pool(x, OPERATIONS["roi_pool/boxes"], 7, 1 / 16)
        assert (channels_first(found) != OPERATIONS["roi_pool/7"]).any()
        boxes = OPERATIONS["nms/exact_boxes"][np.argsort(-OPERATIONS["nms/exact_scores"], kind="stable")]
        results = [len(rule(boxes, 0.5, len(boxes))) for rule in (arithmetic.suppress, with_one_more)]
        assert results[0] != results[1]
