#!/usr/bin/env bash
# transformers 5.24.0: a model saved into a folder that holds an earlier one, this time in shards, is not what
# from_pretrained loads afterwards. The earlier model.safetensors stays beside the new index and is preferred to it.
#
# Seen: two LXMERTs that differ; the second is saved in shards; the first one comes back, without a warning.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q "torch==2.13.0" "transformers==5.24.0" "numpy==2.4.6"
venv/bin/python - <<'PYTHON'
import pathlib

import torch
import transformers

sizes = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32, "vocab_size": 50, "visual_feat_dim": 8}
config = transformers.LxmertConfig(**sizes, l_layers=1, x_layers=1, r_layers=1)
first, second = (transformers.LxmertModel(config) for _ in range(2))
first.save_pretrained("folder")
second.save_pretrained("folder", max_shard_size="4KB")
loaded = transformers.LxmertModel.from_pretrained("folder").pooler.dense.weight
same = {name: torch.equal(loaded, model.pooler.dense.weight) for name, model in (("first", first), ("second", second))}
print(f"transformers {transformers.__version__}: loaded is the first: {same['first']}, the second: {same['second']}")
print(sorted(path.name for path in pathlib.Path("folder").iterdir() if "index" in path.name or path.name.startswith("model.s")))
assert same == {"first": True, "second": False}, "the behaviour has changed"
PYTHON
