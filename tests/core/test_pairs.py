"""What repeats is computed once: several questions about one picture, one sentence for several pictures, any pairs."""

import json

import numpy as np
import pytest

import minilxmert
from minilxmert import (
    LxmertConfig,
    LxmertForPreTraining,
    LxmertForQuestionAnswering,
    LxmertForVisualReasoning,
    LxmertModel,
    LxmertTokenizer,
    ShapeError,
)
from minilxmert.ask import ask, call_arguments, look
from minilxmert.cli import main
from minilxmert.core import ops

SIZES = dict(
    vocab_size=20, hidden_size=12, num_attention_heads=3, num_qa_labels=5, intermediate_size=48,
    max_position_embeddings=20, visual_feat_dim=7, num_object_labels=4, num_attr_labels=3, initializer_range=0.4,
)  # fmt: skip
SMALL = LxmertConfig(**SIZES, l_layers=2, x_layers=2, r_layers=1)
TEXTS = ("input_ids", "attention_mask", "token_type_ids")
CLOSE = {"float64": {"rtol": 1e-9, "atol": 1e-11}, "float32": {"rtol": 1e-4, "atol": 1e-5}}
SCENE = "weights/scene.png"


@pytest.fixture(params=["numpy", "numba"])
def backend(request):
    with minilxmert.backend(request.param):
        yield request.param


def draw(sentences, pictures, seed=0, n=6, m=4, of=()):
    """Sentences and pictures with padding, as call arguments."""
    rng = np.random.default_rng(seed)
    shape = (pictures, *of, m)
    return {
        "input_ids": rng.integers(1, 20, (sentences, n)),
        "attention_mask": (np.arange(n) < rng.integers(2, n + 1, (sentences, 1))).astype(int),
        "token_type_ids": rng.integers(0, 2, (sentences, n)),
        "visual_feats": rng.random((*shape, 7)),
        "visual_pos": np.sort(rng.random((*shape, 2, 2)), axis=-2).reshape(*shape, 4),
        "visual_attention_mask": (np.arange(m) < rng.integers(1, m + 1, shape[:-1])[..., None]).astype(int),
    }


def spread(call, sentences, pictures):
    """The same call with a sentence and a picture for every pair."""
    return {name: value[sentences if name in TEXTS else pictures] for name, value in call.items()}


def compare(found, expected, dtype):
    assert list(found) == list(expected)
    for name in expected:
        for one, other in zip(np.atleast_1d(found[name]), np.atleast_1d(expected[name]), strict=True):
            np.testing.assert_allclose(one, other, err_msg=name, **CLOSE[dtype])


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("sentences, pictures", [(5, 1), (1, 5), (1, 1)])
@pytest.mark.parametrize("face", [LxmertModel, LxmertForPreTraining, LxmertForQuestionAnswering])
def test_one_of_either_goes_with_all(backend, face, sentences, pictures, dtype):
    model, call, b = face(SMALL, dtype=dtype), draw(sentences, pictures), max(sentences, pictures)
    rows = [np.arange(b) % size for size in (sentences, pictures)]
    compare(model(**call), model(**spread(call, *rows)), dtype)
    long = model(**call, output_hidden_states=True, output_attentions=True)  # shapes as published
    assert [len(x) for x in long.language_hidden_states] == [sentences] * 2 + [b] * 2
    assert [len(x) for x in long.vision_hidden_states] == [pictures] + [b] * 2
    assert [len(x) for x in long.vision_attentions + long.cross_encoder_attentions] == [pictures] + [b] * 2


@pytest.mark.parametrize("dtype", CLOSE)
def test_any_pairs(backend, dtype):
    pairs, call = np.array([[0, 1], [2, 1], [2, 0], [1, 1], [0, 1]]), draw(3, 2)
    model, labels = LxmertForQuestionAnswering(SMALL, dtype=dtype), [0, 1, 2, 3, 4]
    expected = model(**spread(call, *pairs.T), labels=labels)
    compare(model(**call, pairs=pairs, labels=labels), expected, dtype)
    long = model(**call, pairs=pairs, labels=labels, output_hidden_states=True)
    np.testing.assert_allclose(long.question_answering_score, expected[1], **CLOSE[dtype])
    for wrong in ([[0, 2]], [[3, 0]], [[-1, 0]], [0, 1], [[0.5, 0]]):
        with pytest.raises(ShapeError, match="pairs"):
            model(**call, pairs=wrong)
    with pytest.raises(ShapeError, match="2 pictures for 3 sentences"):
        model(**call)


def test_gradients_of_what_is_shared():
    """They are the sums of those of the copies, and dropout is each pair's own."""
    pairs, call = np.array([[0, 1], [2, 1], [2, 0], [1, 1], [0, 1]]), draw(3, 2)
    model, labels = LxmertForQuestionAnswering(SMALL, dtype="float64"), [0, 1, 2, 3, 4]
    for rng in (lambda: None, lambda: np.random.default_rng(0)):
        _, found = model.loss_and_gradients(rng(), **call, pairs=pairs, labels=labels)
        _, expected = model.loss_and_gradients(rng(), **spread(call, *pairs.T), labels=labels)
        for name, gradient in expected.items():
            np.testing.assert_allclose(found[name], gradient, rtol=1e-8, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("sentences, pictures", [(3, 3), (3, 1), (1, 3)])
def test_statements_about_two_pictures(backend, sentences, pictures):
    model, call, b = LxmertForVisualReasoning(SMALL), draw(sentences, pictures, of=(2,)), max(sentences, pictures)
    rows = [np.arange(b) % size for size in (sentences, pictures)]
    expected = np.concatenate([model(**spread(call, [s], [p])).logits for s, p in zip(*rows, strict=True)])
    np.testing.assert_allclose(model(**call).logits, expected, rtol=1e-4, atol=1e-5)
    chosen = model(**draw(sentences, pictures, of=(2,)), pairs=np.stack(rows, 1)[::-1]).logits
    np.testing.assert_allclose(chosen, expected[::-1], rtol=1e-4, atol=1e-5)
    assert len(model(**call, output_hidden_states=True).language_embeddings) == sentences


def test_masks_of_one_side_may_repeat(backend):
    model, call = LxmertForQuestionAnswering(SMALL), draw(5, 1)
    masks = draw(5, 5, seed=1)
    call |= {name: masks[name] for name in ("visual_attention_mask",)} | {"attention_mask": np.ones((1, 6))}
    same = {**call, "attention_mask": np.ones((5, 6))}
    same |= {name: np.repeat(call[name], 5, axis=0) for name in ("visual_feats", "visual_pos")}
    compare(model(**call), model(**same), "float32")


class Counted(np.ndarray):
    """Rows whose multiplications are counted."""

    products = 0

    def __matmul__(self, other):
        Counted.products += self.shape[0] * self.shape[1] * other.shape[1]
        return np.asarray(self) @ other


def test_how_many_products_it_takes(monkeypatch):
    """Of linear maps, in the published proportions: 0.78 of those of five pairs."""
    model = LxmertForQuestionAnswering(LxmertConfig(**SIZES))
    as_rows = ops.as_rows
    monkeypatch.setattr(ops, "as_rows", lambda x: as_rows(x).view(Counted))
    counts = []
    for pictures in (1, 5):
        call, Counted.products = draw(5, pictures, n=20, m=36), 0
        call |= {name: np.ones_like(call[name]) for name in ("attention_mask", "visual_attention_mask")}
        with minilxmert.backend("numpy"):
            model(**call)
        counts.append(Counted.products)
    assert counts[0] == pytest.approx(0.78 * counts[1], rel=0.02)


def test_questions_about_pictures_are_grouped(tmp_path, capsys):
    model, tokenizer = LxmertForQuestionAnswering.from_pretrained("weights"), LxmertTokenizer.from_pretrained("weights")
    main(["world", str(tmp_path / "scenes"), "--scenes", "2"])
    pictures = [SCENE, *sorted(map(str, (tmp_path / "scenes").rglob("*.png")))[:2]]
    texts = ["what color is the star ?", "how many circles are there ?", "is there a square ?"]
    asked = [(pictures[i % 3], texts[i % 2 + i // 5]) for i in range(10)]
    objects = {path: look(path) for path in pictures}
    call = call_arguments(model, tokenizer, [text for _, text in asked], [objects[path] for path, _ in asked])
    assert len(call["input_ids"]) == 3 and len(call["visual_feats"]) == 3 and len(call["pairs"]) == 10
    (tmp_path / "questions.jsonl").write_text("\n".join(json.dumps({"image": p, "question": q}) for p, q in asked))
    capsys.readouterr()
    assert main(["answer", "--batch", str(tmp_path / "questions.jsonl"), "--batch-size", "3", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["image"], row["question"]) for row in found] == asked
    for row, (path, text) in zip(found, asked, strict=True):
        alone = ask(model, tokenizer, [text], [objects[path]])[0]
        assert row["answers"][0]["answer"] == alone[0].text
        assert row["answers"][0]["probability"] == pytest.approx(alone[0].probability, abs=1e-4)
    with pytest.raises(ShapeError, match="1 pictures for 2 questions"):
        ask(model, tokenizer, ["a", "b"], [objects[SCENE]])
