"""From a path to a checkpoint: the file found, its tensors under published names, its config known or inferred, and
every tensor given its place in a parameter tree, or a report of what has none."""

import dataclasses
import hashlib
import re
from pathlib import Path

from ..core.answers import check_answers, read_answers
from ..core.config import JSON_LIMIT, LxmertConfig
from ..core.params import encoder_shapes, head_shapes
from ..errors import CheckpointError, ConfigError
from ..files import read_json
from ..files.reading import refuse_other
from ..words.saved import tokens_beside
from ..words.vocabulary import FILES, check_tokens
from .names import ENCODER, HEADS, WORDS, published_paths, to_published, untie
from .safetensors import about
from .weights import find_weights, read_tensors

BERT_FIELDS = (  # of a BERT config, under the names that they have here; and its num_hidden_layers
    "vocab_size", "hidden_size", "num_attention_heads", "intermediate_size", "hidden_act", "layer_norm_eps",
    "max_position_embeddings", "type_vocab_size", "hidden_dropout_prob", "attention_probs_dropout_prob",
)  # fmt: skip
THEIR_ANSWERS = "trainval_label2ans.json"
SIZES = {  # config field: the tensor of two axes, and the axis, that tell it
    "vocab_size": (WORDS, 0),
    "hidden_size": (WORDS, 1),
    "max_position_embeddings": ("lxmert.embeddings.position_embeddings.weight", 0),
    "type_vocab_size": ("lxmert.embeddings.token_type_embeddings.weight", 0),
    "intermediate_size": (f"{ENCODER}.layer.0.intermediate.dense.weight", 0),
    "visual_feat_dim": (f"{ENCODER}.visn_fc.visn_fc.weight", 1),
    "visual_pos_dim": (f"{ENCODER}.visn_fc.box_fc.weight", 1),
    "num_qa_labels": ("answer_head.logit_fc.3.weight", 0),
    "num_object_labels": ("obj_predict_head.decoder_dict.obj.weight", 0),
    "num_attr_labels": ("obj_predict_head.decoder_dict.attr.weight", 0),
}


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


def read_checkpoint(path, config=None, num_attention_heads=None, mapped=True):
    """Read a checkpoint: a weight file of any published format, or a directory holding one.

    config: overrides what the file says. num_attention_heads: needed where no config is at hand, since no shape of a
    tensor tells it. mapped: see read_tensors. Raises CheckpointError, ConfigError."""
    path = find_weights(Path(path))
    format, arrays, metadata = read_tensors(path, mapped)
    if format == "safetensors":
        metadata = about(metadata, path)
    if any(name.startswith("proposal_generator.") for name in arrays):
        raise CheckpointError.at(path, None, "an LXMERT", "the detector (--detector takes its folder as it is)")
    scheme, weights = to_published(arrays, path)
    weights = untie(weights, path)
    given = config is not None
    if not given:
        config = find_config(path, scheme, weights, metadata, num_attention_heads)
    answers, tokens = find_answers(path, scheme, config, metadata), find_tokens(path, config, metadata)
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
        values = read_json(beside, ConfigError, JSON_LIMIT)
        if isinstance(values, dict) and values.get("model_type") == "bert":
            layers = {"l_layers": values["num_hidden_layers"]} if "num_hidden_layers" in values else {}
            values = {**inferred, **layers, **{name: values[name] for name in BERT_FIELDS if name in values}}
        return LxmertConfig.from_dict(values, beside)
    if num_attention_heads is None:
        raise ConfigError.at(path, "num_attention_heads", "it to be given: no shape tells it", "no config.json")
    return LxmertConfig.from_dict({**inferred, "num_attention_heads": num_attention_heads}, path)


def infer_config(weights):
    """Every config field that the shapes of the tensors tell."""
    known = {field: (weights[name], axis) for field, (name, axis) in SIZES.items() if name in weights}
    found = {field: int(tensor.shape[axis]) for field, (tensor, axis) in known.items() if tensor.ndim == 2}
    stacks = {"l_layers": "layer", "x_layers": "x_layers", "r_layers": "r_layers"}
    if not any(name.startswith(f"{ENCODER}.visn_fc.") for name in weights):  # a BERT
        stacks = {"l_layers": "layer"}
    for field, stack in stacks.items():
        numbers = [re.match(rf"{ENCODER}\.{stack}\.(\d{{1,4}})\.", name) for name in weights]
        found[field] = max((int(match[1]) + 1 for match in numbers if match), default=0)
    if any(name.startswith("cls.") for name in weights):  # a pre-training file: which tasks it was made for
        for task, head in (("task_obj_predict", "objects_head"), ("task_qa", "answer")):
            found[task] = any(name.startswith(HEADS[head]) for name in weights)
        for kind in ("obj", "attr", "feat"):
            present = f"obj_predict_head.decoder_dict.{kind}.weight" in weights
            found[f"visual_{kind}_loss"] = present or not found["task_obj_predict"]
    return found


def same_config(config, path, other, beside):
    """The config in a file and the one beside it, which is a copy for others. Raises ConfigError where they differ."""
    for name in config.sizes():
        if getattr(config, name) != getattr(other, name):
            expected = f"{getattr(config, name)}, as in {path.name}"
            raise ConfigError.at(beside, name, expected, getattr(other, name))
    return dataclasses.replace(config, id2label=other.id2label, others={**config.others, **other.others})


def find_answers(path, scheme, config, metadata):
    """The list of answers that a weight file carries or has beside it, or None. Raises VocabularyError where the file,
    answers.json and the config's id2label do not agree.

    Beside weights of the authors' programs, which carry none, it may be their own list of a task, if it has as many;
    a model that was saved here never takes that one, which saving leaves where it is."""
    lists, beside = {}, path.parent / "answers.json"
    if metadata.get("answers"):
        lists[path] = check_answers(path, metadata["answers"], config.num_qa_labels)
    if beside.exists():
        lists[beside] = read_answers(beside, config.num_qa_labels)
    if config.names_answers():
        texts = [config.id2label[number] for number in range(config.num_qa_labels)]
        lists[f"{path.parent / 'config.json'}, id2label"] = texts
    theirs = path.with_name(THEIR_ANSWERS)
    if not lists and scheme.startswith("authors") and theirs.exists():
        texts = read_answers(theirs)
        return texts if len(texts) == config.num_qa_labels else None
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
    inside = check_tokens(metadata["tokens"], path, special_tokens=())
    if beside:  # tokens that were added at the end are no others
        place = next(path.parent / name for name in FILES if (path.parent / name).exists())
        refuse_other("token", beside[: len(inside)], inside, place, path)
    return beside or inside


def summary(path, num_attention_heads=None):
    """A dict of plain values: file, format, scheme, bytes, answers, config, parts, tensors, parameters, missing heads.

    parts: {part: (tensors, parameters)}, the parts of the parameter tree and "other"; they add up to the totals."""
    checkpoint = read_checkpoint(path, None, num_attention_heads)
    config, answers = checkpoint.config, checkpoint.answers
    places, parts = published_paths({**encoder_shapes(config), **head_shapes(config)}), {}
    for name, array in checkpoint.weights.items():
        part = places[name].split(".")[0] if name in places else "other"
        tensors, parameters = parts.get(part, (0, 0))
        parts[part] = (tensors + 1, parameters + array.size)
    tensors, parameters = (sum(counts[i] for counts in parts.values()) for i in range(2))
    return {
        "file": str(checkpoint.path), "format": checkpoint.format, "scheme": checkpoint.scheme,
        "bytes": checkpoint.path.stat().st_size,
        "answers": f"{len(answers)}, from {answers[0]!r}" if answers else "no list",
        "config": {k: v for k, v in vars(config).items() if v != getattr(type(config)(), k)},
        "parts": parts, "tensors": tensors, "parameters": parameters,
        "missing heads": [head for head in HEADS if head not in parts],
    }  # fmt: skip


def provenance(path):
    """Where converted weights came from: the file's name, size and SHA-256."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"source": Path(path).name, "bytes": Path(path).stat().st_size, "sha256": digest}
