"""minilxmert evaluate, predict, verify, bench: how right a model is, and how fast."""

import functools
import json
from dataclasses import replace

from ..errors import ConfigError, MinilxmertError
from .common import (
    DISAGREES,
    OK,
    add_annotations,
    add_source,
    add_weights,
    answer_list,
    load_model,
    natural,
    need,
    only_of_vqa_files,
    positive,
    progress,
    task_data,
    tell,
    tokenizer_of,
    world,
)

TEST_SCENES = 1000


def evaluate_arguments(command):
    tasks = ("vqa", "gqa", "nlvr2", "foils", "relevance", "strangers")
    probes = "foils: does pre-training tell captions with one wrong word? relevance: does it find what answers rest on?"
    probes += " strangers: is it less sure outside its world? (--scenes: of each kind)"
    command.add_argument("task", choices=tasks, help=probes)
    command.add_argument("--weights", required=True, help="a model fine-tuned on the task: a file or a directory")
    add_source(command, "the task's files with labels, as minival.json")
    add_annotations(command)
    command.add_argument("--scenes", type=positive, default=TEST_SCENES, help=f"of the world (default {TEST_SCENES})")
    command.add_argument("--split", choices=("valid", "test", "combinations"), default="test", help="of the world")
    command.add_argument("--seed", type=natural, default=0, help="of the world")
    command.add_argument("--official", action="store_true", help="VQA's formula over ten people's --annotations")
    command.add_argument(
        "--hidden", choices=("objects", "words"), help="measure a blind model, which sees none of them"
    )
    command.add_argument("--details", action="store_true", help="also by type of question, and of GQA by length")
    command.add_argument("--json", metavar="FILE", help="also write the figures, details too, to a JSON file")


def evaluate(options):
    """Measure a fine-tuned model: accuracy with 95 % intervals; on the world each kind beside its majority answer.

    minilxmert evaluate vqa --world small --weights weights
    minilxmert evaluate foils --world small --weights weights/pretrained
    minilxmert evaluate strangers --world small --scenes 200 --weights weights
    minilxmert evaluate relevance --world small --scenes 150 --weights weights
    minilxmert evaluate nlvr2 --data test.json --features nlvr2_obj36.h5 --weights runs/nlvr2
    minilxmert evaluate vqa --data v2_OpenEnded_mscoco_val2014_questions.json --features val2014_obj36.h5 \\
        --annotations v2_mscoco_val2014_annotations.json --official --weights runs/vqa
    """
    from ..files import write_file

    only_of_vqa_files(options, "official", "annotations")
    if options.task == "relevance":
        figures = relevance(options)
        print(areas_told(figures))
    elif options.task == "strangers":
        figures = strangers(options)
    else:
        reports = [foils(options)] if options.task == "foils" else reports_on_task(options)
        figures = {r.title: {row.name: [row.right, row.total] for row in (*r.rows, *r.details)} for r in reports}
    if options.json:
        write_file(options.json, json.dumps(figures, indent=2) + "\n")


def reports_on_task(options):
    """Print and return the reports on a task: overall, and on a world of each kind, the model's and the majority's."""
    from ..training.tasks import beside, majority

    data = task_data(options, options.split)
    if options.official and any(record.annotators is None for record in data.records):
        raise ConfigError.at("--official", None, "ten people's answers to every question (--annotations)", "none")
    predictions = predicted(options, data, options.hidden)
    report = data.report(predictions, official=True) if options.official else data.report(predictions)
    print(report)
    if options.details and report.details:
        print("", *report.table(report.details), sep="\n")
    if not data.kinds:
        return [report]
    by_kind = data.report_by_kind(predictions)
    commonest = data.report_by_kind(majority(task_data(options, "train"), data))
    print("", beside({"model": by_kind, "majority": commonest}), sep="\n")
    return [report, by_kind, replace(commonest, title=f"{options.task} majority")]


def foils(options):
    """Print and return the report on foils of a world, by a pre-trained model."""
    from ..experiments.probing import foil_report
    from ..published.model import LxmertForPreTraining

    data = drawn(options)
    model = LxmertForPreTraining.from_pretrained(options.weights, mapped=False)
    counted = functools.partial(progress, "compared")
    report = foil_report(model, tokenizer_of(options, options.weights), data, progress=counted)
    print(report)
    return report


def relevance(options):
    """The figures of probing.relevance_areas, by a model that answers questions."""
    from ..experiments.probing import relevance_areas
    from ..published.model import LxmertForQuestionAnswering

    data = drawn(options)
    model = LxmertForQuestionAnswering.from_pretrained(options.weights, mapped=False)
    counted = functools.partial(progress, "measured", unit=" kinds")
    return relevance_areas(model, tokenizer_of(options, options.weights), data, progress=counted)


def strangers(options):
    """Print the table of experiments/strangers.py; return its figures."""
    from ..experiments.strangers import measure, table
    from ..published.model import LxmertForQuestionAnswering

    if drawn(options).world.name != "small":
        raise ConfigError.at("--world", None, "small, from whose outside the strangers come", options.world)
    model = LxmertForQuestionAnswering.from_pretrained(options.weights, mapped=False)
    counted = functools.partial(progress, "measured", unit=" kinds")
    found = measure(model, tokenizer_of(options, options.weights), options.scenes, options.seed, counted)
    print(table(found))
    return {name: one.figures() for name, one in found.items()}


def areas_told(figures):
    """The figures of relevance as a table."""
    methods = next(iter(figures.values()))
    lines = [f"{'least / most first':<20}" + "".join(f"{method:>14}" for method in methods)]
    for name, areas in figures.items():
        lines.append(f"{name:<20}" + "".join(f"{f'{least:.2f} / {most:.2f}':>14}" for least, most in areas.values()))
    return "\n".join(lines)


def drawn(options):
    """The Miniature that the options of a probe name."""
    from ..training.miniature import Miniature

    need(options, "world")
    if options.hidden:
        raise ConfigError.at("--hidden", None, f"a task with answers to questions, not {options.task}", options.hidden)
    return Miniature(world(options), options.split, options.scenes, options.seed, tell)


def predict_arguments(command):
    command.add_argument("task", choices=("vqa", "gqa", "nlvr2"))
    command.add_argument("--weights", required=True, help="a model fine-tuned on the task: a file or a directory")
    add_source(command, "the task's files, as test.json", worlds=False)
    command.add_argument("--out", required=True, metavar="FILE", help="the file for the leaderboard")


def predict(options):
    """Write the answers to a file in the form of the task's leaderboard (VQA and GQA: JSON, NLVR2: CSV).

    minilxmert predict vqa --data test.json --features test2015_obj36.h5 --weights runs/vqa --out test_predict.json
    """
    from ..training import task_files

    data = task_data(options, "test")
    predictions = predicted(options, data)
    if options.task == "nlvr2":
        task_files.write_nlvr2_answers(options.out, data.records, predictions)
    else:
        write = {"vqa": task_files.write_vqa_answers, "gqa": task_files.write_gqa_answers}[options.task]
        write(options.out, predictions)
    print(f"wrote {options.out}: {len(predictions):,} answers")


def predicted(options, data, hidden=None):
    """What the model of --weights answers to the data."""
    from ..training.tasks import TASKS, predict

    model = TASKS[data.task].face.from_pretrained(options.weights, answers=answer_list(options), mapped=False)
    counted = functools.partial(progress, "answered")
    return predict(model, tokenizer_of(options, options.weights), data, progress=counted, hidden=hidden)


def verify_arguments(command):
    add_weights(command)
    command.add_argument("--against", metavar="DIR", help="a directory with inputs.npz and expected_*.npz instead")
    command.add_argument("--image", metavar="FILE", help="for the detector: the photograph of the published run")


def verify(options):
    """Check that a copy of a model computes the published values.

    Without --against: the reference input of unc-nlp/lxmert-base-uncased, which any converted copy of it must pass.
    With --image: a copy of the detector, on the photograph of its published run (480 × 640, a rider).

    minilxmert verify frcnn-vg-finetuned --image rider.jpg
    """
    from ..experiments.verification import verify_against, verify_published

    model = None if options.image else load_model(options.weights, options)
    if options.image:
        from ..experiments.verification import verify_detector
        from ..vision.reading import read_picture

        tables = [("published run of the detector", verify_detector(options.weights, read_picture(options.image)), [])]
    elif options.against:
        tables = verify_against(model, options.against)
    else:
        tables = [("published values of unc-nlp/lxmert-base-uncased", verify_published(model), [])]
    for file, rows, left_out in tables:
        print(f"{file}\n  {'value':<34} {'shape':<18} {'largest difference':>18}")
        for row in rows:
            shape = "×".join(map(str, row.shape)) or "number"
            print(f"  {row.name:<34} {shape:<18} {row.difference:18.2e}  {'agrees' if row.agrees else 'DISAGREES'}")
        if left_out:
            print(f"  not computed by {type(model).__name__}: {', '.join(left_out)}")
    good = sum(row.agrees for _, rows, _ in tables for row in rows)
    total = sum(len(rows) for _, rows, _ in tables)
    print(f"{good} of {total} values agree")
    return OK if good == total and total else DISAGREES


def bench_arguments(command):
    command.add_argument("--seconds", type=float, default=5.0, help="how long each measurement may take (default 5)")
    command.add_argument("--batches", default="1,4,8,32", help="batch sizes (default 1,4,8,32)")
    command.add_argument("--words", type=positive, default=20, help="words a question (default 20)")
    command.add_argument("--objects", type=positive, default=36, help="objects a picture (default 36)")
    command.add_argument("--small", action="store_true", help="a small model instead of the published size")
    command.add_argument(
        "--ragged", action="store_true", help="sentences of 8 words and more, padded, as real ones are"
    )
    command.add_argument(
        "--dtype", choices=("float32", "bfloat16"), default="float32", help="bfloat16: ours in it, too"
    )
    command.add_argument("--no-peers", action="store_true", help="leave transformers, ONNX Runtime and OpenVINO out")
    command.add_argument("--start", action="store_true", help="also the time from process start to the first answer")
    command.add_argument("--training", action="store_true", help="a training step beside torch's instead")
    command.add_argument("--detector", action="store_true", help="a photograph through the detector instead")
    command.add_argument("--json", metavar="FILE", help="also write the figures to a JSON file")


def bench(options):
    """Measure this machine: questions tokenised a second, and milliseconds a batch of each backend and installed peer.

    minilxmert bench --batches 1,8
    """
    measure = bench_detector if options.detector else bench_training if options.training else bench_answers
    figures = measure(options)
    if options.json:
        from ..files import write_file

        write_file(options.json, json.dumps(figures, indent=2) + "\n")


def bench_training(options):
    from ..experiments.speed import run_training_benchmark

    return run_training_benchmark(options.seconds, peers=not options.no_peers)


def bench_detector(options):
    from ..experiments.detector_speed import run_detector_benchmark

    return run_detector_benchmark(options.seconds, peers=not options.no_peers)


def bench_answers(options):
    from ..experiments.benchmark import run_benchmark

    batches = [int(size) for size in options.batches.split(",") if size.isdecimal() and int(size)]
    if not batches:
        raise MinilxmertError(f"--batches: expected sizes like 1,4,8,32, found {options.batches!r}")
    sizes = (options.seconds, batches, options.words, options.objects)
    switches = {name: getattr(options, name) for name in ("small", "start", "ragged", "dtype")}
    return run_benchmark(*sizes, peers=not options.no_peers, **switches)


COMMANDS = {
    "evaluate": (evaluate, evaluate_arguments, "measure a fine-tuned model"),
    "predict": (predict, predict_arguments, "write answers for a leaderboard"),
    "verify": (verify, verify_arguments, "compare a model with published values"),
    "bench": (bench, bench_arguments, "measure the speed on this machine"),
}
