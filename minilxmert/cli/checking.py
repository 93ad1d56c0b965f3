"""minilxmert verify, inspect, bench: is it right, what is in it, is it fast."""

import json

from ..errors import MinilxmertError
from .common import DISAGREES, OK, add_weights, load_model, positive


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


def inspect_arguments(command):
    add_weights(command)
    command.add_argument("--json", action="store_true")


def inspect(options):
    """Show what is inside a checkpoint: format, naming scheme, config, parameters part by part, heads that are missing.

    minilxmert inspect weights
    """
    from ..checkpoints.summary import summary

    about = summary(options.weights, options.heads)
    if options.json:
        print(json.dumps(about, indent=2))
        return OK
    for key in ("file", "format", "scheme", "bytes", "answers"):
        print(f"{key:<8} {about[key]}")
    print("config   " + (", ".join(f"{k}={v}" for k, v in about["config"].items()) or "the published base model"))
    print(f"\n{'part':<14} {'tensors':>8} {'parameters':>14}")
    for part, (tensors, parameters) in about["parts"].items():
        print(f"{part:<14} {tensors:8,} {parameters:14,}")
    print(f"{'total':<14} {about['tensors']:8,} {about['parameters']:14,}")
    if about["missing heads"]:
        print(f"\nheads that this file does not carry: {', '.join(about['missing heads'])}")
    return OK


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
    command.add_argument("--json", metavar="FILE", help="also write the figures to a JSON file")


def bench(options):
    """Measure this machine: questions tokenised a second, and milliseconds a batch of each backend and installed peer.

    minilxmert bench --batches 1,8
    """
    figures = (bench_training if options.training else bench_answers)(options)
    if options.json:
        from ..files import write_file

        write_file(options.json, json.dumps(figures, indent=2) + "\n")


def bench_training(options):
    from ..experiments.speed import run_training_benchmark

    return run_training_benchmark(options.seconds, peers=not options.no_peers)


def bench_answers(options):
    from ..experiments.benchmark import run_benchmark

    batches = [int(size) for size in options.batches.split(",") if size.isdecimal() and int(size)]
    if not batches:
        raise MinilxmertError(f"--batches: expected sizes like 1,4,8,32, found {options.batches!r}")
    sizes = (options.seconds, batches, options.words, options.objects)
    switches = {name: getattr(options, name) for name in ("small", "start", "ragged", "dtype")}
    return run_benchmark(*sizes, peers=not options.no_peers, **switches)


COMMANDS = {
    "verify": (verify, verify_arguments, "compare a model with published values"),
    "inspect": (inspect, inspect_arguments, "show what is inside a checkpoint"),
    "bench": (bench, bench_arguments, "measure the speed on this machine"),
}
