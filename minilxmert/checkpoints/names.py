"""Names: one table between our parameter tree and the published Hugging Face names, one rule per module, both ways;
and the few prefixes by which the other published schemes differ from it."""

import re
import warnings

import numpy as np

from ..core.params import flatten
from ..errors import CheckpointError

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
    **attention_names("bottom_up", "bottom_up", "att"),  # nor has what only training/bottom_up.py has
    **{f"lstm.{part}": f"lstm.{part}" for part in ("input", "state")},
}
WRAPPERS = ("module.", "model.")  # what DataParallel and trainers put before every name, …
COMPILED = "_orig_mod."  # … and torch.compile before those of the module that it was given
LEAVES = {"w": "weight", "b": "bias"}
WORDS = "lxmert.embeddings.word_embeddings.weight"
TIED = "cls.predictions.decoder.weight"  # the masked-word decoder is the word embedding
HEADS = {"masked_lm": "cls.predictions.", "matching": "cls.seq_relationship.", "objects_head": "obj_predict_head."}
HEADS |= {"answer": "answer_head.", "reasoning": "reasoning_head."}


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
        new = rename(name, prefixes)
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


def rename(name, prefixes):
    for old, new in prefixes.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def find_scheme(arrays):
    """(scheme, {old prefix: published prefix}) from the names in a file."""
    base = {f"{part}.": f"lxmert.{part}." for part in ("embeddings", "encoder", "pooler")}
    if any(name.startswith("lxrt_encoder.") for name in arrays):
        words = arrays.get("lxrt_encoder.model.bert.embeddings.word_embeddings.weight")
        first = arrays.get("logit_fc.0.weight")
        two_images = first is not None and words is not None and first.shape[-1:] == (2 * words.shape[-1],)
        head = "reasoning_head" if two_images else "answer_head"
        return "authors, fine-tuned", {"lxrt_encoder.model.bert.": "lxmert.", "logit_fc.": f"{head}.logit_fc."}
    if any(name.startswith("bert.encoder.visn_fc.") for name in arrays):
        return "authors, pre-training", {"bert.": "lxmert."}
    if any(name.startswith("lxmert.") for name in arrays):
        return "Hugging Face", {}
    if any(name.startswith("encoder.visn_fc.") for name in arrays):
        return "Hugging Face, without heads", base
    if any(name.startswith("bert.") for name in arrays):
        return "BERT", {"bert.": "lxmert."}
    if any(name.startswith("encoder.layer.") for name in arrays):
        return "BERT", base
    return "unknown", {}


def untie(weights, path):
    """The weights without the masked-word decoder, which must be the word embedding."""
    decoder, words = weights.get(TIED), weights.get(WORDS)
    if decoder is None or words is None:
        return weights
    same = decoder is words or (decoder.shape == words.shape and np.array_equal(decoder, words))
    if not same:
        raise CheckpointError.at(path, TIED, "the word embedding itself (tied)", "other numbers")
    return {name: array for name, array in weights.items() if name != TIED}
