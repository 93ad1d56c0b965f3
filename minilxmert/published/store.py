"""Loading and saving, shared by all faces: from_pretrained, save_pretrained, state_dict, load_state_dict."""

import contextlib
import inspect
import warnings
from dataclasses import replace

import numpy as np

from ..core import params as tree
from ..core.config import LxmertConfig
from ..errors import CheckpointError, ConfigError, listed
from ..kernels.weights import Weights

PREFIX = "lxmert."
DTYPES = ("float32", "float64", "bfloat16")


def check_dtype(dtype, checkpoint=None):
    """The name of a precision, given as a text or a NumPy type; "auto": the one of a checkpoint. Raises ConfigError."""
    name = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", str(dtype)).removeprefix("torch.")
    if name == "auto" and checkpoint:
        stored = next(iter(checkpoint.weights.values())).dtype.name
        known = checkpoint.config.others
        name = str(known.get("dtype") or known.get("torch_dtype") or stored).removeprefix("torch.")
        return name if name in DTYPES else "float32"  # float16 is read as float32
    if name not in DTYPES:
        raise ConfigError.at("model", "dtype", f"one of {', '.join(DTYPES)}", name)
    return name


class Stored:
    """The part of a face that meets files and published names. `load_report` says where every tensor went.

    answers: the texts of the answers, tokens: those of the vocabulary, by number; detector: what the feature files say
    of the objects that it learnt from, {"recipe": name}. None if unknown."""

    load_report = answers = tokens = detector = None

    @classmethod
    def from_pretrained(
        cls, path, config=None, dtype="float32", fresh_heads=False, num_attention_heads=None, seed=0, answers=None,
        *, mapped=True, torch_dtype=None, state_dict=None, output_loading_info=False, **keywords,
    ):  # fmt: skip
        """A model from a published checkpoint: a file or directory of any format (or what read_checkpoint returned).

        config: instead of the file's own; its fields may be keywords, too. num_attention_heads: where no config is.
        dtype, torch_dtype: "float32", "float64", "bfloat16" (weights in half the memory, multiplied as such where the
        processor can) or "auto", the file's own. fresh_heads: parts that the file lacks altogether (a head; all but the
        language encoder, from a BERT) start at random, with `seed`; otherwise they are an error. answers: the texts of
        the answers, where the checkpoint has none. mapped: weights stay in the mapped file, which opens at once; but a
        program that writes into it changes the model, and one that cuts it ends the process (saving does neither).
        With mapped=False the file is read whole, and may then be changed or removed. state_dict: tensors by published
        names, instead of the file's. output_loading_info: also a dict of what was missing. Other keywords are as in
        transformers: passed over where they mean nothing here, or refused in words.
        Raises CheckpointError unless every tensor finds its place, ConfigError, VocabularyError."""
        checkpoint = cls.find_checkpoint(path, config, num_attention_heads, mapped, keywords)
        model, seed = cls.__new__(cls), seed if fresh_heads else None
        report = model.take_checkpoint(checkpoint, torch_dtype or dtype or "float32", seed, answers)
        if state_dict is not None:
            model.load_state_dict(state_dict)
        info = {"missing_keys": report.fresh, "unexpected_keys": report.unused, "mismatched_keys": [], "error_msgs": []}
        return (model, info) if output_loading_info else model

    @classmethod
    def find_checkpoint(cls, path, config, num_attention_heads, mapped, keywords):
        """The Checkpoint that the arguments of from_pretrained mean."""
        from ..checkpoints.loading import Checkpoint, read_checkpoint
        from ..words.calling import check_here, check_keywords

        changes = {name: keywords.pop(name) for name in list(keywords) if name in LxmertConfig.changeable()}
        check_keywords(keywords, inspect.signature(cls.from_pretrained).parameters)
        checkpoint = path
        if not isinstance(path, Checkpoint):
            check_here(path)
            checkpoint = read_checkpoint(path, config, num_attention_heads, mapped)
        return replace(checkpoint, config=checkpoint.config.replace(**changes)) if changes else checkpoint

    def take_checkpoint(self, checkpoint, dtype, seed, answers):
        """Become the model of a checkpoint. seed: for parts that it lacks, or None to refuse. -> LoadReport"""
        from ..checkpoints.names import fresh_maker, place

        self.config, shapes = checkpoint.config, self.shapes(checkpoint.config)
        fresh = None if seed is None else fresh_maker(checkpoint, shapes, seed, answers)
        arrays, self.load_report = place(checkpoint.weights, shapes, checkpoint.path, checkpoint.scheme, fresh)
        self.set_params(arrays, check_dtype(dtype, checkpoint))
        self.tokens, self.detector = checkpoint.tokens, checkpoint.detector
        self.answers = checkpoint.answers if "answer" in shapes else None
        if answers:
            self.take_answers(list(answers))
        return self.load_report

    def take_answers(self, answers, source="the given list"):
        """Refuse a list of answers that is not the model's own; a model that has none takes this one, and says so.

        Raises ConfigError for another number of answers, VocabularyError for others."""
        if len(answers) != self.config.num_qa_labels:
            expected = f"{self.config.num_qa_labels} answers"
            raise ConfigError.at(source, "num_qa_labels", expected, f"{len(answers)} answers")
        self.compare("answer", answers, self.answers, "answer", source)
        self.answers = answers

    def take_tokens(self, tokens, source="the vocabulary"):
        """Refuse a vocabulary that is not the model's own; a model that has none takes this one, and says so. Tokens
        that were added at the end are no others, as long as the word table has rows for them.

        Raises ConfigError for more tokens than rows, VocabularyError for others."""
        if len(tokens) > self.config.vocab_size:
            expected = f"at most {self.config.vocab_size} tokens, as the model has rows"
            raise ConfigError.at(source, "size", expected, f"{len(tokens)} tokens")
        self.compare("token", tokens[: len(self.tokens or tokens)], self.tokens, "embeddings", source)
        self.tokens = list(tokens)

    def compare(self, what, texts, own, part, source):
        """Refuse texts that are not the model's `own`; say so where loaded weights have none. part: of the model, to
        which they belong; a part that loading made anew takes any."""
        from ..files.reading import refuse_other

        if part not in self.fresh_parts() and own:
            refuse_other(what, texts, own, source, self.origin())
        elif part not in self.fresh_parts() and self.load_report:
            missing = {"answer": "list of answers", "token": "vocabulary"}[what]
            warnings.warn(f"{self.origin()} has no {missing}: it takes {source}, of {len(texts)}", stacklevel=4)

    def take_detector(self, about, source, learn=False):
        """Say in a line that objects come from another detector than those that the model learnt from.

        about: what a feature file says of all its pictures, such as {"recipe": name}; learn: whether the model learns
        from them now. Where either says nothing, nothing is known."""
        if any((self.detector or {}).get(name, text) != text for name, text in about.items()):
            theirs, mine = listed(about), listed(self.detector)
            warnings.warn(f"{source}: objects of {theirs}; {self.origin()} learnt from those of {mine}", stacklevel=3)
        if about and learn:
            self.detector = dict(about)

    def origin(self):
        """Where the weights came from, for messages."""
        return str(getattr(self.load_report, "path", None) or "the model")

    def fresh_parts(self):
        """The parts that loading made anew."""
        return getattr(self.load_report, "fresh", ())

    def set_params(self, arrays, dtype):
        """Use these parameters; arrays that have the right type already are not copied."""
        self.precision = dtype
        plain = np.float64 if dtype == "float64" else np.float32
        self.params = tree.map_tree(lambda array: np.asarray(array, plain), arrays)

    @property
    def params(self):
        """The parameter tree (params.py). Its arrays may be written: the next answer sees it. As long as they are kept
        somewhere else, too, every answer packs them anew for the kernels, which takes longer than the answer."""
        return self.weights.lend()

    @params.setter
    def params(self, arrays):
        self.weights = Weights(arrays, self.precision == "bfloat16")

    @property
    def dtype(self):
        return self.weights.look()["pooler"]["w"].dtype

    def num_parameters(self):
        return tree.count(self.weights.look())

    def __repr__(self):
        about = f"{self.num_parameters():,} parameters, {self.precision}"
        answers = f", {len(self.answers)} answers" if self.answers else ""
        return f"<{type(self).__name__}: {about}{answers}, {self.config}>"

    def reading(self, cache):
        """A block with the parameters for a pass; without a cache, for a backward, as the kernels want them."""
        return self.weights.for_inference() if cache is None else contextlib.nullcontext(self.params)

    def save_pretrained(self, directory, format="h5", provenance=None, tokenizer=None, replace=False):
        """Write a model for minilxmert ("h5", mapped and checksummed) or for transformers, too ("safetensors").

        Weights, config.json, answers.json and, with a tokenizer, the vocabulary replace those of the directory, all
        together or not at all. Weights that minilxmert did not write, and a vocabulary of other tokens, stay and are an
        error, unless `replace` is true. Answers and tokens are inside the weights, too. -> the path of the weights.
        Raises CheckpointError, VocabularyError."""
        from ..checkpoints.weights import target_of, write_checkpoint

        target_of(directory, format)
        if tokenizer:
            self.take_tokens(tokenizer.tokens, "the tokenizer")
        if self.detector:
            provenance = {**(provenance or {}), "detector": self.detector}
        about = {"answers": self.answers, "tokens": self.tokens, "provenance": provenance}
        config = self.config.with_answers(self.answers) if "answer" in self.weights.look() else self.config
        made = {"architectures": [type(self).__name__], "dtype": str(self.dtype)}
        arrays = self.published(self.weights.look())
        return write_checkpoint(directory, format, arrays, config, made, about, tokenizer, replace)

    def state_dict(self):
        """{published Hugging Face name: array}; the arrays are the model's own, not copies."""
        from ..checkpoints.names import TIED

        names = self.published(self.params)
        if "masked_lm" in self.params:
            names[TIED] = self.params["embeddings"]["word"]["w"]
        return names

    def load_state_dict(self, state):
        """Take every parameter from {published name: array}; nothing changes unless all fit. -> LoadReport.

        Raises CheckpointError, whose `report` names what is missing, unexpected or mis-shaped."""
        from ..checkpoints.names import place, untie

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
        from ..checkpoints.names import published_name

        bare = len(PREFIX) if not self.head_names(self.config) else 0  # LxmertModel alone is saved without "lxmert."
        return {published_name(path)[bare:]: array for path, array in tree.flatten(arrays).items()}

    def with_prefix(self, name):
        bare = name.startswith(("embeddings.", "encoder.", "pooler."))
        return PREFIX + name if bare and not self.head_names(self.config) else name
