#!/usr/bin/env bash
# torch 2.13.0: torch.onnx.export(dynamo=False) of a small module round a model that is in eval mode puts the model back
# into training mode. The exporter notes the mode of the outermost module, which is "training" for every new one, and gives
# it to all modules within when it is done. From then on the model itself answers with dropout.
#
# Seen: dropout.training False before, True after; the same input then gives different answers.
# Who wraps a model for an export calls eval() on the wrapper, too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q "torch==2.13.0" "onnx==1.23.2"
venv/bin/python - <<'PYTHON'
import io
import warnings

import torch

warnings.simplefilter("ignore")


class Wrapper(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x)


torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.Dropout(0.5)).eval()
x = torch.ones(1, 64)
before = model[1].training, torch.equal(model(x), model(x))
torch.onnx.export(Wrapper(model), (x,), io.BytesIO(), dynamo=False)
after = model[1].training, torch.equal(model(x), model(x))
print(f"torch {torch.__version__}: before (training, same answer twice) {before}, after {after}")
assert before == (False, True) and after == (True, False), "the behaviour has changed"
PYTHON
