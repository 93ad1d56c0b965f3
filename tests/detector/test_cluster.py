"""Live: a Dask cluster finds what one machine finds, to the byte, and goes on when a worker dies."""

import os
import signal
import threading
import time
from collections import Counter

import pytest
from conftest import REFERENCE
from test_jpeg import FILES

from minilxmert.cli import main
from minilxmert.detector.cluster import detect_on_cluster

pytestmark = pytest.mark.reference
DETECTOR = REFERENCE / "frcnn"
SLOWLY = """
import os, time
from minilxmert import FasterRcnn

LOG = {log!r}

def note(text):
    with open(LOG, "a") as file:
        file.write(text + "\\n")

def slowly(look, opened):
    def call(self, picture, recipe, image_id):
        note(f"look {{image_id}} {{os.getpid()}}")
        time.sleep(0.2)
        return look(self, picture, recipe, image_id)

    def from_pretrained(folder, dtype):
        note(f"open detector {{os.getpid()}}")
        return opened(folder, dtype)

    FasterRcnn.__call__, FasterRcnn.from_pretrained = call, from_pretrained

def dask_setup(worker):
    slowly(FasterRcnn.__call__, FasterRcnn.from_pretrained)
"""


@pytest.fixture
def photos(tmp_path):
    names = [name for name in sorted(FILES) if name.endswith(".jpg")][:11]
    (tmp_path / "photos").mkdir()
    for name in names:
        (tmp_path / "photos" / name).write_bytes(FILES[name])
    (tmp_path / "photos" / "cut.jpg").write_bytes(FILES[names[0]][:300])
    return tmp_path / "photos"


@pytest.fixture
def client(tmp_path):
    """A cluster of two workers that look slowly and write down what they do."""
    distributed = pytest.importorskip("distributed")
    (tmp_path / "slowly.py").write_text(SLOWLY.format(log=str(tmp_path / "log")))
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options, preload=str(tmp_path / "slowly.py")) as cluster:
        with distributed.Client(cluster) as client:
            yield client


def kill_one(log):
    """End the process that has looked at two pictures, without a warning."""
    while True:
        lines = log.read_text().splitlines() if log.exists() else []
        looks = Counter(line.split()[2] for line in lines if line.startswith("look"))
        for process, count in looks.items():
            if count == 2:
                return os.kill(int(process), signal.SIGKILL)
        time.sleep(0.01)


def test_the_bytes_of_one_run_though_a_worker_dies(photos, client, tmp_path):
    command = ["detect", str(photos), "--detector", str(DETECTOR), "--recipe", "huggingface"]
    assert main([*command, "--out", str(tmp_path / "one.h5")]) == 1  # one cannot be read
    threading.Thread(target=kill_one, args=(tmp_path / "log",), daemon=True).start()
    left_out = detect_on_cluster(client, photos, DETECTOR, tmp_path / "found.h5", "huggingface", parts=3)
    assert (tmp_path / "found.h5").read_bytes() == (tmp_path / "one.h5").read_bytes()
    assert len(left_out) == 1 and "cut.jpg" in left_out[0]
    assert not list(tmp_path.glob("found.h5.*"))
    done = [line.split()[:2] for line in (tmp_path / "log").read_text().splitlines()]
    looks = Counter(name for what, name in done if what == "look")
    assert len(looks) == 11 and looks.total() == 12  # the photograph of the moment, once more
    assert sum(what == "open" for what, _ in done) == 3  # two workers, and the one that took a dead one's place


def test_what_was_stopped_goes_on(photos, client, tmp_path):
    detect_on_cluster(client, photos, DETECTOR, tmp_path / "whole.h5", "huggingface", parts=2)
    (tmp_path / "log").unlink()
    command = ["detect", str(photos), "--detector", str(DETECTOR), "--recipe", "huggingface", "--part", "2/2"]
    assert main([*command, "--out", str(tmp_path / "found.h5.huggingface.2-of-2")]) in (0, 1)
    detect_on_cluster(client, photos, DETECTOR, tmp_path / "found.h5", "huggingface", parts=2)
    assert (tmp_path / "found.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert sum(line.startswith("look") for line in (tmp_path / "log").read_text().splitlines()) == 6
