"""Attention maps by name: every one of them, trimmed, under the right texts."""

from pathlib import Path

import numpy as np
import pytest

from minilxmert import ConfigError, LxmertForQuestionAnswering, LxmertTokenizer, ShapeError, VocabularyError
from minilxmert.ask import call_arguments
from minilxmert.explain.attention import FAMILIES, attention, attention_of, object_names
from minilxmert.vision.features import open_features
from minilxmert.vision.objects import read_names

WEIGHTS = Path(__file__).parents[1] / "sample"
MODEL, TOKENIZER = LxmertForQuestionAnswering.from_pretrained(WEIGHTS), LxmertTokenizer.from_pretrained(WEIGHTS)
PICTURES = open_features(WEIGHTS / "objects.tsv")
QUESTION = "what color is the cup ?"


def test_every_map_of_a_pass():
    found = attention(MODEL, TOKENIZER, QUESTION, PICTURES["kitchen"])
    n, m, config = 8, 12, MODEL.config
    assert found.words == ["[CLS]", "what", "color", "is", "the", "cup", "?", "[SEP]"]
    assert found.objects[0] == "object 1" and len(found.objects) == m
    sizes = {"words": n, "objects": m}
    for name, family in FAMILIES.items():
        layers = {"language": config.l_layers, "objects": config.r_layers}.get(name, config.x_layers)
        expected = (layers, config.num_attention_heads, sizes[family.queries], sizes[family.keys])
        assert found[name].shape == expected, name
        np.testing.assert_allclose(found[name].sum(-1), 1, rtol=1e-5)
    assert sum(a.shape[0] for a in found.maps.values()) == 2 + 1 + 2 * 4
    assert found.labels("words_to_objects") == (found.words, found.objects)
    assert repr(found) == "<Attention: 11 maps, 8 words, 12 objects>"


def test_company_and_padding_change_no_map():
    """In float64: BLAS adds up in another order for another number of rows."""
    model = LxmertForQuestionAnswering.from_pretrained(WEIGHTS, dtype="float64")
    alone = attention(model, TOKENIZER, "is it ?", PICTURES["garden"])
    objects = [PICTURES["kitchen"], PICTURES["garden"]]
    call = call_arguments(model, TOKENIZER, [QUESTION, "is it ?"], objects)
    both = attention_of(model(**call, output_attentions=True), alone.words, alone.objects, row=1)
    for name in FAMILIES:
        np.testing.assert_allclose(both[name], alone[name], atol=1e-12, err_msg=name)


def test_the_strongest_links():
    found = attention(MODEL, TOKENIZER, QUESTION, PICTURES["street"])
    (word, thing, weight), *rest = found.strongest("words_to_objects", 1, 2, count=5)
    a = found["words_to_objects"][1, 2]
    assert weight == a.max() and a[found.words.index(word), found.objects.index(thing)] == weight
    assert [w for *_, w in rest] == sorted(a.ravel(), reverse=True)[1:5]


def test_names_of_objects(tmp_path):
    kitchen = PICTURES["kitchen"]
    classes, attributes = [f"thing{i}" for i in range(1600)], [f"colour{i}" for i in range(400)]
    first = f"colour{kitchen.attribute_ids[0]} thing{kitchen.object_ids[0]}"
    assert object_names(kitchen, classes, attributes)[0] == first
    assert object_names(kitchen, classes)[1] == f"thing{kitchen.object_ids[1]}"
    with pytest.raises(VocabularyError, match="5 texts"):
        object_names(kitchen, classes[:5])
    (tmp_path / "names.txt").write_text("cup,mug\n tea pot \n")
    assert read_names(tmp_path / "names.txt") == ["cup", "tea pot"]
    (tmp_path / "names.txt").write_bytes(b"\xff")
    with pytest.raises(VocabularyError, match=r"names\.txt"):
        read_names(tmp_path / "names.txt")


def test_mistakes_are_explained():
    found = attention(MODEL, TOKENIZER, QUESTION, PICTURES["street"])
    with pytest.raises(ConfigError, match="words_to_objects"):
        found["words"]
    with pytest.raises(ShapeError, match="one for each object"):
        attention(MODEL, TOKENIZER, QUESTION, PICTURES["street"], ["cup"])
    call = call_arguments(MODEL, TOKENIZER, [QUESTION], [PICTURES["street"]])
    with pytest.raises(ConfigError, match="output_attentions=True"):
        attention_of(MODEL(**call), found.words, found.objects)
