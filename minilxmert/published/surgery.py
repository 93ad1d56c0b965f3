"""What users of transformers do with a model besides calling, loading and saving it: look at its word table and answer
head, resize them, move answers; and use the names of a torch module, some of which mean something for NumPy arrays."""

from typing import NamedTuple

import numpy as np

from ..core.params import initialise
from ..errors import ConfigError, ShapeError


class LogitLayer(NamedTuple):
    """The last linear map of the answer head."""

    weight: np.ndarray  # (A, 2E)
    bias: np.ndarray  # (A,)


class WordTable(NamedTuple):
    """What the word embedding is asked for."""

    weight: np.ndarray  # (V, E), the model's own

    num_embeddings = property(lambda self: self.weight.shape[0])
    embedding_dim = property(lambda self: self.weight.shape[1])


class WordEmbedding:
    """The surgery of the word embedding: a part of every face."""

    def get_input_embeddings(self):
        """The word table: weight (V, E), num_embeddings, embedding_dim."""
        return WordTable(self.params["embeddings"]["word"]["w"])

    def resize_token_embeddings(self, new_num_tokens=None, pad_to_multiple_of=None, seed=0):
        """Grow or shrink the word table at its end, and with it the tied decoder; new rows are random. -> the table"""
        rows, step = new_num_tokens or self.config.vocab_size, pad_to_multiple_of or 1
        if new_num_tokens is not None or pad_to_multiple_of is not None:
            config = self.config.replace(vocab_size=-(-rows // step) * step)
            shapes, rng = self.shapes(config), np.random.default_rng(seed)
            for part, leaf in (("embeddings.word", "w"), ("masked_lm.decoder", "b")):
                group, name = part.split(".")
                if group in shapes:
                    fresh = initialise({name: shapes[group][name]}, config, rng, self.dtype)[name][leaf]
                    old = self.params[group][name][leaf][: len(fresh)]
                    fresh[: len(old)] = old
                    self.params[group][name] = {leaf: fresh}
            self.config, self.tokens = config, self.tokens and self.tokens[: config.vocab_size]
        return self.get_input_embeddings()


class AnswerHead:
    """The surgery of the answer head: a part of the faces that have one."""

    @property
    def num_qa_labels(self):
        """The number of answers."""
        return self.config.num_qa_labels

    def get_qa_logit_layer(self):
        """The last linear map of the answer head, (weight (A, 2E), bias (A,)), or None without one."""
        layer = self.params.get("answer", {}).get("outer")
        return layer and LogitLayer(layer["w"], layer["b"])

    def resize_num_qa_labels(self, num_labels=None, seed=0):
        """Grow or shrink the answer head at its end; the answers that stay keep their weights. -> the logit layer"""
        if num_labels is not None and "answer" in self.params:
            outer = {"w": (num_labels, 2 * self.config.hidden_size), "b": (num_labels,)}
            config = self.config.replace(num_qa_labels=num_labels)
            fresh = initialise(outer, config, np.random.default_rng(seed), self.dtype)
            keep = min(num_labels, self.config.num_qa_labels)
            for leaf, old in self.params["answer"]["outer"].items():
                fresh[leaf][:keep] = old[:keep]
            new_names = [f"new answer {i}" for i in range(keep, num_labels)]
            self.set_answer_layer(fresh, self.answers and self.answers[:keep] + new_names)
        return self.get_qa_logit_layer()

    def move_answers(self, answers, old_answers=None):
        """Give the head another list of answers: weights move by text, unseen answers start at zero (the authors' way).

        old_answers: the texts of the present head, if the checkpoint carried none. -> the report of what was found."""
        from ..core.answers import move_answers

        old = old_answers or self.answers
        if old is None or len(old) != self.config.num_qa_labels:
            found = "none" if old is None else len(old)
            raise ShapeError(f"move_answers: expected {self.config.num_qa_labels} old answers, found {found}")
        outer = self.params["answer"]["outer"]
        w, b, report = move_answers(outer["w"], outer["b"], old, answers)
        self.set_answer_layer({"w": w, "b": b}, list(answers))
        return report

    def set_answer_layer(self, layer, answers):
        self.params["answer"]["outer"], self.answers = layer, answers
        config = self.config.with_answers(answers) if self.config.names_answers() else self.config
        self.config = config.replace(num_qa_labels=len(layer["b"]))


class NeedsTorch(ConfigError, AttributeError):
    """A name of torch's that means nothing for NumPy arrays: the message says what to use here."""


GRADIENTS = "model.loss_and_gradients(…) returns the loss and every gradient; minilxmert.training has optimizers"
STATES = "ask the call for output_attentions, output_hidden_states, or see minilxmert.explain"
DEVICES = "it runs on the CPU only"
DTYPES = 'from_pretrained(path, dtype="float32", "float64" or "bfloat16")'
INSTEAD = {
    **dict.fromkeys(("parameters", "named_parameters"), "model.state_dict() has every array by its published name"),
    **dict.fromkeys(("zero_grad", "requires_grad_", "backward", "enable_input_require_grads"), GRADIENTS),
    **dict.fromkeys(("gradient_checkpointing_enable", "compile"), "nothing: there is no such switch"),
    **dict.fromkeys(("register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook"), STATES),
    **dict.fromkeys(("modules", "named_modules", "children", "named_children", "apply"), "model.params, a nested dict"),
    **dict.fromkeys(("lxmert", "bert", "encoder", "embeddings", "pooler", "answer_head", "cls"), "model.params"),
    **dict.fromkeys(("cuda", "mps", "xpu"), DEVICES),
    **dict.fromkeys(("half", "double", "bfloat16", "type"), DTYPES),
}


class TorchNames:
    """The names of a torch module on a face: those that mean something do it, the others say what to use here."""

    device = "cpu"
    training = False

    def eval(self):
        """The model itself: without an rng there is no dropout anyway."""
        return self

    def train(self, mode=True):
        """train(False) is eval(); there is no other mode: dropout comes with loss_and_gradients(rng=…)."""
        if mode:
            raise NeedsTorch(f"train(): there is no training mode. {GRADIENTS}, with dropout if it is given an rng")
        return self

    def to(self, device=None, dtype=None):
        """The model itself, for the CPU and its own precision."""
        for wanted in (device, dtype):
            if wanted is not None and str(wanted).removeprefix("torch.") not in ("cpu", self.precision):
                raise NeedsTorch(f"to({wanted}): {DEVICES}; for another precision, {DTYPES}")
        return self

    cpu = eval

    def float(self):
        return self.to(dtype="float32")

    def __getattr__(self, name):
        if name in INSTEAD:
            raise NeedsTorch(f"{type(self).__name__}.{name} needs torch; here: {INSTEAD[name]}")
        raise AttributeError(f"{type(self).__name__} has no attribute {name}", name=name, obj=self)
