"""What the detector is measured beside: the published modules, which find the same."""

import functools
import types
from pathlib import Path

import numpy as np
import pytest
from conftest import REFERENCE

from minilxmert.checkpoints.safetensors import write_safetensors
from minilxmert.detector.weights import PUBLISHED, random_tensors
from minilxmert.errors import MinilxmertError
from minilxmert.experiments import detector_speed


def test_the_random_weights_are_the_published_ones_in_name_and_shape():
    lines = [line.split("\t") for line in (REFERENCE / "frcnn" / "names.tsv").read_text().splitlines()]
    published = {name: tuple(map(int, shape.split("x"))) for name, shape, kind in lines if kind == "float32"}
    zeros = types.SimpleNamespace(standard_normal=np.zeros)
    found = random_tensors(zeros)
    assert {name: array.shape for name, array in found.items()} == published


def test_detectors_that_find_other_things_are_not_timed(monkeypatch):
    makers = {name: lambda *_, n=n: lambda picture: np.full((36, 4), n) for n, name in enumerate(("ours", "torch"))}
    monkeypatch.setattr(detector_speed, "DETECTORS", makers)
    with pytest.raises(Exception, match="other features"):
        detector_speed.prepare("", 36, ["ours", "torch"])


def test_as_many_boxes_are_timed_as_is_said(tmp_path, monkeypatch):
    """The benchmark's weights propose as many boxes as they may; where they are fewer, nothing is timed."""
    monkeypatch.setattr(detector_speed, "SIDES", (200, 320))
    few = {name: (1, 4) for name in PUBLISHED}
    small = functools.partial(random_tensors, stages=few, hidden=8, classes=4, attributes=4)
    monkeypatch.setattr(detector_speed, "random_tensors", small)
    write_safetensors(tmp_path / detector_speed.WEIGHTS, detector_speed.random_weights(np.random.default_rng(0)), {})
    detector_speed.check_count(tmp_path, 300)
    with pytest.raises(MinilxmertError, match="boxes, not 3000"):
        detector_speed.check_count(tmp_path, 3000)


def test_names_in_capital_letters():
    config = detector_speed.as_config({"model": {"device": "cpu"}})
    assert config.MODEL.DEVICE == config.model.device == "cpu" and isinstance(config, types.SimpleNamespace)


@pytest.mark.reference
def test_the_published_modules_find_what_we_find(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    if not detector_speed.importlib.util.find_spec("vltk"):
        pytest.skip("vltk is not installed")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(detector_speed, "SIDES", (200, 320))
    tensors = detector_speed.random_weights(np.random.default_rng(0))
    write_safetensors(Path(tmp_path) / detector_speed.WEIGHTS, tensors, {})
    runs = detector_speed.prepare(tmp_path, 120, ["ours", "torch"])
    assert list(runs) == ["ours", "torch"] and runs["ours"]().shape == (36, 2048)
