"""The whole model against the published implementations' values, gradients included, on both backends."""

import numpy as np
import pytest
from conftest import REFERENCE
from gradients import check_direction, random_tree

import minilxmert
from minilxmert import (
    LxmertConfig,
    LxmertForPreTraining,
    LxmertForQuestionAnswering,
    LxmertForVisualReasoning,
    LxmertModel,
    ShapeError,
)
from minilxmert.core import ops
from minilxmert.core.params import flatten, map_tree, zeros_like
from minilxmert.kernels import pairs

PARITY = {"rtol": 1e-4, "atol": 1e-5}  # float32 against published float32 values

INPUTS = dict(np.load(REFERENCE / "inputs.npz"))
EXPECTED = dict(np.load(REFERENCE / "expected_torch.npz"))
ARGUMENTS = ("input_ids", "visual_feats", "visual_pos", "attention_mask", "visual_attention_mask", "token_type_ids")
CALL = {name: INPUTS[name] for name in ARGUMENTS}
LABELS = {name: INPUTS[name] for name in ("masked_lm_labels", "matched_label", "ans")}
LABELS["obj_labels"] = {
    "obj": (INPUTS["obj_labels"], INPUTS["obj_conf"]),
    "attr": (INPUTS["attr_labels"], INPUTS["attr_conf"]),
    "feat": (INPUTS["feat_labels"], INPUTS["feat_mask"]),
}
TINY = LxmertConfig(
    vocab_size=20, hidden_size=12, num_attention_heads=3, num_qa_labels=5, num_object_labels=4, num_attr_labels=3,
    intermediate_size=10, max_position_embeddings=8, l_layers=2, x_layers=2, r_layers=1, visual_feat_dim=7,
)  # fmt: skip


@pytest.fixture(params=["numpy", "numba"])
def backend(request):
    with minilxmert.backend(request.param):
        yield request.param


@pytest.fixture(scope="module")
def pretrained():
    return LxmertForPreTraining.from_pretrained(REFERENCE)


def compare(found, expected, names):
    for name in names:
        np.testing.assert_allclose(found[name], expected[name], err_msg=name, **PARITY)


def published_values(output):
    """An output's fields under the names of the reference files."""
    values = {}
    for name in output.keys():
        field = getattr(output, name)
        values.update({f"{name}/{i}": x for i, x in enumerate(field)} if isinstance(field, tuple) else {name: field})
    return values


def test_every_output_state_map_and_loss(backend, pretrained):
    output = pretrained(**CALL, **LABELS, output_attentions=True, output_hidden_states=True)
    found = published_values(output)
    found |= {f"loss/{task}": loss for task, loss in output.losses.items()} | {"loss/total": output.loss}
    skipped = {"language_output", "vision_output", "pooled_output"}  # of the face without heads, below
    compare(found, EXPECTED, set(EXPECTED) - skipped)
    compare({"loss": output.loss}, {"loss": EXPECTED["loss/total"]}, ["loss"])


def test_the_model_without_heads(backend):
    output = LxmertModel.from_pretrained(REFERENCE)(**CALL)
    compare(output, EXPECTED, ["language_output", "vision_output", "pooled_output"])
    language, vision, pooled = output.to_tuple()
    assert language is output["language_output"] and vision is output[1] and pooled is output[-1]
    assert len(output) == 3


def test_question_answering(backend):
    model = LxmertForQuestionAnswering.from_pretrained(REFERENCE)
    output = model(**CALL, labels=INPUTS["ans"])
    compare(output, EXPECTED, ["question_answering_score"])
    np.testing.assert_allclose(output.loss, EXPECTED["loss/ans"], **PARITY)
    loss, scores = model(**CALL, labels=INPUTS["ans"], return_dict=False)
    assert loss == output.loss and np.array_equal(scores, output.question_answering_score)


def test_keras_values(backend):
    expected = dict(np.load(REFERENCE / "expected_tf.npz"))
    compare(LxmertModel.from_pretrained(REFERENCE / "tf_model.h5")(**CALL), expected, expected)
    expected = dict(np.load(REFERENCE / "tf_native" / "expected_tf.npz"))
    call = {name: value for name, value in CALL.items() if name != "visual_attention_mask"}
    compare(LxmertModel.from_pretrained(REFERENCE / "tf_native")(**call), expected, set(expected) & {
        "language_output", "vision_output", "pooled_output"
    })  # fmt: skip


AUTHORS = REFERENCE / "original"


def test_the_authors_pretrained_model(backend):
    expected = dict(np.load(AUTHORS / "expected.npz"))
    model = LxmertForPreTraining.from_pretrained(AUTHORS / "model_LXRT.pth", num_attention_heads=4)
    call = {name: value for name, value in CALL.items() if name != "visual_attention_mask"}
    labels = {
        **LABELS,
        "masked_lm_labels": np.where(INPUTS["masked_lm_labels"] == -100, -1, INPUTS["masked_lm_labels"]),
    }
    output = model(**call, **labels)
    compare(output, expected, ["prediction_logits", "cross_relationship_score", "question_answering_score", "loss"])
    masked_lm, matched, *objects, answer = expected["losses"][0]
    found = [output.losses[task] for task in ("masked_lm", "matched", "visual", "ans")]
    np.testing.assert_allclose(found, [masked_lm, matched, sum(objects), answer], **PARITY)


def test_the_authors_answering_model(backend):
    expected = dict(np.load(AUTHORS / "vqa_expected.npz"))
    model = LxmertForQuestionAnswering.from_pretrained(AUTHORS / "vqa_BEST.pth", num_attention_heads=4)
    call = {name: value for name, value in CALL.items() if name != "visual_attention_mask"}
    np.testing.assert_allclose(model(**call).question_answering_score, expected["logit"], **PARITY)


def test_the_authors_two_image_model(backend):
    expected = dict(np.load(AUTHORS / "nlvr2_expected.npz"))
    model = LxmertForVisualReasoning.from_pretrained(AUTHORS / "nlvr2_BEST.pth", num_attention_heads=4)
    pictures = {name: expected[name] for name in ("visual_feats", "visual_pos")}
    text = {name: INPUTS[name] for name in ("input_ids", "attention_mask", "token_type_ids")}
    output = model(**text, **pictures, labels=[1, 0, 1])
    np.testing.assert_allclose(output.logits, expected["logit"], **PARITY)
    assert np.isfinite(output.loss)


def test_gradients_of_every_parameter_against_torch(pretrained):
    """The published gradients are float32: they are up to 5e-6 + 1e-4·|g| away from a float64 run, ours as well."""
    expected = dict(np.load(REFERENCE / "gradients_torch.npz"))
    _, found = pretrained.loss_and_gradients(**CALL, **LABELS)
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-5, err_msg=name)


FACES = [LxmertForPreTraining, LxmertForQuestionAnswering, LxmertForVisualReasoning]


def random_call(face, config, rng, b=2, n=5, m=3):
    """Random inputs and labels for a face."""
    pictures = (b, 2) if face is LxmertForVisualReasoning else (b,)
    corners = np.sort(rng.random((*pictures, m, 2, config.visual_pos_dim // 2)), axis=-2)
    boxes = corners.reshape(*pictures, m, config.visual_pos_dim)
    call = {
        "input_ids": rng.integers(config.vocab_size, size=(b, n)),
        "visual_feats": rng.standard_normal((*pictures, m, config.visual_feat_dim)),
        "visual_pos": boxes,
        "attention_mask": np.arange(n) < np.arange(n, n - b, -1)[:, None],
        "visual_attention_mask": np.broadcast_to(np.arange(m) < max(m - 1, 1), (*pictures, m)),
    }
    if face is LxmertForPreTraining:
        call["labels"] = rng.choice([-100, -1, 3, 5], size=(b, n))
        call["matched_label"], call["ans"] = rng.integers(2, size=b), rng.integers(config.num_qa_labels, size=(b, 1))
        weight = rng.random((b, m))
        call["obj_labels"] = {
            "obj": (rng.integers(config.num_object_labels, size=(b, m)), weight),
            "attr": (rng.integers(config.num_attr_labels, size=(b, m)), weight),
            "feat": (rng.standard_normal((b, m, config.visual_feat_dim)), weight),
        }
    elif face is LxmertForQuestionAnswering:
        call["labels"] = rng.integers(config.num_qa_labels, size=b)
    elif face is LxmertForVisualReasoning:
        call["labels"] = rng.integers(2, size=b)
    return call


def label_what_is_seen(call):
    """Take the labels of pre-training away from what is hidden."""
    seen = call["visual_attention_mask"]
    call["labels"] = np.where(call["attention_mask"], call["labels"], -1)
    call["obj_labels"] = {kind: (label, weight * seen) for kind, (label, weight) in call["obj_labels"].items()}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("padding", [False, True])
def test_gradients_by_direction(face, dropout, padding):
    """padding: whether pre-training has labels there, and computes it."""
    rng = np.random.default_rng(3)
    model = face(TINY, dtype="float64")
    model.params = random_tree(map_tree(np.shape, model.params), rng)
    for table in ("word", "position", "token_type"):
        model.params["embeddings"][table]["w"][0] = 0
    call, g = random_call(face, TINY, rng), zeros_like(model.params)
    if face is LxmertForPreTraining and not padding:
        label_what_is_seen(call)
    call["input_ids"] = np.maximum(call["input_ids"], 1)  # row 0, the padding, never learns: kept out of the direction

    def loss(params):
        model.params = params
        seed = np.random.default_rng(11) if dropout else None
        inputs, targets = model.read(**call)
        return sum(model.compute(inputs, targets, None, seed, states=False)[2].values())

    params = model.params
    model.add_gradients(g, np.random.default_rng(11) if dropout else None, **call)
    for path in ("embeddings.position.w", "embeddings.token_type.w"):
        assert not flatten(g)[path][0].any()
    rng = np.random.default_rng(5)
    direction = map_tree(lambda a: rng.standard_normal(a.shape), params)
    for table in ("word", "position", "token_type"):
        direction["embeddings"][table]["w"][0] = 0
    if face is LxmertForPreTraining:
        g["embeddings"]["word"]["w"][0] = 0  # the tied decoder does use row 0
    eps = 1e-6
    ahead, behind = (loss(map_tree(lambda a, v, s=s: a + s * eps * v, params, direction)) for s in (1, -1))
    exact = sum(np.sum(a * v) for a, v in zip(flatten(g).values(), flatten(direction).values(), strict=True))
    np.testing.assert_allclose(exact, (ahead - behind) / (2 * eps), rtol=1e-6)


LAYERS = [{}, {"x_layers": 1}, {"r_layers": 0, "l_layers": 0}, {"x_layers": 0}]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("layers", LAYERS, ids=str)
@pytest.mark.parametrize("padding", [False, True])
def test_training_without_padding_gives_the_gradients_of_the_whole_pass(face, layers, padding):
    """Sentences and pictures of several lengths, one hidden altogether, one hidden in the middle; pairs of them; and
    pre-training with labels that are, or are not, at hidden places."""
    rng = np.random.default_rng(3)
    model = face(TINY.replace(initializer_range=0.4, **layers), dtype="float64")
    call = random_call(face, TINY, rng, b=4)
    call["attention_mask"] = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 0, 0], [0, 0, 0, 0, 0], [1, 1, 1, 0, 0]])
    seen = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 0], [1, 1, 1]]).repeat(getattr(face, "PICTURES", 1), 0)
    call["visual_attention_mask"] = seen.reshape(call["visual_feats"].shape[:-1])
    if face is not LxmertForPreTraining:
        call |= {"pairs": [[3, 1], [1, 3], [0, 2], [3, 0], [2, 2]], "labels": np.array([1, 0, 1, 1, 0])}
    elif not padding:
        label_what_is_seen(call)
    inputs, targets = model.read(**call)
    found, expected = zeros_like(model.params), zeros_like(model.params)
    output = model.learn(inputs, targets, found)
    run, _, losses, dscores = model.compute(inputs, targets, {})
    model.backward(run, dscores, expected)
    np.testing.assert_allclose(output.loss, sum(losses.values()), rtol=1e-12)
    for (path, mine), theirs in zip(flatten(found).items(), flatten(expected).values(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12, err_msg=path)


@pytest.mark.parametrize("eps", [0.0, 1e-12])
@pytest.mark.parametrize("shown", [0, -1])
def test_hidden_places_of_any_kind_give_the_loss_of_a_call(eps, shown):
    """Where eps is 0, zeros would become NaN; a mask of less than 0 hides as one of 0 does."""
    model = LxmertForPreTraining(TINY.replace(layer_norm_eps=eps, initializer_range=0.4), dtype="float64")
    call = random_call(LxmertForPreTraining, TINY, np.random.default_rng(3), b=3)
    label_what_is_seen(call)
    call["attention_mask"] = np.where(call["attention_mask"], 1, shown)
    with np.errstate(over="ignore"):  # twice the lowest number is -inf
        output, _ = model.loss_and_gradients(**call)
        assert np.isfinite(output.loss) and output.loss == pytest.approx(model(**call).loss, rel=1e-12)


@pytest.mark.parametrize("face, most", [*zip(FACES, [16, 9, 18], strict=True)])
def test_training_multiplies_no_padding(monkeypatch, face, most):
    """Of 2 · 8 words 5 are seen, of 2 · 3 objects 4 (of statements, twice as many): no linear map has more rows than
    these. The head of masked words is the exception, whose scores are published with those of the padding."""
    rows, as_rows, call = [], ops.as_rows, random_call(face, TINY, np.random.default_rng(3), n=8)
    call["attention_mask"] = np.arange(8) < np.array([[3], [2]])
    if face is LxmertForPreTraining:
        call |= {"labels": np.full((2, 8), -1), "obj_labels": None}
    monkeypatch.setattr(ops, "as_rows", lambda x: rows.append(len(as_rows(x))) or as_rows(x))
    with minilxmert.backend("numpy"):
        face(TINY).loss_and_gradients(**call)
    assert max(rows) == most


def test_gradients_of_the_inputs():
    """The gradients of ready word embeddings, object features and boxes, through everything."""
    from minilxmert.core.model import run_encoders, run_encoders_backward

    rng = np.random.default_rng(0)
    model = LxmertModel(TINY.replace(initializer_range=0.4), dtype="float64")
    call = random_call(LxmertModel, TINY, rng)
    call["inputs_embeds"] = rng.standard_normal((*call.pop("input_ids").shape, 12))
    names = "inputs_embeds", "visual_feats", "visual_pos"
    x, cache = {name: call.pop(name) for name in names}, {}

    def encode(x, cache=None):
        inputs, _ = model.read(check_boxes=False, **x, **call)
        run = run_encoders(inputs, model.params, model.config, None, cache)
        return (run.lang[-1], run.visn[-1], run.pooled)

    dys = [rng.standard_normal(y.shape) for y in encode(x, cache)]
    gradients = run_encoders_backward(*dys, model.params, cache, zeros_like(model.params))
    check_direction(encode, x, dict(zip(names, gradients, strict=True)), dys, rng)


def test_recording_changes_nothing(backend):
    model = LxmertForQuestionAnswering(TINY.replace(initializer_range=0.3))
    call = random_call(LxmertForQuestionAnswering, TINY, np.random.default_rng(1))
    plain, recorded = model(**call), model(**call, output_attentions=True, output_hidden_states=True)
    np.testing.assert_allclose(plain.question_answering_score, recorded.question_answering_score, **PARITY)


def test_the_number_of_threads_changes_no_bit():
    model = LxmertForQuestionAnswering(TINY.replace(initializer_range=0.3))
    call, most = random_call(LxmertForQuestionAnswering, TINY, np.random.default_rng(1)), minilxmert.get_num_threads()
    with minilxmert.backend("numba"):
        scores = model(**call).question_answering_score
        try:
            minilxmert.set_num_threads(1)
            np.testing.assert_array_equal(model(**call).question_answering_score, scores)
        finally:
            minilxmert.set_num_threads(most)
    with pytest.raises(minilxmert.ConfigError):
        minilxmert.set_num_threads(0)


def bfloat16(array):
    """float32 rounded to the nearest bfloat16, half to even"""
    bits = array.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16).view(np.float32)


def test_bfloat16_weights_give_nearly_the_same_answers(tmp_path, monkeypatch):
    exact = LxmertForQuestionAnswering(TINY.replace(initializer_range=0.3, hidden_size=48))
    exact.save_pretrained(tmp_path)
    halved = LxmertForQuestionAnswering.from_pretrained(tmp_path, dtype="bfloat16")
    call = random_call(LxmertForQuestionAnswering, exact.config, np.random.default_rng(1), b=2)
    with minilxmert.backend("numba"):
        one, two = exact(**call).question_answering_score, halved(**call).question_answering_score
    assert 0 < np.abs(one - two).max() < 0.02 * np.abs(one).max()  # a weight keeps 8 of 24 bits
    rounded = {name: bfloat16(array) if array.ndim == 2 else array for name, array in exact.state_dict().items()}
    monkeypatch.setattr(pairs, "USED", False)  # which rounds what the weights are multiplied by as well
    for model in (halved, exact):
        model.load_state_dict(rounded)  # weights that bfloat16 holds exactly give the float32 result
    with minilxmert.backend("numba"):
        one, two = exact(**call).question_answering_score, halved(**call).question_answering_score
    np.testing.assert_allclose(two, one, rtol=1e-5, atol=1e-5)


def test_all_attention_maps_are_returned(pretrained):
    output, c = pretrained(**CALL, output_attentions=True), pretrained.config
    b, n, m, h = 3, 9, 5, 4
    shapes = {
        "language_attentions": (c.l_layers, (b, h, n, n)),
        "vision_attentions": (c.r_layers, (b, h, m, m)),
        "cross_encoder_attentions": (c.x_layers, (b, h, n, m)),
        "cross_encoder_vision_attentions": (c.x_layers, (b, h, m, n)),
        "cross_language_attentions": (c.x_layers, (b, h, n, n)),
        "cross_vision_attentions": (c.x_layers, (b, h, m, m)),
    }
    for name, (layers, shape) in shapes.items():
        maps = getattr(output, name)
        assert len(maps) == layers and {a.shape for a in maps} == {shape}
        np.testing.assert_allclose([a.sum(-1) for a in maps], 1, atol=1e-5)
    hidden = ~INPUTS["attention_mask"].astype(bool)
    for a in output.cross_encoder_vision_attentions:
        assert not np.moveaxis(a, -1, 1)[hidden].any()  # a masked word gets no attention at all


def test_single_modality_states_have_not_met_the_other_side(pretrained):
    c, other = pretrained.config, {**CALL, "visual_feats": CALL["visual_feats"][::-1]}
    one, two = (pretrained(**call, output_hidden_states=True) for call in (CALL, other))
    last = c.l_layers - 1
    np.testing.assert_array_equal(one.language_hidden_states[last], two.language_hidden_states[last])
    assert not np.allclose(one.language_hidden_states[last + 1], two.language_hidden_states[last + 1])
    assert one.language_embeddings.shape == one.language_hidden_states[0].shape


@pytest.mark.parametrize("n, m", [(1, 1), (8, 0), (3, 1), (2, 100)])
def test_any_number_of_words_and_objects(backend, n, m):
    call = random_call(LxmertModel, TINY, np.random.default_rng(2), b=3, n=n, m=m)
    del call["visual_attention_mask"], call["attention_mask"]
    output = LxmertModel(TINY)(**call)
    assert output.language_output.shape == (3, n, 12) and output.vision_output.shape == (3, m, 12)
    assert np.isfinite(output.pooled_output).all()


@pytest.mark.parametrize("absent", [["x_layers"], ["l_layers", "r_layers"], ["x_layers", "l_layers", "r_layers"]])
def test_encoders_without_layers(backend, absent, tmp_path):
    """The paper's ablations: no cross-modality encoder, no single-modality ones; saved and loaded, too."""
    model = LxmertForQuestionAnswering(TINY.replace(**dict.fromkeys(absent, 0)))
    call = random_call(LxmertForQuestionAnswering, TINY, np.random.default_rng(2))
    output = model(**call, output_attentions=True, output_hidden_states=True)
    assert len(output.language_hidden_states) == model.config.l_layers + model.config.x_layers
    np.testing.assert_allclose(model(**call).question_answering_score, output.question_answering_score, **PARITY)
    model.save_pretrained(tmp_path)
    again = LxmertForQuestionAnswering.from_pretrained(tmp_path, dtype=np.float32)
    np.testing.assert_array_equal(again(**call).question_answering_score, model(**call).question_answering_score)
    model.loss_and_gradients(**call)


def test_batches_may_be_empty(backend):
    for face in FACES:
        call = random_call(face, TINY, np.random.default_rng(2))
        empty = {name: np.asarray(call[name])[:0] for name in call if name != "obj_labels"}
        assert np.shape(face(TINY)(**empty)[0]) in ((), (0, 5), (0, 2), (0, 5, 20))


def test_padding_changes_nothing(backend):
    rng = np.random.default_rng(4)
    model = LxmertForQuestionAnswering(TINY.replace(initializer_range=0.3))
    call = random_call(LxmertForQuestionAnswering, TINY, rng, b=1, n=4, m=3)
    del call["visual_attention_mask"], call["attention_mask"], call["labels"]
    padded = {
        "input_ids": np.pad(call["input_ids"], ((0, 0), (0, 3)), constant_values=7),
        "visual_feats": np.pad(call["visual_feats"], ((0, 0), (0, 2), (0, 0)), constant_values=9.0),
        "visual_pos": np.pad(call["visual_pos"], ((0, 0), (0, 2), (0, 0)), constant_values=500.0),
        "attention_mask": [[1] * 4 + [0] * 3],
        "visual_attention_mask": [[1] * 3 + [0] * 2],
    }
    plain = model(**call).question_answering_score
    for kind in (np.asarray, lambda m: np.asarray(m, bool), lambda m: np.asarray(m, float)):
        masks = {name: kind(padded[name]) for name in ("attention_mask", "visual_attention_mask")}
        found = model(**{**padded, **masks}).question_answering_score
        np.testing.assert_allclose(found, plain, atol=1e-5)


def test_objects_are_a_set(backend):
    """Their order changes nothing for the words and only the order of their own states."""
    model = LxmertModel(TINY.replace(initializer_range=0.3))
    call = random_call(LxmertModel, TINY, np.random.default_rng(6), m=6)
    order = np.random.default_rng(0).permutation(6)
    shuffled = {**call, **{name: call[name][:, order] for name in call if name.startswith("visual")}}
    one, two = model(**call), model(**shuffled)
    np.testing.assert_allclose(two.language_output, one.language_output, atol=1e-5)
    np.testing.assert_allclose(two.vision_output, one.vision_output[:, order], atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_where_all_is_hidden_all_is_attended_to_alike(backend, dtype):
    """Of the first example all words are hidden, of the second all objects. (Source: transformers 5.)"""
    model = LxmertForQuestionAnswering(TINY.replace(initializer_range=0.8), dtype=dtype)
    call = random_call(LxmertForQuestionAnswering, TINY, np.random.default_rng(8))
    call |= {"attention_mask": [[0] * 5, [1] * 4 + [0]], "visual_attention_mask": [[1, 1, 0], [0] * 3]}
    output = model(**call, output_attentions=True)
    for a in (*output.language_attentions, *output.cross_language_attentions, *output.cross_encoder_vision_attentions):
        np.testing.assert_allclose(a[0], 1 / 5, rtol=1e-6)
        assert a[1, ..., :4].std() > 1e-3 and not a[1, ..., 4].any()
    for a in (*output.vision_attentions, *output.cross_vision_attentions, *output.cross_encoder_attentions):
        np.testing.assert_allclose(a[1], 1 / 3, rtol=1e-6)
        assert not a[0, ..., 2].any()
    short = model(**call).question_answering_score  # without padding and states, see rows.py
    np.testing.assert_allclose(short, output.question_answering_score, rtol=1e-4, atol=1e-5)


def test_position_vectors_of_any_width(backend):
    config = TINY.replace(visual_pos_dim=6)
    call = random_call(LxmertModel, config, np.random.default_rng(9))
    call["visual_pos"] *= 300
    assert np.isfinite(LxmertModel(config)(**call).pooled_output).all()


def test_lists_and_foreign_arrays_are_taken(pretrained):
    lists = {name: value.tolist() for name, value in CALL.items()}
    strided = {name: np.asfortranarray(value.astype(value.dtype.newbyteorder(">"))) for name, value in CALL.items()}
    for call in (lists, strided):
        output = pretrained(**call)
        np.testing.assert_array_equal(output.prediction_logits, pretrained(**CALL).prediction_logits)


def test_ready_embeddings_instead_of_ids(pretrained):
    words = pretrained.state_dict()["lxmert.embeddings.word_embeddings.weight"][CALL["input_ids"]]
    call = {name: value for name, value in CALL.items() if name != "input_ids"}
    output = pretrained(inputs_embeds=words, **call)
    np.testing.assert_array_equal(output.prediction_logits, pretrained(**CALL).prediction_logits)


def test_all_labels_ignored_is_loss_zero(pretrained):
    output = pretrained(**CALL, labels=np.full((3, 9), -100), ans=[-1, -1, -1])
    assert output.loss == 0 and set(output.losses) == {"masked_lm", "ans"}


def test_the_matching_column_has_a_name(pretrained):
    output = pretrained(**CALL)
    scores = output.cross_relationship_score
    np.testing.assert_allclose(output.match_probability, 1 / (1 + np.exp(scores[:, 0] - scores[:, 1])), rtol=1e-5)


ONE_HOT = np.eye(11)[INPUTS["ans"]]
MISTAKES = {
    "ids out of range": ({"input_ids": INPUTS["input_ids"] + 100}, "vocab_size is 120"),
    "a negative id": ({"input_ids": INPUTS["input_ids"] - 200}, "vocab_size is 120"),
    "too many words": ({"input_ids": np.ones((3, 65), int)}, "max_position_embeddings is 64"),
    "ids of floats": ({"input_ids": INPUTS["input_ids"] + 0.5}, "whole numbers"),
    "no batch axis": ({"input_ids": INPUTS["input_ids"][0]}, "add a batch axis"),
    "both kinds of words": ({"inputs_embeds": np.zeros((3, 9, 48))}, "either input_ids"),
    "no features": ({"visual_feats": None}, "both needed"),
    "feature width": ({"visual_feats": np.zeros((3, 5, 39))}, "(B, M, 40)"),
    "boxes of another number": ({"visual_pos": np.zeros((3, 4, 4))}, "(3, 5, 4)"),
    "boxes in pixels": ({"visual_pos": np.full((3, 5, 4), 200.0)}, "pixels"),
    "boxes as x, y, width, height": ({"visual_pos": np.full((3, 5, 4), [0.5, 0.5, 0.2, 0.3])}, "width"),
    "segments": ({"token_type_ids": np.full((3, 9), 2)}, "type_vocab_size is 2"),
    "ragged rows": ({"attention_mask": [[1], [1, 1], [1]]}, "different lengths"),
    "a mask of another shape": ({"attention_mask": np.ones((3, 8))}, "(3, 9)"),
    "one-hot answers": ({"ans": ONE_HOT}, "argmax"),
    "an answer out of range": ({"ans": [1, 2, 11]}, "num_qa_labels is 11"),
    "a word label out of range": ({"labels": np.full((3, 9), 120)}, "vocab_size is 120"),
    "object labels without a kind": ({"obj_labels": {"obj": LABELS["obj_labels"]["obj"]}}, "attr"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_answered_with_the_value_and_the_limit(pretrained, name):
    change, message = MISTAKES[name]
    with pytest.raises(ShapeError) as error:
        pretrained(**{**CALL, **change})
    assert message in str(error.value) and len(str(error.value)) < 400


def test_padded_objects_may_hold_any_box(pretrained):
    boxes = CALL["visual_pos"].copy()
    boxes[1, 3:] = 1e6  # hidden by visual_attention_mask
    found, expected = pretrained(**{**CALL, "visual_pos": boxes}), pretrained(**CALL)
    np.testing.assert_array_equal(found.prediction_logits[1], expected.prediction_logits[1])


def test_boxes_can_be_left_unchecked(pretrained):
    call = {**CALL, "visual_pos": CALL["visual_pos"] * 300}
    with pytest.raises(ShapeError, match="visual_pos"):
        pretrained(**call)
    assert np.isfinite(pretrained(**call, check_boxes=False).question_answering_score).all()


def test_fresh_parameters_are_as_published():
    model = LxmertForPreTraining(TINY.replace(hidden_size=120), seed=3)
    flat = flatten(model.params)
    assert all(not array.any() for path, array in flat.items() if path.endswith(".b"))
    assert all((array == 1).all() for path, array in flat.items() if "norm" in path and path.endswith(".w"))
    w = flat["cross.1.cross.query.w"]
    assert abs(w.std() - 0.02) < 0.001 and abs(w.mean()) < 0.001
    assert not flat["embeddings.word.w"][0].any()
    again = flatten(LxmertForPreTraining(TINY.replace(hidden_size=120), seed=3).params)
    assert all(np.array_equal(array, again[path]) for path, array in flat.items())
    assert not np.array_equal(w, flatten(LxmertForPreTraining(TINY.replace(hidden_size=120), seed=4).params)[
        "cross.1.cross.query.w"
    ])  # fmt: skip


def test_the_number_of_parameters_of_the_published_model():
    from minilxmert.core import params

    assert params.count(LxmertForPreTraining.shapes(LxmertConfig())) == 228_051_752


def test_resizing_the_answer_head_keeps_old_answers():
    model = LxmertForQuestionAnswering.from_pretrained(REFERENCE)
    old = model.get_qa_logit_layer()
    model.resize_num_qa_labels(15)
    grown = model.get_qa_logit_layer()
    assert grown.weight.shape == (15, 96) and model.config.num_qa_labels == 15
    np.testing.assert_array_equal(grown.weight[:11], old.weight)
    assert model(**CALL).question_answering_score.shape == (3, 15)
    model.resize_num_qa_labels(4)
    np.testing.assert_array_equal(model.get_qa_logit_layer().bias, old.bias[:4])
    assert LxmertForPreTraining(TINY.replace(task_qa=False)).get_qa_logit_layer() is None


def test_moving_answers_by_text():
    model = LxmertForQuestionAnswering.from_pretrained(REFERENCE, answers=list("abcdefghijk"))
    old = model(**CALL).question_answering_score
    model.move_answers(["new", "c", "a"])
    moved = model(**CALL).question_answering_score
    np.testing.assert_allclose(moved[:, 1:], old[:, [2, 0]], rtol=1e-5, atol=1e-6)
    assert not moved[:, 0].any() and model.answers == ["new", "c", "a"]
