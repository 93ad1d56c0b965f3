"""minilxmert convert, export, download: files in and out."""

from pathlib import Path

from .common import OK, add_heads, add_weights, load_model, progress


def convert_arguments(command):
    command.add_argument("source", nargs="+", help="a checkpoint (file or directory), or files of objects")
    command.add_argument("target", help="the directory for a checkpoint, the .h5 file for objects")
    add_written(command)
    add_heads(command)


def add_written(command):
    """What convert and export write beside the weights, and over what."""
    command.add_argument("--answers", help="a list of answers (JSON) to store with the weights")
    command.add_argument("--replace", action="store_true", help="also weights there that minilxmert did not write")


def convert(options):
    """Convert a published checkpoint into our HDF5 (opened by mapping, checksummed), or a feature file into HDF5.

    minilxmert convert pytorch_model.bin my-lxmert
    minilxmert convert train2014_obj36.tsv train2014_obj36.h5
    minilxmert convert found-1.h5 found-2.h5 found-3.h5 found.h5
    """
    from ..vision.features import convert_to_hdf5, is_feature_file

    first, *others = options.source
    if others or is_feature_file(first):
        source = options.source if others else first
        convert_to_hdf5(source, options.target, progress=lambda n, total: progress("converted", n, total))
        print(f"wrote {options.target}")
        return OK
    return write_checkpoint(first, options.target, "h5", options)


def export_arguments(command):
    add_weights(command)
    command.add_argument("directory", help="where to write")
    command.add_argument("--format", choices=("safetensors", "h5"), default="safetensors")
    add_written(command)


def export(options):
    """Write a checkpoint for others: safetensors with config.json, which transformers' from_pretrained loads.

    minilxmert export my-lxmert for-transformers --format safetensors
    """
    return write_checkpoint(options.weights, options.directory, options.format, options)


def write_checkpoint(source, directory, format, options):
    """Load, write in a format, and say what was written; the vocabulary beside the source comes along."""
    from ..checkpoints.summary import provenance
    from ..words.saved import tokens_beside
    from ..words.tokenizer import LxmertTokenizer

    model, source = load_model(source, options), Path(source)
    known = model.tokens is not None and tokens_beside(source if source.is_dir() else source.parent)
    tokenizer = LxmertTokenizer.beside(source) if known else None
    about = provenance(model.load_report.path)
    target = model.save_pretrained(directory, format, about, tokenizer, options.replace)
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
    minilxmert download frcnn-vg-finetuned
    """
    from ..checkpoints.download import download as fetch
    from ..detector.published import NAME, download_detector

    def show(name, done, total):
        progress(name, done, total, " bytes")

    if options.repository.rpartition("/")[2] == NAME:
        target, digest = download_detector(options.directory, progress=show)
        print(f"downloaded {NAME} to {target}: every tensor is there; SHA-256 of the weights {digest}")
        return
    target = fetch(options.repository, options.directory, options.revision, files=options.file, progress=show)
    print(f"downloaded {options.repository} to {target}")


COMMANDS = {
    "convert": (convert, convert_arguments, "convert published weights or feature files to HDF5"),
    "export": (export, export_arguments, "write weights that transformers loads"),
    "download": (download, download_arguments, "fetch a published model"),
}
