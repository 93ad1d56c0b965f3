"""Tokenizers in folders, refused where they cannot be right; and what only our tokenizer says."""

import json

import pytest
from conftest import REFERENCE

from minilxmert import ConfigError, LxmertTokenizer, MinilxmertError, ShapeError, VocabularyError
from minilxmert.words import spelling
from minilxmert.words.saved import tokens_beside
from minilxmert.words.vocabulary import SPECIAL_TOKENS

WORDS = [*SPECIAL_TOKENS, "a", "b", "##b", "c"]
OURS = LxmertTokenizer(vocab_file=REFERENCE / "bert_uncased_vocab.txt")


@pytest.fixture
def folder(tmp_path):
    """A saved tokenizer with an added token."""
    t = LxmertTokenizer(WORDS)
    t.add_tokens(["new"])
    t.save_pretrained(tmp_path)
    return tmp_path


def change(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize("length, expected", [(int(1e30), 512), (1e30, 512), (None, 512), (20, 20), (20.0, 20)])
def test_a_length_that_is_not_known(folder, length, expected):
    change(folder / "tokenizer_config.json", model_max_length=length)
    assert LxmertTokenizer.from_pretrained(folder).model_max_length == expected


def test_tokenizer_json_alone(folder):
    for name in ("vocab.txt", "tokenizer_config.json"):
        (folder / name).unlink()
    whole = folder / "tokenizer.json"
    normalizer = json.loads(whole.read_text())["normalizer"]
    change(whole, normalizer={**normalizer, "lowercase": False}, padding={"direction": "Left"})
    for path in (folder, whole):
        t = LxmertTokenizer.from_pretrained(path)
        assert t.tokenize("ab new A") == ["a", "##b", "new", "[UNK]"] and t.padding_side == "left"
    assert tokens_beside(folder) == [*WORDS, "new"] and tokens_beside(folder.parent / "none") is None


@pytest.mark.parametrize("tokens", [[*WORDS[:-1], "d"], WORDS[:-1], [*WORDS, "d"]])
def test_two_vocabularies_in_one_folder(folder, tokens):
    (folder / "vocab.txt").write_text("\n".join(tokens))
    with pytest.raises(VocabularyError, match=r"vocab\.txt.*tokenizer\.json"):
        LxmertTokenizer.from_pretrained(folder)
    LxmertTokenizer(tokens).save_pretrained(folder)  # all of them anew
    assert LxmertTokenizer.from_pretrained(folder).tokens == tokens


WRONG = {
    "model": {"type": "BPE", "vocab": {}}, "normalizer": {"type": "NFC"}, "added_tokens": [{"id": 77, "content": "x"}],
    "pre_tokenizer": {"type": "Whitespace"},
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_other_kinds_of_tokenizer(folder, name):
    change(folder / "tokenizer.json", **{name: WRONG[name]})
    with pytest.raises(VocabularyError, match=r"tokenizer\.json"):
        LxmertTokenizer.from_pretrained(folder)


def test_numbers_that_do_not_follow(folder):
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    change(folder / "tokenizer.json", model={**model, "vocab": {**model["vocab"], "c": 99}})
    with pytest.raises(VocabularyError, match="number 8"):
        LxmertTokenizer.from_pretrained(folder)


def test_added_tokens_that_differ(folder):
    change(folder / "tokenizer_config.json", added_tokens_decoder={"9": {"content": "other"}})
    with pytest.raises(VocabularyError, match=r"tokenizer_config\.json.*tokenizer\.json"):
        LxmertTokenizer.from_pretrained(folder)


def test_nothing_there(tmp_path):
    with pytest.raises(VocabularyError, match=r"vocab\.txt or tokenizer\.json"):
        LxmertTokenizer.from_pretrained(tmp_path)
    with pytest.raises(MinilxmertError, match="minilxmert download unc-nlp/lxmert-base-uncased"):
        LxmertTokenizer.from_pretrained("unc-nlp/lxmert-base-uncased")


def test_an_unknown_keyword_names_the_nearest():
    with pytest.raises(ConfigError, match=r"do_lowercase.*do_lower_case"):
        LxmertTokenizer(WORDS, do_lowercase=True)
    with pytest.raises(ConfigError, match=r"max_lenght.*max_length"):
        OURS("a", max_lenght=3)
    with pytest.raises(VocabularyError, match="vocab_file"):
        LxmertTokenizer()
    assert LxmertTokenizer({token: number for number, token in enumerate(WORDS)}).tokens == WORDS


def test_setting_any_attribute_counts():
    t = LxmertTokenizer(REFERENCE / "bert_uncased_vocab.txt")
    assert t.tokenize("Paris") == ["paris"]
    t.do_lower_case = False
    assert t.tokenize("Paris") == ["[UNK]"]
    t.unk_token = "[MASK]"
    assert t.tokenize("Paris") == ["[MASK]"]
    with pytest.raises(VocabularyError, match="add_special_tokens"):
        t.pad_token = "<none>"


def test_an_empty_second_text_keeps_its_separator():
    assert OURS("a", "")["input_ids"] == OURS(["a"], [""])["input_ids"][0] == [101, 1037, 102, 102]
    assert OURS([("a", "")])["token_type_ids"] == [[0, 0, 0, 1]]


def test_rows_in_rows_are_told_what_to_call():
    for wrong in (OURS.decode, OURS.convert_ids_to_tokens):
        with pytest.raises(ShapeError, match="batch_decode"):
            wrong([[101, 102], [101]])


def test_lengths_alone_warn():
    with pytest.warns(UserWarning, match="truncation=True"):
        assert len(OURS("a b c d", max_length=4)["input_ids"]) == 4
    with pytest.warns(UserWarning, match="max_length does nothing"):
        OURS(["a b c", "d"], padding=True, max_length=2)


def test_marks_stand_in_their_order():
    """U+302F is no mark that is removed, and goes before U+0300: it takes the first of the two places."""
    found = OURS("a <\u0300\u302f", return_offsets_mapping=True)
    assert found["offset_mapping"][1:-1] == [(0, 1), (2, 3), (3, 4)]
    assert OURS("a\ud800b")["input_ids"] == OURS("ab")["input_ids"]  # half a character is removed


def test_the_known_words_are_bounded_by_bytes(monkeypatch):
    monkeypatch.setattr(spelling, "CACHED_BYTES", 100_000)
    t = LxmertTokenizer(WORDS)
    for number in range(1500):
        t(f"{'ab' * 40}{number} {'x' * 5000}{number}")
    known = t.speller.known_words
    assert known.bytes < 110_000 and len(known) < 1000 and all(len(word) <= 100 for word in known)
