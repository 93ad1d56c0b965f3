#!/usr/bin/env bash
# OpenCV 5.0.0: cv2.resize by a factor and cv2.resize to the very size that the factor gives are two different pictures.
# By factor, positions are divided by the factor; by size, by the ratio of the rounded sizes. Detectors that were trained with
# the one get other features from the other.
#
# Seen: 333 × 500 by 600/333 and to 600 × 901: the same shape, values of a noisy picture up to 13.6 of 255 apart.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q "opencv-python-headless==5.0.0.93" "numpy==2.4.6"
venv/bin/python - <<'PYTHON'
import cv2
import numpy as np

picture = np.random.default_rng(0).integers(0, 256, (333, 500, 3)).astype(np.float32)
factor = 600 / 333
by_factor = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
by_size = cv2.resize(picture, by_factor.shape[1::-1], interpolation=cv2.INTER_LINEAR)
apart = float(np.abs(by_factor - by_size).max())
print(f"OpenCV {cv2.__version__}: {picture.shape[:2]} to {by_factor.shape[:2]}: values up to {apart:.1f} apart")
assert by_factor.shape == by_size.shape and apart > 10, "the behaviour has changed"
PYTHON
