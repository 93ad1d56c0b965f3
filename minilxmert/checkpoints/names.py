"""Names: one table between our parameter tree and the published Hugging Face names, one rule per module, both ways; the
few prefixes by which the other published schemes differ from it; and every tensor put at its place in the tree."""

import dataclasses
import re
import warnings

import numpy as np

from ..core.params import count, flatten, initialise, unflatten
from ..errors import CheckpointError, ConfigError

QKV = ("query", "key", "value")


def attention_names(ours, theirs, inner):
    names = {f"{ours}.{n}": f"{theirs}.{inner}.{n}" for n in QKV}
    return {**names, f"{ours}.output": f"{theirs}.output.dense", f"{ours}.norm": f"{theirs}.output.LayerNorm"}


def ffn_names(ours, inner, outer):
    names = {f"{ours}.inner": f"{inner}.dense", f"{ours}.outer": f"{outer}.dense"}
    return {**names, f"{ours}.norm": f"{outer}.LayerNorm"}


def layer_names(ours, theirs):
    names = attention_names(f"{ours}.attention", f"{theirs}.attention", "self")
    return {**names, **ffn_names(f"{ours}.ffn", f"{theirs}.intermediate", f"{theirs}.output")}


def cross_side_names(ours, theirs):
    names = attention_names(f"{ours}.attention", f"{theirs}_self_att", "self")
    return {**names, **ffn_names(f"{ours}.ffn", f"{theirs}_inter", f"{theirs}_output")}


def transform_names(ours, theirs):
    return {f"{ours}.transform": f"{theirs}.transform.dense", f"{ours}.norm": f"{theirs}.transform.LayerNorm"}


def classifier_names(ours, theirs):
    return {f"{ours}.{n}": f"{theirs}.logit_fc.{i}" for n, i in (("inner", 0), ("norm", 2), ("outer", 3))}


ENCODER = "lxmert.encoder"
PUBLISHED = {  # our module -> the published module; * is a layer's number
    **{f"embeddings.{n}": f"lxmert.embeddings.{n}_embeddings" for n in ("word", "position", "token_type")},
    "embeddings.norm": "lxmert.embeddings.LayerNorm",
    "objects.feats": f"{ENCODER}.visn_fc.visn_fc",
    "objects.feats_norm": f"{ENCODER}.visn_fc.visn_layer_norm",
    "objects.boxes": f"{ENCODER}.visn_fc.box_fc",
    "objects.boxes_norm": f"{ENCODER}.visn_fc.box_layer_norm",
    **layer_names("language.*", f"{ENCODER}.layer.*"),
    **layer_names("vision.*", f"{ENCODER}.r_layers.*"),
    **attention_names("cross.*.cross", f"{ENCODER}.x_layers.*.visual_attention", "att"),
    **cross_side_names("cross.*.language", f"{ENCODER}.x_layers.*.lang"),
    **cross_side_names("cross.*.vision", f"{ENCODER}.x_layers.*.visn"),
    "pooler": "lxmert.pooler.dense",
    **transform_names("masked_lm", "cls.predictions"),
    "masked_lm.decoder": "cls.predictions",
    "matching": "cls.seq_relationship",
    **transform_names("objects_head", "obj_predict_head"),
    **{f"objects_head.{kind}": f"obj_predict_head.decoder_dict.{kind}" for kind in ("obj", "attr", "feat")},
    **classifier_names("answer", "answer_head"),
    **classifier_names("reasoning", "reasoning_head"),  # LxmertForVisualReasoning has no published Hugging Face name
    **attention_names("bottom_up", "bottom_up", "att"),  # nor has what only experiments/baselines.py has
    **{f"lstm.{part}": f"lstm.{part}" for part in ("input", "state")},
}
WRAPPERS = ("module.", "model.")  # what DataParallel and trainers put before every name, …
COMPILED = "_orig_mod."  # … and torch.compile before those of the module that it was given
LEAVES = {"w": "weight", "b": "bias"}
WORDS = "lxmert.embeddings.word_embeddings.weight"
TIED = "cls.predictions.decoder.weight"  # the masked-word decoder is the word embedding
HEADS = {"masked_lm": "cls.predictions.", "matching": "cls.seq_relationship.", "objects_head": "obj_predict_head."}
HEADS |= {"answer": "answer_head.", "reasoning": "reasoning_head."}
FRESH, ALLOWANCE = 8, 16 << 20  # fresh parts may have this many times the bytes of the weights, and a little


def published_name(path):
    """Our path, "cross.0.cross.query.w" -> the published name "lxmert.encoder.x_layers.0.visual_attention.att…" """
    module, _, leaf = path.rpartition(".")
    number = re.search(r"\.(\d+)\.", module)
    theirs = PUBLISHED[re.sub(r"\.\d+\.", ".*.", module, count=1)]
    return f"{theirs.replace('*', number[1]) if number else theirs}.{LEAVES[leaf]}"


def published_paths(tree):
    """{published name: our path} for every leaf of a tree of arrays or shapes."""
    return {published_name(path): path for path in flatten(tree)}


def to_published(arrays, file):
    """(scheme, {published Hugging Face name: array}) of a file's tensors in any published scheme.

    Two tensors that end up under one name are a CheckpointError; names that no scheme knows are kept as they are."""
    arrays = without_module(arrays, file)
    scheme, prefixes = find_scheme(arrays)
    renamed = {}
    for name, array in arrays.items():
        new = next((new + name.removeprefix(old) for old, new in prefixes.items() if name.startswith(old)), name)
        if scheme == "BERT":
            new = re.sub(r"\.gamma$", ".weight", re.sub(r"\.beta$", ".bias", new))
            if new == "lxmert.embeddings.position_ids":  # a buffer 0, 1, 2 …, not a parameter
                continue
        if new in renamed:
            raise CheckpointError.at(file, name, f"one tensor for {new}", "a second one")
        renamed[new] = array
    return scheme, renamed


def without_module(arrays, file="weights"):
    """The arrays without what torch's wrappers put before every name, and torch.compile anywhere.

    Says so, except for DataParallel's prefix, which the authors' own files have."""
    names = [name.replace(COMPILED, "") for name in arrays]
    left_out = {COMPILED} if names != list(arrays) else set()
    while prefix := next((p for p in WRAPPERS if names and all(name.startswith(p) for name in names)), None):
        names, left_out = [name.removeprefix(prefix) for name in names], left_out | {prefix}
    if len(set(names)) < len(names):
        raise CheckpointError.at(file, COMPILED, "names that differ without it", "two that do not")
    if surprising := left_out - {"module."}:
        warnings.warn(f"{file}: {' and '.join(sorted(surprising))} left out of its tensors' names", stacklevel=2)
    return dict(zip(names, arrays.values(), strict=True))


def find_scheme(arrays):
    """(scheme, {old prefix: published prefix}) from the names in a file."""
    base = {f"{part}.": f"lxmert.{part}." for part in ("embeddings", "encoder", "pooler")}
    schemes = {  # how some name begins, the first that does counts
        "lxrt_encoder.": ("authors, fine-tuned", {"lxrt_encoder.model.bert.": "lxmert.", "logit_fc.": logits(arrays)}),
        "bert.encoder.visn_fc.": ("authors, pre-training", {"bert.": "lxmert."}),
        "lxmert.": ("Hugging Face", {}),
        "encoder.visn_fc.": ("Hugging Face, without heads", base),
        "bert.": ("BERT", {"bert.": "lxmert."}),
        "encoder.layer.": ("BERT", base),
        "": ("unknown", {}),
    }
    return next(found for begin, found in schemes.items() if any(name.startswith(begin) for name in ("", *arrays)))


def logits(arrays):
    """Where the authors' `logit_fc.` belongs: to the answers, or to two images, whose pooled states are joined."""
    words = arrays.get("lxrt_encoder.model.bert.embeddings.word_embeddings.weight")
    first = arrays.get("logit_fc.0.weight")
    two = first is not None and words is not None and first.shape[-1:] == (2 * words.shape[-1],)
    return "reasoning_head.logit_fc." if two else "answer_head.logit_fc."


def untie(weights, path):
    """The weights without the masked-word decoder, which must be the word embedding."""
    decoder, words = weights.get(TIED), weights.get(WORDS)
    if decoder is None or words is None:
        return weights
    if decoder is not words and not np.array_equal(decoder, words):
        raise CheckpointError.at(path, TIED, "the word embedding itself (tied)", "other numbers")
    return {name: array for name, array in weights.items() if name != TIED}


# --- places


@dataclasses.dataclass
class LoadReport:
    """Where every tensor went. Names are published ones."""

    path: object
    loaded: list
    missing: list  # the model needs them, the file lacks them
    unexpected: list  # no rule fits them
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
