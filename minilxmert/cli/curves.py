"""minilxmert plot-run: how the losses of training runs went."""

from .common import OK


def plot_run_arguments(command):
    command.add_argument(
        "folders", nargs="+", metavar="FOLDER", help="the folder of a run (its log.jsonl), or of a world's pre-training"
    )
    command.add_argument("--out", metavar="FILE", help="a picture (png, svg, pdf) instead; needs matplotlib")


def plot_run(options):
    """Show the curves of training runs: the loss of every task, the learning rate, the norm of the gradients.

    minilxmert plot-run runs/first runs/second --out curves.png
    """
    from ..training.curves import draw_curves, runs_in, text_curves

    folders = [run for folder in options.folders for run in runs_in(folder)]
    if options.out:
        draw_curves(folders, options.out)
        print(options.out)
        return OK
    for folder in folders:
        print("\n".join(text_curves(folder)))
    return OK


COMMANDS = {"plot-run": (plot_run, plot_run_arguments, "show the curves of training runs")}
