"""minilxmert evaluate, predict, verify, bench: how right a model is, and how fast."""

from dataclasses import replace
from functools import partial

from ..errors import ConfigError, MinilxmertError
from . import common as cli

TASKS = ("vqa", "gqa", "nlvr2", "foils", "relevance", "strangers")
PROBES = (
    "foils: does pre-training tell captions with one wrong word? relevance: does it find what answers rest on? "
    "strangers: is it less sure outside its world?"
)

KINDS = partial(cli.progress, "measured", unit=" kinds")


@cli.command(
    "measure a fine-tuned model",
    cli.option("task", PROBES, choices=TASKS),
    cli.FINETUNED,
    cli.WORLD,
    *cli.files_of("the task's files with labels, as minival.json"),
    cli.ANNOTATIONS,
    cli.option("--scenes", "of the world (strangers: of each kind)", cli.positive, 1000),
    cli.option("--split", "of the world", default="test", choices=("valid", "test", "combinations")),
    cli.SEED,
    cli.flag("--official", "VQA's formula over ten people's --annotations"),
    cli.HIDDEN,
    cli.flag("--details", "also by type of question, and of GQA by length"),
    cli.FIGURES,
)
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
    cli.only_of_vqa_files(options, "official", "annotations")
    measure = {"foils": foils, "relevance": relevance, "strangers": strangers}.get(options.task, task_reports)
    cli.write_figures(options, measure(options))


def figures_of(*reports):
    return {r.title: {row.name: [row.right, row.total] for row in (*r.rows, *r.details)} for r in reports}


def task_reports(options):
    """Print the reports on a task: overall, and on a world of each kind, the model's and the majority's; return
    their figures."""
    from ..training.tasks import beside, majority

    data = cli.task_data(options, options.split)
    if options.official and any(record.annotators is None for record in data.records):
        raise ConfigError.at("--official", None, "ten people's answers to every question (--annotations)", "none")
    predictions = predict_all(options, data, options.hidden)
    report = data.report(predictions, official=True) if options.official else data.report(predictions)
    print(report)
    if options.details and report.details:
        print("", *report.table(report.details), sep="\n")
    if not data.kinds:
        return figures_of(report)
    by_kind = data.report_by_kind(predictions)
    commonest = data.report_by_kind(majority(cli.task_data(options, "train"), data))
    print("", beside({"model": by_kind, "majority": commonest}), sep="\n")
    return figures_of(report, by_kind, replace(commonest, title=f"{options.task} majority"))


def foils(options):
    """Print the report on foils of a world, by a pre-trained model; return its figures."""
    from ..experiments.probing import foil_report

    report = foil_report(*load_probe(options, "LxmertForPreTraining"), progress=partial(cli.progress, "compared"))
    print(report)
    return figures_of(report)


def relevance(options):
    """Print probing.relevance_areas of a model that answers questions as a table; return them."""
    from ..experiments.probing import relevance_areas

    figures = relevance_areas(*load_probe(options), progress=KINDS)
    print(relevance_table(figures))
    return figures


def strangers(options):
    """Print the table of experiments/calibration.py; return its figures."""
    from ..experiments.calibration import figures, measure, strangers_table

    if options.world not in (None, "small"):
        raise ConfigError.at("--world", None, "small, outside of which the drawings are", options.world)
    model, tokenizer, _ = load_probe(options)
    found = measure(model, tokenizer, options.scenes, options.seed, KINDS)
    print(strangers_table(found))
    return {name: figures(rows) for name, rows in found.items()}


def load_probe(options, face="LxmertForQuestionAnswering"):
    """(model, tokenizer, Miniature) that the options of a probe name."""
    from ..published import model as faces
    from ..training.miniature import Miniature

    cli.need(options, "world")
    if options.hidden:
        raise ConfigError.at("--hidden", None, f"a task with answers to questions, not {options.task}", options.hidden)
    model = getattr(faces, face).from_pretrained(options.weights, mapped=False)
    scenes = Miniature(cli.world(options), options.split, options.scenes, options.seed, cli.drawing)
    return model, cli.tokenizer_of(options), scenes


def relevance_table(figures):
    """The figures of relevance as a table."""
    methods = next(iter(figures.values()))
    lines = [f"{'least / most first':<20}" + "".join(f"{method:>14}" for method in methods)]
    for name, areas in figures.items():
        lines.append(f"{name:<20}" + "".join(f"{f'{least:.2f} / {most:.2f}':>14}" for least, most in areas.values()))
    return "\n".join(lines)


@cli.command(
    "write answers for a leaderboard",
    cli.option("task", "whose", choices=("vqa", "gqa", "nlvr2")),
    cli.FINETUNED,
    *cli.files_of("the task's files, as test.json"),
    cli.option("--out", "the file for the leaderboard", metavar="FILE", required=True),
)
def predict(options):
    """Write the answers to a file in the form of the task's leaderboard (VQA and GQA: JSON, NLVR2: CSV).

    minilxmert predict vqa --data test.json --features test2015_obj36.h5 --weights runs/vqa --out test_predict.json
    """
    from ..training.tasks import TASKS

    data = cli.task_data(options, "test")
    predictions = predict_all(options, data)
    TASKS[options.task].write(options.out, data.records, predictions)
    print(f"wrote {options.out}: {len(predictions):,} answers")


def predict_all(options, data, hidden=None):
    """What the model of --weights answers to the data."""
    from ..training.tasks import TASKS, predict

    model = TASKS[data.task].face.from_pretrained(options.weights, answers=cli.answer_list(options), mapped=False)
    return predict(model, cli.tokenizer_of(options), data, progress=partial(cli.progress, "answered"), hidden=hidden)


@cli.command(
    "compare a model with published values",
    cli.WEIGHTS,
    cli.HEADS,
    cli.option("--against", "a directory with inputs.npz and expected_*.npz instead", metavar="DIR"),
    cli.option("--image", "for the detector: the photograph of the published run", metavar="FILE"),
)
def verify(options):
    """Check that a copy of a model computes the published values.

    Without --against: the reference input of unc-nlp/lxmert-base-uncased, which any converted copy of it must pass.
    With --image: a copy of the detector, on the photograph of its published run (480 × 640, a rider).

    minilxmert verify frcnn-vg-finetuned --image rider.jpg
    """
    tables = compared_tables(options)
    for file, rows, left_out in tables:
        print(f"{file}\n  {'value':<34} {'shape':<18} {'largest difference':>18}")
        for row in rows:
            shape = "×".join(map(str, row.shape)) or "number"
            print(f"  {row.name:<34} {shape:<18} {row.difference:18.2e}  {'agrees' if row.agrees else 'DISAGREES'}")
        if left_out:
            print(f"  not computed by the model: {', '.join(left_out)}")
    agree = [row.agrees for _, rows, _ in tables for row in rows]
    print(f"{sum(agree)} of {len(agree)} values agree")
    return cli.OK if agree and all(agree) else cli.DISAGREES


def compared_tables(options):
    """[(what is compared, its rows, values that the model does not compute)]"""
    from ..experiments.verification import verify_against, verify_detector, verify_published
    from ..vision.pictures import read_picture

    if options.image:
        return [("published run of the detector", verify_detector(options.weights, read_picture(options.image)), [])]
    model = cli.load_model(options.weights, options)
    if options.against:
        return verify_against(model, options.against)
    return [("published values of unc-nlp/lxmert-base-uncased", verify_published(model), [])]


@cli.command(
    "measure the speed on this machine",
    cli.option("--seconds", "how long each measurement may take", float, 5.0),
    cli.option("--batches", "batch sizes", default="1,4,8,32"),
    cli.option("--words", "words a question", cli.positive, 20),
    cli.option("--objects", "objects a picture", cli.positive, 36),
    cli.flag("--small", "a small model instead of the published size"),
    cli.flag("--ragged", "sentences of 8 words and more, padded, as real ones are"),
    cli.option("--dtype", "bfloat16: ours in it, too", default="float32", choices=("float32", "bfloat16")),
    cli.flag("--no-peers", "leave transformers, ONNX Runtime and OpenVINO out"),
    cli.flag("--start", "also the time from process start to the first answer"),
    cli.flag("--training", "a training step beside torch's instead"),
    cli.flag("--detector", "a photograph through the detector instead"),
    cli.FIGURES,
)
def bench(options):
    """Measure this machine: questions tokenised a second, and milliseconds a batch of each backend and installed peer.

    minilxmert bench --batches 1,8
    """
    from ..experiments.detector_speed import run_detector_benchmark
    from ..experiments.speed import run_training_benchmark

    if options.detector or options.training:
        run = run_detector_benchmark if options.detector else run_training_benchmark
        figures = run(options.seconds, peers=not options.no_peers)
    else:
        figures = bench_answers(options)
    cli.write_figures(options, figures)


def bench_answers(options):
    from ..experiments.benchmark import run_benchmark

    batches = [int(size) for size in options.batches.split(",") if size.isdecimal() and int(size)]
    if not batches:
        raise MinilxmertError(f"--batches: expected sizes like 1,4,8,32, found {options.batches!r}")
    sizes = (options.seconds, batches, options.words, options.objects)
    switches = {name: getattr(options, name) for name in ("small", "start", "ragged", "dtype")}
    return run_benchmark(*sizes, peers=not options.no_peers, **switches)


COMMANDS = cli.family(evaluate, predict, verify, bench)
