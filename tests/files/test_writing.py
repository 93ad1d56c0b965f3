"""Files are written whole or not at all, whoever else writes them, and whatever stands in their place."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading

import pytest

from minilxmert import MinilxmertError
from minilxmert.files import replacing, saving, sweep, write_file, writing

posix = pytest.mark.skipif(os.name != "posix", reason="what Windows does not have")
WAITING = """
import sys, time
from minilxmert.files import replacing
with replacing(sys.argv[1]):
    print(flush=True)
    time.sleep(60)"""


def test_a_failed_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "file"
    write_file(target, "old")
    with pytest.raises(RuntimeError), replacing(target) as temporary:
        temporary.write_text("new")
        raise RuntimeError
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]
    write_file(target, "new")
    assert target.read_text() == "new" and list(tmp_path.iterdir()) == [target]


@posix
def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path):
    target, others = tmp_path / "file", [tmp_path / name for name in ("file.tmp.1", "file.tmp.old", "file.txt")]
    for other in others:
        other.touch()
    writers = [subprocess.Popen([sys.executable, "-c", WAITING, target], stdout=-1) for _ in "ab"]
    try:
        for writer in writers:
            writer.stdout.readline()
        assert len(set(tmp_path.iterdir()) - set(others)) == 2
        writers[0].kill()
        writers[0].wait()
        sweep(target)
        assert len(set(tmp_path.iterdir()) - set(others)) == 1
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    write_file(target, "x")
    assert set(tmp_path.iterdir()) == {target, *others}


@posix
def test_a_sweep_between_making_and_locking_does_no_harm(tmp_path, monkeypatch):
    """Whoever locks a neighbour before its own writer does takes it for left behind; the writer takes another."""
    lock, swept = writing.lock, []

    def late(file, wait=False):
        if wait and not swept:
            monkeypatch.setattr(writing, "lock", lock)
            swept.extend(os.listdir(tmp_path))
            sweep(tmp_path / "file")
        return lock(file, wait)

    monkeypatch.setattr(writing, "lock", late)
    write_file(tmp_path / "file", "x")
    assert len(swept) == 1 and os.listdir(tmp_path) == ["file"] and (tmp_path / "file").read_text() == "x"


@posix
def test_killed_while_writing(tmp_path):
    """Whatever the moment of kill -9, the file is one of the versions written, whole."""
    target = tmp_path / "file"
    script = f"""
from minilxmert.files import write_file
while True:
    for digit in "0123456789":
        write_file({str(target)!r}, digit * 1_000_000)"""
    for delay in (0.3, 0.4):
        writer = subprocess.Popen([sys.executable, "-c", script])
        try:
            writer.wait(delay)
        except subprocess.TimeoutExpired:
            writer.send_signal(signal.SIGKILL)
            writer.wait()
        if target.exists():
            assert len(target.read_text()) == 1_000_000 and len(set(target.read_text())) == 1
    write_file(target, "last")
    assert list(tmp_path.iterdir()) == [target]


def test_threads_that_write_the_same_file(tmp_path):
    """Nobody fails, and whoever reads meanwhile finds one of the texts, whole."""
    target, faults, done = tmp_path / "file", [], threading.Event()
    texts = [letter.encode() * 300_000 for letter in "abcd"]
    write_file(target, texts[0])

    def write(text):
        try:
            for _ in range(60):
                write_file(target, text)
        except Exception as problem:
            faults.append(repr(problem))

    def read():
        while not done.is_set():
            if target.read_bytes() not in texts:
                faults.append("torn")

    writers, reader = [threading.Thread(target=write, args=(text,)) for text in texts], threading.Thread(target=read)
    for thread in (*writers, reader):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert not faults and list(tmp_path.iterdir()) == [target]


# --- what is no plain file


@posix
@pytest.mark.parametrize("links", [1, 2])
def test_through_a_link_its_target_is_written(tmp_path, links):
    folder = tmp_path / "far" / "away"
    folder.mkdir(parents=True)
    link = tmp_path / "link0"
    link.symlink_to("far/away/real")  # nothing there yet
    for number in range(1, links):
        link, before = tmp_path / f"link{number}", link
        link.symlink_to(before)
    for text in ("first", "second"):
        write_file(link, text)
        assert link.is_symlink() and (folder / "real").read_text() == text and os.listdir(folder) == ["real"]


@posix
def test_a_pipe_gets_the_whole(tmp_path):
    pipe, data = tmp_path / "pipe", os.urandom(1_000_000)
    os.mkfifo(pipe)
    with pytest.raises(MinilxmertError, match="pipe: expected a pipe that somebody reads"):
        write_file(pipe, data)
    with open(tmp_path / "read", "wb") as read, subprocess.Popen(["cat", pipe], stdout=read) as reader:
        while True:
            try:
                write_file(pipe, data)
                break
            except MinilxmertError:  # the reader has not opened it yet
                pass
        assert reader.wait() == 0
    assert (tmp_path / "read").read_bytes() == data
    assert stat.S_ISFIFO(os.stat(pipe).st_mode) and set(os.listdir(tmp_path)) == {"pipe", "read"}


@posix
def test_a_pipe_gets_nothing_of_what_failed(tmp_path):
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader:
        with pytest.raises(RuntimeError), replacing(f"/dev/fd/{write}") as temporary:
            temporary.write_text("half")
            raise RuntimeError
        os.close(write)
        assert reader.read() == b""


@posix
def test_a_device_stays_one():
    write_file(os.devnull, "x")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    with tempfile.TemporaryDirectory() as folder, pytest.raises(IsADirectoryError):
        write_file(folder, "x")


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755])
def test_rights_are_kept(tmp_path, mode):
    target = tmp_path / "file"
    target.touch()
    target.chmod(mode)
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600  # nobody reads it sooner
    assert stat.S_IMODE(target.stat().st_mode) == mode and target.read_text() == "new"


def replace_alone(path):
    write_file(path, "new")


def replace_in_folder(path):
    with saving.replace_files(path.parent) as folder:
        (folder / path.name).write_text("new")


@posix
@pytest.mark.parametrize("replace", [replace_alone, replace_in_folder])
@pytest.mark.parametrize("allowed", [True, False])
def test_the_owner_is_kept_where_the_system_allows_it(tmp_path, monkeypatch, replace, allowed):
    target, asked = tmp_path / "file", []
    target.touch()
    target.chmod(0o640)
    before = target.stat()

    def chown(path, user, group):
        asked.append((user, group))
        if not allowed:
            raise PermissionError

    monkeypatch.setattr(os, "chown", chown)
    replace(target)
    assert asked == [(-1, before.st_gid), (before.st_uid, -1)]
    assert target.read_text() == "new" and stat.S_IMODE(target.stat().st_mode) == 0o640


@posix
def test_a_new_file_has_the_usual_rights(tmp_path):
    (tmp_path / "usual").touch()
    write_file(tmp_path / "ours", "x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_what_cannot_be_replaced_is_said_in_words(tmp_path, monkeypatch):
    """Windows lets nobody replace a file that is mapped or open."""

    def refuse(*paths):
        raise PermissionError(13, "The process cannot access the file")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(MinilxmertError, match=r"model.h5: expected a file that may be replaced.*mapped=False"):
        write_file(tmp_path / "model.h5", "x")
    assert not list(tmp_path.iterdir())
