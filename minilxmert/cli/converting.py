"""minilxmert convert, export, download: files in and out."""

from pathlib import Path

from .common import OK, add_heads, add_weights, load_model, progress


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
    from ..features import convert_to_hdf5, is_feature_file

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
    from ..checkpoints.loading import find_weights
    from ..checkpoints.summary import provenance

    model = load_model(source, options)
    target = model.save_pretrained(directory, format, provenance(find_weights(Path(source))))
    vocabulary = Path(source) / "vocab.txt"
    if vocabulary.is_file():
        from ..tokenizer import LxmertTokenizer

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
    from ..checkpoints.download import download as fetch

    def show(name, done, total):
        progress(name, done, total, " bytes")

    target = fetch(options.repository, options.directory, options.revision, files=options.file, progress=show)
    print(f"downloaded {options.repository} to {target}")


COMMANDS = {
    "convert": (convert, convert_arguments, "convert published weights or feature files to HDF5"),
    "export": (export, export_arguments, "write weights that transformers loads"),
    "download": (download, download_arguments, "fetch a published model"),
}
