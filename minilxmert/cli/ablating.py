"""minilxmert ablate: the paper's ablations in miniature, beside its own figures."""

import json
import sys

from .common import INTERRUPTED, OK, positive


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
    complete = run_seeds(options.out, options.recipe, options.seeds, rows, options.jobs, tell)
    results = Results(options.out, rows)
    print(results)
    if options.json:
        write_file(options.json, json.dumps(results.to_json(), indent=2, ensure_ascii=False) + "\n")
    if not complete:
        print("interrupted; the same command goes on from there", file=sys.stderr)
    return OK if complete else INTERRUPTED


def tell(sentence):
    print(sentence, file=sys.stderr, flush=True)


COMMANDS = {"ablate": (ablate, ablate_arguments, "the paper's ablations, in miniature")}
