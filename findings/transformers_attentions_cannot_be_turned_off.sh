#!/usr/bin/env bash
# transformers 5.24.0: a config that asks for attention maps and hidden states cannot be overruled by a call of LxmertModel:
# output_attentions=False ends in an IndexError, where the documented meaning is "not in this call".
#
# Seen: IndexError: tuple index out of range. With the switches in the call alone, the same model answers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q "torch==2.13.0" "transformers==5.24.0"
venv/bin/python - <<'PYTHON'
import torch
import transformers

sizes = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32, "vocab_size": 50, "visual_feat_dim": 8}
sizes |= {"l_layers": 1, "x_layers": 1, "r_layers": 1}
call = {
    "input_ids": torch.tensor([[2, 5, 3]]),
    "visual_feats": torch.rand(1, 2, 8),
    "visual_pos": torch.tensor([[[0.1, 0.1, 0.5, 0.5], [0.2, 0.2, 0.9, 0.9]]]),
    "output_attentions": False,
    "output_hidden_states": False,
}
plain = transformers.LxmertModel(transformers.LxmertConfig(**sizes)).eval()
asking = transformers.LxmertConfig(**sizes, output_attentions=True, output_hidden_states=True)
print(f"transformers {transformers.__version__}, plain config: {list(plain(**call).keys())}")
try:
    transformers.LxmertModel(asking).eval()(**call)
    found = "an answer"
except IndexError as error:
    found = f"IndexError: {error}"
print(f"the config asks for maps, the call does not: {found}")
assert found == "IndexError: tuple index out of range", "the behaviour has changed"
PYTHON
