"""Perturbation: the curve by hand, who may be removed, and that relevance finds what a trained model needs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minilxmert
from minilxmert import ConfigError, LxmertConfig, LxmertForQuestionAnswering, ShapeError
from minilxmert.core.params import flatten, zeros_like
from minilxmert.explain import perturbation as room
from minilxmert.explain.perturbation import Curve, last_look, perturbation, removal_curves, removal_rank, without
from minilxmert.explain.relevance import relevance

CLS, SEP = 2, 3
CONFIG = LxmertConfig(
    vocab_size=12, hidden_size=32, num_attention_heads=4, num_qa_labels=4, intermediate_size=32,
    max_position_embeddings=8, l_layers=1, x_layers=1, r_layers=1, visual_feat_dim=7, initializer_range=0.3,
)  # fmt: skip


def riddles(rng, b, m=3, n=6):
    """Pictures of three marked things, each of one of four classes; one word of the question says which mark is meant,
    the others mean nothing: inputs, the class of the meant thing (B,), its place, the place of the word."""
    classes, marks = rng.integers(0, 4, (b, m)), rng.permuted(np.tile(np.arange(m), (b, 1)), axis=1)
    feats, rows = np.zeros((b, m, 7), np.float32), np.arange(b)
    feats[rows[:, None], np.arange(m), classes] = feats[rows[:, None], np.arange(m), 4 + marks] = 1
    asked, place = rng.integers(0, m, b), rng.integers(1, n - 1, b)
    thing = (marks == asked[:, None]).argmax(1)
    words = rng.integers(8, 12, (b, n))
    words[:, 0], words[:, -1], words[rows, place] = CLS, SEP, 4 + asked
    boxes = np.tile(np.array([0.1, 0.1, 0.5, 0.5], np.float32), (b, m, 1))
    return {"input_ids": words, "visual_feats": feats, "visual_pos": boxes}, classes[rows, thing], thing, place


@pytest.fixture(scope="module")
def solver():
    """A model that has learnt to solve the riddles: Adam until it does, a few seconds."""
    rng, model = np.random.default_rng(2), LxmertForQuestionAnswering(CONFIG, seed=2)
    leaves, first, second = flatten(model.params), {}, {}
    with minilxmert.backend("numpy"):
        for step in range(1, 500):
            call, answers, *_ = riddles(rng, 64)
            g = zeros_like(model.params)
            if model.add_gradients(g, **call, labels=answers).loss < 0.02:
                return model
            for name, dp in flatten(g).items():
                first[name] = 0.9 * first.get(name, 0) + 0.1 * dp
                second[name] = 0.99 * second.get(name, 0) + 0.01 * dp**2
                size = np.sqrt(second[name] / (1 - 0.99**step)) + 1e-8
                leaves[name] -= (0.005 * first[name] / (1 - 0.9**step) / size).astype(np.float32)
    raise AssertionError("the model did not learn the riddles")


def test_relevance_finds_what_the_model_needs(solver):
    """Better than chance whoever goes first: the answer needs one object of three and one word of four."""
    call, answers, *_ = riddles(np.random.default_rng(9), 128)
    area = {
        (side, first): {name: curve.area for name, curve in removal_curves(solver, call, answers, side, first).items()}
        for side in ("objects", "words")
        for first in ("least", "most")
    }
    assert area["objects", "least"]["relevance"] > area["objects", "least"]["random"] + 0.08
    assert area["objects", "most"]["relevance"] < area["objects", "most"]["random"] - 0.08
    assert area["words", "least"]["relevance"] > area["words", "least"]["random"] + 0.02


def test_the_right_order_keeps_every_answer_to_the_end(solver):
    """Scores that know: the meant thing last, or first; and what is left when all are gone is a guess."""
    call, answers, thing, _ = riddles(np.random.default_rng(9), 200)
    known = np.eye(3)[thing]
    least = perturbation(solver, call, answers, known, "objects", "least", (0, 1 / 3, 2 / 3, 1))
    most = perturbation(solver, call, answers, known, "objects", "most", (0, 1 / 3, 2 / 3, 1))
    assert least.accuracy[0] == most.accuracy[0] > 0.97 and least.accuracy[-1] == most.accuracy[-1] < 0.4
    assert (least.accuracy[:3] > 0.9).all() and (most.accuracy[1:] < 0.5).all()
    assert least.area > most.area + 0.3


def test_the_area():
    curve = Curve(np.array([0, 0.5, 1]), np.array([1, 0.5, 0.0]), np.array([1, 1, 1.0]))
    assert curve.area == 0.5 and repr(curve) == "<Curve: accuracy 100.0% … 0.0%, area 0.500>"
    uneven = Curve(np.array([0, 0.8, 1]), np.array([1, 1, 0.0]), np.zeros(3))
    assert uneven.area == pytest.approx(0.9)


def test_who_goes_first():
    scores = np.array([[0.9, 0.1, 0.5, 0.7]])
    may_go = np.array([[True, True, True, False]])
    np.testing.assert_array_equal(removal_rank(scores, may_go, "least"), [[2, 0, 1, np.inf]])
    np.testing.assert_array_equal(removal_rank(scores, may_go, "most"), [[0, 2, 1, np.inf]])


@given(st.integers(1, 5), st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_a_rank_is_an_order_of_those_who_may_go(b, m, seed):
    rng = np.random.default_rng(seed)
    may_go = rng.random((b, m)) < 0.6
    for first in ("least", "most"):
        for row, allowed in zip(removal_rank(rng.integers(0, 3, (b, m)), may_go, first), may_go, strict=True):
            assert sorted(row[allowed]) == list(range(allowed.sum())) and np.isinf(row[~allowed]).all()


def test_removed_objects_are_as_if_they_had_never_been(solver):
    call, *_ = riddles(np.random.default_rng(1), 4)
    stays = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 0]], bool)
    found = solver(**without(call, stays, "objects")).question_answering_score
    for row in range(3):
        kept = {name: call[name][[row]][:, stays[row]] for name in ("visual_feats", "visual_pos")}
        alone = solver(input_ids=call["input_ids"][[row]], **kept).question_answering_score
        np.testing.assert_allclose(found[[row]], alone, atol=1e-5)
    none = without(call, np.zeros((4, 3), bool), "objects")
    assert none["visual_feats"].shape == (4, 0, 7)  # nobody is left: none, not a mask that hides all


def test_the_first_and_the_last_word_stay(solver, monkeypatch):
    call, answers, *_ = riddles(np.random.default_rng(1), 3)
    call["attention_mask"] = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0]])
    seen = []
    monkeypatch.setattr(room, "outcome", lambda model, inputs, answers: seen.append(inputs["attention_mask"]) or (0, 0))
    perturbation(solver, call, answers, np.tile([9, 1, 2, 3, 4, 9], (3, 1)), "words", "least", (0, 0.5, 1))
    np.testing.assert_array_equal(seen[0], call["attention_mask"])
    np.testing.assert_array_equal(seen[1], [[1, 0, 0, 1, 1, 1], [1, 0, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0]])
    np.testing.assert_array_equal(seen[2], [[1, 0, 0, 0, 0, 1], [1, 0, 0, 1, 0, 0], [1, 1, 0, 0, 0, 0]])


def test_batches_change_nothing(solver, monkeypatch):
    call, answers, *_ = riddles(np.random.default_rng(1), 10)
    whole = removal_curves(solver, call, answers)
    monkeypatch.setattr(room, "BATCH", 3)
    parts = removal_curves(solver, call, answers)
    for name, curve in whole.items():
        np.testing.assert_array_equal(curve.accuracy, parts[name].accuracy)
        np.testing.assert_allclose(curve.probability, parts[name].probability, rtol=1e-5)


def test_what_each_order_is_made_of(solver, monkeypatch):
    call, answers, *_ = riddles(np.random.default_rng(1), 5)
    used = []
    monkeypatch.setattr(room, "perturbation", lambda model, inputs, answers, scores, *rest: used.append(scores))
    removal_curves(solver, call, answers, "objects", rng=np.random.default_rng(4))
    output = solver(**call, output_attentions=True)
    np.testing.assert_allclose(used[0], relevance(solver, **call).objects)
    np.testing.assert_allclose(used[1], output.cross_encoder_attentions[-1][:, :, 0].mean(1))
    np.testing.assert_array_equal(used[2], np.random.default_rng(4).random((5, 3)))
    np.testing.assert_allclose(last_look(solver, call, "words"), output.cross_language_attentions[-1][:, :, 0].mean(1))


def test_mistakes_are_explained(solver):
    call, answers, *_ = riddles(np.random.default_rng(1), 2)
    with pytest.raises(ConfigError, match="words or objects"):
        removal_curves(solver, call, answers, side="pixels")
    with pytest.raises(ConfigError, match="least or most"):
        removal_curves(solver, call, answers, first="last")
    with pytest.raises(ShapeError, match="one for each of the objects"):
        perturbation(solver, call, answers, np.zeros((2, 6)))
    with pytest.raises(ShapeError, match="targets"):
        perturbation(solver, call, [9, 9], np.zeros((2, 3)))


def test_questions_that_share_a_picture_lose_objects_of_their_own(solver):
    call, answers, *_ = riddles(np.random.default_rng(5), 12)
    sentence, picture = np.arange(12), np.arange(12) // 2
    shared = {name: value[:6] if name.startswith("visual") else value for name, value in call.items()}
    own = {name: value[picture] if name.startswith("visual") else value for name, value in call.items()}
    for side in ("objects", "words"):
        paired = removal_curves(solver, {**shared, "pairs": np.stack([sentence, picture], 1)}, answers, side)
        for name, curve in removal_curves(solver, own, answers, side).items():
            np.testing.assert_array_equal(paired[name].accuracy, curve.accuracy)
