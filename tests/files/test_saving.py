"""Several processes and threads at one folder: what was placed stays, and a lock ends with the process that has it."""

import contextlib
import os
import threading
import time
import weakref

import pytest

from minilxmert import MinilxmertError
from minilxmert.files import make_folder, saving, writing
from minilxmert.files.writing import replacing, sweep

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")


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


LOCKING = {
    "a folder's lock": lambda folder: saving.FolderLock(folder).release(),
    "a folder": lambda folder: saving.held(folder).__enter__(),
    "a new file": lambda folder: replacing(folder / "new").__enter__(),
    "a stale file": lambda folder: sweep(folder / "stale"),
}


@forks
@pytest.mark.parametrize("way", LOCKING)
def test_a_child_that_is_forked_while_a_file_is_opened_keeps_nothing_open(tmp_path, monkeypatch, way):
    inside = threading.Event()

    class Slowly(weakref.WeakSet):
        def add(self, file):
            inside.set()
            time.sleep(0.3)  # the fork is to wait for that
            super().add(file)

    def look():
        for number in range(256):
            with contextlib.suppress(OSError):
                if os.path.realpath(f"/proc/self/fd/{number}").startswith(str(tmp_path)):
                    os._exit(1)

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("which files are open is told by Linux alone")
    monkeypatch.setattr(writing, "LOCKED", Slowly())
    (tmp_path / f"stale.tmp.{16 * '0'}").touch()
    worker = threading.Thread(target=lambda: kept.append(LOCKING[way](tmp_path)))
    kept = []
    worker.start()
    inside.wait()
    child = forked(look)
    worker.join()
    assert os.waitpid(child, 0)[1] == 0


def test_what_is_no_folder_is_refused_in_words(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MinilxmertError, match=r"a/b: expected a folder to write into, found .*file"):
        make_folder(tmp_path / "file" / "a" / "b")
    with pytest.raises(MinilxmertError, match=r"file: expected a folder to write into, found .*file"):
        make_folder(tmp_path / "file")
    assert make_folder(tmp_path / "a" / "b") == make_folder(tmp_path / "a" / "b") and (tmp_path / "a" / "b").is_dir()
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    for other in ("/dev/null", tmp_path / "gone"):
        with pytest.raises(MinilxmertError, match="expected a folder to write into, found another kind of file"):
            make_folder(other)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name")
def test_a_pipe_in_the_place_of_the_lock_keeps_nobody_waiting(tmp_path):
    os.mkfifo(tmp_path / saving.LOCK)
    with pytest.raises(MinilxmertError, match=r"in-use\.lock: expected a pipe that somebody reads"):
        saving.FolderLock(tmp_path)
    (tmp_path / "other").mkdir()
    with saving.FolderLock(tmp_path / "other") as lock:
        assert not lock.path.stat().st_mode & 0o111
