#!/usr/bin/env bash
# Pillow 13.0.0: a grey PNG of 2 or 4 bits says in tRNS which of its greys is see-through, and Pillow compares that number
# with samples which it has stretched to 8 bits. So nothing is see-through, or another grey is. With 8 bits it is right;
# libpng, by imagecodecs, is right with any.
#
# Seen: samples 0 1 2 3 of which 1 is clear: libpng gives alphas 255 0 255 255 with 2, 4 and 8 bits; Pillow only with 8.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q "pillow==13.0.0" "imagecodecs==2026.3.6" "numpy==2.4.6"
venv/bin/python - <<'PYTHON'
import io
import zlib

import numpy as np
import PIL
from imagecodecs import png_decode
from PIL import Image


def chunk(kind, content=b""):
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def png(depth):
    """Four samples, 0 1 2 3, of which 1 is see-through."""
    bits = "".join(f"{sample:0{depth}b}" for sample in range(4))
    header = (4).to_bytes(4, "big") + (1).to_bytes(4, "big") + bytes([depth, 0, 0, 0, 0])
    row = b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    parts = (b"IHDR", header), (b"tRNS", b"\0\1"), (b"IDAT", zlib.compress(row)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


found = {}
for depth in (2, 4, 8):
    pillow = np.asarray(Image.open(io.BytesIO(png(depth))).convert("RGBA"))[0, :, -1].tolist()
    found[depth] = pillow, png_decode(png(depth))[0, :, -1].tolist()
    print(f"{depth} bits: Pillow {PIL.__version__} {found[depth][0]}, libpng {found[depth][1]}")
assert all(libpng == [255, 0, 255, 255] for _, libpng in found.values())
assert [pillow == libpng for pillow, libpng in found.values()] == [False, False, True], "the behaviour has changed"
PYTHON
