"""Writes the PNG files of this folder with Pillow, pypng and libvips, and expected.npz with the pictures they hold.

    pip install numpy pillow==13.0.0 pypng==0.20220715.0 pyvips pyvips-binary && python make_png.py

The expected arrays come from the numbers that went in, in floating point: none of them was read back from a file."""

from pathlib import Path

import numpy as np
import png
import pyvips
from PIL import Image

FOLDER = Path(__file__).parent
rng = np.random.default_rng(7)
expected = {}


def shown(colour, alpha=None, most=255):
    """Samples 0 … most of (H, W, 1 or 3), opacity (H, W, 1) 0 … most -> (H, W, 3) uint8 over white."""
    colour = np.rint(colour * 255.0 / most)
    if alpha is not None:
        alpha = np.rint(alpha * 255.0 / most) / 255
        colour = np.floor(colour * alpha + 255 * (1 - alpha) + 0.5 - 1e-9)
    return np.broadcast_to(colour, (*colour.shape[:2], 3)).astype(np.uint8)


def smooth(h, w, channels, most):
    """Waves with a little noise: encoders that choose filters choose all of them."""
    y, x, c = np.ogrid[:h, :w, :channels]
    waves = np.sin(x / 5 + c) + np.cos(y / 4 - c) + np.sin((x + y) / 9) + rng.normal(0, 0.05, (h, w, channels))
    return np.rint((waves + 3.4) / 6.8 * most).clip(0, most).astype(int)


def by_pypng(name, samples, depth, interlace, **options):
    h, w, channels = samples.shape
    if "palette" not in options:
        options |= {"greyscale": channels < 3, "alpha": channels in (2, 4)}
    writer = png.Writer(w, h, bitdepth=depth, interlace=interlace, **options)
    with open(FOLDER / f"{name}.png", "wb") as file:
        if interlace:
            writer.write_array(file, samples.reshape(-1).tolist())
        else:
            writer.write(file, samples.reshape(h, -1).tolist())


def plain_kinds():
    """Every colour type and depth, straight and interlaced, sizes that leave Adam7 passes empty among them."""
    for number, (channels, depth) in enumerate((c, d) for c in (1, 2, 3, 4) for d in (1, 2, 4, 8, 16)):
        if depth < 8 and channels > 1:
            continue
        for interlace in (False, True):
            h, w = ((13, 11), (9, 14), (1, 1), (3, 2), (5, 33))[(number + 2 * interlace) % 5]
            most = (1 << depth) - 1
            samples = rng.integers(0, most + 1, (h, w, channels))
            name = f"{'grey' if channels < 3 else 'rgb'}{'_alpha' * (channels % 2 == 0)}_{depth}{'_adam7' * interlace}"
            by_pypng(name, samples, depth, interlace)
            split = channels - 1 if channels % 2 == 0 else channels
            expected[name] = shown(samples[..., :split], samples[..., split:] if split < channels else None, most)


def palettes():
    for depth in (1, 2, 4, 8):
        for interlace in (False, True):
            colours = rng.integers(0, 256, (min(1 << depth, 200), 4))
            opaque = depth % 4 == 2
            samples = rng.integers(0, len(colours), (10, 13, 1))
            name = f"palette_{depth}{'_adam7' * interlace}"
            by_pypng(
                name, samples, depth, interlace, palette=[tuple(c[: 3 if opaque else 4].tolist()) for c in colours]
            )
            chosen = colours[samples[..., 0]]
            expected[name] = shown(chosen[..., :3], None if opaque else chosen[..., 3:])


def one_clear_colour():
    for name, channels, depth in (("grey_clear_4", 1, 4), ("grey_clear_16", 1, 16), ("rgb_clear_8", 3, 8)):
        samples = rng.integers(0, 1 << depth, (8, 9, channels))
        clear = samples[3, 4]
        if depth == 16:
            samples[0, 0] = clear ^ 1  # differs in the last bit: not see-through
        key = int(clear[0]) if channels == 1 else tuple(clear.tolist())
        by_pypng(name, samples, depth, False, transparent=key)
        alpha = (samples != clear).any(-1, keepdims=True) * ((1 << depth) - 1)
        expected[name] = shown(samples, alpha, (1 << depth) - 1)


def filtered():
    """Files of encoders that choose a filter a row: Pillow, and libvips (interlaced, one filter for all rows)."""
    for mode, channels in (("L", 1), ("RGB", 3), ("RGBA", 4), ("LA", 2)):
        samples = smooth(33, 46, channels, 255)
        picture = samples.astype(np.uint8)
        Image.fromarray(picture[..., 0] if mode == "L" else picture, mode).save(FOLDER / f"pillow_{mode}.png")
        split = channels - (channels % 2 == 0)
        expected[f"pillow_{mode}"] = shown(samples[..., :split], samples[..., split:] if split < channels else None)
    for name in ("sub", "up", "avg", "paeth", "all"):
        for depth in (8, 16):
            most = (1 << depth) - 1
            samples = smooth(21, 19, 3, most)
            image = pyvips.Image.new_from_array(samples.astype(np.uint8 if depth == 8 else np.uint16))
            image = image.copy(interpretation="srgb" if depth == 8 else "rgb16")
            path = FOLDER / f"vips_{name}_{depth}.png"
            image.pngsave(str(path), interlace=depth == 16, filter=name, bitdepth=depth, keep="none")
            expected[path.stem] = shown(samples, None, most)


plain_kinds()
palettes()
one_clear_colour()
filtered()
np.savez_compressed(FOLDER / "expected.npz", **expected)
