"""What several commands share: exit codes, the weights they read, progress."""

import argparse
import contextlib
import sys
from pathlib import Path

from ..errors import MinilxmertError

SHIPPED = "weights"  # the folder of a clone, which travels in the wheel, too
PACKAGE = Path(__file__).parents[1]
OK, DISAGREES, WRONG_USE, INTERRUPTED = 0, 1, 2, 130


def positive(text):
    """1, 2, 3 …, as an argument's type."""
    return whole(text, 1)


def natural(text):
    """0, 1, 2 …, as an argument's type."""
    return whole(text, 0)


def rate(text):
    """A learning rate, as an argument's type: more than 0, at most 1."""
    with contextlib.suppress(ValueError):
        if 0 < float(text) <= 1:
            return float(text)
    raise argparse.ArgumentTypeError(f"expected a number above 0, at most 1, found {text!r}")


def whole(text, least):
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least}, found {text!r}")
    return int(text)


def add_weights(command):
    command.add_argument("weights", help="a weight file of any published format, or a directory holding one")
    add_heads(command)


def add_heads(command):
    command.add_argument("--heads", type=positive, metavar="N", help="attention heads, where no config.json tells them")


def add_shipped(command):
    command.add_argument(
        "--weights", type=at_hand, default=SHIPPED, help="a file or a directory (default: the folder weights)"
    )


def at_hand(path):
    """A path; one in the folder weights is found where the package is, too, from whatever folder it is asked for."""
    places = [Path(path), PACKAGE / path, PACKAGE.parent / path]
    found = [place for place in places if Path(path).parts[:1] == (SHIPPED,) and place.exists()]
    return str(found[0]) if found else path


def add_detector(command):
    """What finds the objects of photographs."""
    command.add_argument("--detector", metavar="FOLDER", help="for photographs: the folder of frcnn-vg-finetuned")
    add_recipe(command)


def add_recipe(command):
    from ..detector.recipes import RECIPES

    help = "how photographs go through it: as LXMERT was trained (default), or as the converted file was published"
    command.add_argument("--recipe", choices=tuple(RECIPES), default="authors", help=help)


def load_detector(options):
    """The detector of --detector, or None where none is given."""
    from ..detector.frcnn import FasterRcnn

    return FasterRcnn.from_pretrained(options.detector) if options.detector else None


def load_model(path, options):
    """The model at a path; the answers of --answers, if the command has that option, are its own or all that it has."""
    from ..core.answers import read_answers
    from ..published.model import load

    if path == SHIPPED and not Path(path).exists():
        raise MinilxmertError("weights: there is no such folder here or in the package; say --weights FILE_OR_FOLDER")
    model = load(path, num_attention_heads=options.heads, dtype=getattr(options, "dtype", "float32"))
    if getattr(options, "answers", None):
        model.take_answers(read_answers(options.answers, model.config.num_qa_labels), options.answers)
    return model


def tokenizer_of(options, weights):
    """The tokenizer of --vocab, or of the vocab.txt beside the weights."""
    from ..words.tokenizer import LxmertTokenizer

    return LxmertTokenizer.beside(weights, options.vocab)


def progress(what, done, total, unit=""):
    """One line on stderr that writes over itself."""
    share = f" ({done / total:.0%})" if total else ""
    ending = "\n" if total and done >= total else "\r"
    print(
        f"{what} {done:,}{f' of {total:,}' if total else ''}{unit}{share}   ", end=ending, file=sys.stderr, flush=True
    )
