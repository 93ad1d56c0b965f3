"""The command line: parsing and printing only; every command calls the library and says in words what it found."""

import argparse
import json
import os
import sys
from pathlib import Path

from . import __version__
from .errors import MinilxmertError

OK, DISAGREES, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
BAR = 30


def main(argv=None):
    """Run one command; returns the exit code: 0 done, 1 a check failed or a file is wrong, 2 wrong use, 130 Ctrl-C."""
    options = parser().parse_args(argv)
    if options.command is None:
        parser().print_help()
        return OK
    try:
        return options.run(options) or OK
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `… | head` closed our output: nothing is wrong
        return OK
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except (MinilxmertError, OSError) as error:
        if options.debug:
            raise
        print(f"minilxmert {options.command}: {error}", file=sys.stderr)
        return DISAGREES


def parser():
    """The argument parser of all commands."""
    top = argparse.ArgumentParser(
        prog="minilxmert",
        description="LXMERT in plain arrays: ask questions about pictures, convert and check published weights.",
        epilog="First success: see the two commands at the top of README.md. Each command explains itself with --help.",
    )
    top.add_argument("--version", action="version", version=f"minilxmert {__version__}")
    top.set_defaults(command=None)
    commands = top.add_subparsers(metavar="command")
    for name, (run, arguments, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=run.__doc__, formatter_class=Formatter)
        arguments(command)
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
        command.set_defaults(run=run, command=name)
    return top


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of a docstring as they are written."""


def add_weights(command):
    command.add_argument("weights", help="a weight file of any published format, or a directory holding one")
    add_heads(command)


def add_heads(command):
    command.add_argument("--heads", type=int, metavar="N", help="attention heads, where no config.json tells them")


def load_model(path, options):
    from .model import load

    return load(path, num_attention_heads=options.heads, dtype=getattr(options, "dtype", "float32"))


# --- answer ----------------------------------------------------------------------------------------------------------


def answer_arguments(command):
    command.add_argument("--weights", required=True, help="a model with an answer head: a file or a directory")
    command.add_argument("--features", required=True, help="the objects of the pictures: TSV, HDF5 or npz")
    command.add_argument("--image", help="the id of the picture in the feature file")
    command.add_argument("--question", help="the question, in quotes")
    command.add_argument("--batch", metavar="FILE", help='many questions: lines of {"image": …, "question": …}')
    command.add_argument("--vocab", help="vocab.txt (default: beside the weights)")
    command.add_argument("--answers", help="the list of answers, JSON (default: with or beside the weights)")
    command.add_argument("--top", type=int, default=5, metavar="N", help="how many answers (default 5)")
    command.add_argument("--batch-size", type=int, default=8, metavar="N", help="questions at a time (default 8)")
    command.add_argument("--json", action="store_true", help="print JSON lines instead of bars")
    command.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32", help="how weights are kept")
    add_heads(command)


def answer(options):
    """Answer a question about a picture, or many.

    minilxmert answer --weights weights --features weights/objects.tsv --image kitchen --question "what is this ?"
    """
    from .answers import read_answers
    from .features import open_features
    from .tokenizer import LxmertTokenizer

    model = load_model(options.weights, options)
    folder = Path(options.weights) if Path(options.weights).is_dir() else Path(options.weights).parent
    tokenizer = LxmertTokenizer.from_pretrained(options.vocab or folder)
    if options.answers:
        model.answers = read_answers(options.answers, expected_size=model.config.num_qa_labels)
    with open_features(options.features) as features:
        for question, answers in answer_all(model, tokenizer, features, questions(options), options):
            if options.json:
                rows = [{"answer": a.text, "probability": round(a.probability, 6)} for a in answers]
                print(json.dumps({**question, "answers": rows}, ensure_ascii=False), flush=True)
            else:
                print_answers(question, answers)


def questions(options):
    """The questions asked: [{"image": id, "question": text}], from the options or from the lines of a file."""
    if (options.batch is None) == (options.question is None) or (options.question and not options.image):
        raise MinilxmertError('give either --image ID --question "…" or --batch FILE')
    if options.question:
        return [{"image": options.image, "question": options.question}]
    from .files import read_small, strict_json

    rows = []
    for number, line in enumerate(read_small(options.batch, limit=1 << 30).split(b"\n"), 1):
        if line.strip():
            row = strict_json(line, f"{options.batch} line {number}")
            if not isinstance(row, dict) or not all(isinstance(row.get(k), str) for k in ("image", "question")):
                raise MinilxmertError.at(
                    options.batch, f"line {number}", '{"image": text, "question": text}', "another"
                )
            rows.append(row)
    return rows


def answer_all(model, tokenizer, features, rows, options):
    """Yield (question, answers), a batch at a time, with progress on stderr."""
    from .ask import ask

    for start in range(0, len(rows), options.batch_size):
        batch = rows[start : start + options.batch_size]
        objects = [features[row["image"]] for row in batch]
        yield from zip(batch, ask(model, tokenizer, [r["question"] for r in batch], objects, options.top), strict=True)
        if len(rows) > options.batch_size:
            progress("answered", start + len(batch), len(rows))


def print_answers(question, answers):
    print(f"{question['question']}  [{question['image']}]")
    width = max(len(a.text) for a in answers)
    for a in answers:
        print(f"  {a.text:<{width}}  {a.probability:6.1%}  {'█' * round(a.probability * BAR)}".rstrip())


def progress(what, done, total, unit=""):
    """One line on stderr that writes over itself."""
    share = f" ({done / total:.0%})" if total else ""
    ending = "\n" if total and done >= total else "\r"
    print(
        f"{what} {done:,}{f' of {total:,}' if total else ''}{unit}{share}   ", end=ending, file=sys.stderr, flush=True
    )


# --- files -----------------------------------------------------------------------------------------------------------


def convert_arguments(command):
    command.add_argument("source", help="a checkpoint (file or directory), or a TSV/npz file of objects")
    command.add_argument("target", help="the directory for a checkpoint, the .h5 file for objects")
    command.add_argument("--answers", help="a list of answers (JSON) to store with the weights")
    add_heads(command)


def convert(options):
    """Convert a published checkpoint into our HDF5 (opened by mapping, checksummed), or a feature file into HDF5.

    minilxmert convert pytorch_model.bin my-lxmert
    minilxmert convert train2014_obj36.tsv train2014_obj36.h5
    """
    from .features import convert_to_hdf5, is_feature_file

    if is_feature_file(options.source):
        convert_to_hdf5(options.source, options.target, progress=lambda n, total: progress("converted", n, total))
        print(f"wrote {options.target}")
        return OK
    return write_checkpoint(options.source, options.target, "h5", options)


def export_arguments(command):
    add_weights(command)
    command.add_argument("directory", help="where to write")
    command.add_argument("--format", choices=("safetensors", "h5"), default="safetensors")
    command.add_argument("--answers", help="a list of answers (JSON) to store with the weights")


def export(options):
    """Write a checkpoint for others: safetensors with config.json, which transformers' from_pretrained loads.

    minilxmert export my-lxmert for-transformers --format safetensors
    """
    return write_checkpoint(options.weights, options.directory, options.format, options)


def write_checkpoint(source, directory, format, options):
    """Load, write in a format, and say what was written; the vocabulary beside the source comes along."""
    from .answers import read_answers
    from .checkpoints.loading import find_weights
    from .checkpoints.summary import provenance

    model = load_model(source, options)
    if options.answers:
        model.answers = read_answers(options.answers, expected_size=model.config.num_qa_labels)
    target = model.save_pretrained(directory, format, provenance(find_weights(Path(source))))
    vocabulary = Path(source) / "vocab.txt"
    if vocabulary.is_file():
        from .tokenizer import LxmertTokenizer

        LxmertTokenizer.from_pretrained(source).save_pretrained(directory)
    print(f"wrote {target}: {type(model).__name__}, {model.num_parameters():,} parameters")
    return OK


def download_arguments(command):
    command.add_argument("repository", help="for example unc-nlp/lxmert-base-uncased")
    command.add_argument("directory", nargs="?", help="where to (default: the repository's name)")
    command.add_argument("--revision", default="main")
    command.add_argument("--file", action="append", help="only this file (may be repeated)")


def download(options):
    """Fetch a model from the Hugging Face hub; an interrupted download goes on where it stopped.

    minilxmert download unc-nlp/lxmert-base-uncased
    """
    from .checkpoints.download import download as fetch

    def show(name, done, total):
        progress(name, done, total, " bytes")

    target = fetch(options.repository, options.directory, options.revision, files=options.file, progress=show)
    print(f"downloaded {options.repository} to {target}")


# --- checks ----------------------------------------------------------------------------------------------------------


def verify_arguments(command):
    add_weights(command)
    command.add_argument("--against", metavar="DIR", help="a directory with inputs.npz and expected_*.npz instead")


def verify(options):
    """Check that a copy of a model computes the published values.

    Without --against: the reference input of unc-nlp/lxmert-base-uncased, which any converted copy of it must pass.
    """
    from .verification import verify_against, verify_published

    model = load_model(options.weights, options)
    if options.against:
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
    from .checkpoints.summary import summary

    about = summary(options.weights, options.heads)
    if options.json:
        print(json.dumps(about, indent=2, ensure_ascii=False))
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
    command.add_argument("--words", type=int, default=20, help="words a question (default 20)")
    command.add_argument("--objects", type=int, default=36, help="objects a picture (default 36)")
    command.add_argument("--small", action="store_true", help="a small model instead of the published size")
    command.add_argument("--no-peers", action="store_true", help="leave transformers, ONNX Runtime and OpenVINO out")
    command.add_argument("--start", action="store_true", help="also the time from process start to the first answer")
    command.add_argument("--json", metavar="FILE", help="also write the figures to a JSON file")


def bench(options):
    """Measure this machine: questions tokenised a second, and milliseconds a batch of each backend and installed peer.

    minilxmert bench --batches 1,8
    """
    from .benchmark import run_benchmark

    batches = [int(size) for size in options.batches.split(",") if size.isdecimal() and int(size)]
    if not batches:
        raise MinilxmertError(f"--batches: expected sizes like 1,4,8,32, found {options.batches!r}")
    sizes = (options.seconds, batches, options.words, options.objects)
    figures = run_benchmark(*sizes, small=options.small, peers=not options.no_peers, start=options.start)
    if options.json:
        from .files import write_file

        write_file(options.json, json.dumps(figures, indent=2) + "\n")


COMMANDS = {
    "answer": (answer, answer_arguments, "answer questions about pictures"),
    "convert": (convert, convert_arguments, "convert published weights or feature files to HDF5"),
    "export": (export, export_arguments, "write weights that transformers loads"),
    "download": (download, download_arguments, "fetch a published model"),
    "verify": (verify, verify_arguments, "compare a model with published values"),
    "inspect": (inspect, inspect_arguments, "show what is inside a checkpoint"),
    "bench": (bench, bench_arguments, "measure the speed on this machine"),
}

if __name__ == "__main__":
    sys.exit(main())
