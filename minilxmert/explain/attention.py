"""Every attention map of one pass by name, trimmed to the words and objects that are there, with their texts."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..ask import call_arguments, check_fit
from ..errors import ConfigError, ShapeError, VocabularyError, shorten


class Family(NamedTuple):
    """One kind of attention map: the output field that holds it, who looks, at whom, and what to call it."""

    field: str
    queries: str  # "words" or "objects"
    keys: str
    title: str


FAMILIES = {
    "language": Family("language_attentions", "words", "words", "language encoder: words look at words"),
    "objects": Family("vision_attentions", "objects", "objects", "object encoder: objects look at objects"),
    "words_to_objects": Family("cross_encoder_attentions", "words", "objects", "crossing: words look at objects"),
    "objects_to_words": Family(
        "cross_encoder_vision_attentions", "objects", "words", "crossing: objects look at words"
    ),
    "cross_language": Family("cross_language_attentions", "words", "words", "after crossing: words look at words"),
    "cross_objects": Family("cross_vision_attentions", "objects", "objects", "after crossing: objects look at objects"),
}


@dataclass(frozen=True)
class Attention:
    """The attention maps of one question and one picture: attention["language"] is (layers, heads, N, N).

    Of every map the rows look and sum to 1 (each is one query), the columns are looked at."""

    words: list[str]  # (N) the tokens, [CLS] and [SEP] included
    objects: list[str]  # (M) names
    maps: dict  # {name of FAMILIES: (layers, heads, rows, columns)}

    def __getitem__(self, family):
        if family not in self.maps:
            raise ConfigError(f"attention: expected one of {', '.join(self.maps)}; found {shorten(family)}")
        return self.maps[family]

    def labels(self, family):
        """What the rows and the columns of a family's maps stand for: two lists of texts."""
        return getattr(self, FAMILIES[family].queries), getattr(self, FAMILIES[family].keys)

    def strongest(self, family, layer, head, count=10):
        """The largest weights of one map, as (who looks, at what, weight), largest first."""
        rows, columns = self.labels(family)
        weights = self[family][layer, head]
        order = np.argsort(-weights, axis=None, kind="stable")[:count]
        pairs = zip(*np.unravel_index(order, weights.shape), strict=True)
        return [(rows[i], columns[j], float(weights[i, j])) for i, j in pairs]

    def __repr__(self):
        maps = sum(len(value) for value in self.maps.values())
        return f"<Attention: {maps} maps, {len(self.words)} words, {len(self.objects)} objects>"


def attention(model, tokenizer, question, objects, names=None):
    """The Attention of one pass: what each word and object of a question about a picture looks at.

    objects: the Objects of the picture; names: their texts (object_names), (M). Raises ConfigError, ShapeError."""
    check_fit(model, tokenizer)
    call = call_arguments(model, tokenizer, [question], [objects])
    output = model(**call, output_attentions=True)
    words = tokenizer.convert_ids_to_tokens(call["input_ids"][0].tolist())
    return attention_of(output, words, texts_of(objects, names))


def attention_of(output, words, objects, row=0):
    """One example of an output with attentions, trimmed: `words` and `objects` are the texts of those that are there,
    which stand before the padding. Raises ConfigError for an output without attentions."""
    sizes, maps = {"words": len(words), "objects": len(objects)}, {}
    for name, family in FAMILIES.items():
        layers = getattr(output, family.field)
        if layers is None:
            raise ConfigError.at("output", family.field, "attention maps: call with output_attentions=True", "none")
        heads = [a[row, :, : sizes[family.queries], : sizes[family.keys]] for a in layers]
        maps[name] = np.array(heads) if heads else np.zeros((0, 0, sizes[family.queries], sizes[family.keys]))
    return Attention(list(words), list(objects), maps)


def texts_of(objects, names=None):
    """The given names of objects, one each, or else object_names. Raises ShapeError."""
    if names is not None and len(names) != len(objects):
        raise ShapeError(f"names: expected {len(objects)}, one for each object; found {len(names)}")
    return object_names(objects) if names is None else list(names)


def object_names(objects, classes=None, attributes=None):
    """A text for each object: "red cup", as far as the file says classes and attributes; else "object 3".

    classes, attributes: texts by number, or None. Raises VocabularyError for a number that has no text."""
    columns = [("attribute", objects.attribute_ids, attributes), ("class", objects.object_ids, classes)]
    columns = [(what, ids, texts) for what, ids, texts in columns if ids is not None and texts]
    for what, ids, texts in columns:
        if ids.size and ids.max() >= len(texts):
            raise VocabularyError.at(objects.image_id, what, f"a text for number {ids.max()}", f"{len(texts)} texts")
    rows = range(len(objects))
    return [" ".join(texts[ids[row]] for _, ids, texts in columns) or f"object {row + 1}" for row in rows]
