"""PNG files: those of three other encoders exactly, any picture there and back, damaged and hostile ones refused."""

import tracemalloc
import zlib

import numpy as np
import pytest
from conftest import REFERENCE, check_mutants, refusal_faults
from hypothesis import given, settings
from hypothesis import strategies as st

import minilxmert
from minilxmert import PictureError, ShapeError, read_picture
from minilxmert.kernels.unfilter import unfilter
from minilxmert.vision import png
from minilxmert.vision.pictures import read_png, to_eight_bits, write_png

FOLDER = REFERENCE / "png"
with np.load(FOLDER / "expected.npz") as archive:
    EXPECTED = dict(archive)


def chunk(kind, content=b"", crc=None):
    crc = zlib.crc32(kind + content) if crc is None else crc
    return len(content).to_bytes(4, "big") + kind + content + crc.to_bytes(4, "big")


def ihdr(w, h, depth=8, colour=2, *methods):
    return chunk(b"IHDR", w.to_bytes(4, "big") + h.to_bytes(4, "big") + bytes([depth, colour, *(methods or (0, 0, 0))]))


def idat(raw):
    return chunk(b"IDAT", zlib.compress(raw))


def file_of(*chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


END = chunk(b"IEND")
HEAD, PIXEL = ihdr(1, 1), idat(b"\0abc")
GOOD = file_of(HEAD, PIXEL, END)


def test_every_file_of_the_folder_has_its_expected_picture():
    assert {path.stem for path in FOLDER.glob("*.png")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_files_of_other_encoders_are_read_exactly(name):
    picture = read_picture(FOLDER / f"{name}.png")
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, EXPECTED[name])


def test_a_picture_by_hand(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(GOOD)
    assert read_picture(path).tolist() == [[[97, 98, 99]]]
    grey = file_of(ihdr(3, 1, 2, 0), idat(bytes([0, 0b00_01_11_00])), END)
    path.write_bytes(grey)
    assert read_picture(path)[0, :, 0].tolist() == [0, 85, 255]
    path.write_bytes(file_of(ihdr(1, 1, 8, 4), idat(bytes([0, 100, 51])), END))  # a fifth of 100 over four of 255
    assert read_picture(path)[0, 0].tolist() == [224, 224, 224]


def filter_slowly(rows, kinds, step):
    """The specification word for word, a byte at a time: rows (H, S) of ints -> the bytes to compress."""
    out = bytearray()
    for y, kind in enumerate(kinds):
        out.append(kind)
        for x, value in enumerate(rows[y]):
            a = rows[y][x - step] if x >= step else 0
            b = rows[y - 1][x] if y else 0
            c = rows[y - 1][x - step] if y and x >= step else 0
            nearest = min((a, b, c), key=lambda n: abs(a + b - c - n))  # min takes the first of equals
            out.append((value - (0, a, b, (a + b) // 2, nearest)[kind]) % 256)
    return bytes(out)


def test_sixteen_bits_become_the_nearest_eight():
    samples = np.arange(65536, dtype=np.uint16)
    np.testing.assert_array_equal(to_eight_bits(samples, 16), np.rint(samples / 257))


@st.composite
def filtered_rows(draw):
    h, w, step = draw(st.integers(1, 7)), draw(st.integers(1, 7)), draw(st.sampled_from([1, 2, 3, 4, 6, 8]))
    values = draw(
        st.lists(st.sampled_from([0, 1, 2, 127, 128, 254, 255]), min_size=h * w * step, max_size=h * w * step)
    )
    kinds = draw(st.lists(st.integers(0, draw(st.sampled_from([2, 4]))), min_size=h, max_size=h))
    return np.array(values).reshape(h, w * step), kinds, step


def check_filters(rows, kinds, step):
    stored = filter_slowly(rows.tolist(), kinds, step)
    stored = np.frombuffer(stored, np.uint8).reshape(len(rows), -1)
    for cut in (0, len(rows) // 2):  # in one band, and in two
        above = np.zeros(rows.shape[1], np.uint8)
        for part, expected in zip((stored[:cut], stored[cut:]), (rows[:cut], rows[cut:]), strict=True):
            if len(part):
                found = part[:, 1:].copy()
                unfilter(part[:, 0], found, above, step)
                np.testing.assert_array_equal(found, expected)
                above = found[-1]


@given(filtered_rows())
@settings(max_examples=150, deadline=None)
def test_any_mixture_of_filters_is_undone(case):
    for backend in minilxmert.kernels.BACKENDS:
        with minilxmert.backend(backend):
            check_filters(*case)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1), st.sampled_from([2, 256]))
@settings(max_examples=60, deadline=None)
def test_any_picture_comes_back(tmp_path_factory, h, w, seed, most):
    path = tmp_path_factory.mktemp("png") / "x.png"
    picture = np.random.default_rng(seed).integers(0, most, (h, w, 3), np.uint8)
    write_png(path, picture)
    np.testing.assert_array_equal(read_picture(path), picture)
    first = path.read_bytes()
    write_png(path, picture)
    assert path.read_bytes() == first


def test_drawn_pictures_become_small_files(tmp_path):
    y, x = np.mgrid[:96, :128]
    picture = np.full((96, 128, 3), 240, np.uint8)
    picture[(y - 40) ** 2 + (x - 50) ** 2 < 400] = [200, 30, 30]
    write_png(tmp_path / "x.png", picture)
    assert (tmp_path / "x.png").stat().st_size < 700  # 36,864 bytes of pixels
    ramp = np.broadcast_to((2 * x)[..., None], (96, 128, 3)).astype(np.uint8)
    write_png(tmp_path / "x.png", ramp)
    assert (tmp_path / "x.png").stat().st_size < 300


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((2, 2), np.uint8),
        np.zeros((2, 2, 4), np.uint8),
        np.zeros((2, 2, 3), np.float32),
        np.zeros((0, 2, 3), np.uint8),
        np.zeros((1, png.LONGEST_SIDE + 1, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_not_written(tmp_path, picture):
    with pytest.raises(ShapeError, match="picture: expected"):
        write_png(tmp_path / "x.png", picture)
    assert not list(tmp_path.iterdir())


PALETTE = chunk(b"PLTE", b"abcdef")
HOSTILE = {
    "empty": b"",
    "signature only": GOOD[:8],
    "text": b"not a picture at all",
    "no end": GOOD[: -len(END)],
    "cut": GOOD[:-1],
    "cut in the pixels": GOOD[:50],
    "no header": file_of(PIXEL, END),
    "two headers": file_of(HEAD, HEAD, PIXEL, END),
    "no pixels": file_of(HEAD, END),
    "pixels in two places": file_of(
        HEAD, chunk(b"IDAT", PIXEL[8:12]), chunk(b"tEXt"), chunk(b"IDAT", PIXEL[12:-4]), END
    ),
    "wrong checksum": file_of(HEAD, chunk(b"IDAT", PIXEL[8:-4], crc=1), END),
    "wrong checksum of a comment": file_of(HEAD, chunk(b"tEXt", b"x", crc=1), PIXEL, END),
    "size of a chunk": file_of(HEAD, b"\xff\xff\xff\xff" + PIXEL[4:], END),
    "unknown critical chunk": file_of(HEAD, chunk(b"CgBI"), PIXEL, END),
    "short header": file_of(chunk(b"IHDR", HEAD[8:20]), PIXEL, END),
    "depth 3": file_of(ihdr(1, 1, 3), PIXEL, END),
    "colour of 4 bits": file_of(ihdr(1, 1, 4, 2), PIXEL, END),
    "palette of 16 bits": file_of(ihdr(1, 1, 16, 3), PALETTE, idat(b"\0\0\0"), END),
    "colour type 5": file_of(ihdr(1, 1, 8, 5), PIXEL, END),
    "compression 1": file_of(ihdr(1, 1, 8, 2, 1, 0, 0), PIXEL, END),
    "filter method 1": file_of(ihdr(1, 1, 8, 2, 0, 1, 0), PIXEL, END),
    "interlace 2": file_of(ihdr(1, 1, 8, 2, 0, 0, 2), PIXEL, END),
    "no width": file_of(ihdr(0, 1), idat(b"\0"), END),
    "too wide": file_of(ihdr(40_000, 1), idat(bytes(120_001)), END),
    "too many pixels": file_of(ihdr(30_000, 30_000), PIXEL, END),
    "fewer pixels": file_of(HEAD, idat(b"\0ab"), END),
    "compressed, but cut": file_of(HEAD, chunk(b"IDAT", PIXEL[8:-10]), END),
    "large, and no pixels": file_of(ihdr(6000, 6000, 16, 6), PIXEL, END),
    "not compressed": file_of(HEAD, chunk(b"IDAT", b"\0abc"), END),
    "filter 5": file_of(HEAD, idat(b"\5abc"), END),
    "palette missing": file_of(ihdr(1, 1, 8, 3), idat(b"\0\0"), END),
    "palette late": file_of(ihdr(1, 1, 8, 3), idat(b"\0\0"), PALETTE, END),
    "palette empty": file_of(ihdr(1, 1, 8, 3), chunk(b"PLTE"), idat(b"\0\0"), END),
    "palette of 257 colours": file_of(ihdr(1, 1, 8, 3), chunk(b"PLTE", bytes(771)), idat(b"\0\0"), END),
    "palette of odd size": file_of(ihdr(1, 1, 8, 3), chunk(b"PLTE", b"ab"), idat(b"\0\0"), END),
    "two palettes": file_of(ihdr(1, 1, 8, 3), PALETTE, PALETTE, idat(b"\0\0"), END),
    "transparency too long": file_of(ihdr(1, 1, 8, 3), PALETTE, chunk(b"tRNS", b"abc"), idat(b"\0\0"), END),
    "transparency of colour": file_of(HEAD, chunk(b"tRNS", b"ab"), PIXEL, END),
    "a million chunks": file_of(HEAD, chunk(b"tEXt") * 1_000_000, PIXEL, END),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_in_one_line(tmp_path, name):
    path = tmp_path / "x.png"
    path.write_bytes(HOSTILE[name])
    assert not list(refusal_faults(read_png, path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PictureError, match=r"none\.png: expected a readable file, found No such file"):
        read_picture(tmp_path / "none.png")


def test_what_other_readers_forgive_is_read(tmp_path):
    path = tmp_path / "x.png"
    pieces = [chunk(b"IDAT", bytes([byte])) for byte in PIXEL[8:-4]]
    text = chunk(b"tEXt", b"Comment\0hello")
    path.write_bytes(file_of(HEAD, text, PALETTE, chunk(b"IDAT"), *pieces, text, END) + b"what a camera appends")
    assert read_picture(path).tolist() == [[[97, 98, 99]]]


FORGIVEN = {  # name: (file, its first row); libpng 1.6.x (as in OpenCV 5.0.0) and Pillow 13.0 both read it so
    "bytes behind the last row": (file_of(HEAD, idat(b"\0abcd"), END), [(97, 98, 99)]),
    "much behind the last row": (file_of(HEAD, idat(b"\0abc" + bytes(100 << 20)), END), [(97, 98, 99)]),
    "no end of the compressed stream": (file_of(HEAD, chunk(b"IDAT", PIXEL[8:-8]), END), [(97, 98, 99)]),
    "more colours than a bit can name": (
        file_of(ihdr(2, 1, 1, 3), chunk(b"PLTE", b"abcdefghi"), idat(b"\0\x40"), END),
        [(97, 98, 99), (100, 101, 102)],
    ),
    "numbers without a colour": (
        file_of(ihdr(3, 1, 8, 3), PALETTE, idat(b"\0\1\2\377"), END),
        [(100, 101, 102), (0, 0, 0), (0, 0, 0)],
    ),
    "palette of grey": (file_of(ihdr(1, 1, 8, 0), PALETTE, idat(b"\0\7"), END), [(7, 7, 7)]),
    "palette of odd size in grey": (
        file_of(ihdr(1, 1, 8, 0), chunk(b"PLTE", b"ab"), idat(b"\0\7"), END),
        [(7, 7, 7)],
    ),
    "transparency twice over": (
        file_of(ihdr(1, 1, 8, 6), chunk(b"tRNS", b"abcdef"), idat(b"\0abc\377"), END),
        [(97, 98, 99)],
    ),
    "no transparency": (
        file_of(ihdr(1, 1, 8, 3), PALETTE, chunk(b"tRNS"), idat(b"\0\0"), END),
        [(97, 98, 99)],
    ),
}


@pytest.mark.parametrize("name", FORGIVEN)
def test_what_libpng_and_pillow_forgive_is_read(tmp_path, name):
    data, row = FORGIVEN[name]
    (tmp_path / "x.png").write_bytes(data)
    tracemalloc.start()
    picture = read_picture(tmp_path / "x.png")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [tuple(pixel) for pixel in picture[0].tolist()] == row
    assert peak < 1 << 20  # what lies behind the last row is never unpacked


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("after", [False, True])
def test_a_picture_is_turned_as_its_exif_says(tmp_path, orientation, after):
    stored = np.random.default_rng(0).integers(0, 256, (2, 3, 3), np.uint8)
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + bytes([0, orientation, 0, 0, 0, 0, 0, 0])
    pixels = [idat(b"".join(b"\0" + row.tobytes() for row in stored))]
    pixels.insert(len(pixels) if after else 0, chunk(b"eXIf", exif))
    (tmp_path / "x.png").write_bytes(file_of(ihdr(3, 2), *pixels, END))
    upright = {1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1]}
    across = stored.swapaxes(0, 1)  # Exif 2.32: row 0 at the left, column 0 on top
    upright |= {5: across, 6: across[:, ::-1], 7: across[::-1, ::-1], 8: across[::-1]}
    np.testing.assert_array_equal(read_picture(tmp_path / "x.png"), upright[orientation])


def test_a_picture_packed_for_ios_is_named(tmp_path):
    (tmp_path / "x.png").write_bytes(file_of(chunk(b"CgBI", bytes(4)), HEAD, PIXEL, END))
    with pytest.raises(PictureError, match=r"CgBI: expected standard PNG .*, found a PNG packed for iOS apps"):
        read_picture(tmp_path / "x.png")


@pytest.mark.parametrize("name", ["rgb_alpha_16", "grey_2_adam7", "palette_4_adam7", "pillow_RGBA", "vips_all_8"])
def test_bands_of_any_height_give_the_same_picture(monkeypatch, name):
    for band in (1, 40):
        monkeypatch.setattr(png, "BAND", band)
        np.testing.assert_array_equal(read_picture(FOLDER / f"{name}.png"), EXPECTED[name])


@pytest.mark.parametrize(("depth", "colour", "most"), [(8, 2, 4), (16, 6, 8), (1, 3, 4)])
def test_reading_takes_few_bytes_a_pixel(tmp_path, monkeypatch, depth, colour, most):
    monkeypatch.setattr(png, "BAND", 1 << 14)
    h, w = 1000, 1200
    size = -(-w * depth * png.CHANNELS[colour] // 8)
    rows = b"".join(bytes([row % 5]) + bytes(size) for row in range(h))
    (tmp_path / "x.png").write_bytes(file_of(ihdr(w, h, depth, colour), PALETTE, idat(rows), END))
    read_picture(tmp_path / "x.png")  # compiles what it needs
    tracemalloc.start()
    read_picture(tmp_path / "x.png")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= most * h * w + (1 << 20)


png_counts = pytest.mark.parametrize("count", [200, pytest.param(1000, marks=pytest.mark.nightly)])


@png_counts
@pytest.mark.parametrize("name", ["palette_4_adam7", "rgb_alpha_16", "grey_clear_4", "pillow_RGBA"])
def test_mutants_end_in_our_error(tmp_path, name, count):
    check_mutants((FOLDER / f"{name}.png").read_bytes(), read_picture, tmp_path / "x.png", count)


def resealed(data):
    """The file with every checksum made right again, so that damage reaches beyond them."""
    out, at = data[:8], 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if at + 12 + size > len(data):
            break
        out += chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + size])
        at += 12 + size
    return out + data[at:]


@png_counts
@pytest.mark.parametrize("name", ["palette_4_adam7", "rgb_16_adam7", "grey_1", "vips_all_8"])
def test_mutants_behind_right_checksums_end_in_our_error(tmp_path, name, count):
    def read_resealed(mutant):
        mutant.write_bytes(resealed(mutant.read_bytes()))
        return read_picture(mutant)

    check_mutants((FOLDER / f"{name}.png").read_bytes(), read_resealed, tmp_path / "x.png", count)
