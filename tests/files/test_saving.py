"""Several processes and threads at one folder: what was placed stays, and a lock ends with the process that has it."""

import os
import threading

import pytest

from minilxmert import MinilxmertError
from minilxmert.files import saving
from minilxmert.files.writing import replacing, sweep

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")


@forks
def test_who_settles_late_removes_nothing_that_the_next_saving_has_placed(tmp_path, monkeypatch):
    """One finds that `b` is to go, and stops there; another saving with a new `b` comes, and is done or waits."""
    (tmp_path / "b").write_text("first")
    (tmp_path / saving.SAVED).mkdir()
    (tmp_path / saving.SAVED / "a").write_text("second")
    saving.note_removal(tmp_path / saving.SAVED, "b")
    settle_file, stopped, on = saving.settle_file, threading.Event(), threading.Event()

    def slowly(file, folder):
        if threading.current_thread() is late and file.name == "b.gone":
            stopped.set()
            on.wait()
            (folder / "b").unlink(missing_ok=True)
        settle_file(file, folder)

    def save():
        with saving.replace_files(tmp_path) as folder:
            (folder / "b").write_text("third")

    monkeypatch.setattr(saving, "settle_file", slowly)
    late, saver = threading.Thread(target=saving.settle, args=(tmp_path,)), threading.Thread(target=save)
    late.start()
    stopped.wait()
    saver.start()
    saver.join(0.3)
    on.set()
    late.join()
    saver.join()
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"a": "second", "b": "third"}


def forked(work):
    """The process that does some work and ends by itself."""
    if child := os.fork():
        return child
    try:
        work()
    finally:
        os._exit(0)


@forks
def test_a_forked_child_keeps_nothing_locked(tmp_path):
    """Its parent is killed, and the child lives on: the folder and the unfinished file are nobody's any more."""
    (tmp_path / "saved").mkdir()
    living, kept = os.pipe(), []
    told, tell = os.pipe()

    def parent():
        os.close(living[1])
        kept.append(saving.FolderLock(tmp_path))
        with replacing(tmp_path / "file"), saving.held(tmp_path / "saved"):
            forked(lambda: (os.write(tell, b"."), os.read(living[0], 1)))
            os.read(told, 1)
            os.kill(os.getpid(), 9)

    os.waitpid(forked(parent), 0)
    with saving.held(tmp_path / "saved") as free:
        assert free
    saving.FolderLock(tmp_path).release()
    assert len([*tmp_path.glob("file.tmp.*")]) == 1
    sweep(tmp_path / "file")
    assert [file.name for file in tmp_path.iterdir()] == ["saved"]
    os.close(living[1])


@forks
def test_a_forked_child_does_not_let_others_in(tmp_path):
    with saving.FolderLock(tmp_path) as lock:
        os.waitpid(forked(lock.release), 0)
        with pytest.raises(MinilxmertError, match="nobody trains into"):
            saving.FolderLock(tmp_path)
