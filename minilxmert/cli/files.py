"""minilxmert convert, export, download, inspect, data-summary, cache: what is in files, and files in other forms."""

import json
import shutil
from functools import partial
from pathlib import Path

from . import common as cli

WRITTEN = (  # what convert and export write beside the weights, and over what
    cli.HEADS,
    cli.option("--answers", "a list of answers (JSON) to store with the weights"),
    cli.flag("--replace", "also weights there that minilxmert did not write"),
)


@cli.command(
    "convert published weights or feature files to HDF5",
    cli.option("source", "a checkpoint (file or folder), or objects (files, a folder of npz)", nargs="+"),
    cli.option("target", "the directory for a checkpoint, the .h5 file for objects"),
    *WRITTEN,
)
def convert(options):
    """Convert a published checkpoint into our HDF5 (opened by mapping, checksummed), or a feature file into HDF5.

    minilxmert convert pytorch_model.bin my-lxmert
    minilxmert convert train2014_obj36.tsv train2014_obj36.h5
    minilxmert convert found-1.h5 found-2.h5 found-3.h5 found.h5
    """
    from ..vision.features import convert_to_hdf5, is_feature_file

    first, *others = options.source
    if others or is_feature_file(first) or options.target.endswith(".h5"):
        source = options.source if others else first
        convert_to_hdf5(source, options.target, progress=partial(cli.progress, "converted"))
        print(f"wrote {options.target}")
        return
    write_checkpoint(first, options.target, "h5", options)


@cli.command(
    "write weights that transformers loads",
    cli.WEIGHTS,
    cli.option("directory", "where to write"),
    cli.option("--format", "of the weights", default="safetensors", choices=("safetensors", "h5")),
    *WRITTEN,
)
def export(options):
    """Write a checkpoint for others: safetensors with config.json, which transformers' from_pretrained loads.

    minilxmert export my-lxmert for-transformers --format safetensors
    """
    write_checkpoint(options.weights, options.directory, options.format, options)


def write_checkpoint(source, directory, format, options):
    """Load, write in a format, and say what was written; the vocabulary beside the source comes along."""
    from ..checkpoints.loading import provenance
    from ..words.saved import tokens_beside
    from ..words.tokenizer import LxmertTokenizer

    model, source = cli.load_model(source, options), Path(source)
    known = model.tokens is not None and tokens_beside(source if source.is_dir() else source.parent)
    tokenizer = LxmertTokenizer.beside(source) if known else None
    about = provenance(model.load_report.path)
    target = model.save_pretrained(directory, format, about, tokenizer, options.replace)
    print(f"wrote {target}: {type(model).__name__}, {model.num_parameters():,} parameters")


@cli.command(
    "fetch a published model",
    cli.option("repository", "for example unc-nlp/lxmert-base-uncased"),
    cli.option("directory", "where to (default: the repository's name)", nargs="?"),
    cli.option("--revision", "of the repository", default="main"),
    cli.option("--file", "only this file (may be repeated)", action="append"),
)
def download(options):
    """Fetch a model from the Hugging Face hub; an interrupted download goes on where it stopped.

    minilxmert download unc-nlp/lxmert-base-uncased
    minilxmert download frcnn-vg-finetuned
    """
    from ..checkpoints.download import download as fetch
    from ..detector.weights import NAME, download_detector

    show = partial(cli.progress, unit=" bytes")
    if options.repository.rpartition("/")[2] == NAME:
        target, digest = download_detector(options.directory, progress=show)
        print(f"downloaded {NAME} to {target}: every tensor is there; SHA-256 of the weights {digest}")
        return
    target = fetch(options.repository, options.directory, options.revision, files=options.file, progress=show)
    print(f"downloaded {options.repository} to {target}")


@cli.command("show what is inside a checkpoint", cli.WEIGHTS, cli.HEADS, cli.flag("--json", "print JSON"))
def inspect(options):
    """Show what is inside a checkpoint: format, naming scheme, config, parameters part by part, heads that are missing.

    minilxmert inspect weights
    """
    from ..checkpoints.loading import summary

    about = summary(options.weights, options.heads)
    if options.json:
        print(json.dumps(about, indent=2))
        return
    for key in ("file", "format", "scheme", "bytes", "answers"):
        print(f"{key:<8} {about[key]}")
    print("config   " + (", ".join(f"{k}={v}" for k, v in about["config"].items()) or "the published base model"))
    print(f"\n{'part':<14} {'tensors':>8} {'parameters':>14}")
    for part, (tensors, parameters) in about["parts"].items():
        print(f"{part:<14} {tensors:8,} {parameters:14,}")
    print(f"{'total':<14} {about['tensors']:8,} {about['parameters']:14,}")
    if about["missing heads"]:
        print(f"\nheads that this file does not carry: {', '.join(about['missing heads'])}")


@cli.command(
    "count pictures and sentences of pre-training data",
    cli.option("files", "aggregated files, as mscoco_train.json", metavar="FILE", nargs="+"),
)
def data_summary(options):
    """Count pictures and sentences of pre-training data, as Table 1 of the paper does.

    minilxmert data-summary mscoco_train.json mscoco_nominival.json vgnococo.json
    """
    from ..training.aggregated import SOURCES, count_sentences, read_pictures

    table = count_sentences(read_pictures(path) for path in options.files)
    others = sorted(table["All"].keys() - {"Images", "All", *SOURCES.values()})
    columns = ["Images", *SOURCES.values(), *others, "All"]
    widths = [max(len(name), len(f"{table['All'].get(name, 0):,}")) for name in columns]
    print(f"{'':<13}", *(f"{name:>{width}}" for name, width in zip(columns, widths, strict=True)), sep="  ")
    for row, counts in table.items():
        numbers = (f"{counts.get(name, 0):>{width},}" for name, width in zip(columns, widths, strict=True))
        print(f"{row:<13}", *numbers, sep="  ")


@cli.command(
    "show or clear the compiled kernels",
    cli.option("action", "clear removes them", default="show", choices=("show", "clear"), nargs="?"),
)
def cache(options):
    """Show where the compiled kernels are kept, or remove them: the next answer compiles them anew.

    minilxmert cache
    minilxmert cache clear
    """
    from ..kernels import kept, load, ready

    clear = options.action == "clear"
    in_use = None if clear or not ready() else load("compiling").FOLDER
    print(f"compiled kernels are kept in {kept.cache_base()}")
    for folder, size in kept.kept_folders().items():
        if clear:
            shutil.rmtree(folder)
        print(f"  {'removed ' * clear}{folder.name}  {size / 1e6:.1f} MB{', in use' * (folder == in_use)}")


COMMANDS = cli.family(inspect, convert, export, download, data_summary, cache)
