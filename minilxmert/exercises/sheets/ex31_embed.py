"""Project 1, embeddings: words and objects become vectors of one width, and their gradients find the way back.

40 minutes; chapter 8."""

import numpy as np

from ...core import encoder
from ...core.config import LxmertConfig
from ...core.params import encoder_shapes
from ..ways import layer_norm, linear, lookup, random_gradients
from . import parameters, sized

E = 6
CONFIG = LxmertConfig(
    vocab_size=9, hidden_size=E, num_attention_heads=1, max_position_embeddings=7, visual_feat_dim=5, type_vocab_size=2
)


def embed(ids, feats, boxes, p):
    """What enters the encoders: words as in exercise 3 (all of segment 0), objects as in exercise 4.

    ids (B, N) numbers of words, feats (B, M, F), boxes (B, M, 4), p the two trees of parameters below
    -> (lang, visn), the states (B, N, E) and (B, M, E), and the way back: back(dlang, dvisn) -> dp, a tree like p

        p["embeddings"]: word, position, token_type {"w": table}, norm {"w", "b"}
        p["objects"]: feats, boxes {"w", "b"} and feats_norm, boxes_norm {"w", "b"}

    Hints
    - linear, layer_norm and lookup are there already; each returns its value and its own way back: linear's and
      layer_norm's give (dx, dp), lookup's gives dp.
    - The mean of two halves the gradient of each.
    - A sum passes its gradient to every term as it is.
    """
    words, objects = p["embeddings"], p["objects"]
    places, zeros = np.broadcast_to(np.arange(ids.shape[1]), ids.shape), np.zeros_like(ids)
    tables = {"word": ids, "position": places, "token_type": zeros}
    rows = {name: lookup(numbers, words[name]) for name, numbers in tables.items()}
    lang, back_norm = layer_norm(sum(row for row, _ in rows.values()), words["norm"])
    x, back_x = linear(feats, objects["feats"])
    y, back_y = linear(boxes, objects["boxes"])
    x, back_x_norm = layer_norm(x, objects["feats_norm"])
    y, back_y_norm = layer_norm(y, objects["boxes_norm"])

    def back(dlang, dvisn):
        dwords, dnorm = back_norm(dlang)
        dx, dx_norm = back_x_norm(dvisn / 2)
        dy, dy_norm = back_y_norm(dvisn / 2)
        dobjects = {"feats": back_x(dx)[1], "feats_norm": dx_norm, "boxes": back_y(dy)[1], "boxes_norm": dy_norm}
        return {
            "embeddings": {**{name: way(dwords) for name, (_, way) in rows.items()}, "norm": dnorm},
            "objects": dobjects,
        }

    return (lang, (x + y) / 2), back


@sized((2, 5, 3), (1, 1, 1), (3, 3, 3), (1, 7, 2))
def draws(rng, b, n, m):
    shapes = {name: encoder_shapes(CONFIG)[name] for name in ("embeddings", "objects")}
    arrays = rng.integers(0, 9, (b, n)), rng.standard_normal((b, m, 5)), rng.random((b, m, 4))
    return random_gradients(rng, np.zeros((b, n, E)), np.zeros((b, m, E))), *arrays, parameters(rng, shapes)


IMPORTS = "import numpy as np\n\nfrom minilxmert.exercises.ways import layer_norm, linear, lookup"
SOLVED = (encoder.embed_words, encoder.embed_objects)
OUTPUTS = ("lang", "visn", "dp")
WAY_BACK = True
SLIPS = """
the places are missing: the order of the words is lost
    np.arange(ids.shape[1]) => 0 * np.arange(ids.shape[1])
it is the sum; the mean of the two is half of it
    (x + y) / 2 => x + y
the mean is missing on the way back: each of the two gets half of dvisn
    dvisn / 2 => dvisn
the LayerNorm of the words has no way back: the tables get the gradient of the sum, not dlang
    way(dwords) => way(dlang)
the LayerNorms of the objects have no way back
    back_x(dx) => back_x(dvisn / 2)
    back_y(dy) => back_y(dvisn / 2)
"""
