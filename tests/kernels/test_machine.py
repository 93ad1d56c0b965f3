"""The machine as it is: users without a home, names in other bytes, no more threads."""

import os
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

from minilxmert import LxmertForQuestionAnswering, kernels
from minilxmert.checkpoints import h5
from minilxmert.kernels import compiling, threads


def test_a_user_without_a_home_gets_no_folder_called_tilde(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # what it does without HOME and without an entry
    with pytest.warns(UserWarning, match="no home folder is known"):
        assert compiling.cache_folder() is None
    assert not list(tmp_path.iterdir())


def test_a_home_is_used(tmp_path, monkeypatch):
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tmp_path in compiling.cache_folder().parents


@pytest.mark.skipif(threads.LIMIT < 2, reason="one processor: no helper is wanted")
def test_no_more_threads(monkeypatch, tmp_path):
    """The kernels and the checksums work with the threads that there are, or alone, and give the same bits."""
    x, w, b = (np.random.default_rng(0).standard_normal(s).astype("f4") for s in ((640, 768), (768, 768), 768))
    expected = kernels.linear(x, {"w": w, "b": b})
    start = threading.Thread.start
    monkeypatch.setattr(threads, "helpers", [])

    def refused(thread):
        if not isinstance(thread, threads.Helper) and not thread.name.startswith("ThreadPool"):
            return start(thread)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    np.testing.assert_array_equal(kernels.linear(x, {"w": w, "b": b}), expected)
    assert not threads.helpers and h5.crc32s({"x": x}) == {"x": h5.crc32(x)}
    model = LxmertForQuestionAnswering.from_pretrained("weights")
    model.save_pretrained(tmp_path)
    assert LxmertForQuestionAnswering.from_pretrained(tmp_path).answers == model.answers


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict"])
def test_names_in_other_bytes_on_a_strict_terminal(tmp_path, encoding):
    picture, page = (os.path.join(os.fsencode(tmp_path), name) for name in (b"sc\xffene.png", b"p\xffage.html"))
    with open("weights/scene.png", "rb") as source, open(picture, "wb") as target:
        target.write(source.read())
    command = [sys.executable, "-m", "minilxmert", "show", "--weights", "weights", "--image", picture]
    command += ["--question", "what color is the star ?", "--out", page]
    done = subprocess.run(command, env={**os.environ, "PYTHONIOENCODING": encoding}, capture_output=True)
    assert done.returncode == 0 and b"age.html" in done.stdout and os.path.exists(page), done.stderr
