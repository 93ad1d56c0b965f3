#!/usr/bin/env bash
# transformers 5.24.0 (tokenizers 0.23.3): truncation=True with a max_length below the number of special tokens cuts
# nothing, without a warning: the smaller the limit, the longer the result.
#
# Seen for "a b c d": max_length 4, 3 and 2 give 4, 3 and 2 tokens; 1 and 0 give all 6.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q "transformers==5.24.0" "tokenizers==0.23.3"
venv/bin/python - <<'PYTHON'
import pathlib

import transformers

words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "d"]
pathlib.Path("vocab.txt").write_text("\n".join(words) + "\n")
tokenizer = transformers.LxmertTokenizer.from_pretrained(".")
lengths = [len(tokenizer("a b c d", truncation=True, max_length=most)["input_ids"]) for most in (4, 3, 2, 1, 0)]
print(f"transformers {transformers.__version__}: max_length 4, 3, 2, 1, 0 give {lengths} tokens")
assert lengths == [4, 3, 2, 6, 6], "the behaviour has changed"
PYTHON
