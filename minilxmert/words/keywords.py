"""The keywords of from_pretrained, as users of transformers write them."""

import difflib
import re
from pathlib import Path

from ..errors import CheckpointError, ConfigError

WEIGHTS = (".h5", ".bin", ".safetensors", ".pth", ".json", ".txt")  # the ends of files' names
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
    if not Path(path).exists() and re.fullmatch(r"[\w.-]+/[\w.-]+", str(path)) and Path(path).suffix not in WEIGHTS:
        name = str(path).rpartition("/")[2]
        advice = f"`minilxmert download {path}` brings it; then load the folder {name}"
        raise CheckpointError(f"{path}: expected a folder or file, found none; {advice}")
