"""A solved piece in the living model: the package's function is replaced by the student's, and the scores must stay.

Only under the NumPy backend, and only while the scores are computed."""

import contextlib
import inspect

import numpy as np

from .. import kernels
from ..core import attention, encoder, heads, ops
from ..core.config import LxmertConfig
from ..errors import MinilxmertError, visible
from ..published.model import LxmertForPreTraining
from . import exercise
from .checking import Asked, Verdict
from .student import Wrong
from .worker import meanings

ROOMS = (ops, attention, encoder, heads)
SMALL = LxmertConfig(
    vocab_size=40, hidden_size=24, num_attention_heads=3, num_qa_labels=7, num_object_labels=4, num_attr_labels=3,
    intermediate_size=48, max_position_embeddings=9, visual_feat_dim=5, l_layers=3, r_layers=2, x_layers=2,
    initializer_range=0.5, layer_norm_eps=1e-3,
)  # fmt: skip

# exercise: the package's function, and the student's function f called like it
PIECES = {
    3: (encoder.embed_words, lambda f, ids, _, types, p, c, *rest: f(ids, types, p, c.layer_norm_eps)),
    4: (encoder.embed_objects, lambda f, feats, boxes, p, c, *rest: f(feats, boxes, p, c.layer_norm_eps)),
    5: (ops.softmax, lambda f, s: f(s, np.ones_like(s))),
    6: (ops.layer_norm, lambda f, x, p, eps, cache=None: f(x, p["w"], p["b"], eps)),
    7: (ops.split_heads, lambda f, x, heads: f(x, heads)),
    8: (ops.attend, lambda f, q, k, v, mask, heads, *rest: f(q, k, v, mask, heads)),
    9: (attention.cross_attention, lambda f, *args: f(*args[:5], args[5].num_attention_heads, args[5].layer_norm_eps)),
    11: (heads.classify, lambda f, x, p, c, *rest: f(x, p, c.layer_norm_eps)),
}


def piece(number):
    """What a number of PIECES stands for. Raises MinilxmertError."""
    if number not in PIECES:
        pieces = ", ".join(map(str, PIECES))
        raise MinilxmertError(f"exercise {number} is no piece of the forward pass; these are: {pieces}")
    return PIECES[number]


def try_in_model(number, answer, variant=0):
    """The Verdict on the scores of a small model in which the answer (as for `check`) does the work. Raises
    MinilxmertError."""
    original, called_like_it = piece(number)
    asked = Asked.of(exercise(number, variant), answer)
    calls, inside = 0, False

    def stand_in(*args, **kwargs):
        nonlocal calls, inside
        if inside:  # the answer itself uses the package's function
            return original(*args, **kwargs)
        calls, inside = calls + 1, True
        try:
            return called_like_it(asked, *args, **kwargs)
        finally:
            inside = False

    with kernels.backend("numpy"):
        before = scores()
        try:
            with replaced(original, stand_in):
                after = scores()
        except Wrong as wrong:
            return Verdict(False, visible(str(wrong)))
    difference = max(float(np.abs(a - b).max()) for a, b in zip(before, after, strict=True))
    text = f"called {calls} times by a model whose scores then differ by at most {difference:.1e}"
    return Verdict(difference < 1e-3, text)


def scores():
    """Answer, matching and word scores of a small random model for two random questions."""
    rng = np.random.default_rng(0)
    model = LxmertForPreTraining(SMALL)
    boxes = np.sort(rng.random((2, 6, 2, 2), np.float32), axis=2).reshape(2, 6, 4)
    feats = rng.standard_normal((2, 6, SMALL.visual_feat_dim), np.float32)
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    found = model(rng.integers(0, SMALL.vocab_size, (2, 5)), feats, boxes, attention_mask=mask)
    return found.question_answering_score, found.cross_relationship_score, found.prediction_logits


@contextlib.contextmanager
def replaced(original, stand_in):
    """Every name in the model's rooms that means `original` (or the switch over it) means `stand_in` for a while."""
    places = meanings(inspect.unwrap(original), ROOMS)
    try:
        for room, name, _ in places:
            setattr(room, name, stand_in)
        yield
    finally:
        for room, name, value in places:
            setattr(room, name, value)
