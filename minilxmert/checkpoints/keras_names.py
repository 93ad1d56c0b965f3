"""The one rule between the variable names of TensorFlow's LXMERT and the published torch names."""

LEAVES = {"kernel": "weight", "embeddings": "weight", "gamma": "weight", "beta": "bias"}


def torch_name(keras_name):
    """(published torch name, whether the array is transposed) of a variable, named from "lxmert", "cls", … on.

    "lxmert/encoder/layer_._0/attention/self/query/kernel:0" -> ("lxmert.encoder.layer.0.attention.self.query.weight",
    True): Keras multiplies x @ kernel and stores (in, out), torch stores (out, in).
    Source: transformers, convert_tf_weight_name_to_pt_weight_name."""
    module, _, leaf = keras_name.removesuffix(":0").rpartition("/")
    module = module.replace("_._", ".").replace("/", ".")
    return f"{module}.{LEAVES.get(leaf, leaf)}", leaf == "kernel"
