"""Make the sample checkpoint of this folder: a small LXMERT written by transformers, its vocabulary, its answers and a
feature file in the authors' TSV format. The weights are random: its answers are an honest guess, its numbers are exact.

    pip install ".[reference]" && python tests/sample/make_sample.py
"""

import base64
import json
from pathlib import Path

import numpy as np
import torch
import transformers

from minilxmert.words.vocabulary import build_vocabulary

HERE = Path(__file__).parent
COLOURS = "red green blue yellow black white brown purple".split()
THINGS = "table cup plate spoon knife bottle chair window door lamp apple banana cake dog cat".split()
ANSWERS = ["yes", "no", "0", "1", "2", "3", "4", "5", *COLOURS, *THINGS, "left", "right", "nothing"]
QUESTIONS = [f"what color is the {thing} ?" for thing in THINGS]
PAIRS = [(thing, other) for thing in THINGS[::4] for other in THINGS[::5]]
QUESTIONS += [f"is there a {colour} {thing} left of the {other} ?" for colour in COLOURS for thing, other in PAIRS]
QUESTIONS += [f"how many {thing}s are on the table ?" for thing in THINGS] + ["what is on the right ? where is it ?"]
SIZE = (480, 640)  # height and width of the pictures, in pixels


def write_features(path, rng):
    """Three pictures with random objects, as the authors' Faster R-CNN tool writes them."""
    with open(path, "w", encoding="ascii") as file:
        for image, count in (("kitchen", 12), ("garden", 8), ("street", 10)):
            corner, extent = rng.random((count, 2)) * 0.6, 0.1 + rng.random((count, 2)) * 0.3
            boxes = np.concatenate([corner, corner + extent], 1) * np.array([SIZE[1], SIZE[0]] * 2)
            features = np.maximum(rng.standard_normal((count, 2048)), 0)  # like ResNet features after a ReLU
            arrays = (
                rng.integers(0, 1600, count), rng.random(count).astype("f4"), rng.integers(0, 400, count),
                rng.random(count).astype("f4"), boxes.astype("f4"), features.astype("f4"),
            )  # fmt: skip
            text = [base64.b64encode(np.ascontiguousarray(a).tobytes()).decode() for a in arrays]
            print(image, *SIZE, *text[:4], count, *text[4:], sep="\t", file=file)


def main():
    torch.manual_seed(0)
    words = build_vocabulary(QUESTIONS + ANSWERS, 400)
    config = transformers.LxmertConfig(
        vocab_size=len(words), hidden_size=48, num_attention_heads=4, intermediate_size=96, num_qa_labels=len(ANSWERS),
        num_object_labels=20, num_attr_labels=20, l_layers=2, r_layers=1, x_layers=2, max_position_embeddings=64,
        initializer_range=0.2,
    )  # fmt: skip
    transformers.LxmertForQuestionAnswering(config).save_pretrained(HERE)
    (HERE / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    (HERE / "answers.json").write_text(json.dumps(ANSWERS, indent=0) + "\n", encoding="utf-8")
    write_features(HERE / "objects.tsv", np.random.default_rng(0))


if __name__ == "__main__":
    main()
