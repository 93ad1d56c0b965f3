"""LxmertConfig: every size and switch of the model, under the names and with the defaults of the published class."""

import dataclasses

from ..errors import ConfigError
from .config_file import ConfigFile, checked, labels_of, layers, probability, refuse_misspelt

ACTIVATIONS = ("gelu", "relu")


@dataclasses.dataclass(init=False, repr=False)
class LxmertConfig(ConfigFile):
    """The sizes and switches of an LXMERT. Raises ConfigError for a value that no model can have.

    Source: transformers' LxmertConfig; the defaults are the published base model (paper, section 3)."""

    vocab_size: int = 30522  # V, WordPiece tokens
    hidden_size: int = 768  # E, width of every hidden state
    num_attention_heads: int = 12  # H, must divide hidden_size
    num_qa_labels: int = 9500  # A, answers
    num_object_labels: int = 1600  # object classes of the detector
    num_attr_labels: int = 400  # attribute classes of the detector
    intermediate_size: int = 3072  # inner width of a feed-forward block
    hidden_act: str = "gelu"  # gelu is the exact one, by erf
    hidden_dropout_prob: float = probability(0.1)  # dropout of hidden states, in training
    attention_probs_dropout_prob: float = probability(0.1)  # dropout of attention probabilities, in training
    max_position_embeddings: int = 512  # the longest sentence, in tokens
    type_vocab_size: int = 2  # sentence segments
    initializer_range: float = 0.02  # standard deviation of fresh weights
    layer_norm_eps: float = 1e-12  # added to a variance
    l_layers: int = layers(9)  # layers of the language encoder
    x_layers: int = layers(5)  # layers of the cross-modality encoder
    r_layers: int = layers(5)  # layers of the object-relationship encoder
    visual_feat_dim: int = 2048  # F, width of an object's feature vector
    visual_pos_dim: int = 4  # P, numbers of an object's box: x0 y0 x1 y1 in 0…1
    visual_loss_normalizer: float = 6.67  # weight of the object losses (the authors' code: 1 / 0.15)
    task_matched: bool = True  # pre-training: does the sentence belong to the picture?
    task_mask_lm: bool = True  # pre-training: the masked words
    task_obj_predict: bool = True  # pre-training: the masked objects
    task_qa: bool = True  # pre-training: the answer
    visual_obj_loss: bool = True  # masked objects: their class
    visual_attr_loss: bool = True  # masked objects: their attribute
    visual_feat_loss: bool = True  # masked objects: their feature vector
    output_attentions: bool = dataclasses.field(default=False, compare=False)  # what a call returns unless it says
    output_hidden_states: bool = dataclasses.field(default=False, compare=False)
    return_dict: bool = dataclasses.field(default=True, compare=False)  # False: a plain tuple
    num_labels: int | None = dataclasses.field(default=None, compare=False)  # follows id2label; not a size of the model
    id2label: dict | None = dataclasses.field(default=None, compare=False)  # {number: text}; None: LABEL_0, LABEL_1 …
    others: dict = dataclasses.field(default_factory=dict, compare=False)  # keys of config.json that nothing here reads

    model_type = "lxmert"

    def __init__(self, *, num_labels=None, id2label=None, others=None, **values):
        """Every field, and keys of published configs that nothing here reads (pad_token_id …): they become `others`.

        num_hidden_layers and label2id follow from other fields. Raises ConfigError, for a misspelt field, too."""
        taken = {name: values.pop(name, default) for name, default in self.defaults().items()}
        numbers = values.pop("num_hidden_layers", None)
        values.pop("label2id", None)
        values.pop("model_type", None)
        for name in values:
            refuse_misspelt(name, taken)
        for name, value in taken.items():
            setattr(self, name, value)
        self.others = {**(others or {}), **values}
        self.id2label = labels_of(id2label, num_labels)
        self.check_together(numbers)

    def __setattr__(self, name, value):
        """Each value is checked, whenever it is set; num_labels and id2label change each other."""
        if name == "num_labels":
            name, value = "id2label", labels_of(None, value)
        elif name == "id2label":
            value = labels_of(value, None)
        elif name in self.defaults():
            value = checked(self.__dataclass_fields__[name], value)
        object.__setattr__(self, name, value)
        if name == "id2label":
            object.__setattr__(self, "num_labels", len(value))

    @classmethod
    def defaults(cls):
        """{field: default} of the sizes and switches."""
        apart = ("num_labels", "id2label", "others")
        return {field.name: field.default for field in dataclasses.fields(cls) if field.name not in apart}

    def check_together(self, layers):
        """Refuse values that do not go together. Raises ConfigError."""
        if isinstance(layers, dict) and layers != self.num_hidden_layers:
            expected = "the same as l_layers, x_layers, r_layers"
            raise ConfigError.at("config", "num_hidden_layers", expected, layers)
        if self.hidden_size % self.num_attention_heads:
            found = f"{self.hidden_size} and {self.num_attention_heads}"
            raise ConfigError.at("config", "hidden_size", "a multiple of num_attention_heads", found)
        if self.hidden_act not in ACTIVATIONS:
            raise ConfigError.at("config", "hidden_act", f"one of {', '.join(ACTIVATIONS)}", self.hidden_act)

    @property
    def num_hidden_layers(self):
        """{encoder: its number of layers}, under the published names."""
        return {"vision": self.r_layers, "cross_encoder": self.x_layers, "language": self.l_layers}

    def replace(self, **changes):
        """A copy with some fields changed."""
        if "num_labels" not in changes:  # the old labels stay
            changes.setdefault("id2label", self.id2label)
        same = {name: getattr(self, name) for name in self.defaults()}
        return type(self)(**{**same, "others": self.others, **changes})

    def __repr__(self):
        changed = [f for f in dataclasses.fields(self) if f.compare and getattr(self, f.name) != f.default]
        return f"LxmertConfig({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in changed)})"
