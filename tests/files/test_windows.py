"""What Windows does otherwise, played here: no fcntl, locks by msvcrt, no file that is open is replaced or removed."""

import errno
import fcntl
import os
import subprocess
import sys
import types

import numpy as np
import pytest
from test_saving import test_who_settles_late_removes_nothing_that_the_next_saving_has_placed  # noqa: F401

from minilxmert import LxmertForQuestionAnswering, MinilxmertError
from minilxmert.files import saving, writing

if not os.path.isdir("/proc/self/fd"):
    pytest.skip("which files are open is told by Linux alone", allow_module_level=True)


def opened(path):
    """Whether this process has a file open or mapped."""
    held = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
    with open("/proc/self/maps") as lines:
        return os.path.realpath(path) in held or any(line.rstrip().endswith(os.path.realpath(path)) for line in lines)


def locking(number, mode, size):
    """msvcrt's: EACCES where another has the byte."""
    assert size == 1
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        raise PermissionError(errno.EACCES, "Permission denied") from problem


@pytest.fixture(autouse=True)
def windows(monkeypatch):
    for room in (writing, saving):
        monkeypatch.setattr(room, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", types.SimpleNamespace(locking=locking, LK_NBLCK=0))
    for name in ("rename", "replace", "remove", "unlink"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))


def refusing(change):
    """A function of os that changes no file which is open."""

    def changed(*paths, **options):
        for path in paths:
            if os.path.isfile(path) and opened(path):
                raise PermissionError(errno.EACCES, "it is being used by another process", str(path))
        return change(*paths, **options)

    return changed


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_unless_it_is_open(tmp_path):
    path = tmp_path / "a.txt"
    writing.write_file(path, "one")
    writing.write_file(path, "two")
    with open(path) as held, pytest.raises(MinilxmertError, match=r"a\.txt: expected a file that may be replaced"):
        writing.write_file(path, "three")
    assert held.closed and path.read_text() == "two" and names(tmp_path) == ["a.txt"]
    (tmp_path / f"a.txt.tmp.{16 * '0'}").touch()  # of a process that has ended
    writing.write_file(path, "three")
    assert path.read_text() == "three" and names(tmp_path) == ["a.txt"]


def test_a_folder_has_one_holder_and_a_dead_one_has_none(tmp_path):
    first = saving.FolderLock(tmp_path)
    with pytest.raises(MinilxmertError, match="nobody trains into"):
        saving.FolderLock(tmp_path)
    first.release()
    assert names(tmp_path) == []
    code = f"import os, fcntl; fcntl.flock(open({str(tmp_path / saving.LOCK)!r}, 'ab'), fcntl.LOCK_EX); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9 and names(tmp_path) == [saving.LOCK]
    with saving.FolderLock(tmp_path), pytest.raises(MinilxmertError, match="nobody trains into"):
        saving.FolderLock(tmp_path)


@pytest.mark.parametrize("format", ["h5", "safetensors"])
def test_a_folder_whose_model_is_mapped_is_refused_before_anything_changes(tmp_path, format):
    kept = LxmertForQuestionAnswering.from_pretrained("weights")
    kept.save_pretrained(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    model = LxmertForQuestionAnswering.from_pretrained(tmp_path)
    with pytest.raises(MinilxmertError, match=r"model\.h5: expected a file that may be replaced.*mapped=False"):
        model.save_pretrained(tmp_path, format)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    del model
    model = LxmertForQuestionAnswering.from_pretrained(tmp_path, mapped=False)
    model.params["pooler"]["b"] = np.full_like(model.params["pooler"]["b"], 7)
    path = model.save_pretrained(tmp_path, format)
    found = LxmertForQuestionAnswering.from_pretrained(tmp_path).params["pooler"]["b"]
    assert path.suffix == f".{format}" and np.all(found == 7) and not [n for n in names(tmp_path) if n[0] == "."]
