"""LxmertConfig and the careful files below it."""

import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import REFERENCE, check_mutants, mutant_counts
from hypothesis import given, settings
from hypothesis import strategies as st

from minilxmert import ConfigError, LxmertConfig, MinilxmertError, files


def test_defaults_are_the_published_base_model():
    config = LxmertConfig()
    assert (config.hidden_size, config.l_layers, config.x_layers, config.r_layers) == (768, 9, 5, 5)
    assert config.to_dict()["num_hidden_layers"] == {"vision": 5, "cross_encoder": 5, "language": 9}


@pytest.mark.parametrize("file", ["config.json", "v5/config.json"])
def test_published_files(tmp_path, file):
    config = LxmertConfig.from_json_file(REFERENCE / file)
    assert config.hidden_size == 48 and config.layer_norm_eps == 1e-12
    config.save_pretrained(tmp_path)
    assert LxmertConfig.from_pretrained(tmp_path) == config
    published = json.loads((REFERENCE / file).read_text())
    assert all(published[name] == value for name, value in config.to_dict().items())


MISTAKES = [
    {"hidden_size": -8}, {"hidden_size": "768"}, {"hidden_size": 768.0}, {"l_layers": True}, {"vocab_size": 10**9},
    {"num_attention_heads": 5}, {"hidden_act": "eval()"}, {"hidden_dropout_prob": 1.0}, {"layer_norm_eps": -1},
    {"task_qa": 1}, {"l_layers": 10**7}, {"layer_norm_eps": float("nan")}, {"num_attention_heads": 0},
]  # fmt: skip


@pytest.mark.parametrize("values", MISTAKES)
def test_values_that_no_model_can_have(values):
    with pytest.raises(ConfigError) as error:
        LxmertConfig(**values)
    assert next(iter(values)) in str(error.value) or "num_attention_heads" in str(error.value)


@pytest.mark.parametrize(
    "values", [{"model_type": "bert"}, {"auto_map": {}}, {"num_hidden_layers": {"vision": 1}}, [1], "text"]
)
def test_foreign_configs(values):
    with pytest.raises(ConfigError):
        LxmertConfig.from_dict(values)


def test_the_repr_shows_what_is_not_the_default():
    assert repr(LxmertConfig()) == "LxmertConfig()"
    assert repr(LxmertConfig(l_layers=2)) == "LxmertConfig(l_layers=2)"


def test_arguments_as_published(tmp_path):
    config = LxmertConfig(num_labels=3, output_attentions=True, return_dict=False, pad_token_id=0, l_layers=2)
    assert config.num_labels == 3 and config.num_qa_labels == 9500 and config.id2label[2] == "LABEL_2"
    assert config.num_hidden_layers == {"vision": 5, "cross_encoder": 5, "language": 2}
    config.save_pretrained(tmp_path)
    again = LxmertConfig.from_pretrained(tmp_path, output_hidden_states=True, num_labels=4)
    assert again.output_attentions and again.output_hidden_states and not again.return_dict
    assert again.num_labels == 4 and again.others == {"pad_token_id": 0}
    assert LxmertConfig(**again.to_dict()) == again == config  # neither switches nor labels are sizes
    assert "output_attentions" not in LxmertConfig().to_dict()


def test_fields_can_be_set_and_are_checked_then_too():
    config = LxmertConfig()
    config.num_labels, config.num_qa_labels = 5, np.int64(30)
    assert len(config.id2label) == config.num_labels == 5 and type(config.num_qa_labels) is int
    config.id2label = {0: "no", 1: "yes"}
    assert config.num_labels == 2 and config.label2id == {"no": 0, "yes": 1}
    with pytest.raises(ConfigError, match="num_qa_labels"):
        config.num_qa_labels = -1
    with pytest.raises(ConfigError, match="such as hidden_size"):
        LxmertConfig(hidden_sise=12)


@mutant_counts
def test_mutants(tmp_path, count):
    data = (REFERENCE / "config.json").read_bytes()
    check_mutants(data, LxmertConfig.from_json_file, tmp_path / "mutant.json", count, seed=8)


BAD_JSON = {
    "duplicate": b'{"a": 1, "a": 2}', "nan": b'{"a": NaN}', "deep": b"[" * 100_000, "digits": b"9" * 100_000,
    "bytes": b"\xff", "cut": b'{"a": ', "empty": b"", "infinite": b"1e999",
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_JSON)
def test_strict_json_refuses(name):
    with pytest.raises(MinilxmertError, match=r"file\.json"):
        files.strict_json(BAD_JSON[name], "file.json")


PLAIN = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.text()


@settings(max_examples=30)
@given(st.recursive(PLAIN, lambda s: st.lists(s) | st.dictionaries(st.text(), s), max_leaves=8))
def test_strict_json_reads_what_json_writes(value):
    assert files.strict_json(json.dumps(value).encode(), "x") == value


def test_import_is_light():
    """Neither a compiler nor any extra is imported until something runs."""
    heavy = "numba llvmlite h5py torch transformers matplotlib PIL"
    script = f"import sys, minilxmert\nprint([m for m in {heavy.split()} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("name", ["output_attentions", "output_hidden_states", "return_dict"])
def test_null_is_the_default_of_what_a_call_returns(name):
    assert LxmertConfig.from_dict({name: None}) == LxmertConfig(**{name: None}) == LxmertConfig()
    assert getattr(LxmertConfig(**{name: None}), name) is getattr(LxmertConfig(), name)
    with pytest.raises(ConfigError, match="true or false"):
        LxmertConfig(task_qa=None)
