"""What several commands share: exit codes, progress, the weights, data and lists that their options name."""

import argparse
import contextlib
import sys
from pathlib import Path

from ..errors import ConfigError, MinilxmertError

SHIPPED = "weights"  # the folder of a clone, which travels in the wheel, too
PACKAGE = Path(__file__).parents[1]
OK, DISAGREES, INTERRUPTED = 0, 1, 130


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


def say(sentence):
    """One line on stderr."""
    print(sentence, file=sys.stderr, flush=True)


def progress(what, done, total, unit=""):
    """One line on stderr that writes over itself."""
    share = f" ({done / total:.0%})" if total else ""
    ending = "\n" if total and done >= total else "\r"
    print(
        f"{what} {done:,}{f' of {total:,}' if total else ''}{unit}{share}   ", end=ending, file=sys.stderr, flush=True
    )


def add_source(command, data, worlds=True):
    """Where the data come from: a world, or files with their pictures' objects."""
    if worlds:
        command.add_argument("--world", choices=("small", "rich"), help="the miniature world")
    command.add_argument("--data", nargs="+", metavar="FILE", help=data)
    command.add_argument(
        "--features", nargs="+", metavar="FILE", help="their objects: TSV, HDF5, npz or a folder of npz"
    )
    command.add_argument("--vocab", help="vocab.txt (default: beside the weights)")
    command.add_argument("--answers", help="the list of answers, JSON (default: the checkpoint's, or the data's)")


def add_annotations(command):
    """What ten people answered to each question: the second of VQA's original files."""
    command.add_argument(
        "--annotations", nargs="+", metavar="FILE", help="v2_…_annotations.json, where --data is v2_…_questions.json"
    )


def only_of_vqa_files(options, *names):
    """Refuse options about what ten people said, unless the data are files of VQA."""
    for name in names:
        if getattr(options, name) and (options.task != "vqa" or options.world):
            what = "the task vqa, on files: only VQA has ten people's answers"
            raise ConfigError.at(f"--{name}", None, what, "a world" if options.world else options.task)


def task_data(options, split):
    """The data that the options name: of a world's split, or of files."""
    from ..checkpoints.weights import find_weights
    from ..training.miniature import Miniature
    from ..training.tasks import load_task, open_all

    if getattr(options, "world", None):
        if options.weights:
            find_weights(Path(options.weights))  # before scenes are drawn for nothing
        scenes = recipe(options).scenes if options.command == "finetune" else options.scenes
        return Miniature(world(options), split, scenes, options.seed, tell).task(options.task)
    need(options, "data", "features")
    return load_task(options.task, options.data, open_all(options.features), getattr(options, "annotations", None))


def world(options):
    from ..scenes.world import WORLDS

    return WORLDS[options.world]


def answer_list(options):
    from ..core.answers import read_answers

    return read_answers(options.answers) if options.answers else None


def need(options, *names):
    """Refuse a command that lacks an option."""
    for name in names:
        if not getattr(options, name):
            other = ", or --world small for the miniature" if "world" in options and name != "world" else ""
            raise ConfigError.at(f"--{name}", None, f"it{other}", "none")


def recipe(options):
    """The named recipe with what the options change."""
    from dataclasses import replace

    from ..training.recipes import RECIPES

    if options.recipe not in RECIPES:
        raise ConfigError.at("--recipe", None, f"one of {', '.join(RECIPES)}", options.recipe)
    named = RECIPES[options.recipe]
    changes = {"scenes": options.scenes, "rate": options.rate, "batch_size": options.batch_size}
    if options.steps:  # single things keep their share
        first = max(1, round(options.steps * named.first_words / (named.first_words + named.pretraining)))
        changes |= {"first_words": first, "pretraining": max(1, options.steps - first)}
    return replace(named, **{name: value for name, value in changes.items() if value})


def tell(what, done, total):
    progress(f"drew {what}:", done, total, " scenes")
