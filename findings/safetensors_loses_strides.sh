#!/usr/bin/env bash
# safetensors 0.8.0 writes the memory of a NumPy array, not its values in order: what is transposed, Fortran-ordered or
# strided comes back with other numbers, in the right shape, without a warning.
#
# Seen: C-ordered: as written. Transposed, Fortran-ordered, every second column: other numbers.
# Who exports weights must make each array contiguous first, as numpy.ascontiguousarray does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q "safetensors==0.8.0" "numpy==2.4.6"
venv/bin/python - <<'PYTHON'
import numpy as np
import safetensors
from safetensors.numpy import load_file, save_file

numbers = np.arange(12, dtype=np.float32).reshape(3, 4)
arrays = {
    "C-ordered": numbers,
    "transposed": numbers.T,
    "Fortran-ordered": np.asfortranarray(numbers),
    "every second column": numbers[:, ::2],
}
for name, array in arrays.items():
    save_file({"w": array}, "w.safetensors")
    back = load_file("w.safetensors")["w"]
    print(f"safetensors {safetensors.__version__}, {name}: {array.tolist()} came back as {back.tolist()}")
    assert back.shape == array.shape
    assert np.array_equal(back, array) == (name == "C-ordered"), "the behaviour has changed"
PYTHON
