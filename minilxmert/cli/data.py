"""Commands about data sets: data-summary."""

from .common import OK


def data_summary_arguments(command):
    command.add_argument("files", nargs="+", metavar="FILE", help="aggregated files, as mscoco_train.json")


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
    return OK


COMMANDS = {"data-summary": (data_summary, data_summary_arguments, "count pictures and sentences of pre-training data")}
