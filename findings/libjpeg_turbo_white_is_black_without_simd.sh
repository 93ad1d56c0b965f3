#!/usr/bin/env bash
# libjpeg-turbo 3.2.0 (in Pillow 13.0.0): a grey picture of 8 × 8 that Pillow has saved itself with quality=1 is read back with
# a white corner, or a black one where its vector instructions are off (JSIMD_FORCENONE=1) or were not built.
# At that quality coefficients are rounded by up to half of 255. All these roundings lift one corner of this picture, to 970
# where 255 is white. The plain code keeps ten bits of such a sum (RANGE_MASK), so it wraps around to black;
# the vector code stops at white. So does who clips as the standard says (ITU-T T.81, A.3.1).
#
# Seen: the corner was 254 when saved; read back it is 255 with vector instructions, 0 without. All else is the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q "pillow==13.0.0"
cat > corner.py <<'PYTHON'
from PIL import Image, features

picture = bytes.fromhex(
    "fefefe0101c04401fea1dd5501bbfe010301ba6dfe0101012dfedfc3fe01dcfaf2f16201fef8fedafe94fe01d8fe01fefefe67016cfe0114fe31540160cac1fe"
)
Image.frombytes("L", (8, 8), picture).save("corner.jpg", quality=1)
read = Image.open("corner.jpg").tobytes()
print(features.version("libjpeg_turbo"), picture[0], read[0], read[1:].hex())
PYTHON
with=$(venv/bin/python corner.py)
without=$(JSIMD_FORCENONE=1 venv/bin/python corner.py)
printf '%s\n' "libjpeg-turbo, corner as saved, as read, the rest" "with vector instructions: $with" "without: $without"
[[ $with == "3.2.0 254 255 "* && $without == "3.2.0 254 0 "* && ${with##* } == "${without##* }" ]] || {
  echo "the behaviour has changed"
  exit 1
}
