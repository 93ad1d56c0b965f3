"""The tokenizer against the published one: every reference case, and arbitrary Unicode live."""

import json
import sys
import unicodedata

import numpy as np
import pytest
from conftest import REFERENCE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minilxmert import LxmertTokenizer, MinilxmertError, ShapeError, VocabularyError
from minilxmert.words.calling import cut_counts

VOCABULARY = REFERENCE / "bert_uncased_vocab.txt"
CASES = json.loads((REFERENCE / "tokenizer_cases.json").read_text())
PAIRS = json.loads((REFERENCE / "tokenizer_pairs.json").read_text())
OURS = LxmertTokenizer(VOCABULARY)


def test_every_reference_case():
    assert len(CASES) == 300
    for case in CASES:
        found = OURS(case["text"], return_offsets_mapping=True)
        assert found["input_ids"] == case["input_ids"], case["text"]
        assert OURS.convert_ids_to_tokens(found["input_ids"]) == case["tokens"]
        assert [list(place) for place in found["offset_mapping"]] == case["offsets"], case["text"]


def test_every_reference_pair():
    for case in PAIRS:
        if case["pair"][1] == "":  # the reference drops an empty second text that comes alone, and keeps it in a list
            continue
        found = OURS(*case["pair"])
        assert all(found[name] == case[name] for name in ("input_ids", "token_type_ids"))
        found = OURS(*case["pair"], max_length=12, padding="max_length", truncation=True)
        assert found == case["max_length_12"]


def test_batches_are_padded_to_arrays():
    found = OURS(["What is it?", "A much longer question, is it not?"], padding=True, return_tensors="np")
    ids, mask = found["input_ids"], found["attention_mask"]
    assert ids.shape == mask.shape == found["token_type_ids"].shape and ids.dtype == np.int64
    assert mask.sum(1).tolist() == [
        len(OURS.encode(text)) for text in ("What is it?", "A much longer question, is it not?")
    ]
    assert not ids[mask == 0].any()
    with pytest.raises(ShapeError, match="padding=True"):
        OURS(["a", "a b"], return_tensors="np")
    assert OURS([], padding=True) == {"input_ids": [], "token_type_ids": [], "attention_mask": []}


def test_pairs_in_lists():
    one = OURS("a question", "an answer")
    assert OURS(["a question"], ["an answer"])["input_ids"] == OURS([("a question", "an answer")])["input_ids"] == [
        one["input_ids"]
    ]  # fmt: skip
    with pytest.raises(ShapeError, match="2 texts, but 1 pairs"):
        OURS(["a", "b"], ["c"])


def test_the_longer_side_gives_way_first():
    assert cut_counts([3, 9], 8, True) == [3, 5]
    assert cut_counts([9, 3], 8, "longest_first") == [5, 3]
    assert cut_counts([9, 9], 7, True) == [3, 4]
    assert cut_counts([9, 3], 8, "only_first") == [5, 3]
    assert cut_counts([5], 3, True) == [3]
    with pytest.raises(ShapeError):
        cut_counts([2, 9], 3, "only_first")
    ids = OURS("word " * 2000, truncation=True)["input_ids"]
    assert len(ids) == 512 and ids[0] == OURS.cls_token_id and ids[-1] == OURS.sep_token_id


def test_special_tokens():
    ids = OURS.encode("a [MASK] b[SEP]c [mask]", add_special_tokens=False)
    assert OURS.convert_ids_to_tokens(ids) == ["a", "[MASK]", "b", "[SEP]", "c", "[", "mask", "]"]
    assert OURS.all_special_ids == [100, 102, 0, 101, 103] and OURS.mask_token == "[MASK]"
    assert OURS.build_inputs_with_special_tokens([7], [8]) == [101, 7, 102, 8, 102]
    assert OURS.get_special_tokens_mask([7], [8]) == [1, 0, 1, 0, 1]
    assert OURS.get_special_tokens_mask([101, 7], already_has_special_tokens=True) == [1, 0]
    assert OURS.create_token_type_ids_from_sequences([7], [8]) == [0, 0, 0, 1, 1]
    assert OURS("hi", return_special_tokens_mask=True)["special_tokens_mask"] == [1, 0, 1]


def test_decoding():
    ids = OURS.encode("Hello, unaffable WORLD! don't")
    assert OURS.decode(ids, skip_special_tokens=True) == "hello, unaffable world! don ' t"
    assert (
        OURS.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=True) == "hello, unaffable world! don't"
    )
    assert OURS.batch_decode([ids, ids[:2]]) == [OURS.decode(ids), "[CLS] hello"]
    assert OURS.convert_ids_to_tokens(101) == "[CLS]" and OURS.convert_tokens_to_ids("zzzz not there") == 100
    with pytest.raises(VocabularyError, match="out of range"):
        OURS.decode([40_000])


def test_saving_and_loading(tmp_path):
    tokenizer = LxmertTokenizer(VOCABULARY, do_lower_case=False, model_max_length=20)
    tokenizer.save_pretrained(tmp_path)
    again = LxmertTokenizer.from_pretrained(tmp_path)
    assert again.get_vocab() == tokenizer.get_vocab() and not again.do_lower_case and again.model_max_length == 20
    assert again.tokenize("Hé") == tokenizer.tokenize("Hé") != OURS.tokenize("Hé")
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": "no"}')
    with pytest.raises(VocabularyError, match="do_lower_case"):
        LxmertTokenizer.from_pretrained(tmp_path)


def test_unknown_words_are_named():
    assert OURS.unknown_words("is it a 🦄 or a cat, or " + "x" * 101) == ["🦄", "x" * 101]


@pytest.mark.parametrize("text", [b"bytes", 3, None, ["a", 3]])
def test_only_text_is_taken(text):
    with pytest.raises(MinilxmertError):
        OURS(text)


UNICODE = st.text(st.characters(), max_size=60) | st.text(
    "aB é\u0301\u4e2d 한글İßΣ\u200d.\u2028\0\ud800[MASK]#", max_size=40
)


@settings(deadline=None)
@given(UNICODE)
def test_tokens_of_any_text(text):
    found = OURS(text, return_offsets_mapping=True)
    ids, places = found["input_ids"][1:-1], found["offset_mapping"][1:-1]
    assert all(0 <= number < len(OURS) for number in ids)
    assert all(0 <= start < end <= len(text) for start, end in places)
    starts = [start for start, _ in places]
    assert starts == sorted(starts)


def test_a_long_text_without_a_space():
    assert OURS.tokenize("x" * 100_000) == ["[UNK]"]


@pytest.fixture(scope="module")
def peer():
    return pytest.importorskip("transformers").LxmertTokenizer(str(VOCABULARY))


def known(text):
    """Only characters that this Python's Unicode tables have; the peer's are of another version."""
    return all(unicodedata.category(c) not in ("Cn", "Cs") for c in text)


@pytest.mark.reference
@settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))
@given(UNICODE.filter(known), st.none() | UNICODE.filter(known))
def test_live_on_any_text(peer, text, pair):
    options = {"return_offsets_mapping": True, "truncation": True, "max_length": 24, "padding": "max_length"}
    texts = ([text],) if pair is None else ([text], [pair])  # given alone, it drops an empty pair
    expected, found = peer(*texts, **options), OURS(*texts, **options)
    assert all(list(found[name][0]) == list(expected[name][0]) for name in found)
    assert OURS.decode(found["input_ids"][0]) == peer.decode(found["input_ids"][0])


@pytest.mark.reference
def test_live_on_every_character(peer):
    """All that Unicode has, each between two letters; alone and in the other casing modes."""
    characters = [chr(n) for n in range(sys.maxunicode + 1) if known(chr(n))]
    for start in range(0, len(characters), 2000):
        texts = [f"a{c}b {c}" for c in characters[start : start + 2000]]
        expected, found = peer(texts, return_offsets_mapping=True), OURS(texts, return_offsets_mapping=True)
        for name in ("input_ids", "offset_mapping"):
            wrong = [t for t, a, b in zip(texts, expected[name], found[name], strict=True) if a != b]
            assert not wrong, [(t, hex(ord(t[1]))) for t in wrong]


@pytest.mark.reference
@pytest.mark.parametrize(
    "options", [{"do_lower_case": False}, {"strip_accents": False}, {"tokenize_chinese_chars": False}]
)
def test_live_in_other_modes(options):
    transformers = pytest.importorskip("transformers")
    theirs, ours = transformers.LxmertTokenizer(str(VOCABULARY), **options), LxmertTokenizer(VOCABULARY, **options)
    texts = [case["text"] for case in CASES]
    expected, found = theirs(texts, return_offsets_mapping=True), ours(texts, return_offsets_mapping=True)
    for name in ("input_ids", "offset_mapping"):
        wrong = [t for t, a, b in zip(texts, expected[name], found[name], strict=True) if a != b]
        assert not wrong
