"""What the models are called with, made into arrays and checked: each error names the value, the limit and the fix."""

from dataclasses import dataclass

import numpy as np

from .boxes import check_boxes
from .errors import ShapeError

TEXTS = ("input_ids", "attention_mask", "token_type_ids", "inputs_embeds")
ARGUMENTS = (*TEXTS, "visual_feats", "visual_pos", "visual_attention_mask")


@dataclass(frozen=True)
class Inputs:
    """Checked inputs. words: ids (B, N) or embeddings (B, N, E); places and types (B, N); feats (B, M, F);
    boxes (B, M, P); lang_mask (B, 1, 1, N) and visn_mask (B, 1, 1, M) are added to the attention scores."""

    words: np.ndarray
    places: np.ndarray
    types: np.ndarray
    feats: np.ndarray
    boxes: np.ndarray
    lang_mask: np.ndarray
    visn_mask: np.ndarray


def read_inputs(
    config, dtype, input_ids, visual_feats, visual_pos, attention_mask, visual_attention_mask, token_type_ids,
    inputs_embeds, boxes_are_checked=True,
):  # fmt: skip
    """The call arguments of every model -> Inputs. Raises ShapeError."""
    if (input_ids is None) == (inputs_embeds is None):
        raise ShapeError("give either input_ids (B, N) or inputs_embeds (B, N, E), and not both")
    if visual_feats is None or visual_pos is None:
        raise ShapeError("visual_feats (B, M, F) and visual_pos (B, M, P) are both needed: the objects of the picture")
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
    feats = floats("visual_feats", visual_feats, (b, "M", config.visual_feat_dim), dtype)
    m = feats.shape[1]
    boxes = floats("visual_pos", visual_pos, (b, m, config.visual_pos_dim), dtype)
    visible = visibility("visual_attention_mask", visual_attention_mask, (b, m), dtype)
    if boxes_are_checked and config.visual_pos_dim == 4:
        check_boxes(boxes[visible > 0])
    return Inputs(
        words=words,
        places=np.broadcast_to(np.arange(n), (b, n)),
        types=ids("token_type_ids", types, (b, n), config.type_vocab_size, "type_vocab_size"),
        feats=feats,
        boxes=boxes,
        lang_mask=added_mask(visibility("attention_mask", attention_mask, (b, n), dtype)),
        visn_mask=added_mask(visible),
    )


def visibility(name, mask, shape, dtype):
    """A mask of 1 and 0; without one everything is visible."""
    return np.ones(shape, dtype) if mask is None else floats(name, mask, shape, dtype)


def added_mask(visible):
    """visible (B, M) of 1 and 0 -> (B, 1, 1, M) of 0 and the lowest number of their type, to be added to scores.

    A score added to the lowest number leaves it as it is. So a hidden place gets probability 0, and where all are
    hidden, all scores are equal: everything is attended to alike, and nothing becomes NaN."""
    return ((1 - visible) * np.finfo(visible.dtype).min)[:, None, None, :]


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
    wrong = array[((array < 0) | (array >= limit)) & ~np.isin(array, ignored)]
    if wrong.size:
        raise ShapeError(f"{name}: {wrong.flat[0]} is out of range, {limit_name} is {limit} (0 … {limit - 1})")
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


def in_pairs(name, value):
    """An argument of statements about two pictures as one of sentences: every text twice, the pictures of a statement
    one after the other; anything else as it is."""
    if value is None or name not in ARGUMENTS:
        return value
    return np.repeat(as_array(name, value), 2, axis=0) if name in TEXTS else pair_rows(name, value)


def pair_rows(name, value):
    """The pictures of two-image statements, (B, 2, …) -> (2B, …)"""
    array = as_array(name, value)
    check_shape(name, array, ("B", 2, "M") if name.endswith("mask") else ("B", 2, "M", "F"))
    return array.reshape(-1, *array.shape[2:])
