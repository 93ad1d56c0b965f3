"""minilxmert ablate, easy-vqa, nlvr, plot-run: what the paper asked, and drawn pictures that others made."""

from dataclasses import replace
from functools import partial

from ..errors import ConfigError
from . import common as cli
from .training import show_step, tell_end

show_looking = partial(cli.progress, unit=" pictures")
RUNS = cli.option("--out", "the folder of all runs; again to go on", metavar="DIR", required=True)


@cli.command(
    "the paper's ablations, in miniature",
    RUNS,
    cli.option("--recipe", "smoke (seconds), small (three seeds: over an hour a table) or larger", default="small"),
    cli.option("--seeds", "how many", cli.positive, 3),
    cli.option("--jobs", "seeds at a time, a core each", cli.positive, 1, "N"),
    cli.option("--table", "Table 3, the tasks left out", default="both", choices=("paper", "tasks", "both")),
    cli.option("--task", "only this task", choices=("vqa", "gqa", "nlvr2")),
    cli.option("--row", 'only a row, by its name ("no labels"); again for more', metavar="NAME", action="append"),
    cli.FIGURES,
)
def ablate(options):
    """Train the rows of the paper's Table 3 in miniature, and every pre-training task left out in turn, each on three
    tasks with several seeds; print accuracies with intervals beside the paper's, and where they disagree.

    Ctrl-C saves and prints what is done; the same command goes on. A run that is complete only prints its tables.

    minilxmert ablate --out runs/ablation --jobs 2
    """
    from ..experiments.ablation import run_seeds
    from ..experiments.ablation_results import ABLATED, FULL, LEFT_OUT, PAPER, Results

    rows = {"paper": PAPER, "tasks": LEFT_OUT, "both": PAPER + LEFT_OUT[1:]}[options.table]
    names = [row.name for row in rows]
    if unknown := [name for name in options.row or [] if name not in names]:
        raise ConfigError.at("--row", None, f"one of {', '.join(names)}", unknown[0])
    shown = [row for row in rows if row.name in (options.row or names) or row is FULL]  # with what it is compared
    rows = [row for row in rows if row.name in (options.row or names)]
    tasks = [options.task] if options.task else ABLATED
    complete = run_seeds(options.out, options.recipe, options.seeds, rows, tasks, options.jobs, cli.say)
    results = Results(options.out, shown)
    print(results)
    cli.write_figures(options, results.to_json())
    if not complete:
        cli.say("interrupted; the same command goes on from there")
    return cli.OK if complete else cli.INTERRUPTED


@cli.command(
    "learn easy-VQA from its pixels",
    cli.option("--data", "its data, or the package unpacked (default: if installed)", metavar="DIR"),
    cli.option("--weights", "a miniature to start from: a file or a directory (default: from scratch)"),
    cli.VOCAB,
    cli.option("--out", "the run's folder; an interrupted run goes on there", metavar="DIR"),
    cli.option("--steps", "of training", cli.positive, 1500),
    cli.option("--rate", "the highest learning rate", cli.rate, 1e-3),
    cli.option("--batch-size", "questions a step", cli.positive, 64),
    cli.SEED,
    cli.flag("--scratch", "train a fresh model too, and print both figures"),
)
def easy_vqa(options):
    """Learn the 38,575 questions of easy-VQA's train split from pixels and measure on its official test split.

    The data: pip install easy-vqa, or pip download easy-vqa, unzip it, and --data FOLDER.

    minilxmert easy-vqa --weights weights/pretrained --out runs/easy-vqa --scratch
    """
    from ..experiments.easy_vqa import easy_vqa_task, read_easy_vqa
    from ..training.tasks import predict

    cli.need(options, "out")
    train, answers = read_easy_vqa(options.data, "train")
    test, _ = read_easy_vqa(options.data, "test")
    train, test = easy_vqa_task(train, show_looking), easy_vqa_task(test, show_looking)
    starts = [(options.weights, options.out)]
    if options.scratch and options.weights:
        starts.append((None, f"{options.out}/scratch"))
    for weights, folder in starts:
        training, tokenizer = learn_easy_vqa(options, train, weights, folder, answers)
        if code := tell_end(training):
            return code
        print(f"\nfrom {weights or 'scratch'}, {training.step:,} steps in {training.seconds / 60:.1f} minutes")
        print(replace(test.report(predict(training.model, tokenizer, test)), title="easy-VQA"))


def learn_easy_vqa(options, data, weights, folder, answers):
    """Train as the options say. -> Training, tokenizer"""
    from ..experiments.easy_vqa import starting_model
    from ..training.optimizer import Adam
    from ..training.recipes import finetune

    model, tokenizer = starting_model(weights, data, answers, options.seed, options.vocab)
    optimizer = Adam(options.rate, options.steps, corrected=True)
    return finetune(model, data, tokenizer, folder, optimizer, options.batch_size, options.seed, show_step), tokenizer


@cli.command(
    "learn or measure NLVR, three boxes in a picture",
    cli.option("--data", "dev.json or train.json, with images beside it", metavar="FILE", required=True),
    cli.option("--test", "test.json, likewise: measure there, not in folds of --data", metavar="FILE"),
    cli.option("--folds", "without --test", int, 5, choices=range(2, 11)),
    RUNS,
    cli.option("--claims", "random claims (default: 40 minutes in all)", cli.positive, metavar="N"),
    cli.option("--pretraining", "steps on them (default: 40 minutes in all)", cli.positive, metavar="N"),
    cli.option("--finetuning", "steps on --data (default: 40 minutes in all)", cli.positive, metavar="N"),
    cli.SEED,
)
def nlvr(options):
    """Learn and measure NLVR (Suhr et al. 2017): is a sentence that a person wrote true of a picture of three boxes?

    Pre-trains on random claims about drawn boxes, then learns from --data; beside it, from scratch. What is measured is
    never learnt from: a fold of the sentences after the other, or --test. Ctrl-C saves, the same command goes on.

    minilxmert nlvr --data nlvr/dev/dev.json --out runs/nlvr
    minilxmert nlvr --data nlvr/dev/dev.json --test nlvr/test/test.json --out runs/nlvr
    """
    from ..experiments import nlvr as boxes

    steps = {name: getattr(options, name) for name in ("claims", "pretraining", "finetuning")}
    plan = replace(boxes.Plan(), **{name: number for name, number in steps.items() if number})
    learnt, judged = (boxes.read_nlvr(path) if path else None for path in (options.data, options.test))
    boxes.look_at([*learnt[:1], *(judged or [])[:1]])  # are the pictures there?
    training = boxes.pretrain(plan, f"{options.out}/pretrained", options.seed, show_step, show_made)
    if code := tell_end(training):
        return code
    data, tested = (examples and boxes.look_at(examples, show_looking) for examples in (learnt, judged))
    how = options.folds, training.folder, plan, options.out, options.seed, show_step
    run, said = boxes.measure(data, tested, *how)
    if run.interrupted:
        return tell_end(run)
    print("\n".join(boxes.results(judged or learnt, tested or data, said)))


def show_made(what, done, total):
    cli.progress("made", done, total, f" {what}")


@cli.command(
    "show the curves of training runs",
    cli.option("folders", "of a run (its log.jsonl), or of a world's pre-training", metavar="FOLDER", nargs="+"),
    cli.option("--out", "a picture instead: SVG, or PNG or PDF (extra: tutorials)", metavar="FILE"),
)
def plot_run(options):
    """Show the curves of training runs: the loss of every task, the learning rate, the norm of the gradients.

    minilxmert plot-run runs/first runs/second --out curves.svg
    """
    from ..training.log import runs_in, save_curves, text_curves

    folders = [run for folder in options.folders for run in runs_in(folder)]
    if options.out:
        save_curves(folders, options.out)
        print(options.out)
    else:
        print("\n".join(line for folder in folders for line in text_curves(folder)))


COMMANDS = cli.family(ablate, easy_vqa, nlvr, plot_run)
