"""The window: one self-contained HTML page that shows what a question's words and a picture's objects look at.

    window(model, tokenizer, "what color is the star ?", objects, picture="scene.png").save("page.html")
In a notebook the Window shows itself. The page fetches nothing: page.html, page.css, views.js and page.js are put
together with the numbers as JSON and the picture as a data URI. What comes from outside enters as text, never as
markup."""

import base64
import html
import json
import os
import re
from dataclasses import dataclass
from importlib import resources

import numpy as np

from ..ask import best_answers, calibrate_answers, call_arguments, check_fit, doubts
from ..core.ops import softmax
from ..errors import FeatureFileError, visible
from ..files import kind_of, read_small, write_file
from ..scenes.detector import average
from ..vision.pictures import encode_png, read_picture
from .attention import FAMILIES, attention_of, texts_of
from .observations import head_marks
from .perturbation import without
from .relevance import relevance

DIGITS = 4  # of every number in the page
LARGEST_PICTURE, LONGEST_SIDE = 8 << 20, 1600  # bytes, and pixels, of one that is shown as it is
MEDIA = {"PNG": "image/png", "JPEG": "image/jpeg"}
HEIGHT = 900  # of the frame in a notebook
FILES = {"style": "page.css", "views": "views.js", "script": "page.js"}


@dataclass(frozen=True)
class Window:
    """A page about one question and one picture: `save` it, or leave it to the notebook."""

    data: dict  # what the page shows, ready for JSON
    html: str

    def save(self, path):
        """Write the page to `path`, whole or not at all."""
        write_file(path, self.html)

    def _repr_html_(self):
        style = f"width: 100%; height: {HEIGHT}px; border: 0"
        return f'<iframe sandbox="allow-scripts" style="{style}" srcdoc="{html.escape(self.html)}"></iframe>'

    def __repr__(self):
        return f"<Window on {self.data['question']!r}: {len(self.html) >> 10} kB of HTML>"


def window(model, tokenizer, question, objects, picture=None, names=None, top=5, drawn=False):
    """The Window on one question about one picture.

    objects: the picture's Objects; picture: a PNG or JPEG file, or its bytes, None leaves the canvas blank; names: the
    objects' texts, (M); top: how many answers, each with its relevance; drawn: whether our detector found the objects.
    Raises ConfigError, FeatureFileError."""
    check_fit(model, tokenizer)
    call = call_arguments(model, tokenizer, [question], [objects])
    output = model(**call, output_attentions=True)
    (probabilities,) = calibrate_answers(softmax(output.question_answering_score), tokenizer, [question], [objects])
    answers = best_answers(probabilities, model.answers, top)
    words = tokenizer.convert_ids_to_tokens(call["input_ids"][0].tolist())
    maps = attention_of(output, words, tell_apart(texts_of(objects, names)))
    data = {
        "question": question,
        "model": f"{type(model).__name__}, {model.num_parameters():,} parameters · {objects.image_id}",
        **picture_data(picture, objects),
        "words": maps.words,
        "objects": maps.objects,
        "families": [family_data(maps, name) for name in FAMILIES if maps[name].size],
        "answers": answers_data(model, call, answers),
        "without": answers_without(model, call, len(objects)),
        "doubts": doubts(tokenizer, question, objects, answers[0], drawn),
    }
    return Window(data, page(data))


def picture_data(picture, objects):
    size = {"width": objects.width, "height": objects.height}
    return {"image": data_uri(picture), **size, "boxes": round_numbers(objects.boxes)}


def tell_apart(names):
    """Names that occur more than once with numbers: ["cup", "cup", "hat"] -> ["cup #1", "cup #2", "hat"]"""
    return [f"{n} #{names[: i + 1].count(n)}" if names.count(n) > 1 else n for i, n in enumerate(names)]


def family_data(maps, name):
    return {
        "name": name,
        **FAMILIES[name]._asdict(),
        "maps": round_numbers(maps[name]),
        "marks": head_marks(maps, name),
    }


def answers_data(model, call, answers):
    """Each answer with the relevance of words and objects for it: one pass, a row an answer."""
    found = relevance(model, [a.number for a in answers], "question_answering_score", **repeat(call, len(answers)))
    sides = {side: [shorten_numbers(row) for row in getattr(found, side)] for side in ("words", "objects")}
    return [
        {"text": answer.text, "probability": round(answer.probability, DIGITS), "words": words, "objects": objects}
        for answer, words, objects in zip(answers, sides["words"], sides["objects"], strict=True)
    ]


def answers_without(model, call, count):
    """What the model says when one of the objects is taken away: an answer's text for each of them."""
    if not count:
        return []
    scores = model(**without(repeat(call, count), ~np.eye(count, dtype=bool), "objects")).question_answering_score
    return [best_answers(softmax(row), model.answers, 1)[0].text for row in scores]


def repeat(call, count):
    return {name: np.repeat(value, count, axis=0) for name, value in call.items()}


def round_numbers(values):
    return np.round(np.asarray(values, np.float64), DIGITS).tolist()


def shorten_numbers(values):
    """Numbers of any size with DIGITS significant digits: relevance may be small throughout."""
    return [float(f"{value:.{DIGITS}g}") for value in values]


def data_uri(picture):
    """A picture file, or its bytes, as a data URI; None stays None. A large file is shrunk. Raises FeatureFileError,
    PictureError."""
    if picture is None:
        return None
    if not isinstance(picture, bytes) and os.path.isfile(picture) and os.path.getsize(picture) > LARGEST_PICTURE:
        picture = encode_png(shrink(read_picture(picture)))
    data = picture if isinstance(picture, bytes) else read_small(picture, FeatureFileError, LARGEST_PICTURE)
    kind = kind_of(data)
    if kind.name not in MEDIA:
        name = "picture" if isinstance(picture, bytes) else picture
        raise FeatureFileError.at(name, None, "a PNG or JPEG picture", kind.text)
    return f"data:{MEDIA[kind.name]};base64,{base64.b64encode(data).decode()}"


def shrink(picture):
    """A picture (H, W, 3) uint8 whose longer side is at most LONGEST_SIDE, at least half of it: means of squares."""
    step = -(-max(picture.shape[:2]) // LONGEST_SIDE)
    missing = [(0, -side % step) for side in picture.shape[:2]]  # of the last squares; the edge stands for it
    return average(np.pad(picture, (*missing, (0, 0)), "edge"), step).round().astype(np.uint8)


def page(data):
    title = html.escape(visible(f"{data['question']} · minilxmert"))
    files = {name: (resources.files(__package__) / file).read_text(encoding="utf-8") for name, file in FILES.items()}
    numbers = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return fill(__package__, "page.html", title=title, data=numbers, **files)


def fill(package, template, **parts):
    """A template with its {{places}} filled, all at once, so that no content is read as a place."""
    text = (resources.files(package) / template).read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], text)
