"""What users of transformers write, and what of it means something here: outputs, switches, keywords, names."""

import copy

import numpy as np
import pytest

import minilxmert
from minilxmert import (
    CheckpointError,
    ConfigError,
    LxmertConfig,
    LxmertForPreTraining,
    LxmertForQuestionAnswering,
    LxmertModel,
)

TINY = LxmertConfig(
    vocab_size=20, hidden_size=12, num_attention_heads=3, num_qa_labels=5, num_object_labels=4, num_attr_labels=3,
    intermediate_size=10, max_position_embeddings=8, l_layers=2, x_layers=2, r_layers=1, visual_feat_dim=7,
)  # fmt: skip
CALL = {"input_ids": [[3, 4, 5], [6, 7, 8]], "visual_feats": np.ones((2, 2, 7)), "visual_pos": np.zeros((2, 2, 4))}


@pytest.fixture
def model():
    return LxmertForQuestionAnswering(copy.deepcopy(TINY))


def test_outputs_are_mappings(model):
    output = model(**CALL, labels=[1, 2])
    assert [*output] == list(output.keys()) == ["loss", "question_answering_score"] and len(output) == 2
    assert "loss" in output and "losses" not in output and "to_tuple" not in output
    assert output["loss"] is output[0] is output.loss is output.get("loss") is dict(output)["loss"]
    assert [value is output[name] for name, value in output.items()] == [True, True]
    assert [*output.values()] == [*output.to_tuple()] == [*output[:]] and output[1:] == (output[-1],)
    assert output.get("vision_attentions") is output.vision_attentions is None
    for absent in ("vision_attentions", "nothing", "to_tuple", "losses"):
        with pytest.raises(KeyError):
            output[absent]
    with pytest.raises(IndexError):
        output[2]
    with pytest.raises(AttributeError):
        _ = output.nothing


def test_switches_of_config_loading_and_call(model, tmp_path):
    model.config.output_attentions = True
    model.save_pretrained(tmp_path)
    again = LxmertForQuestionAnswering.from_pretrained(tmp_path, output_hidden_states=True, return_dict=False)
    scores, language_states, vision_states, *maps = again(**CALL)
    assert scores.shape == (2, 5) and len(language_states) == 4 and len(vision_states) == 3 and len(maps) == 3
    output = again(**CALL, output_attentions=False, output_hidden_states=False, return_dict=True)
    assert list(output) == ["question_answering_score"]
    assert again.forward(**CALL, output_attentions=False)[0].shape == (2, 5)


def test_resizing(model):
    assert model.resize_num_qa_labels(8).weight.shape == (8, 24) and model.num_qa_labels == 8
    for face in (model, LxmertForPreTraining(copy.deepcopy(TINY))):
        old = face.get_input_embeddings().weight.copy()
        before = face(**CALL)["question_answering_score"]
        table = face.resize_token_embeddings(31)
        assert table.num_embeddings == face.config.vocab_size == 31 and table.embedding_dim == 12
        np.testing.assert_array_equal(table.weight[:20], old)
        np.testing.assert_array_equal(face(**CALL)["question_answering_score"], before)
        face({**CALL, "input_ids": [[30] * 3] * 2}["input_ids"], CALL["visual_feats"], CALL["visual_pos"])
        assert face.resize_token_embeddings(9).weight.shape == (9, 12)
        assert face.resize_token_embeddings(pad_to_multiple_of=8).weight.shape == (16, 12)
    assert face(**CALL).prediction_logits.shape == (2, 3, 16)
    face.load_state_dict({name: value.copy() for name, value in face.state_dict().items()})


def test_what_means_nothing_here_is_passed_over(model, tmp_path):
    assert model.eval() is model.to("cpu") is model.train(False) is model.cpu() is model.float() is model
    assert model.device == "cpu" and not model.training
    model.save_pretrained(tmp_path)
    more = {"cache_dir": "x", "low_cpu_mem_usage": True, "device_map": "cpu", "attn_implementation": "eager"}
    again, info = LxmertForQuestionAnswering.from_pretrained(
        tmp_path, torch_dtype="float64", state_dict=model.state_dict(), output_loading_info=True, **more
    )
    assert again.dtype == np.float64 and not any(info.values())
    np.testing.assert_allclose(again(**CALL)[0], model(**CALL)[0], rtol=1e-4, atol=1e-6)


REFUSED = {
    "cuda": (lambda m: m.cuda(), "CPU only"),
    "to": (lambda m: m.to("cuda"), "CPU only"),
    "train": (lambda m: m.train(), "loss_and_gradients"),
    "zero_grad": (lambda m: m.zero_grad(), "loss_and_gradients"),
    "hook": (lambda m: m.register_forward_hook(print), "output_attentions"),
    "parameters": (lambda m: [*m.parameters()], "state_dict"),
    "half": (lambda m: m.half(), "dtype="),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_torch_says_what_to_use_here(model, name):
    call, told = REFUSED[name]
    with pytest.raises(ConfigError, match=told):
        call(model)
    assert not hasattr(model, "register_forward_hook") and not hasattr(model, "nothing")


def test_keywords_refused_in_words(model, tmp_path):
    model.save_pretrained(tmp_path)
    for keyword, value, told in (
        ("ignore_mismatched_sizes", True, "resize_num_qa_labels"), ("cach_dir", "x", "cache_dir"),
        ("device_map", "cuda", "cpu"), ("torch_dtype", "float16", "bfloat16"), ("trust_remote_code", True, "never run"),
        ("hidden_sise", 3, "from_pretrained"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=told):
            LxmertForQuestionAnswering.from_pretrained(tmp_path, **{keyword: value})
    with pytest.raises(CheckpointError, match="expected shape"):
        LxmertForQuestionAnswering.from_pretrained(tmp_path, num_qa_labels=7)


@pytest.mark.parametrize("load", [LxmertModel.from_pretrained, LxmertConfig.from_pretrained])
def test_a_published_name_without_files(load):
    with pytest.raises(CheckpointError, match="minilxmert download unc-nlp/lxmert-base-uncased"):
        load("unc-nlp/lxmert-base-uncased")


@pytest.mark.parametrize("face", [LxmertForPreTraining, LxmertForQuestionAnswering])
@pytest.mark.parametrize("name", ["numpy", "numba"])
def test_numpy_may_raise_whatever_it_likes(face, name):
    """Hidden words have probability 0, which is no fault; NumPy's own integers are integers."""
    config = copy.deepcopy(TINY).replace(initializer_range=np.float64(2), num_qa_labels=np.int32(5))
    call = CALL | {"attention_mask": [[1, 1, 0], [0, 0, 0]], "visual_attention_mask": [[1, 0], [0, 0]]}
    with np.errstate(all="raise"), minilxmert.backend(name):
        made = face(config, seed=np.int64(0))
        made(**call, output_attentions=True)
        made(**call)
        made.loss_and_gradients(
            np.random.default_rng(0), **call, **{"labels" if "Q" in face.__name__ else "ans": [1, 2]}
        )
        assert made.resize_num_qa_labels(np.int64(7)).weight.shape == (7, 24)
    minilxmert.set_num_threads(np.int64(minilxmert.get_num_threads()))
