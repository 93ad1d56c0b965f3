#!/usr/bin/env bash
# transformers 5.24.0 takes LxmertTokenizer(vocab_file="vocab.txt"), the keyword of its versions 2 to 4, and never opens the
# file: the tokenizer knows its five special tokens, and every word is [UNK]. The same path as first argument is read.
#
# Seen: by keyword 5 tokens, ids [2, 1, 1, 1, 1, 3]; by position 9 tokens, ids [2, 5, 6, 7, 8, 3].
# Scripts written for version 4 run on and answer from unknown words.
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
expected = {"keyword": (5, [2, 1, 1, 1, 1, 3]), "position": (9, [2, 5, 6, 7, 8, 3])}
made = {
    "keyword": transformers.LxmertTokenizer(vocab_file="vocab.txt"),
    "position": transformers.LxmertTokenizer("vocab.txt"),
}
for way, tokenizer in made.items():
    found = len(tokenizer), tokenizer("what is this ?")["input_ids"]
    print(f"transformers {transformers.__version__}, vocabulary by {way}: {found[0]} tokens, {found[1]}")
    assert found == expected[way], "the behaviour has changed"
PYTHON
