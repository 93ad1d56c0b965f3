#!/usr/bin/env bash
# transformers 5.24.0: a word with capitals, added to a tokenizer that writes everything small, is found in texts, but its
# number is told as another word: convert_ids_to_tokens gives it in small letters, and that word has another number.
#
# Seen: "NewTok" is 9; 9 is told as "newtok"; "newtok" is 1, which is [UNK]. Numbers to words and back lose the word.
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
tokenizer.add_tokens(["NewTok"])
number = tokenizer("NewTok", add_special_tokens=False)["input_ids"]
told = tokenizer.convert_ids_to_tokens(number)
back = tokenizer.convert_tokens_to_ids(told)
print(f"transformers {transformers.__version__}: NewTok is {number}, told as {told}, which is {back}")
assert number == [9] and told == ["newtok"] and back == [1], "the behaviour has changed"
PYTHON
