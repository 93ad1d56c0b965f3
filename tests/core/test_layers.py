"""Every forward/backward pair of attention.py, encoder.py and heads.py by itself, dropout included; mutants that the
checks must reject."""

import numpy as np
import pytest
from gradients import check_direction, random_tree

from minilxmert import LxmertConfig
from minilxmert.core import attention, encoder, heads, ops
from minilxmert.core.gradients import as_tuple
from minilxmert.core.params import attention_shapes, encoder_shapes, head_shapes, layer_shapes, linear_shape, zeros_like

B, N, M, E, F = 2, 4, 3, 12, 7
CONFIG = LxmertConfig(
    vocab_size=11, hidden_size=E, num_attention_heads=3, num_qa_labels=5, num_object_labels=6, num_attr_labels=4,
    intermediate_size=20, hidden_dropout_prob=0.3, attention_probs_dropout_prob=0.2, max_position_embeddings=9,
    l_layers=1, x_layers=2, r_layers=1, visual_feat_dim=F,
)  # fmt: skip
LANG_MASK = np.where(np.arange(N) < [[4], [2]], 0.0, -10_000.0)[:, None, None]
VISN_MASK = np.where(np.arange(M) < [[2], [3]], 0.0, -10_000.0)[:, None, None]
PLACES, TYPES = np.broadcast_to(np.arange(1, N + 1), (B, N)), np.ones((B, N), int)  # rows 0 of the tables do not learn
WORDS = np.array([[1, 2, 3, 4], [5, 1, 2, 6]])
ENCODERS, HEADS = encoder_shapes(CONFIG), head_shapes(CONFIG)
LAYER = layer_shapes(E, CONFIG.intermediate_size)
CROSS = ENCODERS["cross"]["0"]
LANG, VISN, BOTH = {"x": (B, N, E)}, {"x": (B, M, E)}, {"lang": (B, N, E), "visn": (B, M, E)}


def how():
    """config and rng of a forward: the same dropout every time"""
    return CONFIG, np.random.default_rng(3)


def tied(x, p, c):
    """Words looked up in the table that then predicts them."""
    state = ops.embedding(WORDS, p["words"]) + x["x"]
    return heads.masked_lm(state, p["head"], p["words"]["w"], CONFIG, c)


def tied_backward(dy, p, c, g):
    dx = heads.masked_lm_backward(dy, p["head"], p["words"]["w"], c, g["head"], g["words"]["w"])
    ops.embedding_backward(dx, WORDS, g["words"])
    return dx


def last(states):
    return tuple(side[-1] for side in states)


# name: (shapes of inputs and of parameters, forward(inputs, p, cache), backward(dys…, p, cache, g) -> input gradients)
PAIRS = {
    "self_attention": (
        LANG, attention_shapes(E), lambda x, p, c: attention.self_attention(x["x"], LANG_MASK, p, *how(), c),
        attention.self_attention_backward,
    ),
    "cross_attention": (
        BOTH, attention_shapes(E),
        lambda x, p, c: attention.cross_attention(x["lang"], x["visn"], LANG_MASK, VISN_MASK, p, *how(), c),
        lambda *args: attention.cross_attention_backward(*args),
    ),
    "attention_output": (
        {"z": (B, N, E), "x": (B, N, E)}, attention_shapes(E),
        lambda x, p, c: attention.attention_output(x["z"], x["x"], p, *how(), c), attention.attention_output_backward,
    ),
    "embed_words": (
        LANG, ENCODERS["embeddings"],
        lambda x, p, c: encoder.embed_words(x["x"], PLACES, TYPES, p, *how(), c), encoder.embed_words_backward,
    ),
    "embed_objects": (
        {"feats": (B, M, F), "boxes": (B, M, 4)}, ENCODERS["objects"],
        lambda x, p, c: encoder.embed_objects(x["feats"], x["boxes"], p, *how(), c), encoder.embed_objects_backward,
    ),
    "feed_forward": (
        LANG, LAYER["ffn"], lambda x, p, c: encoder.feed_forward(x["x"], p, *how(), c),
        lambda *args: encoder.feed_forward_backward(*args),
    ),
    "layer": (
        VISN, LAYER, lambda x, p, c: encoder.layer(x["x"], VISN_MASK, p, *how(), c), encoder.layer_backward,
    ),
    "cross_layer": (
        BOTH, CROSS, lambda x, p, c: encoder.cross_layer(x["lang"], x["visn"], LANG_MASK, VISN_MASK, p, *how(), c),
        encoder.cross_layer_backward,
    ),
    "encode": (
        BOTH, {name: ENCODERS[name] for name in ("language", "vision", "cross")},
        lambda x, p, c: last(encoder.encode(x["lang"], x["visn"], LANG_MASK, VISN_MASK, p, *how(), c)),
        encoder.encode_backward,
    ),
    "pool": ({"x": (B, E)}, linear_shape(E, E), lambda x, p, c: heads.pool(x["x"], p, c), heads.pool_backward),
    "masked_lm": (
        {"x": (B, N, E)}, {"head": HEADS["masked_lm"], "words": {"w": (11, E)}},
        lambda x, p, c: heads.masked_lm(x["x"], p["head"], p["words"]["w"], CONFIG, c),
        lambda dy, p, c, g: heads.masked_lm_backward(dy, p["head"], p["words"]["w"], c, g["head"], g["words"]["w"]),
    ),
    "objects_head": (
        VISN, HEADS["objects_head"], lambda x, p, c: tuple(heads.objects_head(x["x"], p, CONFIG, c).values()),
        lambda obj, attr, feat, *more: heads.objects_head_backward({"obj": obj, "attr": attr, "feat": feat}, *more),
    ),
    "classify": (
        {"x": (B, E)}, HEADS["answer"], lambda x, p, c: heads.classify(x["x"], p, CONFIG, c), heads.classify_backward,
    ),
    "words that are predicted too": (
        LANG, {"head": HEADS["masked_lm"], "words": {"w": (11, E)}}, tied, tied_backward,
    ),
}  # fmt: skip


def check_pair(name, rng):
    inputs, shapes, forward, backward = PAIRS[name]
    x = {key: rng.standard_normal(shape) for key, shape in inputs.items()}
    p = random_tree(shapes, rng)
    cache, g = {}, zeros_like(p)

    def f(x, cache=None):
        return as_tuple(forward(x, x["p"], cache))

    dys = [rng.standard_normal(y.shape) for y in f({**x, "p": p}, cache)]
    dxs = as_tuple(backward(*dys, p, cache, g))
    check_direction(f, {**x, "p": p}, {**dict(zip(x, dxs, strict=True)), "p": g}, dys, rng)


@pytest.mark.parametrize("name", PAIRS)
def test_pairs(name):
    check_pair(name, np.random.default_rng(11))


def one_direction(backward):
    """Cross-attention that forgets what comes back from the objects' side."""
    return lambda dlang, dvisn, *more: backward(dlang, 0 * dvisn, *more)


def overwritten(backward):
    """A shared weight whose gradient is replaced, not added to: of a weight used twice the first half is lost."""

    def mutant(dy, ids, g):
        g["w"][:] = 0
        backward(dy, ids, g)

    return mutant


def without_residual(backward):
    return lambda dy, p, cache, g: (
        backward(dy, p, cache, g) - ops.layer_norm_backward(dy, p["norm"], cache["norm"], zeros_like(p["norm"]))
    )


def without_dropout(backward):
    return lambda dy, cache: dy


MUTANTS = {  # name: (module, function, what is done to it, the pair whose check must fail)
    "one direction of cross-attention": (attention, "cross_attention_backward", one_direction, "cross_attention"),
    "no residual": (encoder, "feed_forward_backward", without_residual, "feed_forward"),
    "dropout forgotten": (ops, "dropout_backward", without_dropout, "layer"),
    "a table overwritten": (ops, "embedding_backward", overwritten, "words that are predicted too"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_mutants_are_rejected(name, monkeypatch):
    module, function, mutate, pair = MUTANTS[name]
    check_pair(pair, np.random.default_rng(5))
    monkeypatch.setattr(module, function, mutate(getattr(module, function)))
    with pytest.raises(AssertionError):
        check_pair(pair, np.random.default_rng(5))
