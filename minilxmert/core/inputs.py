"""What the models are called with, made into arrays and checked: each error names the value, the limit and the fix."""

from dataclasses import dataclass

import numpy as np

from ..errors import ShapeError
from .attention import pick
from .boxes import check_boxes

TEXTS = ("input_ids", "attention_mask", "token_type_ids", "inputs_embeds")
PICTURES = ("visual_feats", "visual_pos", "visual_attention_mask")
ARGUMENTS = (*TEXTS, *PICTURES)
SWITCHES = ("output_attentions", "output_hidden_states", "return_dict")  # what a call returns


@dataclass(frozen=True)
class Inputs:
    """Checked inputs. words: ids (A, N) or embeddings (A, N, E); places and types (A, N); feats (C, M, F);
    boxes (C, M, P); lang_mask (A, 1, 1, N) and visn_mask (C, 1, 1, M) are added to the attention scores.

    pairs: which of the A sentences and which of the C pictures each pair has, (B,) each; None: each its own."""

    words: np.ndarray
    places: np.ndarray
    types: np.ndarray
    feats: np.ndarray
    boxes: np.ndarray
    lang_mask: np.ndarray
    visn_mask: np.ndarray
    pairs: tuple = (None, None)

    @property
    def count(self):
        """B, the number of pairs."""
        return len(self.words if self.pairs[0] is None else self.pairs[0])

    def spread(self):
        """The same with a sentence and a picture for each pair, however often they repeat."""
        of = dict.fromkeys(("words", "places", "types", "lang_mask"), self.pairs[0])
        of |= dict.fromkeys(("feats", "boxes", "visn_mask"), self.pairs[1])
        return Inputs(**{name: pick(getattr(self, name), rows) for name, rows in of.items()})


def read_inputs(config, dtype, call, pairs=None, pictures=1, boxes_are_checked=True):
    """The ARGUMENTS among those of a call, {name: array or None} -> Inputs. Raises ShapeError.

    pairs: (B, 2) sentence and picture numbers, or None: as many sentences as pictures, or one of either for all.
    pictures: 2 for statements about two pictures, (C, 2, M, …), which become pairs themselves."""
    texts, seen = (repeat_singles({name: call.get(name) for name in names}) for names in (TEXTS, PICTURES))
    if pictures > 1:
        seen = {name: value if value is None else pair_rows(name, value) for name, value in seen.items()}
    words, places, types, lang_mask = read_texts(config, dtype, **texts)
    feats, boxes, visn_mask = read_objects(config, dtype, **seen, boxes_are_checked=boxes_are_checked)
    pairs = read_pairs(pairs, len(words), len(feats) // pictures)
    if pictures > 1:
        pairs = for_each_picture(*pairs, len(words), pictures)
    return Inputs(words, places, types, feats, boxes, lang_mask, visn_mask, pairs)


def repeat_singles(arrays):
    """{name: array or None} of one side: what is given once for several is repeated."""
    arrays = {name: value if value is None else as_array(name, value) for name, value in arrays.items()}
    size = max((len(a) for a in arrays.values() if a is not None and a.ndim > 1), default=1)
    once = [name for name, a in arrays.items() if a is not None and a.ndim > 1 and len(a) == 1 != size]
    return arrays | {name: np.broadcast_to(arrays[name], (size, *arrays[name].shape[1:])) for name in once}


def read_texts(config, dtype, input_ids, inputs_embeds, attention_mask, token_type_ids):
    """-> words, places, types, lang_mask of Inputs"""
    if (input_ids is None) == (inputs_embeds is None):
        raise ShapeError("give either input_ids (B, N) or inputs_embeds (B, N, E), and not both")
    if input_ids is None:
        words = floats("inputs_embeds", inputs_embeds, ("B", "N", config.hidden_size), dtype)
    else:
        words = ids("input_ids", input_ids, ("B", "N"), config.vocab_size, "vocab_size")
    b, n = words.shape[:2]
    if n > config.max_position_embeddings:
        raise ShapeError(f"input_ids: {n} words, but max_position_embeddings is {config.max_position_embeddings}")
    if n == 0:
        raise ShapeError("input_ids: a sentence needs at least one word ([CLS])")
    types = np.zeros((b, n), np.int64) if token_type_ids is None else token_type_ids
    types = ids("token_type_ids", types, (b, n), config.type_vocab_size, "type_vocab_size")
    visible = floats("attention_mask", np.ones((b, n)) if attention_mask is None else attention_mask, (b, n), dtype)
    return words, np.broadcast_to(np.arange(n), (b, n)), types, added_mask(visible)


def read_objects(config, dtype, visual_feats, visual_pos, visual_attention_mask, boxes_are_checked):
    """-> feats, boxes, visn_mask of Inputs"""
    if visual_feats is None or visual_pos is None:
        raise ShapeError("visual_feats (B, M, F) and visual_pos (B, M, P) are both needed: the objects of the picture")
    feats = floats("visual_feats", visual_feats, ("B", "M", config.visual_feat_dim), dtype)
    b, m = feats.shape[:2]
    boxes = floats("visual_pos", visual_pos, (b, m, config.visual_pos_dim), dtype)
    mask = np.ones((b, m)) if visual_attention_mask is None else visual_attention_mask
    visible = floats("visual_attention_mask", mask, (b, m), dtype)
    if boxes_are_checked and config.visual_pos_dim == 4:
        check_boxes(boxes[visible > 0])
    return feats, boxes, added_mask(visible)


def read_pairs(pairs, sentences, pictures):
    """The call argument `pairs`, or what the sizes say, as Inputs has it. Raises ShapeError."""
    if pairs is not None:
        pairs = as_array("pairs", pairs)
        check_shape("pairs", pairs, ("B", 2))
        sizes = (("sentences", sentences), ("pictures", pictures))
        return tuple(ids("pairs", of, ("B",), *sizes[side][::-1]) for side, of in enumerate(pairs.T))
    if sentences == pictures:
        return None, None
    if pictures == 1:
        return None, np.zeros(sentences, np.int64)
    if sentences == 1:
        return np.zeros(pictures, np.int64), None
    found = f"{pictures} pictures for {sentences} sentences"
    raise ShapeError(f"visual_feats: {found}: give as many, or one of either, or pairs (B, 2) of their numbers")


def for_each_picture(sentence, picture, sentences, pictures):
    """Pairs of sentences and groups of `pictures` pictures -> pairs of sentences and single pictures, in a row."""
    if sentence is None:
        sentence = np.arange(sentences)
    if picture is not None:
        picture = (picture[:, None] * pictures + np.arange(pictures)).reshape(-1)
    return np.repeat(sentence, pictures), picture


def added_mask(visible):
    """visible (B, M) of 1 and 0 -> (B, 1, 1, M) of 0 and the lowest number of their type, to be added to scores.

    A score added to the lowest number leaves it as it is. So a hidden place gets probability 0, and where all are
    hidden, all scores are equal: everything is attended to alike, and nothing becomes NaN."""
    return ((1 - visible) * np.finfo(visible.dtype).min)[:, None, None, :]


def is_visible(mask):
    """mask (B, 1, 1, M), as added_mask makes it -> which places are seen, (B, M) of bool"""
    return mask[:, 0, 0] > np.finfo(mask.dtype).min


def floats(name, value, shape, dtype):
    """value as an array of numbers of a shape; letters in `shape` are free sizes."""
    array = as_array(name, value)
    if array.dtype.kind not in "fiub":
        raise ShapeError(f"{name}: expected numbers, found {array.dtype}")
    check_shape(name, array, shape)
    return array.astype(dtype, copy=False)


def ids(name, value, shape, limit, limit_name, ignored=()):
    """value as whole numbers 0 … limit - 1 (or `ignored` ones) of a shape."""
    array = as_array(name, value)
    if array.dtype.kind not in "iu" and array.size:
        raise ShapeError(f"{name}: expected whole numbers, found {array.dtype}")
    array = array.astype(np.int64)
    check_shape(name, array, shape)
    wrong = [n for n in array[(array < 0) | (array >= limit)].tolist() if n not in ignored]
    if wrong:
        raise ShapeError(f"{name}: {wrong[0]} is out of range, {limit_name} is {limit} (0 … {limit - 1})")
    return array


def as_array(name, value):
    try:
        return np.asarray(value)
    except ValueError:
        raise ShapeError(f"{name}: the rows have different lengths; pad them to one length and give a mask") from None


def check_shape(name, array, shape):
    """Refuse an array of another shape; letters in `shape` are free sizes. Raises ShapeError."""
    fits = array.ndim == len(shape) and all(
        isinstance(want, str) or want == have for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join(map(str, shape))
        hint = f"; add a batch axis: {name}[None]" if array.ndim == len(shape) - 1 else ""
        raise ShapeError(f"{name}: expected shape ({wanted}), found {array.shape}{hint}")


def pair_rows(name, value):
    """The pictures of two-image statements, (B, 2, …) -> (2B, …)"""
    array = as_array(name, value)
    check_shape(name, array, ("B", 2, "M") if name.endswith("mask") else ("B", 2, "M", "F"))
    return array.reshape(-1, *array.shape[2:])
