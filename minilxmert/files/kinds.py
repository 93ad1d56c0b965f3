"""What a file is, told by its first bytes and in words, with what to do about it: for every reader that refuses one."""

import contextlib
import os
import re
from typing import NamedTuple

from ..errors import MinilxmertError

LOOKED_AT = 4096  # bytes; what has to be known stands before them
UNPACK = "unpack it first"
AS_PICTURE = "save it as PNG or JPEG"
AS_NPZ = "save named arrays with np.savez"


class Kind(NamedTuple):
    name: str
    text: str


VINVL = Kind(
    "VinVL", "a TSV of VinVL or Oscar, whose detector is not LXMERT's: minilxmert detect finds what LXMERT reads"
)
KINDS = {  # a regular expression of how the file begins -> its kind; the first that fits
    rb"version https://git-lfs": Kind("pointer", "a Git LFS pointer: fetch the file itself with git lfs pull"),
    rb"(?:\.\./)*\.git/annex/|/annex/objects/": Kind("pointer", "a git-annex pointer: fetch it with git annex get"),
    rb"(?i:\s*<(?:!doctype html|html|head|script|!--))": Kind("page", "a web page: the download was not the file"),
    rb"\s*<(?:\?xml|Error)": Kind("page", "XML, as a server that refuses sends it: the download was not the file"),
    rb"\x1f\x8b": Kind("gzip", f"gzip data: {UNPACK}"),
    rb"BZh\d1AY&SY": Kind("bzip2", f"bzip2 data: {UNPACK}"),
    rb"\xfd7zXZ\0|\x28\xb5\x2f\xfd|7z\xbc\xaf\x27\x1c|Rar!\x1a\x07": Kind("packed", f"a compressed archive: {UNPACK}"),
    rb".{257}ustar": Kind("tar", f"a tar archive (torch before 0.1.10 saved in it): {UNPACK}"),
    rb"PK\x03\x04.{22}(?:.{4})?[^\0/]{1,200}\.npy": Kind("npz", "an npz file of NumPy arrays"),
    rb"PK\x03\x04.{26}[^\0/]{1,200}/(?:data\.pkl|\.format|version|byteorder)": Kind("torch", "a file of torch.save"),
    rb"PK[\x03\x05][\x04\x06]": Kind("zip", f"a zip archive: {UNPACK}"),
    rb"(?:.{512}){0,7}\x89HDF\r\n\x1a\n": Kind("HDF5", "an HDF5 file"),
    rb"\x89PNG\r\n\x1a\n": Kind("PNG", "a PNG picture"),
    rb"\xff\xd8\xff": Kind("JPEG", "a JPEG picture"),
    rb"GIF8[79]a": Kind("picture", f"a GIF picture: {AS_PICTURE}"),
    rb"BM.{4}\0{4}": Kind("picture", f"a BMP picture: {AS_PICTURE}"),
    rb"RIFF.{4}WEBP": Kind("picture", f"a WebP picture: {AS_PICTURE}"),
    rb"II\*\0|MM\0\*": Kind("picture", f"a TIFF picture: {AS_PICTURE}"),
    rb".{4}ftyp(?:hei|hev|mif1|msf1)": Kind("picture", f"a HEIC picture: {AS_PICTURE}"),
    rb".{4}ftypavi": Kind("picture", f"an AVIF picture: {AS_PICTURE}"),
    rb"\0\0\0\x0cjP  ": Kind("picture", f"a JPEG 2000 picture: {AS_PICTURE}"),
    rb"\xff\x0a|\0\0\0\x0cJXL ": Kind("picture", f"a JPEG XL picture: {AS_PICTURE}"),
    rb"%PDF-": Kind("other", "a PDF document"),
    rb"\x93NUMPY.{4,6}\{'descr': ?'\|O'": Kind("npy", f"a pickle in a NumPy array (.npy), which is not run: {AS_NPZ}"),
    rb"\x93NUMPY": Kind("npy", f"a NumPy array (.npy): {AS_NPZ}"),
    rb"\x80[\x02-\x05]": Kind("pickle", "a plain pickle, which is not run: save its arrays (weights: by torch.save)"),
    rb".{16}\xde\xc0\xef\xbe": Kind("other", f"an LMDB database, of pickles as a rule: in its own program, {AS_NPZ}"),
    rb"SQLite format 3\0": Kind("other", "an SQLite database"),
    rb"PAR1|ARROW1|Obj\x01": Kind("other", "a table of another kind (Parquet, Arrow, Avro)"),
    rb"MATLAB 5\.0 MAT-file": Kind("other", "a MATLAB file: save it with -v7.3, which is HDF5"),
    rb"\0\x05\x16\x07": Kind("other", "a companion of a macOS file: take the one whose name does not begin with ._"),
    rb"\xff\xfe|\xfe\xff": Kind("UTF-16", "text in UTF-16: save it as UTF-8"),
    rb"\0{16}": Kind("other", "zeros: it was not copied or downloaded to its end"),
    rb"[^\t\n]{1,256}\t(?:\d{1,5}\t[\w+/]{64}|\[?\{\s*\"(?:num_boxes|features|objects|image_[hw]|class|rect)\")": VINVL,
    rb"[^\t\n]{1,256}\t\d{1,7}\t\d{1,7}\t[\w+/]*=*(?:\t|\Z)": Kind("TSV", "a TSV of objects"),
    rb".{8}\{\s*\"": Kind("safetensors", "a safetensors file"),
    rb"\s*(?:\{\s*[\"}]|\[\s*[\[{\"\]\d-])": Kind("JSON", "JSON"),
}
EMPTY, TEXT, OTHER = Kind("empty", "an empty file"), Kind("text", "plain text"), Kind("bytes", "other bytes")
FOLDER = Kind("folder", "a folder")
TEXTS = {"text", "JSON", "TSV", "bytes"}  # of the last, a reader says which line is no text


def kind_of(source):
    """The Kind of a file: source is its path or its first bytes. A path that cannot be read is of kind "bytes"."""
    if isinstance(source, str | os.PathLike):
        try:
            with open(source, "rb") as file:
                source = file.read(LOOKED_AT)
        except OSError:
            return FOLDER if os.path.isdir(source) else OTHER
    start = bytes(source[:LOOKED_AT]).removeprefix(b"\xef\xbb\xbf")
    if not start:
        return EMPTY
    known = (kind for begins, kind in KINDS.items() if re.match(begins, start, re.DOTALL))
    return next(known, TEXT if looks_like_text(start) else OTHER)


def looks_like_text(start):
    """Whether the first bytes of a file are UTF-8 (the last character may be cut) without control characters."""
    text = start.decode("utf-8", "replace")[:-3]
    return not re.search("[\0-\x08\x0e-\x1f\ufffd]", text)


def what_it_is(source):
    """What a file is, in words, and what to do about it; source: its path or its first bytes."""
    return kind_of(source).text


@contextlib.contextmanager
def expecting(expected, path, *own, source=None):
    """Inside the block, where a file is read, a refusal of one that is plainly of another kind says which it is.

    expected: what the reader takes, in words. own: the names of the kinds that may be it; text and unknown bytes may
    always be. source: the first bytes, where they are at hand."""
    try:
        yield
    except MinilxmertError as refusal:
        kind = kind_of(path if source is None else source)
        if kind.name in (*own, TEXT.name, OTHER.name):
            raise
        raise type(refusal).at(path, None, expected, kind.text) from None
