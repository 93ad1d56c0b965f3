#!/usr/bin/env bash
# A row of equal values has no variance: its LayerNorm is the bias, here 0. With the epsilon 1e-12 that BERT and LXMERT use,
# OpenVINO 2026.4.1 and the reference evaluator of onnx 1.23.2 answer about 1 or -1 instead; ONNX Runtime 1.32.0 answers 0.
# The mean of equal float32 values is off by a rounding; what is left of it is then divided by its own size.
#
# Seen for 768 times 1000.1: ONNX Runtime 0.0, OpenVINO -1.0, the reference evaluator 1.0 (signs depend on the processor).
# Subtracting the mean of what is left once more makes it 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q "openvino==2026.4.1" "onnx==1.23.2" "onnxruntime==1.32.0" "numpy==2.4.6"
venv/bin/python - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

shapes = {"x": [1, 768], "w": [768], "b": [768]}
inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 768])
node = helper.make_node("LayerNormalization", list(shapes), ["y"], axis=-1, epsilon=1e-12)
graph = helper.make_graph([node], "layer_norm", inputs, [output])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.save(model, "model.onnx")
session = onnxruntime.InferenceSession("model.onnx")
compiled = openvino.compile_model("model.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
reference = ReferenceEvaluator(model)
worst = {"ONNX Runtime": 0.0, "OpenVINO": 0.0, "onnx's reference evaluator": 0.0}
for value in (3.3, 1000.1, 12345.678):
    feed = {"x": np.full((1, 768), value, np.float32), "w": np.ones(768, np.float32), "b": np.zeros(768, np.float32)}
    answers = session.run(None, feed)[0], compiled(list(feed.values()))[0], reference.run(None, feed)[0]
    for name, answer in zip(worst, answers, strict=True):
        print(f"768 times {value}: {name} answers {answer[0, 0]:.6f}")
        worst[name] = max(worst[name], float(np.abs(answer).max()))
assert worst.pop("ONNX Runtime") == 0 and all(value > 0.9 for value in worst.values()), "the behaviour has changed"
PYTHON
