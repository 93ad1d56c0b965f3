"""What several commands share: how options are written, exit codes, progress, and the models and data they name."""

import argparse
import contextlib
import json
import sys
from dataclasses import replace
from pathlib import Path

from ..detector.recipes import RECIPES as PREPARATIONS
from ..errors import ConfigError, MinilxmertError
from ..files import write_file

SHIPPED = "weights"  # of a clone, which travels in the wheel, too
PACKAGE = Path(__file__).parents[1]
OK, DISAGREES, INTERRUPTED = 0, 1, 130

# --- types of arguments


def positive(text):
    """1, 2, 3 …"""
    return whole_number(text, 1)


def natural(text):
    """0, 1, 2 …"""
    return whole_number(text, 0)


def whole_number(text, least):
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least}, found {text!r}")
    return int(text)


def rate(text):
    """A learning rate, or a share: more than 0, at most 1."""
    with contextlib.suppress(ValueError):
        if 0 < float(text) <= 1:
            return float(text)
    raise argparse.ArgumentTypeError(f"expected a number above 0, at most 1, found {text!r}")


def at_hand(path):
    """A path; one in the folder weights is found where the package is, too, from whatever folder it is asked for."""
    places = [Path(path), PACKAGE / path, PACKAGE.parent / path]
    found = [place for place in places if Path(path).parts[:1] == (SHIPPED,) and place.exists()]
    return str(found[0]) if found else path


# --- commands and options


def option(name, help, type=None, default=None, metavar=None, **more):
    """What argparse's add_argument takes, (name, keywords). The help ends with the default, where there is one."""
    if default and isinstance(default, str | int | float):
        help += f" (default {default})"
    known = {"help": help, "type": type, "default": default, "metavar": metavar, **more}
    return name, {key: value for key, value in known.items() if value is not None}


def flag(name, help):
    """An option without a value."""
    return name, {"help": help, "action": "store_true"}


def command(line, *options):
    """Makes a function a command. line: of help, in the list of all commands; options: made by `option` and `flag`."""

    def add_options(parser):
        for name, keywords in options:
            parser.add_argument(name, **keywords)

    return mark(line, add_options)


def actions(line, *functions, default=None):
    """Makes a function a command of several actions, which it runs as options.action(options).

    functions: marked by `command`; the first word of its name is the action. default: that where none is given."""

    def add_options(parser):
        parser.set_defaults(action=default)
        chosen = parser.add_subparsers(metavar="action", required=default is None)
        for run, add, text in (function.entry for function in functions):
            action = chosen.add_parser(run.__name__.partition("_")[0], help=text)
            add(action)
            action.set_defaults(action=run)

    return mark(line, add_options)


def mark(line, add_options):
    """Makes a function a command with its entry in the list of all commands."""

    def marked(function):
        function.entry = (function, add_options, line)
        return function

    return marked


def family(*functions):
    """{name: (function, what adds its options to a parser, line of help)} of the commands of a file."""
    return {function.__name__.replace("_", "-"): function.entry for function in functions}


OBJECTS = "TSV, HDF5, npz or a folder of npz"
WEIGHTS = option("weights", "a weight file of any published format, or a directory holding one")
FINETUNED = option("--weights", "a model fine-tuned on the task: a file or a directory", required=True)
HEADS = option("--heads", "attention heads, where no config.json tells them", positive, metavar="N")
VOCAB = option("--vocab", "vocab.txt (default: beside the weights)")
WORLD = option("--world", "the miniature world", choices=("small", "rich"))
SEED = option("--seed", "of all random numbers", natural, 0)
HIDDEN = option("--hidden", "a blind baseline, which sees none of them", choices=("objects", "words"))
FIGURES = option("--json", "also write every figure to a JSON file", metavar="FILE")
DETECTOR = option("--detector", "for photographs: the folder of frcnn-vg-finetuned", metavar="FOLDER")
DTYPE = option("--dtype", "how weights are kept", default="float32", choices=("float32", "bfloat16"))
RECIPE = option(
    "--recipe", "how photographs go through it: as LXMERT was trained, or as the converted file was published",
    default="authors", choices=tuple(PREPARATIONS),
)  # fmt: skip
ANNOTATIONS = option(  # what ten people answered to each question: the second of VQA's original files
    "--annotations", "v2_…_annotations.json, where --data is v2_…_questions.json", metavar="FILE", nargs="+"
)


def files_of(data):
    """The options of data in files. data: which files, in words."""
    return (
        option("--data", data, metavar="FILE", nargs="+"),
        option("--features", f"their objects: {OBJECTS}", metavar="FILE", nargs="+"),
        VOCAB,
        option("--answers", "the list of answers, JSON (default: the checkpoint's, or the data's)"),
    )


# --- what options name


def load_detector(options):
    """The detector of --detector, or None where none is given."""
    if not options.detector:
        return None
    from ..detector.frcnn import FasterRcnn

    return FasterRcnn.from_pretrained(options.detector, getattr(options, "dtype", "float32"))


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


def tokenizer_of(options, weights=None):
    """The tokenizer of --vocab, or of the vocab.txt beside the weights (default: those of --weights)."""
    from ..words.tokenizer import LxmertTokenizer

    return LxmertTokenizer.beside(weights or options.weights, options.vocab)


def task_data(options, split):
    """The data that the options name: of a world's split, or of files."""
    from ..checkpoints.weights import find_weights
    from ..training.miniature import Miniature
    from ..training.tasks import load_task, open_all

    if getattr(options, "world", None):
        if options.weights:
            find_weights(Path(options.weights))  # before scenes are drawn for nothing
        scenes = recipe(options).scenes if options.command == "finetune" else options.scenes
        choices = {name: getattr(options, name) for name in ("unnamed", "often") if name in options}
        return Miniature(world(options), split, scenes, options.seed, drawing, **choices).task(options.task)
    need(options, "data", "features")
    return load_task(options.task, options.data, open_all(options.features), getattr(options, "annotations", None))


def world(options):
    from ..scenes.world import WORLDS

    return WORLDS[options.world]


def answer_list(options):
    from ..core.answers import read_answers

    return read_answers(options.answers) if options.answers else None


def recipe(options):
    """The named recipe with what the options change."""
    from ..training.recipes import RECIPES

    if options.recipe not in RECIPES:
        raise ConfigError.at("--recipe", None, f"one of {', '.join(RECIPES)}", options.recipe)
    named = RECIPES[options.recipe]
    changes = {"scenes": options.scenes, "rate": options.rate, "batch_size": options.batch_size}
    if options.steps:  # single things keep their share
        first = max(1, round(options.steps * named.first_words / (named.first_words + named.pretraining)))
        changes |= {"first_words": first, "pretraining": max(1, options.steps - first)}
    return replace(named, **{name: value for name, value in changes.items() if value})


def need(options, *names):
    """Refuse a command that lacks an option."""
    for name in names:
        if not getattr(options, name):
            other = ", or --world small for the miniature" if "world" in options and name != "world" else ""
            raise ConfigError.at(f"--{name}", None, f"it{other}", "none")


def only_of_vqa_files(options, *names):
    """Refuse options about what ten people said, unless the data are files of VQA."""
    for name in names:
        if getattr(options, name) and (options.task != "vqa" or options.world):
            what = "the task vqa, on files: only VQA has ten people's answers"
            raise ConfigError.at(f"--{name}", None, what, "a world" if options.world else options.task)


# --- what is said


def write_figures(options, figures):
    """Write figures to the file of --json, if one is given."""
    if options.json:
        write_file(options.json, json.dumps(figures, indent=2, ensure_ascii=False) + "\n")


def say(sentence):
    """One line on stderr."""
    print(sentence, file=sys.stderr, flush=True)


def progress(what, done, total, unit=""):
    """One line on stderr that writes over itself."""
    of, share = (f" of {total:,}", f" ({done / total:.0%})") if total else ("", "")
    ending = "\n" if total and done >= total else "\r"
    print(f"{what} {done:,}{of}{unit}{share}   ", end=ending, file=sys.stderr, flush=True)


def drawing(what, done, total):
    progress(f"drew {what}:", done, total, " scenes")
