"""minilxmert pretrain, finetune: learning, on the miniature world or on the files people have."""

import sys
from dataclasses import replace

from ..errors import ConfigError
from .common import (
    INTERRUPTED,
    OK,
    add_annotations,
    add_source,
    answer_list,
    natural,
    need,
    only_of_vqa_files,
    positive,
    rate,
    recipe,
    say,
    task_data,
    tell,
    tokenizer_of,
    world,
)


def add_run(command):
    """How a run of training is done: options that pretrain and finetune share."""
    command.add_argument(
        "--out", required=True, metavar="DIR", help="the run's folder; an interrupted run goes on there"
    )
    command.add_argument("--seed", type=natural, default=0)
    command.add_argument(
        "--recipe", default="quick", help="of the miniature: quick (minutes, default) or full (a quarter of an hour)"
    )
    command.add_argument("--scenes", type=positive, help="of the miniature, instead of the recipe's")
    command.add_argument("--steps", type=positive, help="instead of the recipe's, or of --epochs")
    command.add_argument("--epochs", type=positive, help="of files: how often all is seen (default: as published)")
    command.add_argument("--batch-size", type=positive, help="examples a step (default: as published, or the recipe's)")
    command.add_argument("--accumulate", type=positive, default=1, metavar="N", help="batches a step")
    command.add_argument("--rate", type=rate, help="the highest learning rate (default: as published, or the recipe's)")
    command.add_argument("--frozen", action="append", default=[], metavar="PART", help="stays as it is, e.g. language")
    command.add_argument("--save-every", type=positive, default=500, metavar="N", help="steps between checkpoints")


def pretrain_arguments(command):
    add_source(command, "aggregated files, as mscoco_train.json")
    add_run(command)
    command.add_argument("--config", help="config.json of a fresh model to train on files")
    command.add_argument(
        "--without", action="append", default=[], metavar="TASK",
        help="leave out a task, or a part of one: words, matching, objects (their labels, their features), questions",
    )  # fmt: skip
    command.add_argument("--weights", help="weights to start from: an LXMERT's; on files, a BERT's too (language only)")
    foils = (
        "of a world: this share of the wrong captions differ from the true one in one fact (default 0, as the paper)"
    )
    command.add_argument("--foils", type=rate, default=0.0, metavar="SHARE", help=foils)


def pretrain(options):
    """Pre-train with the five tasks, on the miniature world or on the authors' files. Ctrl-C saves; again to go on.

    minilxmert pretrain --world small --out runs/pretrained
    minilxmert pretrain --data mscoco_nominival.json --features val2014_obj36.h5 --answers all_ans.json \\
        --weights bert-base-uncased --out runs/pretrained
    """
    from ..training.recipes import pretrain_files, pretrain_miniature

    run, changes = run_options(options), left_out(options.without)
    if options.world:
        chosen = recipe(options)
        if options.weights:  # which know their first words
            chosen = replace(chosen, first_words=0, pretraining=options.steps or chosen.pretraining)
        where = world(options), chosen, options.out, options.seed
        return ended(pretrain_miniature(*where, show, tell, run, options.weights, options.foils, **changes))
    need(options, "data", "features", "answers")
    if not options.config and not options.weights:
        raise ConfigError.at("--config", None, "a config.json, or --weights to start from", "neither")
    start = options.config or options.weights
    tokenizer = tokenizer_of(options, start)
    sizes = options.batch_size or 256, options.rate or 1e-4, options.epochs or 20, options.steps
    files = options.data, options.features, options.answers
    training = pretrain_files(
        files, options.config, options.weights, tokenizer, options.out, *sizes, options.seed, show, run, say, **changes
    )
    return ended(training)


def left_out(names):
    """The changes of a config that leave out the named tasks of pre-training."""
    from ..training.recipes import WITHOUT

    changes = {}
    for name in names:
        if name not in WITHOUT:
            raise ConfigError.at("--without", None, f"one of {', '.join(WITHOUT)}", name)
        changes |= WITHOUT[name]
    if {"labels", "features"} <= set(names):
        changes |= WITHOUT["objects"]  # nothing of it is left
    if all(changes.get(task) is False for task in ("task_mask_lm", "task_matched", "task_obj_predict", "task_qa")):
        raise ConfigError.at("--without", None, "a task to be left", "none")
    return changes


def finetune_arguments(command):
    tasks = ("vqa", "gqa", "questions", "nlvr2")
    command.add_argument("task", choices=tasks, help="questions: those of VQA and GQA together (of a world)")
    command.add_argument("--weights", help="the model to start from (default, on a world: a fresh one)")
    add_source(command, "the task's files, as train.json")
    add_annotations(command)
    add_run(command)
    command.add_argument("--tiny", action="store_true", help="only 512 examples, to try whether all works")
    command.add_argument("--fast", action="store_true", help="only 5,000 examples")
    command.add_argument("--hidden", choices=("objects", "words"), help="a blind baseline, which never sees them")


def finetune(options):
    """Fine-tune on VQA, GQA or NLVR2: from files with the published hyper-parameters, or on the miniature world.

    minilxmert finetune vqa --world small --weights runs/pretrained --out runs/vqa
    minilxmert finetune gqa --data train.json --features vg_gqa_obj36.h5 --weights lxmert-base-uncased --out runs/gqa
    """
    from ..training import recipes
    from ..training.tasks import FAST, TINY

    only_of_vqa_files(options, "annotations")
    data = task_data(options, "train")
    if all(record.label is None for record in data.records):
        raise ConfigError.at("--data", None, "labels to learn (of v2_…_questions.json: with --annotations)", "none")
    data = data.cut(TINY if options.tiny else FAST if options.fast else len(data))
    model, tokenizer = starting(options, data)
    size, optimizer = schedule(options, data)
    where = model, data, tokenizer, options.out, optimizer, size
    return ended(recipes.finetune(*where, options.seed, show, options.hidden, **run_options(options)))


def starting(options, data):
    """The model that fine-tuning starts from, and its tokenizer."""
    from ..training.recipes import fresh_miniature, miniature_tokenizer, start_model
    from ..training.tasks import TASKS

    if options.weights is None:
        if not options.world:
            raise ConfigError.at("--weights", None, "a model to start from: only a world has a fresh one", "none")
        model = fresh_miniature(TASKS[data.task].face, world(options), options.seed)
        return model, miniature_tokenizer(world(options))
    return start_model(data, options.weights, answer_list(options), options.seed), tokenizer_of(
        options, options.weights
    )


def schedule(options, data):
    """-> batch size and optimizer: of the recipe for a world, as published for files, as the options say in any case"""
    from ..training.optimizer import Adam
    from ..training.recipes import steps_of
    from ..training.tasks import TASKS

    if options.world:
        r = recipe(options)
        size = options.batch_size or r.batch_size
        return size, Adam(options.rate or r.rate, options.steps or r.finetuning, corrected=True)
    task = TASKS[options.task]
    size = options.batch_size or task.batch_size
    steps = options.steps or steps_of(len(data), options.epochs or task.epochs, size * options.accumulate)
    return size, Adam(options.rate or task.rate, steps, warmup=0.1, max_norm=5.0)  # as the authors fine-tune


def run_options(options):
    return {"accumulate": options.accumulate, "frozen": tuple(options.frozen), "save_every": options.save_every}


def show(step, steps, losses, left):
    """One line on stderr that writes over itself."""
    shown = ", ".join(f"{task} {loss:.3f}" for task, loss in losses.items())
    ending = "\n" if step == steps else "\r"
    print(f"step {step:,} of {steps:,}: {shown}; {left / 60:.1f} min left   ", end=ending, file=sys.stderr, flush=True)


def ended(training):
    """Say what a run has come to; the exit code of an interrupted one is that of Ctrl-C."""
    if training.interrupted:
        steps = training.optimizer.steps
        say(f"interrupted at step {training.step:,} of {steps:,}; the same command goes on from there")
        return INTERRUPTED
    print(f"wrote {training.folder}: {type(training.model).__name__} after {training.seconds / 60:.1f} minutes")
    return OK


COMMANDS = {
    "pretrain": (pretrain, pretrain_arguments, "pre-train with the five tasks"),
    "finetune": (finetune, finetune_arguments, "fine-tune on VQA, GQA or NLVR2"),
}
