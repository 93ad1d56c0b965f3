"""Project 5, crossing: words look at objects and objects at words with one set of weights, then each side at itself.

60 minutes; chapter 8."""

from ...core import attention as room
from ...core import encoder
from ...core.params import attention_shapes, layer_shapes
from ..ways import add_trees, random_gradients
from . import parameters, random_mask, sized
from .ex33_look import look
from .ex34_layer import layer

E = 6


def crossing(lang, visn, lang_mask, visn_mask, p, heads):
    """One cross-modality layer: both sides look across, with the weights p["cross"], then each has a layer of its own.

    lang (B, N, E), visn (B, M, E), lang_mask (B, 1, 1, N), visn_mask (B, 1, 1, M), p {cross, language, vision}, heads
    -> (lang, visn), the new states, and the way back: back(dlang, dvisn) -> dlang, dvisn, dp

    Hints
    - look and layer are yours, from exercises 33 and 34.
    - Both directions read the states that came in.
    - Each incoming state is used twice, as what looks and as what is looked at; and so is every weight of p["cross"]:
      add_trees(a, b) adds two trees leaf by leaf.
    """
    new_lang, back_lang_look = look(lang, visn, visn_mask, p["cross"], heads)
    new_visn, back_visn_look = look(visn, lang, lang_mask, p["cross"], heads)
    new_lang, back_lang = layer(new_lang, lang_mask, p["language"], heads)
    new_visn, back_visn = layer(new_visn, visn_mask, p["vision"], heads)

    def back(dlang, dvisn):
        dlang, dlanguage = back_lang(dlang)
        dvisn, dvision = back_visn(dvisn)
        dlang, to_visn, dcross = back_lang_look(dlang)
        dvisn, to_lang, other = back_visn_look(dvisn)
        dp = {"cross": add_trees(dcross, other), "language": dlanguage, "vision": dvision}
        return dlang + to_lang, dvisn + to_visn, dp

    return (new_lang, new_visn), back


@sized((2, 3, 5, 2), (1, 1, 1, 1), (2, 4, 4, 3), (1, 6, 2, 2))
def draws(rng, b, n, m, heads):
    lang, visn, layer = rng.standard_normal((b, n, E)), rng.standard_normal((b, m, E)), layer_shapes(E, 8)
    p = parameters(rng, {"cross": attention_shapes(E), "language": layer, "vision": layer})
    return random_gradients(rng, lang, visn), lang, visn, random_mask(rng, b, n), random_mask(rng, b, m), p, heads


IMPORTS = """from ex33_look import look
from ex34_layer import layer
from minilxmert.exercises.ways import add_trees"""
SOLVED = (room.cross_attention, encoder.cross_layer, encoder.layer)
OUTPUTS = ("new_lang", "new_visn", "dlang", "dvisn", "dp")
WAY_BACK = True
SLIPS = """
the second direction reads the updated lang; both directions must read the old states
    look(visn, lang, lang_mask => look(visn, new_lang, lang_mask
lang is looked at, too: its gradient has a second part
    dlang + to_lang => dlang
visn is looked at, too: its gradient has a second part
    dvisn + to_visn => dvisn
the weights of the crossing are used twice: both gradients add up
    add_trees(dcross, other) => dcross
the objects have a layer of their own, p["vision"]
    visn_mask, p["vision"], heads) => visn_mask, p["language"], heads)
"""
