"""The `tf_model.h5` of transformers' TensorFlow models: Keras' list of layers, each with a list of its variables; and
the one rule between their names and the published torch names."""

import numpy as np

from ..files.arrays import check_finite

LEAVES = {"kernel": "weight", "embeddings": "weight", "gamma": "weight", "beta": "bias"}


def torch_name(keras_name):
    """(published torch name, whether the array is transposed) of a variable, named from "lxmert", "cls", … on.

    "lxmert/encoder/layer_._0/attention/self/query/kernel:0" -> ("lxmert.encoder.layer.0.attention.self.query.weight",
    True): Keras multiplies x @ kernel and stores (in, out), torch stores (out, in).
    Source: transformers, convert_tf_weight_name_to_pt_weight_name."""
    module, _, leaf = keras_name.removesuffix(":0").rpartition("/")
    module = module.replace("_._", ".").replace("/", ".")
    return f"{module}.{LEAVES.get(leaf, leaf)}", leaf == "kernel"


LAYERS = 100  # LXMERT has 4: lxmert and its heads


def read_keras(file):
    """A CheckedFile in Keras' layout -> {published torch name: array}, kernels transposed. Raises CheckpointError."""
    if "model_config" in file.attributes():
        raise file.refuse("root attribute model_config", "weights alone", "a whole Keras model, which can hold code")
    layers = names_in(file, "", "layer_names")
    if len(layers) > LAYERS:
        raise file.refuse("root attribute layer_names", f"at most {LAYERS} layers", len(layers))
    entries = [f"{layer}/{name}" for layer in layers for name in layer_weights(file, layer)]
    arrays = {}
    for entry in entries:
        name, transposed = torch_name(entry.split("/", 2)[2])  # the levels dropped are the layer and the model
        array = weight(file, entry, transposed)
        if not np.array_equal(arrays.setdefault(name, array), array, equal_nan=True):
            raise file.refuse(entry, "the same numbers as in its other layer", "other numbers")
    unlisted = sorted(set(file.datasets()) - set(entries))
    if unlisted:
        raise file.refuse(unlisted[0], "only datasets listed in weight_names", "an unlisted one")
    check_finite(arrays, file.path)
    return arrays


def layer_weights(file, layer):
    """The names of a layer's variables, "tf_lxmert_for_pre_training/cls/predictions/bias:0", …"""
    names = names_in(file, layer, "weight_names")
    for name in names:
        if name.count("/") < 2:
            raise file.refuse(layer, "variable names of at least 3 levels", name)
    return names


def names_in(file, entry, attribute):
    """The list in an attribute, which a long list continues: weight_names, or weight_names0, weight_names1, …"""
    present = [name for name in file.attributes(entry) if name.startswith(attribute)]
    parts = [f"{attribute}{number}" for number in range(len(present))]
    if sorted(present) not in ([attribute], sorted(parts)) or not present:
        found = ", ".join(present) or "none"
        raise file.refuse(entry or "root", f"attribute {attribute}, or {attribute}0, {attribute}1, …", found)
    lists = [file.attribute(entry, part) for part in (present if present == [attribute] else parts)]
    names = [name for part in lists for name in (part if isinstance(part, list) else [part])]
    if any(type(name) is not str for name in names) or len(set(names)) < len(names):
        raise file.refuse(f"{entry or 'root'} attribute {attribute}", "names, each once", "other values")
    return names


def weight(file, entry, transposed):
    """The array of one variable, kernels as (out, in)."""
    array = file.array(entry)
    if not array.size or not array.shape or (transposed and array.ndim != 2):
        raise file.refuse(entry, "a kernel of two axes" if transposed else "at least one number and axis", array.shape)
    return np.ascontiguousarray(array.T) if transposed else array
