"""Relevance: the gradients of the maps by finite differences, the paper's rules by hand, and wrong rules told apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minilxmert
from minilxmert import (
    ConfigError,
    LxmertConfig,
    LxmertForPreTraining,
    LxmertForQuestionAnswering,
    LxmertForVisualReasoning,
    LxmertModel,
    ShapeError,
)
from minilxmert.core import attention, ops
from minilxmert.core.params import map_tree
from minilxmert.explain import relevance as rules
from minilxmert.explain.relevance import backward_from, relevance
from minilxmert.published.outputs import attention_maps

TINY = LxmertConfig(
    vocab_size=20, hidden_size=12, num_attention_heads=3, num_qa_labels=5, num_object_labels=4, num_attr_labels=3,
    intermediate_size=10, max_position_embeddings=8, l_layers=2, x_layers=2, r_layers=1, visual_feat_dim=7,
)  # fmt: skip
B, N, M = 2, 5, 4


def model(face=LxmertForQuestionAnswering):
    """A random face in float64 whose attention is far from even."""
    made, rng = face(TINY, dtype="float64"), np.random.default_rng(3)
    made.params = map_tree(lambda w: w + 0.4 * rng.standard_normal(w.shape), made.params)
    return made


def inputs(rng, b=B, n=N, m=M, pair=()):
    boxes = np.sort(rng.random((b, *pair, m, 2, 2)), axis=-2).reshape(b, *pair, m, 4)
    feats = rng.standard_normal((b, *pair, m, TINY.visual_feat_dim))
    return {"input_ids": rng.integers(1, 20, (b, n)), "visual_feats": feats, "visual_pos": boxes}


@pytest.fixture
def call():
    return inputs(np.random.default_rng(0))


def test_the_gradient_of_every_map_by_finite_differences(call, monkeypatch):
    """<gradient, v> equals the change of the score when every map of the pass is moved along random v."""
    rng, made = np.random.default_rng(1), model()
    run, _, targets = backward_from(made, [1, 4], None, call)
    gradients, moves = attention_maps(run.cache, "da"), []

    def moved(eps):
        order = iter(moves)

        def attend(q, k, v, mask, heads, rate, rng_, cache):
            q, k, v = (ops.split_heads(x, heads) for x in (q, k, v))
            a = ops.softmax(q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]) + mask)
            if eps is None:
                moves.append(rng.standard_normal(a.shape))
            return ops.merge_heads((a + (eps or 0) * next(order)) @ v)

        monkeypatch.setattr(attention, "attend", attend)
        scores = made(**call, output_hidden_states=True).question_answering_score
        return scores[np.arange(B), targets].sum()

    moved(None)
    numeric = (moved(1e-6) - moved(-1e-6)) / 2e-6
    in_order = [*gradients["language_attentions"], *gradients["vision_attentions"]]
    crossing = ["cross_encoder_attentions", "cross_encoder_vision_attentions"]
    crossing += ["cross_language_attentions", "cross_vision_attentions"]
    for layer in zip(*(gradients[name] for name in crossing), strict=True):
        in_order += layer
    exact = sum(np.sum(da * v) for da, v in zip(in_order, moves, strict=True))
    np.testing.assert_allclose(exact, numeric, rtol=1e-6)


def test_the_rules_on_paper():
    """One word pair, two objects; every number can be followed with a pencil."""
    cam = np.array([[[0.0, 0.5], [0.25, 0.25]]])  # Ā of a self-attention
    tt, ti = rules.self_rule(cam, np.eye(2)[None], np.zeros((1, 2, 2)))
    np.testing.assert_allclose(tt, [[[1, 0.5], [0.25, 1.25]]])  # eq. 6: I + Ā
    np.testing.assert_allclose(ti, 0)  # eq. 7: nothing has come over yet
    np.testing.assert_allclose(rules.normalise(tt), [[[1, 1], [0.5, 1.5]]])  # eqs. 8, 9: rows of R - I sum to 1
    cross = np.array([[[0.2, 0.0], [0.0, 0.1]]])
    new_tt, new_ti = rules.cross_rule(cross, tt, ti, np.full((1, 2, 2), 0.5), np.eye(2)[None])
    np.testing.assert_allclose(new_tt, [[[1.1, 0.6], [0.3, 1.3]]])  # eq. 11: tt + cross·qs
    np.testing.assert_allclose(new_ti, [[[0.2, 0.05], [0.2, 0.15]]])  # eq. 10: [[1, 1], [½, 3⁄2]]ᵀ·cross


def test_heads_are_averaged_after_the_negative_part_is_dropped():
    a, da = np.array([[[[0.5, 0.5]], [[1.0, 0.0]]]]), np.array([[[[2.0, -4.0]], [[-1.0, 5.0]]]])  # two heads, one query
    np.testing.assert_allclose(rules.head_mean(a, da), [[[0.5, 0]]])


def naive(maps, gradients, b):
    """The paper's rules for example b as loops over numbers; last layer and all."""
    n, m = maps["cross_encoder_attentions"][0].shape[-2:]
    r = {"tt": np.eye(n), "ii": np.eye(m), "ti": np.zeros((n, m)), "it": np.zeros((m, n))}

    def cam(name, layer):
        a, da = maps[name][layer][b], gradients[name][layer][b]
        rows, columns = a.shape[1:]
        value = np.zeros((rows, columns))
        for i in range(rows):
            for j in range(columns):
                value[i, j] = sum(max(da[h, i, j] * a[h, i, j], 0) for h in range(len(a))) / len(a)
        return value

    def bar(x):
        rest = x - np.eye(len(x))
        return np.array([row / row.sum() if row.sum() else row for row in rest]) + np.eye(len(x))

    def on_itself(c, s, q):
        r[s + s], r[s + q] = r[s + s] + c @ r[s + s], r[s + q] + c @ r[s + q]

    for layer in range(len(maps["language_attentions"])):
        on_itself(cam("language_attentions", layer), "t", "i")
    for layer in range(len(maps["vision_attentions"])):
        on_itself(cam("vision_attentions", layer), "i", "t")
    for layer in range(len(maps["cross_language_attentions"])):
        lang, visn = cam("cross_encoder_attentions", layer), cam("cross_encoder_vision_attentions", layer)
        add_ti, add_tt = bar(r["tt"]).T @ lang @ bar(r["ii"]), lang @ r["it"]
        add_it, add_ii = bar(r["ii"]).T @ visn @ bar(r["tt"]), visn @ r["ti"]
        r["ti"], r["tt"], r["it"], r["ii"] = r["ti"] + add_ti, r["tt"] + add_tt, r["it"] + add_it, r["ii"] + add_ii
        on_itself(cam("cross_language_attentions", layer), "t", "i")
        on_itself(cam("cross_vision_attentions", layer), "i", "t")
    return r


def agrees(call):
    made = model()
    found = relevance(made, **call)
    run, *_ = backward_from(made, None, None, call)
    maps, gradients = (attention_maps(run.cache, entry) for entry in ("a", "da"))
    for b in range(B):
        for name, value in naive(maps, gradients, b).items():
            np.testing.assert_allclose(found.matrices[name][b], value, rtol=1e-9, atol=1e-12, err_msg=name)


def test_a_whole_pass_against_loops(call):
    agrees(call)


MUTANTS = {
    "clamp after the mean": ("head_mean", lambda a, da: np.maximum((da * a).mean(1), 0)),
    "no gradient": ("head_mean", lambda a, da: a.mean(1)),
    "from the right": ("self_rule", lambda cam, ss, sq: (ss + ss @ cam, sq + cam @ sq)),
    "no normalisation": ("normalise", lambda r: r),
    "columns normalised": ("normalise", lambda r, rows=rules.normalise: rows(r.swapaxes(-1, -2)).swapaxes(-1, -2)),
    "no transpose": (
        "cross_rule",
        lambda cam, ss, sq, qs, qq: (ss + cam @ qs, sq + rules.normalise(ss) @ cam @ rules.normalise(qq)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_wrong_rules_are_told_apart(call, monkeypatch, name):
    monkeypatch.setattr(rules, *MUTANTS[name])
    with pytest.raises(AssertionError):
        agrees(call)


def test_a_second_direction_that_reads_the_first_ones_result_is_told_apart(call, monkeypatch):
    right, last = rules.cross_rule, {}

    def updated(cam, ss, sq, qs, qq):
        if cam.shape[1] == N:
            last["new"] = right(cam, ss, sq, qs, qq)
            return last["new"]
        return right(cam, ss, sq, last["new"][1], last["new"][0])

    monkeypatch.setattr(rules, "cross_rule", updated)
    with pytest.raises(AssertionError):
        agrees(call)


def test_no_gradient_leaves_the_identity():
    """A model whose answers do not depend on anything: R stays where it began (eqs. 3 and 4)."""
    made = model()
    made.params["answer"]["outer"]["w"][:] = 0
    found = relevance(made, **inputs(np.random.default_rng(0)))
    np.testing.assert_array_equal(found.matrices["tt"], np.broadcast_to(np.eye(N), (B, N, N)))
    np.testing.assert_array_equal(found.matrices["ii"], np.broadcast_to(np.eye(M), (B, M, M)))
    assert not found.matrices["ti"].any() and not found.matrices["it"].any()
    assert not found.words.any() and not found.objects.any()


@given(st.integers(1, 6), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_normalised_rows_sum_to_two_or_stay_the_identity(size, empty, seed):
    rng = np.random.default_rng(seed)
    gathered = rng.random((1, size, size)) * (np.arange(size) >= empty)[:, None]
    sums = rules.normalise(np.eye(size) + gathered).sum(-1)[0]
    np.testing.assert_allclose(sums, np.where(np.arange(size) < empty, 1, 2))


def test_relevance_only_grows(call):
    found = relevance(model(), **call)
    assert found.words.shape == (B, N) and found.objects.shape == (B, M)
    assert (found.words >= 0).all() and (found.objects >= 0).all()
    assert not found.words[:, 0].any() and found.words[:, 1:].all() and found.objects.all()
    assert all((value >= 0).all() for value in found.matrices.values())


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_padding_changes_nothing_and_is_not_relevant(call, backend):
    padded = {"input_ids": np.pad(call["input_ids"], ((0, 0), (0, 2)), constant_values=7)}
    padded["visual_feats"] = np.pad(call["visual_feats"], ((0, 0), (0, 3), (0, 0)), constant_values=1)
    padded["visual_pos"] = np.pad(call["visual_pos"], ((0, 0), (0, 3), (0, 0)))
    padded["attention_mask"] = np.arange(N + 2)[None] < np.full((B, 1), N)
    padded["visual_attention_mask"] = np.arange(M + 3)[None] < np.full((B, 1), M)
    made = model()
    with minilxmert.backend(backend):
        short, long = relevance(made, 2, **call), relevance(made, 2, **padded)
    np.testing.assert_allclose(long.words, np.pad(short.words, ((0, 0), (0, 2))), rtol=1e-9)
    np.testing.assert_allclose(long.objects, np.pad(short.objects, ((0, 0), (0, 3))), rtol=1e-9)


def test_targets_choose_what_is_explained(call):
    made = model()
    first, best = relevance(made, **call), made(**call).question_answering_score.argmax(1)
    assert np.array_equal(first.targets, best)
    np.testing.assert_array_equal(relevance(made, best, **call).words, first.words)
    other = relevance(made, (best + 1) % 5, **call)
    assert np.abs(other.objects - first.objects).max() > 1e-6
    rows = relevance(made, [int(best[0]), 3], **{k: v[[0, 0]] for k, v in call.items()})
    np.testing.assert_allclose(rows.objects[0], first.objects[0], rtol=1e-9)  # several answers of one picture: a batch


def test_the_match_and_the_two_image_verdict_are_explained_too(call):
    pretrained = model(LxmertForPreTraining)
    match = relevance(pretrained, 1, "cross_relationship_score", **call)
    assert match.score == "cross_relationship_score" and match.objects.all()
    assert relevance(pretrained, **call).score == "question_answering_score"
    pairs = relevance(model(LxmertForVisualReasoning), **inputs(np.random.default_rng(0), pair=(2,)))
    assert pairs.words.shape == (2 * B, N) and pairs.objects.shape == (2 * B, M) and pairs.targets.shape == (B,)
    assert pairs.objects.all()


def test_no_objects_at_all():
    found = relevance(model(), **inputs(np.random.default_rng(0), m=0))
    assert found.objects.shape == (B, 0) and found.words[:, 1:].all()


@pytest.mark.parametrize("targets", [5, -1, [1, 2, 3], [0.5, 1], "red"])
def test_targets_that_cannot_be_are_refused(call, targets):
    with pytest.raises(ShapeError, match="targets"):
        relevance(model(), targets, **call)


def test_faces_without_a_score_are_refused(call):
    with pytest.raises(ConfigError, match="score"):
        relevance(model(LxmertModel), **call)
    with pytest.raises(ConfigError, match="cross_relationship_score"):
        relevance(model(), score="cross_relationship_score", **call)
