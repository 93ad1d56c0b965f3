"""Every tensor of a checkpoint at its place in a parameter tree, or a report of what has none; and parts made anew."""

import dataclasses

import numpy as np

from ..core.params import count, flatten, initialise, unflatten
from ..errors import CheckpointError, ConfigError
from .names import HEADS, TIED, published_paths

FRESH, ALLOWANCE = 8, 16 << 20  # fresh parts may have this many times the bytes of the weights, and a little


@dataclasses.dataclass
class LoadReport:
    """Where every tensor went. Names are published ones."""

    path: object
    loaded: list
    missing: list  # the model needs them, the file lacks them
    unexpected: list  # nobody knows them
    mis_shaped: dict  # name -> (expected, found)
    unused: list  # heads or layers that this model does not have
    fresh: list  # parts that the file lacks, initialised anew on request

    def __str__(self):
        rows = [f"{name}: expected {want}, found {have}" for name, (want, have) in self.mis_shaped.items()]
        table = {"loaded": self.loaded, "missing": self.missing, "unexpected": self.unexpected, "mis-shaped": rows}
        table |= {"unused": self.unused, "fresh": self.fresh}
        shown = {name: sample(entries) if name != "loaded" else "" for name, entries in table.items()}
        return "\n".join(f"{name:>10} {len(table[name]):4d}  {shown[name]}".rstrip() for name in table)


def sample(names):
    return ", ".join(names[:4]) + (f", … ({len(names) - 4} more)" if len(names) > 4 else "")


def place(weights, shapes, path, scheme="Hugging Face", fresh=None):
    """Published names and arrays -> (tree of arrays, LoadReport); nothing is guessed, every tensor finds its place.

    shapes: the model's tree of shapes. fresh: a function group -> tree that makes a part of the model (a head; with
    BERT weights, an encoder) that the file lacks altogether, or None to refuse. Raises CheckpointError."""
    places, wanted = published_paths(shapes), flatten(shapes)
    found = {name: weights[name] for name in places if name in weights}
    present = {places[name].split(".")[0] for name in found}
    lacking = [group for group in shapes if group not in present and flatten(shapes[group])]
    others = [name for name in weights if name not in places]
    sizes = {name: (wanted[places[name]], array.shape) for name, array in found.items()}
    report = LoadReport(
        path=path,
        loaded=list(found),
        missing=[name for name, p in places.items() if name not in found and p.split(".")[0] not in lacking],
        unexpected=[name for name in others if not is_known(name, scheme)],
        mis_shaped={name: both for name, both in sizes.items() if both[0] != both[1]},
        unused=[name for name in others if is_known(name, scheme)],
        fresh=lacking if fresh else [],
    )
    refuse_faults(report)
    if lacking and not fresh:
        raise CheckpointError.at(path, ", ".join(lacking), "these parts, or fresh_heads=True for random ones", "none")
    placed = unflatten({places[name]: array for name, array in found.items()})
    return {group: fresh(group) if group in lacking else placed.get(group, {}) for group in shapes}, report


def is_known(name, scheme):
    """Tensors that are no fault: the heads of another face; in a BERT file also its own heads and further layers."""
    heads = (*HEADS.values(), TIED)
    return name.startswith(heads) or (scheme == "BERT" and name.startswith(("lxmert.encoder.layer.", "cls.")))


def refuse_faults(report):
    """A CheckpointError names the first fault of a report; the whole of it is its `report`."""
    wrong = [(name, f"shape {want}", have) for name, (want, have) in report.mis_shaped.items()]
    for names, expected, found in (
        (report.missing, "this tensor", "none"), (report.unexpected, "only LXMERT's tensors", "an unknown name"),
    ):  # fmt: skip
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        wrong += [(f"{name}{more}", expected, found) for name in names]
    if wrong:
        error = CheckpointError.at(report.path, *wrong[0])
        error.report = report
        raise error


def fresh_maker(checkpoint, shapes, seed, answers=None):
    """A function group -> fresh tree, for the parts of a model that a checkpoint lacks.

    No tensor confirms their sizes, so all of them together stay in proportion to the weights, unless the caller gave
    the config, or the answers. Raises ConfigError."""
    config, left = checkpoint.config, FRESH * checkpoint.size() + ALLOWANCE
    left += 8 * config.hidden_size * len(answers or ())  # the rows of an answer head

    def fresh(group):
        nonlocal left
        size = 4 * count(shapes[group])
        left -= size
        if left < 0 and not checkpoint.config_given:
            expected = "a size in proportion to the weights, or config=… to confirm it"
            raise ConfigError.at(checkpoint.path, f"fresh {group}", expected, f"{size >> 20} MB")
        return initialise({group: shapes[group]}, config, np.random.default_rng(seed))[group]

    return fresh
