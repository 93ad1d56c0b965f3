"""JPEG files: the pixels of libjpeg-turbo exactly, in both backends; turned as they say; damaged ones refused."""

import json
import tracemalloc
import zipfile

import numpy as np
import pytest
from conftest import REFERENCE, check_mutants, refusal_faults

import minilxmert
from minilxmert import PictureError, read_picture
from minilxmert.vision import jpeg
from minilxmert.vision.exif import orientation, turn, turn_back

FOLDER = REFERENCE / "jpeg"
with zipfile.ZipFile(FOLDER / "jpegs.zip") as archive:
    FILES = {name: archive.read(name) for name in archive.namelist()}
with np.load(FOLDER / "jpegs.npz") as archive:
    PIXELS = dict(archive)
TURNS = json.loads((FOLDER / "orientation.json").read_text())["orientation"]
GOOD = sorted(set(FILES) - {"refused-arithmetic.jpg", "cmyk.jpg"})


def read(data, tmp_path):
    path = tmp_path / "x.jpg"
    path.write_bytes(data)
    return read_picture(path)


@pytest.mark.parametrize("backend", minilxmert.kernels.BACKENDS)
@pytest.mark.parametrize("name", GOOD)
def test_the_pixels_are_those_of_libjpeg_turbo(tmp_path, name, backend):
    with minilxmert.backend(backend):
        picture = read(FILES[name], tmp_path)
    assert picture.dtype == np.uint8 and picture.flags.c_contiguous
    np.testing.assert_array_equal(picture, turn(PIXELS[name], TURNS[name]))


@pytest.mark.parametrize("name", ["2x2-baseline.jpg", "1x2-progressive.jpg", "restart-5.jpg", "orientation-6.jpg"])
def test_the_pixels_are_the_same_in_bands_of_one_row_of_units(tmp_path, name, monkeypatch):
    monkeypatch.setattr(jpeg, "BAND", 1)
    np.testing.assert_array_equal(read(FILES[name], tmp_path), turn(PIXELS[name], TURNS[name]))


@pytest.mark.parametrize(
    "name", ["2x2-baseline.jpg", "2x2-progressive.jpg", "restart-2.jpg", "restart-progressive.jpg"]
)
def test_restarts_hold_for_the_scans_behind_them(tmp_path, name):
    """An interval that is told behind the last scan is of no scan."""
    data = FILES[name].removesuffix(b"\xff\xd9")
    for interval in (0, 3):
        later = data + b"\xff\xdd\0\4" + interval.to_bytes(2, "big") + b"\xff\xd9"
        np.testing.assert_array_equal(read(later, tmp_path), PIXELS[name])


def test_turning_there_and_back():
    picture = np.arange(24).reshape(2, 4, 3)
    upright = {2: (0, 3), 3: (1, 3), 4: (1, 0), 5: (0, 0), 6: (1, 0), 7: (1, 3), 8: (0, 3)}  # what comes to the corner
    for way, corner in upright.items():
        assert turn(picture, way)[0, 0].tolist() == picture[corner].tolist()
        np.testing.assert_array_equal(turn_back(turn(picture, way), way), picture)


def tag(value, kind=3, order=">"):
    entry = np.array([(0x0112, kind, 1, value, 0)], f"{order}u2,{order}u2,{order}u4,{order}u2,{order}u2").tobytes()
    start = {">": b"MM\0*\0\0\0\x08\0\x01", "<": b"II*\0\x08\0\0\0\x01\0"}[order]
    return start + entry


def test_orientation_in_both_byte_orders_and_damaged():
    assert [orientation(tag(value, order=order)) for order in "<>" for value in (1, 6, 8)] == [1, 6, 8] * 2
    for damaged in (
        b"",
        b"MM",
        tag(6)[:-1],
        tag(0),
        tag(9),
        tag(6, kind=2),
        b"XX" + tag(6)[2:],
        tag(6)[:8] + b"\xff" * 9,
    ):
        assert orientation(damaged) == 1


def test_content_decides_not_the_name(tmp_path):
    for name in ("x.png", "x.gif", "photo"):
        (tmp_path / name).write_bytes(FILES["grey.jpg"])
        np.testing.assert_array_equal(read_picture(tmp_path / name), PIXELS["grey.jpg"])
    (tmp_path / "x.jpg").write_bytes((REFERENCE / "png" / "rgb_8.png").read_bytes())
    assert read_picture(tmp_path / "x.jpg").shape[2] == 3


OTHERS = {
    "WebP": b"RIFF\x10\0\0\0WEBPVP8 ",
    "GIF": b"GIF89a",
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0",
    "AVIF": b"\0\0\0\x18ftypavif\0\0\0\0",
    "BMP": b"BM6\0\0\0",
    "TIFF": b"II*\0",
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_kinds_are_named_with_what_to_do(tmp_path, kind):
    with pytest.raises(PictureError, match=rf"x\.jpg: expected a PNG or JPEG .* an? {kind} picture: save it as PNG"):
        read(OTHERS[kind] + bytes(99), tmp_path)


def frame(kind=0xC0, bits=8, height=8, width=8, parts=((1, 0x11, 0),)):
    content = bytes([bits]) + height.to_bytes(2, "big") + width.to_bytes(2, "big") + bytes([len(parts)])
    return segment(kind, content + bytes(sum(parts, ())))


def segment(marker, content):
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


STEPS = segment(0xDB, bytes([0]) + b"\1" * 64)
CODES = b"".join(segment(0xC4, bytes([kind, 1, 1] + [0] * 14) + bytes([0, 1])) for kind in (0x00, 0x10))
SCAN = segment(0xDA, bytes([1, 1, 0, 0, 63, 0]))
START, END, BITS = b"\xff\xd8", b"\xff\xd9", b"\x3f"  # 00: the mean as before, and the end of the block
HEAD = START + STEPS + CODES


def test_a_file_by_hand(tmp_path):
    assert read(HEAD + frame() + SCAN + BITS + END, tmp_path).tolist() == [[[128] * 3] * 8] * 8
    one_more = HEAD + frame() + SCAN + b"\xaf" + END  # 10, one bit 1: a mean of 1 over 8, and 0: the end
    assert read(one_more, tmp_path)[0, 0].tolist() == [128] * 3
    steps = segment(0xDB, bytes([0]) + b"\x10" * 64)  # sixteen times as much
    assert read(HEAD + steps + frame() + SCAN + b"\xaf" + END, tmp_path)[7, 7].tolist() == [130] * 3


def test_a_progressive_picture_takes_four_bytes_a_pixel_and_a_constant(tmp_path):
    height, width = 2400, 3000
    blocks = height // 8 * -(-width // 8)
    three = [(number, 0x11, 0) for number in (1, 2, 3)]
    means = segment(0xDA, bytes([3, 1, 0, 2, 0, 3, 0, 0, 0, 0])) + bytes(-(-3 * blocks // 8))
    others = [segment(0xDA, bytes([1, n, 0, 1, 63, 0])) + bytes(-(-blocks // 8)) for n in (1, 2, 3)]
    (tmp_path / "x.jpg").write_bytes(HEAD + frame(0xC2, 8, height, width, three) + means + b"".join(others) + END)
    tracemalloc.start()
    picture = read_picture(tmp_path / "x.jpg")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert picture.shape == (height, width, 3) and (picture == 128).all()
    assert peak < 4 * height * width + 16e6


PROGRESSIVE = segment(0xDA, bytes([1, 1, 0, 0, 0, 0]))
REFUSED = {
    "12 bits": (HEAD + frame(0xC1, 12) + SCAN + BITS + END, "8 bits a sample, found 12 bits"),
    "lossless": (START + frame(0xC3) + SCAN + END, "baseline or progressive JPEG .* found a lossless one"),
    "hierarchical": (START + frame(0xC5) + SCAN + END, "found a hierarchical one"),
    "arithmetic": (FILES["refused-arithmetic.jpg"], "found arithmetic coding"),
    "CMYK": (FILES["cmyk.jpg"], "found CMYK, four components"),
    "height later": (HEAD + frame(height=0) + SCAN + BITS + END, "found 8 × 0"),
    "too many pixels": (HEAD + frame(height=65535, width=65535) + SCAN + BITS + END, "at most 120000000 pixels"),
    "many pixels in few bytes": (HEAD + frame(height=9000, width=9000) + SCAN + BITS + END, "as many bytes as"),
    "the same, progressive": (HEAD + frame(0xC2, 8, 9000, 9000) + PROGRESSIVE + BITS + END, "as many bytes as"),
    "two frames": (HEAD + frame() + frame() + SCAN + BITS + END, "frame: expected one"),
    "no frame": (HEAD + SCAN + BITS + END, "a frame before it"),
    "no scan": (HEAD + frame() + END, "a scan of pixels, found none"),
    "no steps": (START + CODES + frame() + SCAN + BITS + END, "the table of steps 00, found none"),
    "no codes": (START + STEPS + frame() + SCAN + BITS + END, "the table of codes 00, found none"),
    "a fractional ratio": (
        HEAD + frame(parts=((1, 0x31, 0), (2, 0x21, 0), (3, 0x11, 0))) + SCAN + BITS + END,
        "sampling in whole ratios",
    ),
    "codes that overlap": (START + segment(0xC4, bytes([0, 3] + [0] * 15) + bytes(3)), "none the beginning of another"),
    "a band out of order": (
        HEAD + frame(0xC2) + segment(0xDA, bytes([1, 1, 0, 5, 3, 0])) + BITS + END,
        "a part of a progressive picture",
    ),
    "no scan of the means": (
        HEAD + frame(0xC2) + segment(0xDA, bytes([1, 1, 0, 1, 63, 0])) + BITS + END,
        "a scan of every component",
    ),
    "more scans than any": (HEAD + frame(0xC2) + (PROGRESSIVE + BITS) * 101 + END, "at most 100 scans"),
    "bits that are no code": (HEAD + frame() + SCAN + b"\xff\0\xff\0" + END, "bits that are no code: damaged"),
    "too few bits": (HEAD + frame(height=48) + SCAN + b"\0" + END, "the end of the data: damaged"),
    "no end": (HEAD + frame() + SCAN + BITS, "the end of the file"),
    "cut in a segment": (HEAD[:-5], "segments? .* at byte"),
    "a restart that is missing": (
        HEAD + segment(0xDD, b"\0\1") + frame(height=16) + SCAN + BITS + b"\xff\xd1" + BITS + END,
        "no restart marker: damaged",
    ),
    "a million segments": (START + segment(0xFE, b"") * 200_000 + END, "at most 10000 segments"),
    "the start alone": (b"\xff\xd8\xff", "the end of the file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_and_in_which_words(tmp_path, name):
    data, words = REFUSED[name]
    path = tmp_path / "x.jpg"
    path.write_bytes(data)
    assert not list(refusal_faults(read_picture, path))
    with pytest.raises(PictureError, match=words):
        read_picture(path)


@pytest.mark.parametrize("name", ["2x2-baseline.jpg", "2x1-progressive.jpg", "restart-progressive.jpg"])
def test_a_cut_file_is_refused_wherever_it_is_cut(tmp_path, name):
    for size in range(0, len(FILES[name]), 37):
        with pytest.raises(PictureError):
            read(FILES[name][:size], tmp_path)


MUTATED = [
    "2x2-baseline.jpg",
    "2x2-2x1-1x1-progressive.jpg",
    "restart-2.jpg",
    "restart-progressive.jpg",
    "orientation-6.jpg",
]


@pytest.mark.parametrize("name", MUTATED)
def test_mutants_end_in_our_error(tmp_path, name):
    check_mutants(FILES[name], read_picture, tmp_path / "x.jpg", 100)


@pytest.mark.nightly
@pytest.mark.parametrize("name", MUTATED)
def test_many_mutants_end_in_our_error(tmp_path, name):
    check_mutants(FILES[name], read_picture, tmp_path / "x.jpg", 800, seed=1)


@pytest.mark.parametrize("name", MUTATED[:3])
def test_what_both_backends_make_of_damage_is_the_same(tmp_path, name):
    from conftest import mutants

    for mutant in mutants(FILES[name], 12, 5):
        found = []
        for backend in minilxmert.kernels.BACKENDS:
            with minilxmert.backend(backend):
                try:
                    found.append(read(mutant, tmp_path).tobytes())
                except PictureError as error:
                    found.append(str(error))
        assert found[0] == found[1]


def without_rounding(y, blue, red):
    """The mutant: colours in floating point, cut off."""
    r, b = y + 1.402 * (red - 128), y + 1.772 * (blue - 128)
    g = y - 0.344136 * (blue - 128) - 0.714136 * (red - 128)
    return np.stack([r, g, b], 2).clip(0, 255).astype(np.uint8)


def repeated(plane, down, across):
    """The mutant: coarse planes repeated, not smoothed."""
    return plane[1:-1].astype(np.int32).repeat(down, 0).repeat(across, 1)


@pytest.mark.parametrize(("name", "mutant"), [("to_rgb", without_rounding), ("finer", repeated)])
def test_wrong_pixels_are_noticed(tmp_path, monkeypatch, name, mutant):
    monkeypatch.setattr(jpeg, name, mutant)
    picture = read(FILES["2x2-baseline.jpg"], tmp_path)
    assert (picture != PIXELS["2x2-baseline.jpg"]).any()


def test_both_transforms_agree_on_any_coefficients():
    rng = np.random.default_rng(0)
    blocks = rng.integers(-32768, 32768, (3, 5, 64)).astype(np.int16)
    blocks[0] //= 200
    steps = rng.integers(0, 65536, 64)
    compiled = jpeg.to_samples(blocks, steps)
    with minilxmert.backend("numpy"):
        np.testing.assert_array_equal(compiled, jpeg.to_samples(blocks, steps))
