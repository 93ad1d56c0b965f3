"""The names of a torch module: those that mean something for NumPy arrays, and what to use instead of the others."""

from ..errors import ConfigError


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
