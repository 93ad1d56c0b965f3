"""From a path to a checkpoint: the file found, its tensors under published names, its config known or inferred, and
every tensor given its place in a parameter tree, or a report of what has none."""

import dataclasses
import re
from pathlib import Path

from ..core.answers import checked_answers, read_answers
from ..core.config import LxmertConfig
from ..core.config_file import read_config
from ..core.params import flatten, unflatten
from ..errors import CheckpointError, ConfigError
from ..files.lists import refuse_other
from ..words.saved import tokens_beside
from ..words.vocabulary import FILES, checked_tokens
from .folder import find_weights
from .formats import read_tensors
from .names import HEADS, TIED, WORDS, published_paths, to_published, untie
from .safetensors import about

BERT_FIELDS = {"num_hidden_layers": "l_layers"}  # a BERT config's name -> ours
for same in ("vocab_size", "hidden_size", "num_attention_heads", "intermediate_size", "hidden_act", "layer_norm_eps"):
    BERT_FIELDS[same] = same
for same in ("max_position_embeddings", "type_vocab_size", "hidden_dropout_prob", "attention_probs_dropout_prob"):
    BERT_FIELDS[same] = same


@dataclasses.dataclass
class Checkpoint:
    """A weight file, read: `weights` by published name, and all that is known about them."""

    path: Path
    format: str  # "torch zip", "torch legacy", "safetensors", "keras h5" or "minilxmert h5"
    scheme: str  # the naming scheme of the file
    weights: dict
    config: LxmertConfig
    answers: list | None
    tokens: list | None  # the vocabulary, in order
    metadata: dict
    config_given: bool = False  # by the caller, who knows its sizes

    @property
    def detector(self):
        """What the feature files said of the objects that the model learnt from, {"recipe": name}, or None."""
        about = self.metadata.get("provenance")
        return about.get("detector") if isinstance(about, dict) and isinstance(about.get("detector"), dict) else None

    def size(self):
        """The bytes of the weights."""
        return sum(array.nbytes for array in self.weights.values())


def open_checkpoint(path, config=None, num_attention_heads=None, mapped=True):
    """Read a checkpoint: a weight file of any published format, or a directory holding one.

    config: overrides what the file says. num_attention_heads: needed where no config is at hand, since no shape of a
    tensor tells it. mapped: see read_tensors. Raises CheckpointError, ConfigError."""
    path = find_weights(Path(path))
    format, arrays, metadata = read_tensors(path, mapped)
    if format == "safetensors":
        metadata = about(metadata, path)
    scheme, weights = to_published(arrays, path)
    weights = untie(weights, path)
    given = config is not None
    if not given:
        config = find_config(path, scheme, weights, metadata, num_attention_heads)
    answers, tokens = find_answers(path, config, metadata), find_tokens(path, config, metadata)
    return Checkpoint(path, format, scheme, weights, config, answers, tokens, metadata, given)


def find_config(path, scheme, weights, metadata, num_attention_heads):
    """The config in the file, beside it, or inferred from the shapes and the naming scheme."""
    inferred = infer_config(weights)
    if scheme.startswith("authors"):
        inferred["visual_loss_normalizer"] = 1 / 0.15
    beside = path.parent / "config.json"
    if "config" in metadata:
        config = LxmertConfig.from_dict(metadata["config"], path)
        return same_config(config, path, LxmertConfig.from_json_file(beside), beside) if beside.exists() else config
    if beside.exists():
        values = read_config(beside)
        if isinstance(values, dict) and values.get("model_type") == "bert":
            values = {**inferred, **{ours: values[theirs] for theirs, ours in BERT_FIELDS.items() if theirs in values}}
        return LxmertConfig.from_dict(values, beside)
    if num_attention_heads is None:
        raise ConfigError.at(path, "num_attention_heads", "it to be given: no shape tells it", "no config.json")
    return LxmertConfig.from_dict({**inferred, "num_attention_heads": num_attention_heads}, path)


def infer_config(weights):
    """Every config field that the shapes of the tensors tell."""
    e = "lxmert.encoder."
    sizes = {
        "vocab_size": (WORDS, 0),
        "hidden_size": (WORDS, 1),
        "max_position_embeddings": ("lxmert.embeddings.position_embeddings.weight", 0),
        "type_vocab_size": ("lxmert.embeddings.token_type_embeddings.weight", 0),
        "intermediate_size": (e + "layer.0.intermediate.dense.weight", 0),
        "visual_feat_dim": (e + "visn_fc.visn_fc.weight", 1),
        "visual_pos_dim": (e + "visn_fc.box_fc.weight", 1),
        "num_qa_labels": ("answer_head.logit_fc.3.weight", 0),
        "num_object_labels": ("obj_predict_head.decoder_dict.obj.weight", 0),
        "num_attr_labels": ("obj_predict_head.decoder_dict.attr.weight", 0),
    }
    found = {}
    for field, (name, axis) in sizes.items():
        if name in weights and weights[name].ndim == 2:
            found[field] = int(weights[name].shape[axis])
    if any(name.startswith(e + "visn_fc.") for name in weights):  # not a BERT
        for field, stack in (("l_layers", "layer"), ("x_layers", "x_layers"), ("r_layers", "r_layers")):
            found[field] = count_layers(weights, e + stack)
    else:
        found["l_layers"] = count_layers(weights, e + "layer")
    if any(name.startswith("cls.") for name in weights):  # a pre-training file: which tasks it was made for
        found["task_obj_predict"] = any(name.startswith(HEADS["objects_head"]) for name in weights)
        found["task_qa"] = any(name.startswith(HEADS["answer"]) for name in weights)
        for kind in ("obj", "attr", "feat"):
            present = f"obj_predict_head.decoder_dict.{kind}.weight" in weights
            found[f"visual_{kind}_loss"] = present or not found["task_obj_predict"]
    return found


def count_layers(weights, stack):
    numbers = [re.match(rf"{re.escape(stack)}\.(\d{{1,4}})\.", name) for name in weights]
    return max((int(match[1]) + 1 for match in numbers if match), default=0)


def same_config(config, path, other, beside):
    """The config in a file and the one beside it, which is a copy for others. Raises ConfigError where they differ."""
    for name in config.sizes():
        if getattr(config, name) != getattr(other, name):
            expected = f"{getattr(config, name)}, as in {path.name}"
            raise ConfigError.at(beside, name, expected, getattr(other, name))
    return dataclasses.replace(config, id2label=other.id2label, others={**config.others, **other.others})


def find_answers(path, config, metadata):
    """The list of answers that a weight file carries or has beside it, or None. Raises VocabularyError where the file,
    answers.json and the config's id2label do not agree."""
    lists, beside = {}, path.parent / "answers.json"
    if metadata.get("answers"):
        lists[path] = checked_answers(path, metadata["answers"], config.num_qa_labels)
    if beside.exists():
        lists[beside] = read_answers(beside, config.num_qa_labels)
    if config.names_answers():
        lists[f"{path.parent / 'config.json'}, id2label"] = [
            config.id2label[number] for number in range(config.num_qa_labels)
        ]
    (place, first), *others = lists.items() or [(None, None)]
    for other, texts in others:
        refuse_other("answer", texts, first, other, place)
    return first


def find_tokens(path, config, metadata):
    """The vocabulary that a weight file carries or has beside it, or None. Raises VocabularyError where they differ."""
    beside = tokens_beside(path.parent)
    if beside and len(beside) > config.vocab_size:  # of another model
        beside = None
    if not metadata.get("tokens"):
        return beside
    inside = checked_tokens(metadata["tokens"], path, special_tokens=())
    if beside:  # tokens that were added at the end are no others
        place = next(path.parent / name for name in FILES if (path.parent / name).exists())
        refuse_other("token", beside[: len(inside)], inside, place, path)
    return beside or inside


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

    def faults(self):
        return self.missing or self.unexpected or self.mis_shaped

    def __str__(self):
        rows = [f"{name}: expected {want}, found {have}" for name, (want, have) in self.mis_shaped.items()]
        table = {"loaded": self.loaded, "missing": self.missing, "unexpected": self.unexpected, "mis-shaped": rows}
        table |= {"unused": self.unused, "fresh": self.fresh}
        shown = {name: sample(entries) if name != "loaded" else "" for name, entries in table.items()}
        return "\n".join(f"{name:>10} {len(table[name]):4d}  {shown[name]}".rstrip() for name in table)


def sample(names, most=4):
    return ", ".join(names[:most]) + (f", … ({len(names) - most} more)" if len(names) > most else "")


def place(weights, shapes, path, scheme="Hugging Face", fresh=None):
    """Published names and arrays -> (tree of arrays, LoadReport); nothing is guessed, every tensor finds its place.

    shapes: the model's tree of shapes. fresh: a function group -> tree that makes a part of the model (a head; with
    BERT weights, an encoder) that the file lacks altogether, or None to refuse. Raises CheckpointError."""
    wanted, flat_shapes = published_paths(shapes), flatten(shapes)
    present = {p.split(".")[0] for name, p in wanted.items() if name in weights}
    lacking = [group for group in shapes if group not in present and flatten(shapes[group])]
    missing = [name for name, p in wanted.items() if name not in weights and p.split(".")[0] not in lacking]
    other = [name for name in weights if name not in wanted]
    unused = [name for name in other if is_known(name, scheme)]
    report = LoadReport(
        path=path,
        loaded=[name for name in wanted if name in weights],
        missing=missing,
        unexpected=[name for name in other if name not in unused],
        mis_shaped={
            name: (flat_shapes[p], weights[name].shape)
            for name, p in wanted.items()
            if name in weights and weights[name].shape != flat_shapes[p]
        },
        unused=unused,
        fresh=lacking if fresh else [],
    )
    if report.faults():
        raise refusal(report)
    if lacking and not fresh:
        entry = f"{', '.join(lacking)}"
        raise CheckpointError.at(path, entry, "these parts, or fresh_heads=True for random ones", "none of them")
    placed = unflatten({p: weights[name] for name, p in wanted.items() if name in weights})
    return {group: fresh(group) if group in lacking else placed.get(group, {}) for group in shapes}, report


def is_known(name, scheme):
    """Tensors that are no fault: the heads of another face; in a BERT file also its own heads and further layers."""
    heads = (*HEADS.values(), TIED)
    return name.startswith(heads) or (scheme == "BERT" and name.startswith(("lxmert.encoder.layer.", "cls.")))


def refusal(report):
    """The CheckpointError for a report with faults: its first fault in one line; the whole table is `error.report`."""
    if report.mis_shaped:
        name, (expected, found) = next(iter(report.mis_shaped.items()))
        error = CheckpointError.at(report.path, name, f"shape {expected}", found)
    elif report.missing:
        more = f" and {len(report.missing) - 1} more" if len(report.missing) > 1 else ""
        error = CheckpointError.at(report.path, report.missing[0], f"this tensor{more}", "none")
    else:
        more = f" and {len(report.unexpected) - 1} more" if len(report.unexpected) > 1 else ""
        error = CheckpointError.at(report.path, report.unexpected[0] + more, "only LXMERT's tensors", "an unknown name")
    error.report = report
    return error
