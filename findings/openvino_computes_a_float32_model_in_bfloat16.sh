#!/usr/bin/env bash
# OpenVINO 2026.4.1: a float32 model, compiled with no option and called with float32 arrays, is computed in bfloat16 on
# processors with AMX (Intel, from 2023 on), where others compute float32: the same file and code give three digits on
# one server and seven on the next. The result is float32 in both cases. Only INFERENCE_PRECISION_HINT or
# EXECUTION_MODE_HINT turn it off.
#
# Seen on an Intel Xeon with AMX, a product of 64 × 768 by 768 × 768, values to 118.6:
# by default bfloat16, 0.28 off; with INFERENCE_PRECISION_HINT=f32 0.00011 off.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q "openvino==2026.4.1"
venv/bin/python - <<'PYTHON'
import numpy as np
import openvino
from openvino import opset13

rng = np.random.default_rng(0)
x, w = rng.standard_normal((64, 768), np.float32), rng.standard_normal((768, 768), np.float32)
given = opset13.parameter([64, 768], np.float32)
model = openvino.Model([opset13.matmul(given, opset13.constant(w), False, False)], [given])
exact, core = x.astype(np.float64) @ w, openvino.Core()
off = {}
for name, settings in (("by default", {}), ("with f32", {"INFERENCE_PRECISION_HINT": "f32"})):
    compiled = core.compile_model(model, "CPU", settings)
    y = compiled(x)[0]
    off[name] = np.abs(y - exact).max()
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    print(f"openvino {openvino.__version__}: {name} {precision}, {y.dtype} results {off[name]:.2g} off")
if "amx_bf16" in open("/proc/cpuinfo").read():
    assert off["with f32"] < 1e-3 < 0.1 < off["by default"], "the behaviour has changed"
else:
    print("not shown here: this processor has no AMX")
PYTHON
