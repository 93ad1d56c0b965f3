"""minilxmert world, pretrain, finetune: the miniature world, and learning on it or on the files people have."""

import sys
from dataclasses import replace
from functools import partial

from ..errors import ConfigError
from . import common as cli

WITHOUT = "leave out a task, or a part of one: words, matching, objects (their labels, their features), questions"
FOILS = "of a world: the share of captions that have one fact wrong half of the time (default 0, as in the paper)"
UNNAMED = "of the small world: the share of pictures with colors and a shape that have no word (default 0)"
OFTEN = (
    'of a world: a kind, as "relation count": asked about every picture; of statements: made twice as often; "hard": '
    "all kinds of which --weights are right less often than on average"
)
LEARNT = "how far from the weights before to those after the result lies (default 1); less forgets less"
RUN = (  # how a run of training is done
    cli.option("--out", "the run's folder; an interrupted run goes on there", metavar="DIR", required=True),
    cli.SEED,
    cli.option("--recipe", "of the miniature: quick (minutes) or full (a quarter of an hour)", default="quick"),
    cli.option("--scenes", "of the miniature, instead of the recipe's", cli.positive),
    cli.option("--steps", "instead of the recipe's, or of --epochs", cli.positive),
    cli.option("--epochs", "of files: how often all is seen (default: as published)", cli.positive),
    cli.option("--batch-size", "examples a step (default: as published, or the recipe's)", cli.positive),
    cli.option("--accumulate", "batches a step", cli.positive, 1, "N"),
    cli.option("--rate", "the highest learning rate (default: as published, or the recipe's)", cli.rate),
    cli.option("--frozen", "stays as it is, e.g. language", None, [], "PART", action="append"),
    cli.option("--save-every", "steps between checkpoints", cli.positive, 500, "N"),
)


@cli.command(
    "pre-train with the five tasks",
    cli.WORLD,
    *cli.files_of("aggregated files, as mscoco_train.json"),
    *RUN,
    cli.option("--config", "config.json of a fresh model to train on files"),
    cli.option("--without", WITHOUT, None, [], "TASK", action="append"),
    cli.option("--weights", "weights to start from: an LXMERT's; on files, a BERT's too (language only)"),
    cli.option("--foils", FOILS, cli.rate, 0.0, "SHARE"),
    cli.option("--unnamed", UNNAMED, cli.rate, 0.0, "SHARE"),
)
def pretrain(options):
    """Pre-train with the five tasks, on the miniature world or on the authors' files. Ctrl-C saves; again to go on.

    minilxmert pretrain --world small --out runs/pretrained
    minilxmert pretrain --data mscoco_nominival.json --features val2014_obj36.h5 --answers all_ans.json \\
        --weights bert-base-uncased --out runs/pretrained
    """
    from ..training.recipes import pretrain_files, pretrain_miniature

    run, changes = run_options(options), leave_out(options.without)
    if options.world:
        chosen = cli.recipe(options)
        if options.weights:  # which know their first words
            chosen = replace(chosen, first_words=0, pretraining=options.steps or chosen.pretraining)
        where = cli.world(options), chosen, options.out, options.seed, show_step, cli.drawing, run, options.weights
        return tell_end(pretrain_miniature(*where, options.foils, options.unnamed, **changes))
    cli.need(options, "data", "features", "answers")
    if not options.config and not options.weights:
        raise ConfigError.at("--config", None, "a config.json, or --weights to start from", "neither")
    tokenizer = cli.tokenizer_of(options, options.config or options.weights)
    start = options.config, options.weights, tokenizer, options.out
    sizes = options.batch_size or 256, options.rate or 1e-4, options.epochs or 20, options.steps
    files = options.data, options.features, options.answers
    return tell_end(pretrain_files(files, *start, *sizes, options.seed, show_step, run, cli.say, **changes))


def leave_out(names):
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


@cli.command(
    "fine-tune on VQA, GQA or NLVR2",
    cli.option(
        "task", "questions: those of VQA and GQA together (of a world)", choices=("vqa", "gqa", "questions", "nlvr2")
    ),
    cli.option("--weights", "the model to start from (default, on a world: a fresh one)"),
    cli.WORLD,
    *cli.files_of("the task's files, as train.json"),
    cli.ANNOTATIONS,
    *RUN,
    cli.flag("--tiny", "only 512 examples, to try whether all works"),
    cli.flag("--fast", "only 5,000 examples"),
    cli.option("--learnt", LEARNT, cli.rate, 1.0, "SHARE"),
    cli.option("--unnamed", UNNAMED, cli.rate, 0.0, "SHARE"),
    cli.option("--often", OFTEN, None, [], "KIND", action="append"),
    cli.HIDDEN,
)
def finetune(options):
    """Fine-tune on VQA, GQA or NLVR2: from files with the published hyper-parameters, or on the miniature world.

    minilxmert finetune vqa --world small --weights runs/pretrained --out runs/vqa
    minilxmert finetune gqa --data train.json --features vg_gqa_obj36.h5 --weights lxmert-base-uncased --out runs/gqa
    """
    from ..training import recipes
    from ..training.tasks import FAST, TINY

    cli.only_of_vqa_files(options, "annotations")
    if "hard" in options.often:
        options.often = [kind for kind in options.often if kind != "hard"] + find_hard_kinds(options)
    data = cli.task_data(options, "train")
    if all(record.label is None for record in data.records):
        raise ConfigError.at("--data", None, "labels to learn (of v2_…_questions.json: with --annotations)", "none")
    data = data.cut(TINY if options.tiny else FAST if options.fast else len(data))
    model, tokenizer = find_start(options, data)
    size, optimizer = schedule(options, data)
    where = model, data, tokenizer, options.out, optimizer, size
    return tell_end(
        recipes.finetune(*where, options.seed, show_step, options.hidden, learnt=options.learnt, **run_options(options))
    )


def find_hard_kinds(options):
    """The kinds that --often hard stands for; they are said as well."""
    from ..training.recipes import hard_kinds

    cli.need(options, "world")
    if not options.weights:
        raise ConfigError.at("--often", "hard", "--weights, whose hard kinds they are", "none")
    start = options.task, options.weights, cli.tokenizer_of(options)
    found = hard_kinds(cli.world(options), *start, progress=cli.drawing)
    cli.say(f"hard: {', '.join(found) or 'none'}")
    return found


def find_start(options, data):
    """The model that fine-tuning starts from, and its tokenizer."""
    from ..training.recipes import fresh_miniature, miniature_tokenizer, start_model
    from ..training.tasks import TASKS

    if options.weights is None:
        if not options.world:
            raise ConfigError.at("--weights", None, "a model to start from: only a world has a fresh one", "none")
        drawn = cli.world(options)
        return fresh_miniature(TASKS[data.task].face, drawn, options.seed), miniature_tokenizer(drawn)
    model = start_model(data, options.weights, cli.answer_list(options), options.seed)
    return model, cli.tokenizer_of(options)


def schedule(options, data):
    """-> batch size and optimizer: of the recipe for a world, as published for files, as the options say in any case"""
    from ..training.optimizer import Adam
    from ..training.recipes import steps_of
    from ..training.tasks import TASKS

    if options.world:
        r = cli.recipe(options)
        size = options.batch_size or r.batch_size
        return size, Adam(options.rate or r.rate, options.steps or r.finetuning, corrected=True)
    task = TASKS[options.task]
    size = options.batch_size or task.batch_size
    steps = options.steps or steps_of(len(data), options.epochs or task.epochs, size * options.accumulate)
    return size, Adam(options.rate or task.rate, steps, warmup=0.1, max_norm=5.0)  # as the authors fine-tune


def run_options(options):
    return {"accumulate": options.accumulate, "frozen": tuple(options.frozen), "save_every": options.save_every}


def show_step(step, steps, losses, left):
    """One line on stderr that writes over itself."""
    shown = ", ".join(f"{task} {loss:.3f}" for task, loss in losses.items())
    ending = "\n" if step == steps else "\r"
    print(f"step {step:,} of {steps:,}: {shown}; {left / 60:.1f} min left   ", end=ending, file=sys.stderr, flush=True)


def tell_end(training):
    """Say what a run has come to; the exit code of an interrupted one is that of Ctrl-C."""
    if training.interrupted:
        steps = training.optimizer.steps
        cli.say(f"interrupted at step {training.step:,} of {steps:,}; the same command goes on from there")
        return cli.INTERRUPTED
    print(f"wrote {training.folder}: {type(training.model).__name__} after {training.seconds / 60:.1f} minutes")
    return cli.OK


@cli.command(
    "draw scenes of the miniature world, with questions and true answers",
    cli.option("folder", "where pictures and sentences go (default: one scene is only shown)", nargs="?"),
    cli.option("--scenes", "how many to write", cli.positive, 20, "N"),
    cli.option("--size", "of the world", default="small", choices=("small", "rich")),
    cli.SEED,
)
def world(options):
    """Draw scenes of the miniature world; show the first as a map, with questions and how one is answered.

    minilxmert world --scenes 20 --size small --seed 1 out
    The folder gets the pictures as PNG files, and scenes.jsonl: things, captions, questions with answers and programs.
    """
    from ..scenes.export import describe_scenes, write_world
    from ..scenes.world import WORLDS

    chosen = WORLDS[options.size]
    if options.folder:
        write_world(options.folder, chosen, options.scenes, options.seed, partial(cli.progress, "scenes"))
        print(f"{options.scenes} pictures and scenes.jsonl written to {options.folder}\n")
    scene, _, captions, questions = next(describe_scenes(chosen, 1, options.seed))
    print(scene, captions[0].text, sep="\n\n", end="\n\n")
    for question in (questions[0], questions[len(questions) // 2], questions[-1]):
        print(f"{question.text} {question.answer}")
    print("\nhow the last answer is found:", questions[-1].explain(scene), sep="\n")
    return cli.OK


COMMANDS = cli.family(world, pretrain, finetune)
