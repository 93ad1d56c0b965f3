"""What pre-training hides, exchanges and asks, against the published shares and meanings."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_run import BATCHES, CONFIG, WORLD, tokenizer

from minilxmert import ConfigError, FeatureFileError, LxmertForPreTraining, LxmertForQuestionAnswering, ShapeError
from minilxmert.core.losses import step_shares
from minilxmert.core.params import flatten, zeros_like
from minilxmert.training.batches import Example, PretrainingBatches, QuestionBatches, StatementBatches
from minilxmert.training.masking import NOTHING, by_picture, mask_objects, mask_words, mismatch
from minilxmert.vision.objects import Objects

MASK, WORDS = 4, np.arange(5, 1005)


def assert_share(hits, total, share):
    """A count of independent events lies within five standard deviations: a wrong share of 1 % more is seen."""
    assert abs(hits - total * share) < 5 * math.sqrt(total * share * (1 - share))


@pytest.fixture(scope="module")
def hidden():
    """200,000 places, of which four in five hold ordinary words: ids, maskable, what is seen, labels."""
    rng = np.random.default_rng(0)
    ids, maskable = rng.choice(WORDS, (200, 1000)), rng.random((200, 1000)) < 0.8
    before = ids.copy()
    seen, labels = mask_words(ids, maskable, MASK, WORDS, rng)
    np.testing.assert_array_equal(ids, before)
    return ids, maskable, seen, labels


def test_words_are_hidden_in_the_published_shares(hidden):
    ids, maskable, seen, labels = hidden
    chosen = labels != NOTHING
    assert_share(chosen.sum(), maskable.sum(), 0.15)
    assert_share((seen[chosen] == MASK).sum(), chosen.sum(), 0.8)
    kept = (seen == ids)[chosen].sum()  # an exchanged word may by chance be the same
    assert_share(kept, chosen.sum(), 0.1 + 0.1 / len(WORDS))
    exchanged = seen[chosen & (seen != MASK) & (seen != ids)]
    assert_share((exchanged < 505).sum(), len(exchanged), 0.5)  # any word, evenly


def test_only_chosen_words_change_and_labels_are_the_true_words(hidden):
    ids, maskable, seen, labels = hidden
    chosen = labels != NOTHING
    assert not (chosen & ~maskable).any()
    np.testing.assert_array_equal(seen[~chosen], ids[~chosen])
    np.testing.assert_array_equal(labels[chosen], ids[chosen])


@given(st.integers(0, 2**32), st.floats(0, 1))
def test_what_is_not_maskable_is_never_touched(seed, rate):
    rng = np.random.default_rng(seed)
    ids, maskable = rng.integers(0, 9, (3, 7)), rng.random((3, 7)) < 0.5
    seen, labels = mask_words(ids, maskable, MASK, np.arange(5, 9), rng, rate)
    np.testing.assert_array_equal(seen[~maskable], ids[~maskable])
    assert (labels[~maskable] == NOTHING).all()


def test_objects_are_hidden_in_the_published_shares():
    rng = np.random.default_rng(0)
    feats, others = np.ones((200, 500, 2), np.float32), np.full((200, 500, 2), 2, np.float32)
    visible = rng.random((200, 500)) < 0.9
    seen, chosen = mask_objects(feats, visible, others, rng)
    assert seen.dtype == chosen.dtype == np.float32 and (feats == 1).all()
    hidden = chosen > 0
    assert not (hidden & ~visible).any() and (seen[~hidden] == 1).all()
    assert_share(hidden.sum(), visible.sum(), 0.15)
    for value, share in ((0, 0.8), (2, 0.1), (1, 0.1)):
        assert_share((seen[hidden] == value).all(-1).sum(), hidden.sum(), share)


def test_a_foreign_sentence_is_of_another_picture():
    rng, images = np.random.default_rng(0), np.repeat(np.arange(50), 4)
    pictures, foreign = by_picture(images), 0
    for _ in range(100):
        source, own = mismatch(pictures, range(200), rng)
        np.testing.assert_array_equal(own, source == np.arange(200))
        assert (images[source[~own]] != images[~own]).all()
        foreign += (~own).sum()
    assert_share(foreign, 20_000, 0.5)


def test_alone_a_picture_keeps_its_sentences():
    source, own = mismatch(by_picture(["a"] * 5), [3, 1], np.random.default_rng(0), share=1.0)
    assert own.all() and list(source) == [3, 1]


@pytest.mark.parametrize("count", [1, 2])
def test_sentences_of_one_picture_alone_cannot_be_matched(count):
    only = [example for example in WORLD.pretraining if example.image == "0"][:count]
    how = WORLD.pictures, only, tokenizer(), WORLD.answers
    with pytest.raises(ConfigError, match=r"pictures: expected two or more, .* without matching.*, found one, 0"):
        PretrainingBatches(*how)
    call = PretrainingBatches(*how, foreign=0).batch([0], np.random.default_rng(0))
    assert call["matched_label"] == [1]


def test_every_sentence_of_other_pictures_is_as_likely():
    images = ["b", "a", "b", "c", "a", "b", "d"]
    pictures, rng = by_picture(images), np.random.default_rng(0)
    for row in range(len(images)):
        source, own = mismatch(pictures, [row] * 8000, rng, share=1.0)
        others = [n for n, image in enumerate(images) if image != images[row]]
        assert not own.any() and set(source) == set(others)
        for other in others:
            assert_share((source == other).sum(), 8000, 1 / len(others))


@pytest.mark.parametrize("size", [1, 2, 64])
def test_half_of_the_sentences_are_foreign_at_any_batch_size(size):
    """As with --batch-size 1 --accumulate 64: the batch is not the population."""
    labels = []
    for place in range(2000 // size):
        rows = [(place * size + i) % len(BATCHES) for i in range(size)]
        labels += BATCHES.batch(rows, np.random.default_rng([0, place]))["matched_label"].tolist()
    assert_share(sum(labels), len(labels), 0.5)


# --- batches ---------------------------------------------------------------------------------------------------------


def batch_of(rows, seed=0, **settings):
    batches = PretrainingBatches(WORLD.pictures, WORLD.pretraining, tokenizer(), WORLD.answers, **settings)
    return batches, batches.batch(rows, np.random.default_rng(seed))


ROWS = list(range(0, len(BATCHES), 2))


def test_no_special_token_and_no_padding_is_hidden():
    """With every word hidden, what stays are [CLS], [SEP] and the padding."""
    batches, call = batch_of(ROWS, word_rate=1.0, foreign=0.0)
    ids, visible = batches.sentences(ROWS)
    special = np.isin(ids, [*batches.tokenizer.all_special_ids])
    np.testing.assert_array_equal(call["labels"] == NOTHING, special)
    np.testing.assert_array_equal(call["labels"][~special], ids[~special])
    np.testing.assert_array_equal(call["input_ids"][special], ids[special])
    np.testing.assert_array_equal(call["attention_mask"], visible)
    exchanged = call["input_ids"][~special & (call["input_ids"] != batches.tokenizer.mask_token_id)]
    assert len(exchanged) and np.isin(exchanged, batches.ordinary).all()


def test_contrasts_are_whole_and_true_or_false_alike():
    """A caption with a foil: half the time the foil, never another picture's; neither words nor objects are hidden."""
    examples, rates = WORLD.with_contrasts(0.4), {"word_rate": 1.0, "object_rate": 1.0}
    batches = PretrainingBatches(WORLD.pictures, examples, tokenizer(), WORLD.answers, **rates)
    known = np.array([example.foil is not None for example in examples])
    call = batches.batch(range(len(examples)), np.random.default_rng(0))
    own = call["matched_label"] == 1
    assert abs(known.mean() - 0.4) < 0.02 and 0.25 < own[known].mean() < 0.75
    hidden = call["labels"] != NOTHING, call["obj_labels"]["feat"][1] > 0
    for some in hidden:
        assert not some[known].any() and some[~known].any(1).all()
    for place in np.flatnonzero(known):
        whole = batches.tokenizer(examples[place].text if own[place] else examples[place].foil)["input_ids"]
        assert call["input_ids"][place, : len(whole)].tolist() == whole and call["ans"][place] == NOTHING


def test_foreign_sentences_have_hidden_words_but_no_answer():
    batches, call = batch_of(ROWS)
    own = call["matched_label"] == 1
    assert 0 < own.sum() < len(own)
    assert (call["labels"][~own] != NOTHING).any()
    assert (call["ans"][~own] == NOTHING).all()
    expected = [batches.number.get(next(iter(batches.examples[row].answers or [""])), NOTHING) for row in ROWS]
    np.testing.assert_array_equal(call["ans"][own], np.array(expected)[own])
    assert (call["ans"] >= 0).any() and (np.array(expected)[own] == NOTHING).any()  # captions have none
    for place in np.flatnonzero(own):  # a matched sentence is the picture's own
        length = len(batches.words[ROWS[place]])
        kept = call["labels"][place] == NOTHING
        np.testing.assert_array_equal(
            call["input_ids"][place, :length][kept[:length]], batches.words[ROWS[place]][kept[:length]]
        )


def test_all_objects_have_classes_and_only_hidden_ones_a_feature_to_guess():
    batches, call = batch_of(ROWS, object_rate=0.5)
    visible = call["visual_attention_mask"] > 0
    (classes, confidence), (attributes, sure), (features, chosen) = (
        call["obj_labels"][k] for k in ("obj", "attr", "feat")
    )
    pictures = [WORLD.pictures[batches.examples[row].image] for row in ROWS]
    for labels, weight, ids, confs in (
        (classes, confidence, "object_ids", "object_conf"), (attributes, sure, "attribute_ids", "attribute_conf"),
    ):  # fmt: skip
        np.testing.assert_array_equal(labels[visible], np.concatenate([getattr(p, ids) for p in pictures]))
        np.testing.assert_array_equal(weight[visible], np.concatenate([getattr(p, confs) for p in pictures]))
        assert (labels[~visible] == NOTHING).all() and (weight[~visible] == 0).all()
    np.testing.assert_array_equal(features[visible], np.concatenate([p.features for p in pictures]))
    changed = (call["visual_feats"] != features).any(-1)
    assert changed.any() and not (changed & (chosen == 0)).any() and not chosen[~visible].any()


def drawn_objects(count):
    boxes = np.tile(np.array([0, 0, 8, 8], np.float32), (count, 1))
    return Objects("made", 8, 8, boxes, np.zeros((count, CONFIG.visual_feat_dim), np.float32),
                   np.arange(count), np.full(count, 0.25, np.float32), np.zeros(count, int),
                   np.full(count, 0.5, np.float32))  # fmt: skip


def test_the_losses_of_a_batch_are_the_published_ones():
    """Class scores that are all alike make the class loss a sum that one can do by hand: every object counts with the
    detector's confidence, hidden or not, in the mean over all places."""
    pictures = {"0": drawn_objects(2), "1": drawn_objects(4)}
    batches = PretrainingBatches(pictures, [Example("0", "red"), Example("1", "blue")],
                                 tokenizer(), WORLD.answers, object_rate=0.0)  # fmt: skip
    call = batches.batch([0, 1], np.random.default_rng(0))
    config = CONFIG.replace(visual_attr_loss=False, visual_loss_normalizer=4.0)
    model = LxmertForPreTraining(config)
    for leaf in model.params["objects_head"]["obj"].values():
        leaf[...] = 0
    expected = 4.0 * 6 * 0.25 * math.log(config.num_object_labels) / 8  # 6 objects of 8 places; no feature is hidden
    assert model(**call).losses["visual"] == pytest.approx(expected, rel=1e-5)


def losses_of(model, parts):
    """The gradient of a step of several batches, and its losses, as the loop adds them up."""
    g = zeros_like(model.params)
    read = [model.read(**part) for part in parts]
    losses = Counter()
    for (inputs, targets), shares in zip(read, step_shares([targets for _, targets in read]), strict=True):
        losses.update({task: float(x) for task, x in model.learn(inputs, targets, g, shares=shares).losses.items()})
    return np.concatenate([leaf.ravel() for leaf in flatten(g).values()]), losses


def cut(call, start, end):
    """A part of a batch, with no more padding than it needs."""
    words, objects = (call[name][start:end].any(0).sum() for name in ("attention_mask", "visual_attention_mask"))
    part = {name: value[start:end] for name, value in call.items() if name != "obj_labels"}
    for name in ("input_ids", "attention_mask", "labels"):
        if name in part and part[name].ndim == 2:
            part[name] = part[name][:, :words]
    for name in ("visual_feats", "visual_pos", "visual_attention_mask"):
        part[name] = part[name][:, :objects]
    if "obj_labels" in call:
        told = {kind: [a[start:end, :objects] for a in pair] for kind, pair in call["obj_labels"].items()}
        part["obj_labels"] = told
    return part


def asked_call(soft):
    batches = QuestionBatches(WORLD.pictures, WORLD.pretraining, tokenizer(), WORLD.answers, soft=soft)
    return batches.batch(ROWS[:8], np.random.default_rng(0))


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-9), ("float32", 1e-5)])
@pytest.mark.parametrize("task", ["pretraining", "questions", "soft"])
@pytest.mark.parametrize("edges", [(0, 4, 8), (0, 1, 8), (0, 3, 5, 6, 8), range(9)], ids=str)
def test_any_split_of_a_step_has_the_gradient_of_the_whole(dtype, tolerance, task, edges):
    """Numbers of hidden words, of questions with an answer and of objects differ from part to part."""
    face = LxmertForPreTraining if task == "pretraining" else LxmertForQuestionAnswering
    model = face(CONFIG, dtype=dtype)
    call = batch_of(ROWS[:8])[1] if task == "pretraining" else asked_call(task == "soft")
    whole, losses = losses_of(model, [call])
    parts, told = losses_of(model, [cut(call, *pair) for pair in pairwise(edges)])
    assert np.abs(whole - parts).max() <= tolerance * np.abs(whole).max()
    assert told == pytest.approx(losses, rel=max(tolerance, 1e-6))


def test_answers_are_drawn_by_their_scores():
    example = Example("0", "red", {"yes": 0.9, "no": 0.3, "unheard of": 1.0})
    batches = QuestionBatches(WORLD.pictures, [example], tokenizer(), ["no", "yes"])
    rng = np.random.default_rng(0)
    drawn = np.array([batches.answer(0, rng) for _ in range(4000)])
    assert_share((drawn == 1).sum(), 4000, 0.75)
    assert set(drawn) == {0, 1}


def test_soft_labels_are_the_scores():
    examples = [
        Example("0", "red", {"yes": 0.9, "no": 0.3, "unheard of": 1.0}),
        Example("1", "red"),
        Example("1", "blue", {"no": 1}),
    ]
    batches = QuestionBatches(WORLD.pictures, examples, tokenizer(), ["no", "yes"], soft=True)
    call = batches.batch([0, 1, 2], np.random.default_rng(0))
    np.testing.assert_allclose(call["soft_labels"], [[0.3, 0.9], [0, 0], [1, 0]], rtol=1e-6)
    hard = QuestionBatches(WORLD.pictures, examples, tokenizer(), ["no", "yes"]).batch([1, 2], np.random.default_rng(0))
    np.testing.assert_array_equal(hard["labels"], [NOTHING, 0])


def test_a_model_learns_from_soft_labels():
    """The published loss of VQA: binary cross-entropy summed over the answers, averaged over the questions."""
    batches = QuestionBatches(WORLD.pictures, WORLD.task("vqa").examples, tokenizer(), WORLD.answers, soft=True)
    call = batches.batch([0, 1, 2], np.random.default_rng(0))
    output = LxmertForQuestionAnswering(CONFIG)(**call)
    scores, target = output.question_answering_score.astype(float), call["soft_labels"]
    share = 1 / (1 + np.exp(-scores))
    expected = -(target * np.log(share) + (1 - target) * np.log(1 - share)).sum() / 3
    assert output.loss == pytest.approx(expected, rel=1e-5)


def test_statements_have_two_pictures():
    pairs = WORLD.task("nlvr2").examples[:4]
    call = StatementBatches(WORLD.pictures, pairs, tokenizer()).batch([0, 1, 2, 3], np.random.default_rng(0))
    assert call["visual_feats"].shape[:2] == (4, 2)
    np.testing.assert_array_equal(call["labels"], ["yes" in example.answers for example in pairs])
    for row, example in enumerate(pairs):
        for side, image in enumerate(example.image):
            objects = WORLD.pictures[image]
            np.testing.assert_array_equal(call["visual_feats"][row, side, : len(objects)], objects.features)


def test_no_examples_are_refused():
    with pytest.raises(ShapeError, match="no examples"):
        QuestionBatches({}, [], tokenizer())


def test_an_answer_that_scores_nothing_is_none():
    def drawn(answers):
        batches = QuestionBatches(WORLD.pictures, [Example("0", "what ?", answers)], tokenizer(), ["yes", "no"])
        return batches.batch([0], np.random.default_rng(0))["labels"].tolist()

    assert drawn({"yes": 0, "no": 0}) == [NOTHING] and drawn({"yes": 0, "no": 0.3}) == [1]


def test_objects_without_the_detectors_confidence_are_refused():
    bare = Objects("7", 8, 8, np.zeros((1, 4), np.float32), np.zeros((1, 3), np.float32))
    whole = Objects(**{**vars(bare), "object_ids": np.zeros(1, int), "attribute_ids": np.zeros(1, int)})
    batches = PretrainingBatches({"7": whole}, [Example("7", "a star")], tokenizer(), foreign=0)
    with pytest.raises(FeatureFileError, match="classes and confidences"):
        batches.batch([0], np.random.default_rng(0))
