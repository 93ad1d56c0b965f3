"""Programs that people write with transformers' LXMERT, in essence, as they are; and what its own tests assert.

One file, two subjects: minilxmert by default, transformers under the marker `reference`."""

import numpy as np
import pytest

import minilxmert

SIZES = dict(
    vocab_size=40, hidden_size=24, num_attention_heads=2, num_qa_labels=6, num_object_labels=5, num_attr_labels=4,
    intermediate_size=48, max_position_embeddings=30, l_layers=2, x_layers=2, r_layers=1, visual_feat_dim=12,
    initializer_range=0.3,
)  # fmt: skip
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] what color is the star ? a red blue circle left of cat dog on mat . how many"


class Ours:
    library, tensors = minilxmert, "np"

    def tensor(self, value):
        return np.asarray(value)

    def array(self, value):
        return np.asarray(value)


class Theirs(Ours):
    tensors = "pt"

    def __init__(self):
        self.torch = pytest.importorskip("torch")
        self.library = pytest.importorskip("transformers")

    def tensor(self, value):
        value = np.asarray(value)
        return self.torch.tensor(value.astype(np.float32) if value.dtype == float else value)

    def array(self, value):
        return value.detach().numpy() if hasattr(value, "detach") else np.asarray(value)


@pytest.fixture(params=["minilxmert", pytest.param("transformers", marks=pytest.mark.reference)])
def subject(request):
    return Ours() if request.param == "minilxmert" else Theirs()


def made(subject, face, **changes):
    return getattr(subject.library, face)(subject.library.LxmertConfig(**{**SIZES, **changes})).eval()


def call(subject, b=4, n=7, m=5, seed=0):
    rng = np.random.default_rng(seed)
    arrays = {
        "input_ids": rng.integers(1, 40, (b, n)),
        "visual_feats": rng.random((b, m, 12)),
        "visual_pos": np.sort(rng.random((b, m, 2, 2)), axis=2).reshape(b, m, 4),
        "attention_mask": np.ones((b, n), np.int64),
        "token_type_ids": np.zeros((b, n), np.int64),
    }
    return {name: subject.tensor(value) for name, value in arrays.items()}


def tokenizer(subject, folder):
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join((WORDS.split() + [f"w{i}" for i in range(40)])[:40]) + "\n")
    return subject.library.LxmertTokenizer.from_pretrained(str(folder))


# --- what the published tests assert ---------------------------------------------------------------------------------


def test_shapes_of_every_face(subject):
    inputs = call(subject)
    out = made(subject, "LxmertModel")(**inputs, return_dict=True)
    assert out.language_output.shape == (4, 7, 24) and out.vision_output.shape == (4, 5, 24)
    assert out.pooled_output.shape == (4, 24)
    labels = {"labels": subject.tensor([[1] * 7] * 4), "matched_label": subject.tensor([0, 1, 0, 1])}
    out = made(subject, "LxmertForPreTraining")(**inputs, **labels, ans=subject.tensor([0, 1, 2, 3]))
    assert out.prediction_logits.shape == (4, 7, 40) and out.cross_relationship_score.shape == (4, 2)
    assert out.question_answering_score.shape == (4, 6) and "loss" in out and float(out.loss) > 0
    out = made(subject, "LxmertForQuestionAnswering")(**inputs, labels=subject.tensor([0, 1, 2, 3]))
    assert out.question_answering_score.shape == (4, 6) and next(iter(out.keys())) == "loss"


@pytest.mark.parametrize("face", ["LxmertModel", "LxmertForPreTraining", "LxmertForQuestionAnswering"])
def test_tuples_and_outputs_are_the_same(subject, face):
    model, inputs = made(subject, face), call(subject)
    more = {"output_attentions": True, "output_hidden_states": True}
    named, plain = model(**inputs, **more), model(**inputs, **more, return_dict=False)
    assert isinstance(plain, tuple) and len(plain) == len(named) == len(named.to_tuple())
    for (name, value), other in zip(named.items(), plain, strict=True):
        for one, two in zip(*([x] if not isinstance(x, tuple) else x for x in (value, other)), strict=True):
            np.testing.assert_array_equal(subject.array(one), subject.array(two), err_msg=name)


def test_attentions_and_states(subject):
    model = made(subject, "LxmertModel", output_attentions=True, output_hidden_states=True)
    out = model(**call(subject))
    assert len(out.language_hidden_states) == 4 and len(out.vision_hidden_states) == 3
    assert [tuple(a.shape) for a in out.language_attentions] == [(4, 2, 7, 7)] * 2
    assert [tuple(a.shape) for a in out.vision_attentions] == [(4, 2, 5, 5)]
    assert [tuple(a.shape) for a in out.cross_encoder_attentions] == [(4, 2, 7, 5)] * 2


def test_resizing_answers(subject):
    for face in ("LxmertForPreTraining", "LxmertForQuestionAnswering"):
        model, inputs = made(subject, face), call(subject)
        before = subject.array(model(**inputs).question_answering_score)
        model.resize_num_qa_labels(9)
        after = subject.array(model(**inputs).question_answering_score)
        assert after.shape == (4, 9) and model.num_qa_labels == 9 and model.config.num_qa_labels == 9
        np.testing.assert_allclose(after[:, :6], before, rtol=1e-5, atol=1e-5)
        model.resize_num_qa_labels(3)
        assert model(**inputs).question_answering_score.shape == (4, 3)
        assert model.get_qa_logit_layer().weight.shape == (3, 48)


def test_saving_and_loading(subject, tmp_path):
    model, inputs = made(subject, "LxmertForQuestionAnswering"), call(subject)
    model.save_pretrained(tmp_path)
    again = subject.library.LxmertForQuestionAnswering.from_pretrained(tmp_path)
    np.testing.assert_array_equal(*(subject.array(m.eval()(**inputs)[0]) for m in (model, again)))
    config = subject.library.LxmertConfig.from_pretrained(tmp_path)
    assert config.to_dict()["num_hidden_layers"] == config.num_hidden_layers
    assert config.num_hidden_layers == {"vision": 1, "cross_encoder": 2, "language": 2}


def test_words_and_their_table(subject):
    model = made(subject, "LxmertForPreTraining")
    assert model.get_input_embeddings().weight.shape == (40, 24)
    model.resize_token_embeddings(50)
    assert model.config.vocab_size == 50 and model.get_input_embeddings().num_embeddings == 50
    ids = subject.tensor(np.full((4, 7), 49))
    assert model(**{**call(subject), "input_ids": ids}).prediction_logits.shape == (4, 7, 50)


# --- eight programs --------------------------------------------------------------------------------------------------


def test_demo_notebook(subject, tmp_path):
    words, model = tokenizer(subject, tmp_path), made(subject, "LxmertForQuestionAnswering")
    for question in ("what color is the star ?", "how many cat ?"):
        inputs = words(
            question, padding="max_length", max_length=20, truncation=True, return_token_type_ids=True,
            return_attention_mask=True, add_special_tokens=True, return_tensors=subject.tensors,
        )  # fmt: skip
        objects = call(subject, b=1)
        output = model(
            input_ids=inputs.input_ids, attention_mask=inputs.attention_mask, visual_feats=objects["visual_feats"],
            visual_pos=objects["visual_pos"], token_type_ids=inputs.token_type_ids, output_attentions=False,
        )  # fmt: skip
        assert 0 <= int(output["question_answering_score"].argmax(-1)[0]) < 6


def test_batched_demo(subject, tmp_path):
    words, model = tokenizer(subject, tmp_path), made(subject, "LxmertForQuestionAnswering")
    inputs = words(["what color is the star ?", "how many"], padding=True)
    objects = call(subject, b=2)
    inputs = {name: subject.tensor(value) for name, value in inputs.items()}
    scores = model(**inputs, visual_feats=objects["visual_feats"], visual_pos=objects["visual_pos"])[0]
    assert scores.shape == (2, 6) and np.isfinite(subject.array(scores)).all()


def test_attention_probing(subject):
    out = made(subject, "LxmertModel")(**call(subject), output_attentions=True)
    for name in ("language_attentions", "vision_attentions", "cross_encoder_attentions"):
        for layer in out[name]:
            np.testing.assert_allclose(subject.array(layer).sum(-1), 1, rtol=1e-5)


def test_winoground_scoring(subject):
    """Two captions, two pictures: text, image and group score of the matching head."""
    model, inputs = made(subject, "LxmertForPreTraining"), call(subject, b=2)
    scores = np.zeros((2, 2))
    for caption in range(2):
        for picture in range(2):
            one = {name: x[picture if name.startswith("visual") else caption][None] for name, x in inputs.items()}
            scores[caption, picture] = subject.array(model(**one).cross_relationship_score)[0, 1]
    together = subject.array(model(**inputs).cross_relationship_score)[:, 1]
    np.testing.assert_allclose(scores.diagonal(), together, rtol=1e-4, atol=1e-5)
    assert len(set(scores.ravel())) == 4  # so that no comparison of captions or pictures is a tie


def test_another_vqa(subject, tmp_path):
    config = subject.library.LxmertConfig(**SIZES)
    subject.library.LxmertForPreTraining(config).save_pretrained(tmp_path)
    model = subject.library.LxmertForQuestionAnswering.from_pretrained(tmp_path)
    model.resize_num_qa_labels(11)
    out = model.eval()(**call(subject), labels=subject.tensor([10, 0, 3, 7]))
    assert out.question_answering_score.shape == (4, 11) and out.loss is not None


def test_captions_chosen_by_match(subject):
    """One picture, many captions: the best by the matching head."""
    model, inputs = made(subject, "LxmertForPreTraining"), call(subject, b=6)
    inputs |= {name: inputs[name][:1] for name in ("visual_feats", "visual_pos")}
    scores = subject.array(model(**inputs).cross_relationship_score)[:, 1]
    for number, score in enumerate(scores):
        alone = {name: x if name.startswith("visual") else x[number][None] for name, x in inputs.items()}
        expected = subject.array(model(**alone).cross_relationship_score)[0, 1]
        np.testing.assert_allclose(score, expected, rtol=1e-4, atol=1e-5)
    assert len(set(scores)) == 6


def test_config_from_scratch(subject):
    config = subject.library.LxmertConfig(num_labels=3, pad_token_id=0, **SIZES)
    config.num_qa_labels = 8
    assert config.num_labels == 3 and len(config.id2label) == 3
    model = subject.library.LxmertForQuestionAnswering(config).eval()
    assert model(**call(subject))["question_answering_score"].shape == (4, 8)


def test_the_authors_input_builder(subject, tmp_path):
    """Tokens by hand: [CLS], the words, [SEP], padding to a fixed length, mask and segments."""
    words, model, length = tokenizer(subject, tmp_path), made(subject, "LxmertModel"), 12
    rows = []
    for sentence in ("a red star on the mat .", "a cat left of a dog ."):
        tokens = ["[CLS]", *words.tokenize(sentence.strip())[: length - 2], "[SEP]"]
        ids = words.convert_tokens_to_ids(tokens)
        padding = [0] * (length - len(ids))
        rows.append((ids + padding, [1] * len(ids) + padding, [0] * length))
    ids, mask, segments = (subject.tensor(column) for column in zip(*rows, strict=True))
    objects = call(subject, b=2)
    visual = objects["visual_feats"], objects["visual_pos"]
    out = model(ids, *visual, attention_mask=mask, token_type_ids=segments)
    assert out.pooled_output.shape == (2, 24)
