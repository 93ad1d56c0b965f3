"""The running example of the tutorials: one scene, one question, where the weights are that answer it, and the drawings
of both that the documents show."""

from pathlib import Path

import numpy as np

from ..errors import MinilxmertError
from ..scenes.detector import describe, detect
from ..scenes.language import vocabulary_of
from ..scenes.world import SMALL, Scene, Thing
from ..training.miniature import miniature_config
from ..vision.drawings import BOTH, GREY, OBJECTS, WORDS, Drawing, draw_picture, draw_tiles, label, rectangle
from ..words.text import split_words

QUESTION = "what color is the thing left of the blue square ?"
SCENE = Scene(
    SMALL,
    (
        Thing("circle", "red", "large", 27, 38, 13),
        Thing("square", "blue", "large", 66, 56, 13),
        Thing("star", "yellow", "small", 106, 28, 5),
        Thing("triangle", "red", "small", 96, 76, 5),
        Thing("circle", "green", "large", 108, 52, 13),
    ),
)


def example_picture():
    """The picture of SCENE, the same at every call: (96, 128, 3) uint8"""
    return SCENE.picture(np.random.default_rng(0))


def weights():
    """The path of the folder `weights` in the folder where Python runs or above it. Raises MinilxmertError.

    A notebook runs in tutorials/, a script in the repository's root: both find the same."""
    return find_folder("weights", "config.json")


REFERENCE = (  # a small checkpoint in all formats, inputs, and what the published implementations compute for them
    "config.json",
    "pytorch_model.bin",
    "pytorch_model.legacy.bin",
    "tf_model.h5",
    "inputs.npz",
    "expected_torch.npz",
    "expected_tf.npz",
    "bert_uncased_vocab.txt",
)


def reference():
    """The path of the folder with the files REFERENCE of chapter 7, found as weights() is. Raises MinilxmertError."""
    return find_folder("tests/reference", "config.json")


def find_folder(folder, file):
    """The nearest folder of this name, here, above or with the package, in which a file is. Raises MinilxmertError."""
    package = Path(__file__).parents[1]
    for place in (here := Path.cwd(), *here.parents, package, package.parent):
        if (place / folder / file).exists():
            return place / folder
    raise MinilxmertError.at(here, folder, f"a clone of the repository, with {folder}/{file}", "none, here or above")


WIDE, HIGH = 190, 44


def draw_road(config, words="N", objects="M"):
    """The road from words and objects to an answer, as a model with this config takes it. words, objects: how many."""
    e, a = config.hidden_size, config.num_qa_labels
    lang, visn = f"({words}, {e})", f"({objects}, {e})"
    stops = (  # text, shape behind it; for the words, the objects, or both
        ((f"{words} tokens: word + place", lang), (f"{objects} objects: feature + box", visn)),
        ((layers(config.l_layers, "language"), lang), (layers(config.r_layers, "object"), visn)),
        (f"{layers(config.x_layers, 'cross')}: look across, then at your own side", f"{lang} and {visn}"),
        ("the state of [CLS], pooled", f"({e})"),
        ("answer head", f"({a}) scores"),
    )
    body, text = "", []
    for row, stop in enumerate(stops):
        y = 10 + row * (HIGH + 22)
        if isinstance(stop[0], tuple):
            body += box(10, y, WIDE, *stop[0], WORDS) + box(30 + WIDE, y, WIDE, *stop[1], OBJECTS)
            text.append("   ".join(f"{' → '.join(side):<42}" for side in stop).rstrip())
            arrows = (10 + WIDE / 2, 30 + 1.5 * WIDE)
        else:
            body += box(10, y, 2 * WIDE + 20, *stop, BOTH)
            text.append(f"{' → '.join(stop):^87}".rstrip())
            arrows = (20 + WIDE,)
        if row < len(stops) - 1:
            body += "".join(label(x, y + HIGH + 16, "↓", GREY, "middle", 16) for x in arrows)
    return Drawing(2 * WIDE + 40, len(stops) * (HIGH + 22) - 2, body, "\n".join(text))


def layers(count, kind):
    return f"{count} {kind} layer{'s' * (count != 1)}"


def box(x, y, width, text, shape, color):
    """A stop of the road: what happens in it, and the shape of what leaves it."""
    frame, middle = rectangle(x, y, width, HIGH, "white", stroke=color, stroke_width=2, rx=6), x + width / 2
    return frame + label(middle, y + 19, text, color, "middle") + label(middle, y + 36, shape, GREY, "middle", 11)


def scene():
    """The running example, as the detector sees it."""
    objects = detect(example_picture())
    return draw_picture(example_picture(), objects, describe(objects))


def question():
    """Its question as tokens, with their numbers in the vocabulary of the small world."""
    tokens = ["[CLS]", *split_words(QUESTION), "[SEP]"]
    return draw_tiles(tokens, [vocabulary_of(SMALL).index(token) for token in tokens])


def road():
    """The road from both to an answer, through the miniature LXMERT."""
    tokens = len(split_words(QUESTION)) + 2
    return draw_road(miniature_config(SMALL), tokens, len(detect(example_picture())))


GALLERY = {"scene": scene, "question": question, "road": road}
