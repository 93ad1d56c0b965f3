"""Fetching a published model from the Hugging Face hub: resumed where it stopped, checked, never half there.

The hub answers {endpoint}/{repository}/resolve/{revision}/{file}. Small files come from there; for large ones it sends
a redirect to a store, with their size and SHA-256 in X-Linked-Size and X-Linked-Etag. The ETag of a small file is git's
SHA-1 of it. A file grows as <name>.part beside its place and is renamed when its checksum is right."""

import hashlib
import http.client
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import NamedTuple

from ..errors import DownloadError, shorten
from ..files import FolderLock, flush_directory
from ..files.writing import is_plain
from ..words.vocabulary import FILES as VOCABULARY
from .weights import shards_of

ENDPOINT = "https://huggingface.co"
SIDE_FILES = ("config.json", *VOCABULARY, "answers.json")
WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "tf_model.h5")
CHUNK, TRIES, REDIRECTS, TIMEOUT = 1 << 20, 5, 5, 60
LARGEST = 1 << 36  # bytes
REASONS = {  # what an HTTP status means here
    401: "not allowed (401): the repository is private, gated or misspelt",
    403: "not allowed (403): the repository is gated; accept its terms in a browser and download by hand",
    404: "not found (404): is the name right?",
}
LOCAL = ("127.0.0.1", "localhost", "::1")


class Remote(NamedTuple):
    """A file on the server: where its bytes are, how many, and their checksum ("" if the server gives none)."""

    url: str
    size: int
    digest: str


def download(repo_id, directory=None, revision="main", endpoint=None, files=None, progress=None, pause=1.0):
    """Fetch a model into a directory (default: the repository's name, here) -> its path.

    files: only these; otherwise config, vocabulary and the first kind of weights that there is. endpoint: another hub
    (default: HF_ENDPOINT, or the public one). progress: called with (file, bytes done, bytes in all). pause: seconds
    before the first retry of a broken connection; each further one waits twice as long. Raises DownloadError."""
    check_names(repo_id, revision, files or ())
    directory = Path(directory or repo_id.rpartition("/")[2])
    base = f"{(endpoint or os.environ.get('HF_ENDPOINT') or ENDPOINT).rstrip('/')}/{repo_id}/resolve/{revision}/"
    with folder_for(directory):
        for name in files or find_files(base, repo_id):
            fetch(base + name, directory / name, progress, pause)
            if name.endswith(".index.json"):
                shards = sorted(set(shards_of(directory / name, DownloadError).values()))
                check_names(repo_id, revision, shards)
                for shard in shards:
                    fetch(base + shard, directory / shard, progress, pause)
    return directory


def folder_for(directory):
    """The FolderLock of a folder, made if need be: two downloads into one would write the same .part. Raises
    DownloadError, MinilxmertError."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return FolderLock(directory, "downloads")
    except OSError as problem:
        raise DownloadError.at(directory, None, "a folder to write into", problem.strerror) from None


def check_names(repo_id, revision, files):
    """Refuse names that could lead elsewhere, before they become an address or a path. Raises DownloadError."""
    part = r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,95}"
    if not re.fullmatch(rf"{part}(/{part})?", repo_id):
        raise DownloadError(f"{repo_id!r} is no repository name like unc-nlp/lxmert-base-uncased")
    for name in (revision, *files):
        if not re.fullmatch(part, name):
            raise DownloadError(f"{name!r} is no plain file or revision name")


def find_files(base, repo_id):
    """The side files that exist, then the first kind of weights that does."""
    found = [name for name in SIDE_FILES if ask_server(base + name, missing_is_fine=True)]
    weights = next((name for name in WEIGHT_FILES if ask_server(base + name, missing_is_fine=True)), None)
    if weights is None:
        raise DownloadError(f"{repo_id}: expected one of {', '.join(WEIGHT_FILES)}, found none: is the name right?")
    return [*found, weights]


def fetch(url, target, progress, pause):
    """Bring one file to `target`, through a link to where it leads: nothing is done if it is there and right; a .part
    is continued."""
    remote, target = ask_server(url), Path(os.path.realpath(target))
    if not is_plain(target):
        raise DownloadError.at(target, None, "a plain file to write", "a folder, a pipe or a device")
    if target.exists() and size_of(target) == remote.size and digest_is_right(target, remote):
        return
    part = target.with_name(f"{target.name}.part")
    if size_of(part) > remote.size:
        part.unlink()
    receive_all(url, remote, part, target.name, progress, pause)
    if not digest_is_right(part, remote):
        part.unlink()
        raise DownloadError.at(target.name, "checksum", remote.digest[:16], "another; the file was discarded")
    with open(part, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(part, target)
    flush_directory(target.parent)


def size_of(path):
    return path.stat().st_size if path.exists() else 0


def receive_all(url, remote, part, name, progress, pause):
    """Fill up `part`, over as many broken connections as TRIES allows."""
    broken, size = "the connection ended early", remote.size
    for attempt in range(TRIES):
        try:
            receive(remote, part, lambda done: progress and progress(name, done, size))
        except (OSError, http.client.HTTPException) as problem:
            broken = problem
        if part.exists() and size_of(part) == size:
            return
        time.sleep(pause * 2**attempt)
        remote = ask_server(url)  # the store's addresses expire
    found = f"{size_of(part)} after {TRIES} tries ({broken}); run it again to go on"
    raise DownloadError.at(name, None, f"{size} bytes", found)


def receive(remote, part, report):
    """Append to `part` what is missing of it, as far as the connection lasts."""
    have = size_of(part)
    if have == remote.size:
        return part.touch()
    with open_url(remote.url, "GET", {"Range": f"bytes={have}-"} if have else {}) as answer:
        goes_on = answer.status == 206 and (answer.headers["Content-Range"] or "").startswith(f"bytes {have}-")
        with open(part, "ab" if goes_on else "wb") as file:  # a server that ignores ranges starts anew
            done = have if goes_on else 0
            while done <= remote.size and (chunk := answer.read(CHUNK)):
                file.write(chunk)
                done += len(chunk)
                report(done)
    if done > remote.size:
        part.unlink()
        raise OSError("more bytes than the server announced")


def ask_server(url, missing_is_fine=False):
    """What the server says about a file -> Remote, or None if it is missing and that is fine."""
    size = digest = None
    for _ in range(REDIRECTS + 1):
        try:
            answer = open_url(url, "HEAD", {"Accept-Encoding": "identity"})
        except urllib.error.HTTPError as problem:
            if problem.code == 404 and missing_is_fine:
                return None
            reason = REASONS.get(problem.code, f"the server answers {problem.code}")
            raise DownloadError(f"{shorten(url)}: {reason}") from None
        except (OSError, http.client.HTTPException) as problem:
            raise DownloadError(f"{shorten(url)}: no answer ({problem})") from None
        with answer:
            headers = answer.headers
        digest = digest or (headers["X-Linked-Etag"] or headers["ETag"] or "").removeprefix("W/").strip('"')
        size = size or headers["X-Linked-Size"]
        if answer.status < 300:
            return Remote(url, file_size(size or headers["Content-Length"], url), digest)
        url = follow(url, headers["Location"])
    raise DownloadError(f"{shorten(url)}: more than {REDIRECTS} redirects")


def follow(url, location):
    """The address that a redirect leads to; never from https down to http."""
    try:
        target = urllib.parse.urljoin(url, location or "")
        schemes = "https", urllib.parse.urlsplit(url).scheme
        if location and urllib.parse.urlsplit(target).scheme in schemes and allowed(target):
            return target
    except ValueError:  # no address at all
        pass
    raise DownloadError(f"{shorten(url)}: a redirect to {shorten(location)}, which is not followed")


def allowed(url):
    address = urllib.parse.urlsplit(url)
    return address.scheme == "https" or (address.scheme == "http" and address.hostname in LOCAL)


def file_size(text, url):
    if text is None or not re.fullmatch("[0-9]{1,11}", text) or int(text) > LARGEST:
        raise DownloadError(f"{shorten(url)}: expected the file's size, found {text!r}")
    return int(text)


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Redirects are answers here: their headers are needed, and where they lead is checked first."""

    def redirect_request(self, *_):
        return None


def open_url(url, method, headers):
    """An open answer, a redirect included. Raises HTTPError, OSError, HTTPException, DownloadError."""
    try:
        if not allowed(url):
            raise DownloadError(f"{shorten(url)}: only https is used")
        request = urllib.request.Request(url, method=method, headers={"User-Agent": "minilxmert", **headers})
        return urllib.request.build_opener(NoRedirects).open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as answer:
        if method == "HEAD" and answer.code in (301, 302, 303, 307, 308):
            return answer
        raise
    except DownloadError:
        raise
    except ValueError as problem:  # an unfinished [, a letter that no address has
        raise DownloadError(f"{shorten(url)}: no address ({shorten(problem)})") from None


def digest_is_right(path, remote):
    """Whether a file has the server's checksum: SHA-256, git's SHA-1, or none that could be checked."""
    if re.fullmatch("[0-9a-f]{64}", remote.digest):
        digest = hashlib.sha256()
    elif re.fullmatch("[0-9a-f]{40}", remote.digest):
        digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    else:
        return path.stat().st_size == remote.size
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: digest).hexdigest() == remote.digest
