"""Checkpoints as wholes: naming schemes, configs found or inferred, every tensor in its place or named in an error."""

import json
import shutil

import numpy as np
import pytest
from conftest import REFERENCE

import minilxmert
from minilxmert import (
    CheckpointError,
    ConfigError,
    LxmertConfig,
    LxmertForPreTraining,
    LxmertForQuestionAnswering,
    LxmertForVisualReasoning,
    LxmertModel,
)
from minilxmert.checkpoints.loading import read_checkpoint
from minilxmert.checkpoints.names import published_paths, to_published
from minilxmert.checkpoints.safetensors import write_safetensors
from minilxmert.core.params import encoder_shapes, flatten, head_shapes

AUTHORS = REFERENCE / "original"
SMALL = LxmertConfig(
    vocab_size=20, hidden_size=12, num_attention_heads=3, num_qa_labels=5, num_object_labels=4, num_attr_labels=3,
    intermediate_size=10, max_position_embeddings=8, l_layers=2, x_layers=2, r_layers=1, visual_feat_dim=7,
)  # fmt: skip


def same(one, two):
    return one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)


def test_four_containers_of_the_same_weights():
    files = ("pytorch_model.bin", "pytorch_model.legacy.bin", "tf_model.h5", "v5/model.safetensors")
    first, *others = (LxmertForPreTraining.from_pretrained(REFERENCE / file).state_dict() for file in files)
    assert len(first) == 203 and all(same(first, other) for other in others)


def test_every_published_name_has_one_place():
    """The table against the names of a real file, both sides used up."""
    names = set(read_checkpoint(REFERENCE / "pytorch_model.bin").weights)
    config = LxmertConfig.from_pretrained(REFERENCE)
    heads = {name: shapes for name, shapes in head_shapes(config).items() if name != "reasoning"}
    paths = published_paths({**encoder_shapes(config), **heads})
    assert set(paths) == names and len(set(paths.values())) == len(names)


@pytest.mark.parametrize(
    "file, scheme, face",
    [
        ("original/model_LXRT.pth", "authors, pre-training", LxmertForPreTraining),
        ("original/vqa_BEST.pth", "authors, fine-tuned", LxmertForQuestionAnswering),
        ("original/nlvr2_BEST.pth", "authors, fine-tuned", LxmertForVisualReasoning),
        ("pytorch_model.bin", "Hugging Face", LxmertForPreTraining),
    ],
)
def test_schemes_and_inferred_configs(file, scheme, face):
    checkpoint = read_checkpoint(REFERENCE / file, num_attention_heads=4)
    expected = LxmertConfig.from_pretrained(REFERENCE)
    sizes = "vocab_size hidden_size intermediate_size l_layers x_layers r_layers visual_feat_dim visual_pos_dim "
    for name in (sizes + "max_position_embeddings type_vocab_size num_attention_heads").split():
        assert getattr(checkpoint.config, name) == getattr(expected, name), name
    assert checkpoint.scheme == scheme
    assert type(minilxmert.load(REFERENCE / file, num_attention_heads=4)) is face


def test_the_number_of_heads_must_be_given():
    with pytest.raises(ConfigError, match="num_attention_heads"):
        LxmertForPreTraining.from_pretrained(AUTHORS / "model_LXRT.pth")


def test_the_authors_answers_beside_their_weights(tmp_path):
    shutil.copy(AUTHORS / "vqa_BEST.pth", tmp_path)
    size = read_checkpoint(tmp_path, num_attention_heads=4).config.num_qa_labels
    for texts in ([f"answer {i}" for i in range(size)], ["yes", "no"]):  # another task's are not the model's
        (tmp_path / "trainval_label2ans.json").write_text(json.dumps(texts))
        model = LxmertForQuestionAnswering.from_pretrained(tmp_path, num_attention_heads=4)
        assert model.answers == (texts if len(texts) == size else None)
    model.save_pretrained(tmp_path, replace=True)
    (tmp_path / "trainval_label2ans.json").write_text(json.dumps([f"other {i}" for i in range(size)]))
    assert LxmertForQuestionAnswering.from_pretrained(tmp_path).answers is None


def test_a_data_parallel_prefix_changes_nothing():
    weights = read_checkpoint(REFERENCE).weights
    scheme, renamed = to_published({f"module.{name}": array for name, array in weights.items()}, "file")
    assert scheme == "Hugging Face" and renamed.keys() == weights.keys()


WRAPPERS = {
    "compiled": lambda name: f"_orig_mod.{name}",
    "compiled, in parallel": lambda name: f"module._orig_mod.{name}",
    "a trainer's": lambda name: f"model.{name}",
    "a part compiled": lambda name: name.replace("lxmert.", "lxmert._orig_mod."),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_names_as_wrappers_write_them(wrapper):
    weights = read_checkpoint(REFERENCE).weights
    with pytest.warns(UserWarning, match="x.bin: .* left out of its tensors' names"):
        scheme, renamed = to_published({WRAPPERS[wrapper](name): array for name, array in weights.items()}, "x.bin")
    assert scheme == "Hugging Face" and renamed.keys() == weights.keys()
    with pytest.raises(CheckpointError, match="names that differ without it"):
        to_published({"_orig_mod.a": 1, "a": 2}, "x.bin")


@pytest.mark.parametrize("field", ["num_qa_labels", "num_object_labels"])
def test_fresh_parts_stay_in_proportion(tmp_path, field):
    """Nothing in the file tells how many answers there are: four million would take a gigabyte."""
    face = LxmertForQuestionAnswering if field == "num_qa_labels" else LxmertForPreTraining
    LxmertModel(SMALL).save_pretrained(tmp_path, "safetensors")
    huge = SMALL.replace(**{field: 4_000_000})
    huge.save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="in proportion to the weights, or config="):
        face.from_pretrained(tmp_path, fresh_heads=True)
    likely = SMALL.replace(**{field: 9500})
    likely.save_pretrained(tmp_path)
    assert getattr(face.from_pretrained(tmp_path, fresh_heads=True).config, field) == 9500
    many = SMALL.replace(**{field: 300_000})  # what the caller says is not doubted
    assert getattr(face.from_pretrained(tmp_path, many, fresh_heads=True).config, field) == 300_000


def save_as(path, arrays, config=SMALL):
    path.mkdir(exist_ok=True)
    write_safetensors(path / "model.safetensors", arrays, {"format": "pt"})
    config.save_pretrained(path)
    return path


def test_a_model_without_heads_takes_a_file_with_them_and_back(tmp_path):
    full = LxmertForPreTraining(SMALL)
    path = save_as(tmp_path / "full", full.state_dict())
    model = LxmertModel.from_pretrained(path)
    assert "answer_head.logit_fc.0.weight" in model.load_report.unused
    path = save_as(tmp_path / "bare", model.state_dict())
    assert "embeddings.word_embeddings.weight" in model.state_dict()  # without a prefix, as published
    with pytest.raises(CheckpointError, match="answer"):
        LxmertForQuestionAnswering.from_pretrained(path)
    fresh = LxmertForQuestionAnswering.from_pretrained(path, fresh_heads=True)
    assert fresh.load_report.fresh == ["answer"]
    w = fresh.get_qa_logit_layer().weight
    assert abs(w.std() - 0.02) < 0.01
    np.testing.assert_array_equal(fresh.params["pooler"]["w"], model.params["pooler"]["w"])


def bert(prefix, beta="beta", gamma="gamma", layers=3):
    """The tensors of a BERT of SMALL's sizes, with its own head and a buffer."""
    config = SMALL.replace(l_layers=layers)
    names = published_paths({name: encoder_shapes(config)[name] for name in ("embeddings", "language", "pooler")})
    shapes, rng = flatten(encoder_shapes(config)), np.random.default_rng(0)
    arrays = {name: rng.standard_normal(shapes[path]).astype("f4") for name, path in names.items()}
    arrays = {name.replace("LayerNorm.weight", f"LayerNorm.{gamma}"): array for name, array in arrays.items()}
    arrays = {name.replace("LayerNorm.bias", f"LayerNorm.{beta}"): array for name, array in arrays.items()}
    arrays = {name.replace("lxmert.", prefix, 1): array for name, array in arrays.items()}
    return {
        **arrays,
        f"{prefix}embeddings.position_ids": np.arange(8)[None],
        "cls.predictions.bias": np.zeros(20, "f4"),
    }


@pytest.mark.parametrize("prefix", ["bert.", ""])
@pytest.mark.parametrize("leaves", [("beta", "gamma"), ("bias", "weight")])
def test_bert_weights_into_the_language_encoder(tmp_path, prefix, leaves):
    arrays = bert(prefix, *leaves)
    path = save_as(tmp_path / "bert", arrays)
    (path / "config.json").write_text(
        json.dumps({"model_type": "bert", "num_attention_heads": 3, "num_hidden_layers": 3})
    )
    with pytest.raises(CheckpointError, match="fresh_heads"):
        LxmertModel.from_pretrained(path)
    model = LxmertModel.from_pretrained(path, fresh_heads=True)
    assert model.config.l_layers == 3 and model.load_report.fresh == ["objects", "vision", "cross"]
    np.testing.assert_array_equal(
        model.params["language"]["2"]["ffn"]["norm"]["b"],
        arrays[f"{prefix}encoder.layer.2.output.LayerNorm.{leaves[0]}"],
    )
    shorter = LxmertModel.from_pretrained(path, config=SMALL, fresh_heads=True)  # as the authors: the first layers
    assert len(shorter.params["language"]) == 2
    assert any(name.startswith("lxmert.encoder.layer.2.") for name in shorter.load_report.unused)


FAULTS = {
    "missing": (
        lambda d: d.pop("lxmert.encoder.layer.1.output.dense.bias"),
        "lxmert.encoder.layer.1.output.dense.bias",
    ),
    "unexpected": (lambda d: d.update(stranger=np.zeros(3, "f4")), "stranger"),
    "one layer more": (
        lambda d: d.update({"lxmert.encoder.layer.2.output.dense.bias": np.zeros(12, "f4")}),
        "lxmert.encoder.layer.2.output.dense.bias",
    ),
    "transposed": (
        lambda d: d.update({"lxmert.encoder.layer.0.output.dense.weight": np.zeros((10, 12), "f4")}),
        "shape (12, 10)",
    ),
    "untied": (lambda d: d.update({"cls.predictions.decoder.weight": np.ones((20, 12), "f4")}), "tied"),
    "part of a head": (lambda d: d.pop("answer_head.logit_fc.2.bias"), "answer_head.logit_fc.2.bias"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_tensor_must_find_its_place(tmp_path, fault):
    change, message = FAULTS[fault]
    arrays = dict(LxmertForPreTraining(SMALL).state_dict())
    change(arrays)
    with pytest.raises(CheckpointError) as error:
        LxmertForPreTraining.from_pretrained(save_as(tmp_path, arrays), fresh_heads=True)
    assert message in str(error.value) and "model.safetensors" in str(error.value)


def test_a_config_that_does_not_fit():
    with pytest.raises(CheckpointError, match="shape"):
        LxmertModel.from_pretrained(REFERENCE, config=LxmertConfig.from_pretrained(REFERENCE).replace(hidden_size=96))


def test_load_state_dict_is_strict_and_changes_nothing_on_error():
    model = LxmertForPreTraining(SMALL, seed=1)
    other = LxmertForPreTraining(SMALL, seed=2)
    state = dict(other.state_dict())
    del state["cls.predictions.bias"], state["lxmert.pooler.dense.bias"]
    state["lxmert.pooler.dense.weight"] = np.zeros((3, 3))
    state["new"] = np.zeros(3)
    before = {name: array.copy() for name, array in model.state_dict().items()}
    with pytest.raises(CheckpointError) as error:
        model.load_state_dict(state)
    report = error.value.report
    assert report.missing == ["lxmert.pooler.dense.bias", "cls.predictions.bias"] and report.unexpected == ["new"]
    assert report.mis_shaped == {"lxmert.pooler.dense.weight": ((12, 12), (3, 3))}
    assert "pooler.dense.bias" in str(report) and same(before, model.state_dict())
    model.load_state_dict(other.state_dict())
    assert same(model.state_dict(), other.state_dict())
    with pytest.raises(CheckpointError, match="another head"):
        LxmertModel(SMALL).load_state_dict(other.state_dict())


@pytest.mark.parametrize("format", ["h5", "safetensors"])
@pytest.mark.parametrize(
    "face", [LxmertModel, LxmertForPreTraining, LxmertForQuestionAnswering, LxmertForVisualReasoning]
)
def test_round_trip(tmp_path, face, format):
    model = face(SMALL, seed=4)
    model.answers = [f"answer text {i} ü" for i in range(5)]
    model.save_pretrained(tmp_path, format=format)
    again = face.from_pretrained(tmp_path)
    assert same(model.state_dict(), again.state_dict()) and again.config == SMALL
    assert again.answers == (model.answers if "answer" in model.params else None)
    assert type(minilxmert.load(tmp_path)) is face


def test_answers_travel_inside_our_file(tmp_path):
    model = LxmertForQuestionAnswering(SMALL)
    model.answers = list("abcde")
    path = model.save_pretrained(tmp_path / "a")
    shutil.copy(path, tmp_path / "alone.h5")
    alone = LxmertForQuestionAnswering.from_pretrained(tmp_path / "alone.h5")  # no config.json beside it either
    assert alone.answers == list("abcde") and alone.config == SMALL


def test_an_answer_list_of_another_length_is_refused(tmp_path):
    LxmertForQuestionAnswering(SMALL).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="num_qa_labels"):
        LxmertForQuestionAnswering.from_pretrained(tmp_path, answers=["one"])


def test_half_precision_and_float64(tmp_path):
    exact = LxmertModel(SMALL, dtype="float64").state_dict()
    for dtype in ("float16", "float64"):
        path = save_as(tmp_path / dtype, {name: array.astype(dtype) for name, array in exact.items()})
        found = LxmertModel.from_pretrained(path).state_dict()
        for name, array in exact.items():
            assert found[name].dtype == np.float32
            np.testing.assert_array_equal(found[name], array.astype(dtype).astype("f4"))


def test_missing_files(tmp_path):
    with pytest.raises(CheckpointError, match=r"model\.h5"):
        LxmertModel.from_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"none\.bin"):
        LxmertModel.from_pretrained(tmp_path / "none.bin")
