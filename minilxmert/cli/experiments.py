"""minilxmert ablate, easy-vqa, nlvr, plot-run: what the paper asked, and drawn pictures that others made."""

import json

from .common import INTERRUPTED, OK, natural, positive, progress, rate, say
from .training import ended, show


def ablate_arguments(command):
    command.add_argument("--out", required=True, metavar="DIR", help="the folder of all runs; again to go on")
    command.add_argument(
        "--recipe",
        default="small",
        help="smoke (seconds, to try), small (default: with three seeds over an hour a table, on two cores) or larger",
    )
    command.add_argument("--seeds", type=positive, default=3, help="how many (default 3)")
    command.add_argument("--jobs", type=positive, default=1, metavar="N", help="seeds at a time, a core each")
    command.add_argument(
        "--table", choices=("paper", "tasks", "both"), default="both", help="Table 3, the tasks left out"
    )
    command.add_argument("--json", metavar="FILE", help="also write every figure to a JSON file")


def ablate(options):
    """Train the rows of the paper's Table 3 in miniature, and every pre-training task left out in turn, each on three
    tasks with several seeds; print accuracies with intervals beside the paper's, and where they disagree.

    Ctrl-C saves and prints what is done; the same command goes on. A run that is complete only prints its tables.

    minilxmert ablate --out runs/ablation --jobs 2
    """
    from ..experiments.ablation import LEFT_OUT, PAPER, run_seeds
    from ..experiments.ablation_results import Results
    from ..files import write_file

    rows = {"paper": PAPER, "tasks": LEFT_OUT, "both": PAPER + LEFT_OUT[1:]}[options.table]
    complete = run_seeds(options.out, options.recipe, options.seeds, rows, options.jobs, say)
    results = Results(options.out, rows)
    print(results)
    if options.json:
        write_file(options.json, json.dumps(results.to_json(), indent=2, ensure_ascii=False) + "\n")
    if not complete:
        say("interrupted; the same command goes on from there")
    return OK if complete else INTERRUPTED


STEPS, RATE, BATCH = 1500, 1e-3, 64


def add_learning(command):
    """Where training starts, how long it goes on and where it is written."""
    command.add_argument("--weights", help="a miniature to start from: a file or a directory (default: from scratch)")
    command.add_argument("--vocab", help="vocab.txt (default: beside the weights)")
    command.add_argument("--out", metavar="DIR", help="the run's folder; an interrupted run goes on there")
    command.add_argument("--steps", type=positive, default=STEPS, help=f"of training (default {STEPS})")
    command.add_argument("--rate", type=rate, default=RATE, help=f"the highest learning rate (default {RATE})")
    command.add_argument("--batch-size", type=positive, default=BATCH, help=f"questions a step (default {BATCH})")
    command.add_argument("--seed", type=natural, default=0)


def easy_vqa_arguments(command):
    command.add_argument("--data", metavar="DIR", help="its data, or the package unpacked (default: if installed)")
    add_learning(command)
    command.add_argument("--scratch", action="store_true", help="train a fresh model too, and print both figures")


def easy_vqa(options):
    """Learn the 38,575 questions of easy-VQA's train split from pixels and measure on its official test split.

    The data: pip install easy-vqa, or pip download easy-vqa, unzip it, and --data FOLDER.

    minilxmert easy-vqa --weights weights/pretrained --out runs/easy-vqa --scratch
    """
    from dataclasses import replace

    from ..experiments.drawn import easy_vqa_task
    from ..experiments.easy_vqa import read_easy_vqa
    from ..training.tasks import predict

    need_out(options)
    train, answers = read_easy_vqa(options.data, "train")
    train, test = (
        easy_vqa_task(questions, split, looked)
        for split, questions in (("train", train), ("test", read_easy_vqa(options.data, "test")[0]))
    )
    starts = [(options.weights, options.out)]
    if options.scratch and options.weights:
        starts.append((None, f"{options.out}/scratch"))
    for weights, folder in starts:
        training, tokenizer = learn(options, train, weights, folder, answers)
        if code := ended(training):
            return code
        print(f"\nfrom {weights or 'scratch'}, {training.step:,} steps in {training.seconds / 60:.1f} minutes")
        print(replace(test.report(predict(training.model, tokenizer, test)), title="easy-VQA"))
    return OK


def nlvr_arguments(command):
    command.add_argument("--data", required=True, metavar="FILE", help="dev.json or train.json, with images beside it")
    command.add_argument("--test", metavar="FILE", help="test.json, likewise: measure there, not in folds of --data")
    command.add_argument("--folds", type=int, choices=range(2, 11), default=5, help="without --test (default 5)")
    command.add_argument("--out", required=True, metavar="DIR", help="the folder of all runs; again to go on")
    steps = {"claims": "random claims", "pretraining": "steps on them", "finetuning": "steps on --data"}
    for name, what in steps.items():
        command.add_argument(f"--{name}", type=positive, metavar="N", help=f"{what} (default: 40 minutes in all)")
    command.add_argument("--seed", type=natural, default=0)


def nlvr(options):
    """Learn and measure NLVR (Suhr et al. 2017): is a sentence that a person wrote true of a picture of three boxes?

    Pre-trains on random claims about drawn boxes, then learns from --data; beside it, from scratch. What is measured is
    never learnt from: a fold of the sentences after the other, or --test. Ctrl-C saves, the same command goes on.

    minilxmert nlvr --data nlvr/dev/dev.json --out runs/nlvr
    minilxmert nlvr --data nlvr/dev/dev.json --test nlvr/test/test.json --out runs/nlvr
    """
    from dataclasses import replace

    from ..experiments import three_boxes as boxes
    from ..experiments.nlvr import read_nlvr

    steps = {name: getattr(options, name) for name in ("claims", "pretraining", "finetuning")}
    recipe = replace(boxes.Recipe(), **{name: number for name, number in steps.items() if number})
    learnt, judged = (read_nlvr(path) if path else None for path in (options.data, options.test))
    boxes.people([*learnt[:1], *(judged or [])[:1]])  # are the pictures there?
    training = boxes.pretrain(recipe, f"{options.out}/pretrained", options.seed, show, claimed)
    if code := ended(training):
        return code
    data, tested = (examples and boxes.people(examples, looked) for examples in (learnt, judged))
    run, said = boxes.measure(data, tested, options.folds, training.folder, recipe, options.out, options.seed, show)
    if run.interrupted:
        return ended(run)
    print("\n".join(boxes.results(judged or learnt, tested or data, said)))
    return OK


def learn(options, data, weights, folder, answers):
    """Train as the options say. -> Training, tokenizer"""
    from ..experiments.drawn import starting_model
    from ..training.optimizer import Adam
    from ..training.recipes import finetune

    model, tokenizer = starting_model(weights, data, answers, options.seed, options.vocab)
    optimizer = Adam(options.rate, options.steps, corrected=True)
    return finetune(model, data, tokenizer, folder, optimizer, options.batch_size, options.seed, show), tokenizer


def need_out(options):
    from ..errors import ConfigError

    if not options.out:
        raise ConfigError.at("--out", None, "a folder for the run", "none")


def claimed(what, done, total):
    progress("made", done, total, f" {what}")


def looked(what, done, total):
    progress(what, done, total, " pictures")


def plot_run_arguments(command):
    command.add_argument(
        "folders", nargs="+", metavar="FOLDER", help="the folder of a run (its log.jsonl), or of a world's pre-training"
    )
    command.add_argument("--out", metavar="FILE", help="a picture instead: SVG, or PNG or PDF (extra: tutorials)")


def plot_run(options):
    """Show the curves of training runs: the loss of every task, the learning rate, the norm of the gradients.

    minilxmert plot-run runs/first runs/second --out curves.svg
    """
    from ..training.log import runs_in, save_curves, text_curves

    folders = [run for folder in options.folders for run in runs_in(folder)]
    if options.out:
        save_curves(folders, options.out)
        print(options.out)
        return OK
    for folder in folders:
        print("\n".join(text_curves(folder)))
    return OK


COMMANDS = {
    "ablate": (ablate, ablate_arguments, "the paper's ablations, in miniature"),
    "easy-vqa": (easy_vqa, easy_vqa_arguments, "learn easy-VQA from its pixels"),
    "nlvr": (nlvr, nlvr_arguments, "learn or measure NLVR, three boxes in a picture"),
    "plot-run": (plot_run, plot_run_arguments, "show the curves of training runs"),
}
