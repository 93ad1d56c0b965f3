"""What users of transformers write: the keywords of from_pretrained, and names that only torch can answer."""

import difflib
import re
from pathlib import Path

from ..errors import CheckpointError, ConfigError

FETCHING = (  # how files would be fetched, moved or mapped: they are here already, and always read carefully
    "cache_dir", "force_download", "local_files_only", "low_cpu_mem_usage", "proxies", "resume_download", "revision",
    "token", "use_auth_token", "use_safetensors", "weights_only",
)  # fmt: skip
PLAIN = {  # {keyword: (values that change nothing here, what to use instead of others)}
    "attn_implementation": ((None, "eager"), "nothing: attention is computed in one way"),
    "device_map": ((None, "cpu", "auto"), 'nothing, or "cpu": there is no other device'),
    "from_flax": ((None, False), "a file of torch, safetensors, TensorFlow or HDF5"),
    "from_tf": ((None, False, True), ""),
    "ignore_mismatched_sizes": ((None, False), "resize_num_qa_labels(n) or move_answers(texts) after loading"),
    "quantization_config": ((None,), 'dtype="bfloat16"'),
    "load_in_8bit": ((None, False), 'dtype="bfloat16"'),
    "load_in_4bit": ((None, False), 'dtype="bfloat16"'),
    "subfolder": ((None, ""), "the path of the folder itself"),
    "trust_remote_code": ((None, False), "nothing: what comes with weights is never run"),
    "variant": ((None,), "the path of the file itself"),
}


def check_keywords(keywords, known):
    """Pass over keywords of from_pretrained that change nothing here. Raises ConfigError for others, in words."""
    for name, value in keywords.items():
        if name in FETCHING:
            continue
        if name not in PLAIN:
            near = difflib.get_close_matches(name, (*known, *PLAIN, *FETCHING), 1)
            expected = f"a keyword such as {near[0]}" if near else "a keyword that from_pretrained has"
            raise ConfigError.at("from_pretrained", name, expected, "this one")
        plain, instead = PLAIN[name]
        if not any(value is same or value == same for same in plain):
            raise ConfigError.at("from_pretrained", name, instead, repr(value))


def check_here(path):
    """Raises CheckpointError for the name of a published model, such as unc-nlp/lxmert-base-uncased, without files."""
    if not Path(path).exists() and re.fullmatch(r"[\w.-]+/[\w.-]+", str(path)) and not Path(path).suffix:
        name = str(path).rpartition("/")[2]
        told = f"`minilxmert download {path}` brings it; then load the folder {name}"
        raise CheckpointError(f"{path}: expected a folder or file, found none; {told}")


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
