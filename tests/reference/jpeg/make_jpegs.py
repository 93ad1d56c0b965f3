"""Small JPEG files of every usual kind, and the pixels that libjpeg-turbo makes of them.

    python make_jpegs.py PHOTOGRAPH OUT      (pillow and numpy; cjpeg of libjpeg-turbo for the rarer samplings)

OUT/jpegs.zip holds the files, OUT/jpegs.npz the pixels (H, W, 3) uint8 by the same names. Pillow uses the accurate
integer transform and its smooth ("fancy") upsampling, as OpenCV does. Orientation is not applied to the pixels here;
orientation.json says what each file asks for."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, features


def main(photograph, out):
    source, files, pixels, turns = Image.open(photograph).convert("RGB"), {}, {}, {}

    def add(name, image, **options):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", **options)
        keep(name, buffer.getvalue())

    def keep(name, data):
        files[name] = data
        decoded = Image.open(io.BytesIO(files[name]))
        turns[name] = decoded.getexif().get(274, 1)
        pixels[name] = np.asarray(decoded.convert("RGB"))

    def crop(w, h):
        return source.crop((210, 120, 210 + w, 120 + h))

    for sampling in ("1x1", "2x1", "2x2", "1x2", "4x1", "2x4", "1x4", "2x2,2x1,1x1"):
        for kind in ("baseline", "progressive"):
            ppm = io.BytesIO()
            crop(43, 37).save(ppm, "PPM")
            command = ["cjpeg", "-quality", "85", "-sample", sampling, *["-progressive"] * (kind == "progressive")]
            data = subprocess.run(command, input=ppm.getvalue(), capture_output=True, check=True).stdout
            keep(f"{sampling.replace(',', '-')}-{kind}.jpg", data)
    ppm = io.BytesIO()
    crop(16, 16).save(ppm, "PPM")
    data = subprocess.run(["cjpeg", "-arithmetic"], input=ppm.getvalue(), capture_output=True, check=True).stdout
    files["refused-arithmetic.jpg"] = data
    for w, h in ((1, 1), (2, 2), (3, 5), (8, 8), (16, 16), (17, 16), (16, 17), (9, 33)):
        add(f"size-{w}x{h}.jpg", crop(w, h), quality=90, subsampling=2)
    for quality in (1, 20, 100):
        add(f"quality-{quality}.jpg", crop(32, 24), quality=quality, subsampling=2)
        add(f"quality-{quality}-progressive.jpg", crop(32, 24), quality=quality, subsampling=2, progressive=True)
    for blocks in (1, 2, 5):
        add(f"restart-{blocks}.jpg", crop(50, 40), quality=80, subsampling=2, restart_marker_blocks=blocks)
    add("restart-progressive.jpg", crop(50, 40), quality=80, subsampling=2, restart_marker_blocks=2, progressive=True)
    add("optimised.jpg", crop(40, 30), quality=75, optimize=True)
    add("grey.jpg", crop(41, 31).convert("L"), quality=80)
    add("grey-progressive.jpg", crop(41, 31).convert("L"), quality=80, progressive=True)
    add("rgb-without-transform.jpg", crop(24, 18), quality=90, keep_rgb=True)
    add("comment-and-profile.jpg", crop(20, 16), quality=90, comment="a comment", icc_profile=b"x" * 70000)
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[274] = turn
        add(f"orientation-{turn}.jpg", crop(24, 16), quality=90, exif=exif)
    add("cmyk.jpg", crop(16, 16).convert("CMYK"), quality=90)
    with zipfile.ZipFile(out / "jpegs.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    np.savez_compressed(out / "jpegs.npz", **pixels)
    about = {"libjpeg-turbo": features.version("libjpeg_turbo"), "orientation": turns}
    (out / "orientation.json").write_text(json.dumps(about, indent=1))
    print(len(files), "files,", sum(map(len, files.values())), "bytes")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
