"""What the published tests of BERT's and LXMERT's tokenizer assert, in our words: one test, two subjects.

By default the subject is minilxmert; with the marker `reference` it is the installed transformers, too."""

import copy
import json
import pickle

import numpy as np
import pytest
from conftest import REFERENCE

import minilxmert

VOCABULARY = REFERENCE / "bert_uncased_vocab.txt"
SMALL = [
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[PAD]",
    "[MASK]",
    "want",
    "##want",
    "##ed",
    "wa",
    "un",
    "runn",
    "##ing",
    ",",
    "low",
]


@pytest.fixture(params=["minilxmert", pytest.param("transformers", marks=pytest.mark.reference)])
def library(request):
    return minilxmert if request.param == "minilxmert" else pytest.importorskip("transformers")


@pytest.fixture
def make(library):
    """A maker of tokenizers of the published vocabulary."""

    def tokenizer(**options):
        return library.LxmertTokenizer(str(VOCABULARY), **{"model_max_length": 512, **options})

    return tokenizer


@pytest.fixture
def small(library, tmp_path):
    (tmp_path / "vocab.txt").write_text("".join(f"{token}\n" for token in SMALL))
    return library.LxmertTokenizer.from_pretrained(tmp_path)


def test_words_become_pieces(small):
    tokens = small.tokenize("UNwant\u00e9d,running")
    assert tokens == ["un", "##want", "##ed", ",", "runn", "##ing"]
    assert small.convert_tokens_to_ids(tokens) == [9, 6, 7, 12, 10, 11]
    assert small.decode([9, 6, 7, 12, 10, 11]) == "unwanted, running"
    assert small.convert_tokens_to_string(tokens) == "unwanted, running"


def test_one_tokenizer_has_both_names(library):
    assert issubclass(library.LxmertTokenizer, library.LxmertTokenizerFast)


def test_special_tokens_surround_texts(make):
    t = make()
    one, pair = t.encode("sequence builders"), t.encode("sequence builders", "multi-sequence build")
    bare = [t.encode(text, add_special_tokens=False) for text in ("sequence builders", "multi-sequence build")]
    assert one == [101, *bare[0], 102] and pair == [101, *bare[0], 102, *bare[1], 102]
    assert (t.num_special_tokens_to_add(), t.num_special_tokens_to_add(pair=True)) == (2, 3)
    assert (t.max_len_single_sentence, t.max_len_sentences_pair) == (510, 509)


def test_tokens_of_unicode_and_their_places(make):
    t = make()
    sentence = f"A, na\u00efve {t.mask_token} AllenNLP sentence."
    found = t(sentence, return_offsets_mapping=True)
    places = [
        (0, 0), (0, 1), (1, 2), (3, 8), (9, 15), (16, 21), (21, 23), (23, 24), (25, 33), (33, 34), (0, 0),
    ]  # fmt: skip
    assert found["offset_mapping"] == places
    words = ["[CLS]", "a", ",", "naive", "[MASK]", "allen", "##nl", "##p", "sentence", ".", "[SEP]"]
    assert t.convert_ids_to_tokens(found["input_ids"]) == found.tokens() == words


@pytest.mark.parametrize("accents, expected", [(None, "hello"), (True, "hello"), (False, "h\u00e4llo")])
def test_accents_and_case(make, accents, expected):
    t = make(strip_accents=accents)
    assert t.tokenize("H\u00c4llo" if accents is False else "HelLo") == t.tokenize(expected)


@pytest.mark.parametrize(
    "apart, pieces", [(True, ["\u7684", "\u4eba", "\u6709"]), (False, ["\u7684", "##\u4eba", "##\u6709"])]
)
def test_chinese_characters_are_words(library, tmp_path, apart, pieces):
    (tmp_path / "vocab.txt").write_text("\n".join([*SMALL, "\u7684", "\u4eba", "\u6709", "##\u4eba", "##\u6709"]))
    t = library.LxmertTokenizer.from_pretrained(tmp_path, tokenize_chinese_chars=apart)
    assert t.tokenize("\u7684\u4eba\u6709") == pieces


def test_strategies_have_names(make):
    t, rows, long = make(), ["is it red ?", "what color is the star ?"], "what color is the star ?"
    whole = t(long)["input_ids"]
    for same in (False, "do_not_pad"):
        assert len({len(ids) for ids in t(rows, padding=same)["input_ids"]}) == 2
    for same in (True, "longest"):
        assert [len(ids) for ids in t(rows, padding=same)["input_ids"]] == [8, 8]
    assert [len(ids) for ids in t(rows, padding="max_length", max_length=12)["input_ids"]] == [12, 12]
    assert t(long, truncation="do_not_truncate", max_length=4)["input_ids"] == whole
    for same in (True, "longest_first", "only_first"):
        assert t(long, truncation=same, max_length=4)["input_ids"] == [*whole[:3], 102]
    for wrong in ({"padding": "lognest"}, {"truncation": "longest_frist", "max_length": 4}, {"return_tensors": "xx"}):
        with pytest.raises(ValueError):
            t(rows, **wrong)


@pytest.mark.filterwarnings("ignore:tokenizer")
def test_a_length_alone_truncates(make):
    assert len(make()("what color is the star ?", max_length=4)["input_ids"]) == 4
    assert len(make()("what color is the star ?", max_length=np.int64(4), truncation=True)["input_ids"]) == 4


@pytest.mark.parametrize("side", ["right", "left"])
def test_sides_are_attributes_that_count(make, side):
    t = make()
    t.padding_side = t.truncation_side = side
    ids = t("a b c d e", truncation=True, max_length=5)["input_ids"]
    assert t.convert_ids_to_tokens(ids)[1:-1] == (["a", "b", "c"] if side == "right" else ["c", "d", "e"])
    found = t(["a", "a b"], padding=True, pad_to_multiple_of=4)
    assert found["attention_mask"][0] == ([1, 1, 1, 0] if side == "right" else [0, 1, 1, 1])
    other = "left" if side == "right" else "right"
    assert t(["a", "a b"], padding=True, padding_side=other)["attention_mask"][0][0] == (side == "left")


def test_another_token_fills(make):
    t = make()
    t.pad_token = "[MASK]"
    assert t.pad_token_id == 103 and t(["a", "a b"], padding=True)["input_ids"][0][-1] == 103
    t.pad_token_id = 0
    assert t.pad_token == "[PAD]"
    t.pad_token = None
    with pytest.raises(ValueError):
        t(["a", "a b"], padding=True)


def test_an_empty_second_text_in_a_list(make):
    assert make()(["a"], [""])["input_ids"] == [[101, 1037, 102, 102]]


def test_overflowing_parts(make):
    found = make()(
        "a b c d e f", "g h", truncation="only_first", max_length=8, stride=1, return_overflowing_tokens=True,
        return_length=True, return_special_tokens_mask=True,
    )  # fmt: skip
    assert [row.tokens[1:4] for row in found.encodings] == [["a", "b", "c"], ["c", "d", "e"], ["e", "f", "[SEP]"]]
    assert found["overflow_to_sample_mapping"] == [0, 0, 0] and found["length"] == [8, 8, 7]
    assert found["special_tokens_mask"][0] == [1, 0, 0, 0, 1, 0, 0, 1]
    assert found["token_type_ids"][2] == [0, 0, 0, 0, 1, 1, 1]


def test_words_that_were_split_before(make):
    t = make()
    found = t(["hello", "unaffable", "", "[MASK]"], is_split_into_words=True, return_offsets_mapping=True)
    assert found.word_ids() == [None, 0, 1, 1, 1, 3, None]
    assert found["offset_mapping"] == [(0, 0), (0, 5), (0, 3), (3, 6), (6, 9), (0, 6), (0, 0)]
    pairs = t([["a"], ["b"]], [["c", "d"], ["e"]], is_split_into_words=True)
    assert pairs["input_ids"] == t(["a", "b"], ["c d", "e"])["input_ids"]


def test_an_encoding_is_a_mapping(make):
    found = make()(["hello unaffable", "a"], ["world", "b"])
    assert list(found) == list(found.keys()) == ["input_ids", "token_type_ids", "attention_mask"]
    assert found.input_ids == found["input_ids"] == next(iter(found.values())) == dict(found.items())["input_ids"]
    assert "input_ids" in found and found.get("nothing") is None and len(found) == 3
    assert {**found} == dict(found) == found.data
    with pytest.raises(KeyError):
        found["nothing"]
    with pytest.raises(AttributeError):
        found.nothing  # noqa: B018
    assert found[0].tokens == found.tokens(0) and len(found[0:2]) == 2


def test_where_things_stand(make):
    found = make()("hello unaffable", "world")
    assert found.word_ids() == [None, 0, 1, 1, 1, None, 0, None]
    assert found.sequence_ids() == [None, 0, 0, 0, 0, None, 1, None]
    assert found.token_to_word(1) == 0 and found.token_to_word(0, 3) == 1 and found.token_to_word(0) is None
    assert tuple(found.word_to_tokens(1)) == (2, 5) and found.word_to_tokens(1).end == 5
    assert tuple(found.word_to_tokens(0, 0, sequence_index=1)) == (6, 7)
    assert tuple(found.token_to_chars(3)) == (9, 12) and found.token_to_chars(0) is None
    assert found.char_to_token(8) == 2 and found.char_to_word(8) == 1 and found.char_to_token(5) is None
    assert tuple(found.word_to_chars(1)) == (6, 15) and found.token_to_sequence(6) == 1
    assert found.n_sequences == 2 and found.is_fast


def test_arrays(make):
    t = make()
    found = t(["a b", "c"], padding=True, return_tensors="np")
    assert found["input_ids"].dtype == np.int64 and found["input_ids"].tolist() == [
        [101, 1037, 1038, 102],
        [101, 1039, 102, 0],
    ]
    assert t("a", return_tensors="np")["input_ids"].shape == (1, 3)
    assert t.decode(found["input_ids"][0]) == "[CLS] a b [SEP]" and t.decode(np.int64(1037)) == "a"
    assert t.batch_decode(found["input_ids"], skip_special_tokens=True) == ["a b", "c"]


def test_filling_up_later(make):
    t = make()
    rows = [t("a b"), t("c")]
    assert t.pad(rows)["input_ids"] == t(["a b", "c"], padding=True)["input_ids"]
    assert t.pad({"input_ids": [[1, 2], [3]], "kept": [7, 8]}) == {
        "input_ids": [[1, 2], [3, 0]], "kept": [7, 8], "attention_mask": [[1, 1], [1, 0]],
    }  # fmt: skip
    arrays = t.pad(rows, padding="max_length", max_length=5, pad_to_multiple_of=4, return_tensors="np")
    assert arrays["input_ids"].shape == (2, 8)


def test_added_tokens(make):
    t = make()
    size = len(t)
    assert t.add_tokens(["newtok", "zq"]) == 2 and t.add_tokens("zq") == 0 and len(t) == size + 2 == t.vocab_size + 2
    assert t.tokenize("a newtok xnewtoky") == ["a", "newtok", "x", "newtok", "y"]
    assert t.convert_tokens_to_ids(["newtok", "no word"]) == [size, 100]
    assert t.add_special_tokens({"extra_special_tokens": ["<e>"], "bos_token": "<b>"}) == 2
    assert t.bos_token == "<b>" and t.extra_special_tokens == ["<e>"] and "<e>" in t.all_special_tokens
    assert t.decode(t("a newtok <e>")["input_ids"], skip_special_tokens=True) == "a newtok"
    assert t.get_added_vocab()["zq"] == size + 1 and t.get_vocab()["<e>"] == t.convert_tokens_to_ids("<e>")
    with pytest.raises(ValueError):
        t.add_special_tokens({"bso_token": "<b>"})


def test_how_added_tokens_are_found(library, make):
    t = make()
    t.add_tokens(
        [library.AddedToken("alone", single_word=True), library.AddedToken("<l>", lstrip=True, normalized=False)]
    )
    assert t.tokenize("alone alones") == ["alone", "alone", "##s"]
    found = t("a  <l> b", return_offsets_mapping=True)
    assert found["offset_mapping"][1:-1] == [(0, 1), (1, 6), (7, 8)]


def test_the_special_tokens_have_roles(make):
    t = make()
    roles = {"unk": "[UNK]", "sep": "[SEP]", "pad": "[PAD]", "cls": "[CLS]", "mask": "[MASK]"}
    assert t.special_tokens_map == {f"{role}_token": token for role, token in roles.items()}
    assert t.all_special_tokens == list(roles.values()) and t.all_special_ids == [100, 102, 0, 101, 103]
    assert t.eos_token is None and t.eos_token_id is None
    assert t.get_special_tokens_mask([101, 7, 0], already_has_special_tokens=True) == [1, 0, 1]
    assert t.tokenize("a [MASK]", split_special_tokens=True) == ["a", "[", "mask", "]"]


def test_marks_are_joined(make):
    t = make()
    assert t.decode(t.encode("cat... dog", add_special_tokens=False)) == "cat... dog"
    ids = t.encode("don't, I've", add_special_tokens=False)
    assert t.decode(ids) == "don ' t, i ' ve" and t.decode(ids, clean_up_tokenization_spaces=True) == "don't, i've"


def test_copies_are_the_same(make):
    t = make()
    t.add_tokens(["newtok"])
    text = "a newtok, unaffable"
    for other in (pickle.loads(pickle.dumps(t)), copy.deepcopy(t)):  # noqa: S301
        assert other(text)["input_ids"] == t(text)["input_ids"] and len(other) == len(t)


def test_saving_and_loading(library, make, tmp_path):
    t = make(do_lower_case=False, model_max_length=42, padding_side="left")
    t.add_tokens(["newtok"])
    t.add_special_tokens({"extra_special_tokens": ["<e>"]})
    t.save_pretrained(tmp_path)
    again = library.LxmertTokenizer.from_pretrained(tmp_path)
    assert (again.model_max_length, again.padding_side, again.extra_special_tokens) == (42, "left", ["<e>"])
    assert again.get_vocab() == t.get_vocab() and again("A newtok <e>")["input_ids"] == t("A newtok <e>")["input_ids"]
    changed = library.LxmertTokenizer.from_pretrained(tmp_path, model_max_length=43, truncation_side="left")
    assert changed.model_max_length == 43 and changed.truncation_side == "left"


def test_files_of_version_4(library, tmp_path):
    """A folder as transformers 4 writes it from its slow tokenizer, options and added tokens in several files."""
    (tmp_path / "vocab.txt").write_text("".join(f"{token}\n" for token in SMALL))
    token = {"content": "<e>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    files = {
        "added_tokens.json": {"newtok": len(SMALL) + 1, "<e>": len(SMALL)},
        "special_tokens_map.json": {"cls_token": "[CLS]", "additional_special_tokens": ["<e>"]},
        "tokenizer_config.json": {
            "do_lower_case": True, "model_max_length": int(1e30), "never_split": None, "padding_side": "left",
            "mask_token": {"__type": "AddedToken", **token, "content": "[MASK]"}, "tokenizer_class": "LxmertTokenizer",
        },
    }  # fmt: skip
    for name, values in files.items():
        (tmp_path / name).write_text(json.dumps(values))
    t = library.LxmertTokenizer.from_pretrained(tmp_path)
    assert t.padding_side == "left" and t.extra_special_tokens == ["<e>"] and t.mask_token == "[MASK]"
    assert t.encode("newtok <e> Low", add_special_tokens=False) == [len(SMALL) + 1, len(SMALL), 13]


@pytest.mark.reference
@pytest.mark.parametrize("writer, reader", [(0, 1), (1, 0)])
def test_live_each_reads_the_other(tmp_path, writer, reader):
    libraries = minilxmert, pytest.importorskip("transformers")
    t = libraries[writer].LxmertTokenizer(str(VOCABULARY), strip_accents=False, model_max_length=40)
    t.add_tokens(["newtok", libraries[writer].AddedToken("<l>", lstrip=True)])
    t.add_special_tokens({"extra_special_tokens": ["<e>"], "pad_token": "<pad>"})
    t.save_pretrained(tmp_path)
    again = libraries[reader].LxmertTokenizer.from_pretrained(tmp_path)
    texts, options = (
        ["\u00c9a newtok  <l> <e>", "b", "[MASK] \u4e2d"],
        {"padding": True, "return_offsets_mapping": True},
    )
    assert dict(again(texts, **options)) == dict(t(texts, **options)) and again.pad_token == "<pad>"
    assert again.model_max_length == 40 and again.get_vocab() == t.get_vocab()
    if reader == 1:
        assert (
            libraries[1].AutoTokenizer.from_pretrained(tmp_path)("a newtok")["input_ids"] == t("a newtok")["input_ids"]
        )
