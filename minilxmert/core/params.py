"""The parameter tree: a nested dict whose leaves are arrays {"w": (O, I), "b": (O,)} in the published layout.

    embeddings   word, position, token_type (tables w), norm
    objects      feats, feats_norm, boxes, boxes_norm
    language     "0" … each {attention: {query, key, value, output, norm}, ffn: {inner, outer, norm}}
    vision       "0" … the same (the object-relationship encoder)
    cross        "0" … each {cross: an attention used in both directions, language: a layer, vision: a layer}
    pooler       and one entry per head: masked_lm, matching, objects_head, answer, reasoning
Gradients and an optimizer's moments are trees of the same form."""

import numpy as np


def linear_shape(o, i):
    return {"w": (o, i), "b": (o,)}


def norm_shape(e):
    return {"w": (e,), "b": (e,)}


def attention_shapes(e):
    return {**{name: linear_shape(e, e) for name in ("query", "key", "value", "output")}, "norm": norm_shape(e)}


def layer_shapes(e, inner):
    ffn = {"inner": linear_shape(inner, e), "outer": linear_shape(e, inner), "norm": norm_shape(e)}
    return {"attention": attention_shapes(e), "ffn": ffn}


def encoder_shapes(c):
    """The tree of shapes of LxmertModel, without any head."""
    e = c.hidden_size
    layer = layer_shapes(e, c.intermediate_size)
    crossing = {"cross": attention_shapes(e), "language": layer, "vision": layer}
    tables = {"word": c.vocab_size, "position": c.max_position_embeddings, "token_type": c.type_vocab_size}
    return {
        "embeddings": {**{name: {"w": (rows, e)} for name, rows in tables.items()}, "norm": norm_shape(e)},
        "objects": {
            "feats": linear_shape(e, c.visual_feat_dim),
            "feats_norm": norm_shape(e),
            "boxes": linear_shape(e, c.visual_pos_dim),
            "boxes_norm": norm_shape(e),
        },
        "language": {str(i): layer for i in range(c.l_layers)},
        "vision": {str(i): layer for i in range(c.r_layers)},
        "cross": {str(i): crossing for i in range(c.x_layers)},
        "pooler": linear_shape(e, e),
    }


def head_shapes(c):
    """{head: its tree of shapes}. The decoder of masked_lm is the word embedding itself (tied): its bias is here."""
    e = c.hidden_size
    transform = {"transform": linear_shape(e, e), "norm": norm_shape(e)}
    kinds = {"obj": c.num_object_labels, "attr": c.num_attr_labels, "feat": c.visual_feat_dim}
    kinds = {name: linear_shape(o, e) for name, o in kinds.items() if getattr(c, f"visual_{name}_loss")}
    return {
        "masked_lm": {**transform, "decoder": {"b": (c.vocab_size,)}},
        "matching": linear_shape(2, e),
        "objects_head": {**transform, **kinds},
        "answer": classifier_shapes(e, 2 * e, c.num_qa_labels),
        "reasoning": classifier_shapes(2 * e, 2 * e, 2),
    }


def classifier_shapes(i, inner, o):
    return {"inner": linear_shape(inner, i), "norm": norm_shape(inner), "outer": linear_shape(o, inner)}


def map_tree(f, *trees):
    """A tree of f(leaf, …) over the leaves of trees of one form; a shape (tuple) or an array is a leaf."""
    first = trees[0]
    if isinstance(first, dict):
        return {name: map_tree(f, *(tree[name] for tree in trees)) for name in first}
    return f(*trees)


def flatten(tree, prefix=""):
    """{"cross.0.cross.query.w": leaf} of a nested dict, in the tree's order."""
    flat = {}
    for name, node in tree.items():
        flat.update(flatten(node, f"{prefix}{name}.") if isinstance(node, dict) else {prefix + name: node})
    return flat


def unflatten(flat):
    """The inverse of flatten."""
    tree = {}
    for path, leaf in flat.items():
        *folders, name = path.split(".")
        node = tree
        for folder in folders:
            node = node.setdefault(folder, {})
        node[name] = leaf
    return tree


def initialise(shapes, config, rng, dtype=np.float32):
    """Fresh parameters as published: weights normal(0, initializer_range), biases and padding rows 0, LayerNorm 1."""

    def fresh(path, shape):
        if path.endswith(".b"):
            return np.zeros(shape, dtype)
        if len(shape) == 1:
            return np.ones(shape, dtype)
        w = (rng.standard_normal(shape, np.float32) * np.float32(config.initializer_range)).astype(dtype)
        if path.startswith("embeddings."):
            w[0] = 0  # padding_idx=0 in all three published tables
        return w

    made = unflatten({path: fresh(path, shape) for path, shape in flatten(shapes).items()})
    return {name: made.get(name, {}) for name in shapes}  # a stack without layers has no leaves, but stays


def zeros_like(tree):
    """A tree of zeros of the same form: where gradients are added."""
    return map_tree(np.zeros_like, tree)


def count(tree):
    """The number of parameters in a tree of arrays or of shapes."""
    return sum(int(np.prod(leaf if isinstance(leaf, tuple) else leaf.shape)) for leaf in flatten(tree).values())
