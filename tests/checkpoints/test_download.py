"""Downloads, from a server on this machine that behaves like the hub: redirects, ranges, and every kind of trouble."""

import hashlib
import json
import os
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from minilxmert import DownloadError, MinilxmertError
from minilxmert.checkpoints.download import download
from minilxmert.cli import main

BIG = np.random.default_rng(0).bytes(3_000_000)
FILES = {"config.json": b'{"a": 1}', "vocab.txt": b"[PAD]\n", "model.safetensors": BIG}


class Hub(ThreadingHTTPServer):
    """files: name -> bytes. trouble: what goes wrong. asked: every (method, path, range)."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.files, self.trouble, self.asked = dict(FILES), set(), []
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def reply(self, code, headers, content=b"", body=False):
        self.send_response(code)
        for name, value in {"Content-Length": len(content), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def answer(self, body):
        hub, wanted = self.server, self.headers["Range"]
        hub.asked.append((self.command, self.path, wanted))
        name = self.path.rpartition("/")[2]
        if "forbidden" in hub.trouble:
            return self.reply(401, {})
        if name not in hub.files:
            return self.reply(404, {})
        content = hub.files[name]
        if "/resolve/" in self.path and name.endswith("safetensors"):
            where = self.path if "loop" in hub.trouble else f"/store/{name}"
            where = "http://example.org/x" if "downgrade" in hub.trouble else where
            where = next((told[1] for told in hub.trouble if told[0] == "to"), where)
            digest = hashlib.sha256(b"other" if "checksum" in hub.trouble else content).hexdigest()
            return self.reply(302, {"Location": where, "X-Linked-Size": len(content), "X-Linked-Etag": f'"{digest}"'})
        git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        headers = {"ETag": f'"{git}"' if "/resolve/" in self.path else '"of the store"'}
        if wanted and "no ranges" not in hub.trouble:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            return self.reply(206, headers, content[start:], body)
        if body and "cut" in hub.trouble and name.endswith("safetensors"):
            hub.trouble.discard("cut")
            self.send_response(200)
            self.send_header("Content-Length", len(content))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            return None
        return self.reply(200, headers, content, body)


@pytest.fixture
def hub():
    with Hub() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def get(hub, tmp_path):
    """get(…) downloads somebody/model into tmp_path/model."""

    def run(**options):
        return download("somebody/model", tmp_path / "model", endpoint=hub.endpoint, pause=0.01, **options)

    return run


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_everything_arrives(hub, get):
    steps = []
    folder = get(progress=lambda *step: steps.append(step))
    assert contents(folder) == FILES
    done = [d for name, d, total in steps if name == "model.safetensors" and total == len(BIG)]
    assert done == sorted(done) and done[-1] == len(BIG)


def test_two_at_once_are_one_and_a_refusal(hub, get, tmp_path):
    faults = []

    def second(*_):
        with pytest.raises(MinilxmertError, match="a folder that nobody downloads into") as refused:
            get()
        faults.append(refused)

    assert contents(get(progress=second)) == FILES and len(faults) > 2
    assert contents(get()) == FILES  # no lock is left


@pytest.mark.skipif(os.name != "posix", reason="links and devices")
def test_through_a_link_its_target_is_written_and_a_device_stays_one(get, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").symlink_to(tmp_path / "far.json")
    folder = get(files=["config.json"])
    assert (folder / "config.json").is_symlink() and (tmp_path / "far.json").read_bytes() == FILES["config.json"]
    (folder / "vocab.txt").symlink_to(os.devnull)
    with pytest.raises(DownloadError, match="null: expected a plain file to write"):
        get(files=["vocab.txt"])
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode) and (folder / "vocab.txt").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["far.json", "model"]


def test_what_is_there_is_not_fetched_again(hub, get):
    get()
    hub.asked.clear()
    get()
    assert {method for method, _, _ in hub.asked} == {"HEAD"}


def test_a_cut_connection_is_resumed(hub, get):
    hub.trouble.add("cut")
    assert contents(get())["model.safetensors"] == BIG
    ranges = [r for method, path, r in hub.asked if method == "GET" and "store" in path]
    assert len(ranges) == 2 and ranges[0] is None and ranges[1].startswith("bytes=")


def test_an_earlier_part_is_continued(hub, get, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors.part").write_bytes(BIG[:1_000_000])
    assert contents(get()) == FILES
    assert ("GET", "/store/model.safetensors", "bytes=1000000-") in hub.asked


def test_a_server_without_ranges_starts_anew(hub, get, tmp_path):
    hub.trouble.add("no ranges")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors.part").write_bytes(b"x" * 1000)
    assert contents(get()) == FILES


def test_a_wrong_part_is_found_by_its_checksum(hub, get, tmp_path):
    (tmp_path / "model").mkdir()
    part = tmp_path / "model" / "model.safetensors.part"
    part.write_bytes(b"x" * 1000)
    with pytest.raises(DownloadError, match="checksum"):
        get()
    assert not part.exists() and not (tmp_path / "model" / "model.safetensors").exists()
    assert contents(get()) == FILES


TROUBLE = {"checksum": "model.safetensors: checksum", "loop": "redirects", "downgrade": "redirect", "forbidden": "401"}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_trouble(hub, get, tmp_path, trouble):
    hub.trouble.add(trouble)
    with pytest.raises(DownloadError, match=TROUBLE[trouble]):
        get()
    assert not list((tmp_path / "model").glob("model.safetensors*"))


def test_no_weights(hub, get):
    del hub.files["model.safetensors"]
    with pytest.raises(DownloadError, match="found none"):
        get()


def test_shards(hub, get):
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    del hub.files["model.safetensors"]
    hub.files |= {"model.safetensors.index.json": json.dumps(index).encode(), "model-1.safetensors": b"1"}
    hub.files["model-2.safetensors"] = b"2"
    assert contents(get()) == hub.files


def test_ctrl_c_keeps_the_part(hub, get, tmp_path):
    def stop(name, done, total):
        if name == "model.safetensors":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(progress=stop)
    assert (tmp_path / "model" / "model.safetensors.part").exists()
    assert contents(get()) == FILES


@pytest.mark.parametrize("name", ["../x", "a/b/c", "", "a b", "-" * 200, "ünc/lxmert", "a/b\n"])
def test_names_that_lead_elsewhere(name, tmp_path):
    with pytest.raises(DownloadError):
        download(name, tmp_path, endpoint="http://127.0.0.1:9")
    for wrong in ({"files": ["../config.json"]}, {"files": ["müll.bin"]}, {"revision": "mäin"}):
        with pytest.raises(DownloadError, match="no plain file or revision name"):
            download("somebody/model", tmp_path, endpoint="http://127.0.0.1:9", **wrong)


ADDRESSES = ["http://[", "https://[::1", "https://..", f"https://{'a' * 70}.invalid", "https://127.0.0.1:9/päth", "x"]


@pytest.mark.parametrize("endpoint", [*ADDRESSES, "https://a b", "https://127.0.0.1:port", "https://127.0.0.1:9/\0"])
def test_addresses_that_are_none(endpoint, tmp_path):
    with pytest.raises(DownloadError):
        download("somebody/model", tmp_path, endpoint=endpoint)


@pytest.mark.parametrize("location", ["http://[", "https://..", "https://127.0.0.1:9/p\xe4th", ""])
def test_redirects_to_nowhere(hub, get, location):
    hub.trouble.add(("to", location))
    with pytest.raises(DownloadError):
        get()


def test_a_folder_that_cannot_be_made(hub, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match="a folder to write into"):
        download("somebody/model", tmp_path / "file", endpoint=hub.endpoint)


def test_no_server(tmp_path):
    with pytest.raises(DownloadError, match="no answer"):
        download("somebody/model", tmp_path, endpoint="http://127.0.0.1:9")
    with pytest.raises(DownloadError, match="only https"):
        download("somebody/model", tmp_path, endpoint="http://example.org")


def test_the_command(hub, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    monkeypatch.chdir(tmp_path)
    assert main(["download", "somebody/model"]) == 0
    assert contents(tmp_path / "model") == FILES
    assert "100%" in capsys.readouterr().err
