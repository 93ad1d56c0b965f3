"""What the commands of training and of measuring share: the data and the lists that their options name."""

from ..errors import ConfigError
from .common import progress


def add_source(command, data, worlds=True):
    """Where the data come from: a world, or files with their pictures' objects."""
    if worlds:
        command.add_argument("--world", choices=("small", "rich"), help="the miniature world")
    command.add_argument("--data", nargs="+", metavar="FILE", help=data)
    command.add_argument("--features", nargs="+", metavar="FILE", help="the objects of the pictures: TSV, HDF5 or npz")
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
    from ..training.miniature import Miniature
    from ..training.tasks import load_task, open_all

    if getattr(options, "world", None):
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
    progress(f"made {what} of", done, total, " scenes")
