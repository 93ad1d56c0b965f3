#!/usr/bin/env bash
# transformers 5.24.0: an empty second text counts in a batch and is dropped when the pair is given alone, so that the same
# pair has other numbers (one [SEP] less) than in a batch of one.
#
# Seen: tokenizer("what", "") gives [2, 5, 3]; tokenizer(["what"], [""]) gives [[2, 5, 3, 3]].
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q "transformers==5.24.0"
venv/bin/python - <<'PYTHON'
import pathlib

import transformers

words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "what", "is", "this", "?"]
pathlib.Path("vocab.txt").write_text("\n".join(words) + "\n")
tokenizer = transformers.LxmertTokenizer("vocab.txt")
alone, batch = tokenizer("what", "")["input_ids"], tokenizer(["what"], [""])["input_ids"]
print(f"transformers {transformers.__version__}: alone {alone}, in a batch {batch}")
assert alone == [2, 5, 3] and batch == [[2, 5, 3, 3]], "the behaviour has changed"
PYTHON
