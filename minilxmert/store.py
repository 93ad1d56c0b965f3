"""Loading and saving, shared by all faces: from_pretrained, save_pretrained, state_dict, load_state_dict."""

import json
from pathlib import Path

import numpy as np

from . import params as tree
from .errors import CheckpointError, ConfigError
from .files import write_file
from .kernels import keep_narrow

PREFIX = "lxmert."
DTYPES = ("float32", "float64", "bfloat16")
FORMATS = {"h5": "model.h5", "safetensors": "model.safetensors"}


def check_dtype(dtype):
    """The name of a precision, given as a text or a NumPy type. Raises ConfigError."""
    name = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", str(dtype))
    if name not in DTYPES:
        raise ConfigError.at("model", "dtype", f"one of {', '.join(DTYPES)}", name)
    return name


class Stored:
    """The part of a face that meets files and published names. `load_report` says where every tensor went."""

    load_report = None

    @classmethod
    def from_pretrained(
        cls, path, config=None, dtype="float32", fresh_heads=False, num_attention_heads=None, seed=0, answers=None
    ):
        """A model from a published checkpoint: a file or directory of any format (or what open_checkpoint returned).

        config: a LxmertConfig instead of the file's own. num_attention_heads: needed only where there is no config.
        dtype: "float32", "float64", or "bfloat16": the kernels keep the weights in half the memory and, where the
        processor can, multiply bfloat16 by bfloat16 (sums and everything else stay float32).
        fresh_heads: start parts that the file lacks altogether (a head; all but the language encoder, from a BERT) at
        random, with `seed`; otherwise they are an error. answers: the texts of the answer head's answers.
        Raises CheckpointError unless every tensor finds its place, ConfigError."""
        from .checkpoints.loading import Checkpoint, open_checkpoint, place

        opened = isinstance(path, Checkpoint)
        checkpoint = path if opened else open_checkpoint(path, config, num_attention_heads)
        shapes, config = cls.shapes(checkpoint.config), checkpoint.config
        dtype = check_dtype(dtype)

        def fresh(group):
            return tree.initialise({group: shapes[group]}, config, np.random.default_rng(seed))[group]

        found = checkpoint.weights, shapes, checkpoint.path, checkpoint.scheme
        arrays, report = place(*found, fresh if fresh_heads else None)
        model = cls.__new__(cls)
        model.config, model.load_report = config, report
        model.set_params(arrays, dtype)
        model.answers = answers or (checkpoint.answers if "answer" in shapes else None)
        if model.answers and len(model.answers) != config.num_qa_labels:
            found = f"{len(model.answers)} answers"
            raise ConfigError.at(checkpoint.path, "num_qa_labels", f"{config.num_qa_labels} answers", found)
        return model

    def set_params(self, arrays, dtype):
        """Take a tree of parameters, of which nothing is copied that has the right type already."""
        self.precision = dtype
        plain = np.float64 if dtype == "float64" else np.float32
        self.params = tree.map_tree(lambda array: np.asarray(array, plain), arrays)
        if dtype == "bfloat16":
            keep_narrow(array for array in tree.flatten(self.params).values() if array.ndim == 2)

    def save_pretrained(self, directory, format="h5", provenance=None):
        """Write config.json and the weights into a directory: "h5", our own format (mapped when opened, checksummed,
        with config and answers inside), or "safetensors", which transformers' from_pretrained loads.

        Each file replaces an older one whole or not at all. Returns the path of the weights."""
        from .checkpoints.own_h5 import write_own
        from .checkpoints.safetensors import write_safetensors

        if format not in FORMATS:
            raise ConfigError.at("save_pretrained", "format", f"one of {', '.join(FORMATS)}", format)
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        target, arrays = directory / FORMATS[format], self.published(self.params)
        config = {**self.config.to_dict(), "architectures": [type(self).__name__], "dtype": str(self.dtype)}
        if format == "h5":
            write_own(target, arrays, config, answers=self.answers, provenance=provenance)
        else:
            write_safetensors(target, arrays, {"format": "pt"})
        write_file(directory / "config.json", json.dumps(config, indent=2, sort_keys=True) + "\n")
        if self.answers:
            write_file(directory / "answers.json", json.dumps(self.answers, ensure_ascii=False, indent=0) + "\n")
        return target

    def state_dict(self):
        """{published Hugging Face name: array}; the arrays are the model's own, not copies."""
        from .checkpoints.names import TIED

        names = self.published(self.params)
        if "masked_lm" in self.params:
            names[TIED] = self.params["embeddings"]["word"]["w"]
        return names

    def load_state_dict(self, state):
        """Take every parameter from {published name: array}; nothing changes unless all fit. -> LoadReport.

        Raises CheckpointError, whose `report` names what is missing, unexpected or mis-shaped."""
        from .checkpoints.loading import place, untie

        state = {self.with_prefix(name): np.asarray(array, self.dtype) for name, array in state.items()}
        state = untie(state, "state_dict")
        arrays, report = place(state, self.shapes(self.config), "state_dict", scheme="strict")
        if report.unused:
            raise CheckpointError.at("state_dict", report.unused[0], "only this model's tensors", "another head's")
        self.set_params(tree.map_tree(np.array, arrays), self.precision)
        self.load_report = report
        return report

    def published(self, arrays):
        """A tree shaped like params (the parameters, or their gradients) -> {published name: array}."""
        from .checkpoints.names import published_name

        bare = len(PREFIX) if not self.head_names(self.config) else 0  # LxmertModel alone is saved without "lxmert."
        return {published_name(path)[bare:]: array for path, array in tree.flatten(arrays).items()}

    def with_prefix(self, name):
        bare = name.startswith(("embeddings.", "encoder.", "pooler."))
        return PREFIX + name if bare and not self.head_names(self.config) else name
