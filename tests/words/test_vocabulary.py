"""Vocabularies: read strictly, learned from a text."""

import pytest
from conftest import REFERENCE, check_mutants, mutant_counts

from minilxmert import LxmertTokenizer, VocabularyError
from minilxmert.words.vocabulary import SPECIAL_TOKENS, build_vocabulary, read_vocabulary, write_vocabulary

GOOD = [*SPECIAL_TOKENS, "a", "##b", "é", "中", "x\u2028y", "z\x85"]


def write(tmp_path, data):
    path = tmp_path / "vocab.txt"
    path.write_bytes(data if isinstance(data, bytes) else "\n".join(data).encode())
    return path


def test_the_published_vocabulary():
    tokens = read_vocabulary(REFERENCE / "bert_uncased_vocab.txt")
    assert tokens[101] == "[CLS]" and tokens[2054] == "what"


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_line_endings(tmp_path, ending, last):
    data = ending.join(GOOD) + (ending if last else "")
    assert read_vocabulary(write(tmp_path, data.encode())) == GOOD


def test_a_byte_order_mark_is_no_part_of_a_token(tmp_path):
    assert read_vocabulary(write(tmp_path, b"\xef\xbb\xbf" + "\n".join(GOOD).encode())) == GOOD


BAD = {
    "empty": b"", "twice": [*GOOD, "a"], "no mask": GOOD[:4] + GOOD[5:], "a blank line": [*GOOD[:6], "", *GOOD[6:]],
    "bytes": b"\xff\xfe",
    "nul": [*GOOD, "a\0b"], "long": [*GOOD, "x" * 600],
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_vocabularies(tmp_path, name):
    with pytest.raises(VocabularyError, match=r"vocab\.txt"):
        read_vocabulary(write(tmp_path, BAD[name]))


def test_round_trip(tmp_path):
    write_vocabulary(tmp_path / "vocab.txt", GOOD)
    assert read_vocabulary(tmp_path / "vocab.txt") == GOOD


TEXTS = ["the red circle is left of the blue circle", "the red square is above the circle", "circles, squares!"]


def test_a_vocabulary_of_a_small_world(tmp_path):
    tokens = build_vocabulary(TEXTS, 120)
    assert tokens[:5] == list(SPECIAL_TOKENS) and len(set(tokens)) == len(tokens)
    assert {"circle", "the", "red", "square", "!"} <= set(tokens)
    assert tokens == build_vocabulary(TEXTS, 120)
    small = build_vocabulary(TEXTS, 50)
    assert len(small) == 50 and "circle" in small and tokens[:50] == small  # the most frequent pieces come first
    write_vocabulary(tmp_path / "vocab.txt", small)
    tokenizer = LxmertTokenizer(tmp_path / "vocab.txt")
    assert all(not tokenizer.unknown_words(text) for text in TEXTS)  # every character is kept
    assert tokenizer.decode(tokenizer.encode(TEXTS[0]), skip_special_tokens=True) == TEXTS[0]
    assert tokenizer.unknown_words("zebra circle") == ["zebra"]


@mutant_counts
def test_mutants(tmp_path, count):
    data = "\n".join(GOOD).encode()
    check_mutants(data, read_vocabulary, tmp_path / "mutant.txt", count, seed=7)


def test_a_list_of_tokens_is_a_vocabulary_too(tmp_path):
    write_vocabulary(tmp_path / "vocab.txt", GOOD)
    assert LxmertTokenizer(GOOD).tokens == LxmertTokenizer(tmp_path / "vocab.txt").tokens == GOOD
    with pytest.raises(VocabularyError, match="line 2: expected every token once"):
        LxmertTokenizer([GOOD[0], *GOOD])


def test_the_vocabulary_beside_the_weights(tmp_path):
    write_vocabulary(tmp_path / "vocab.txt", GOOD)
    write_vocabulary(tmp_path / "other.txt", [*GOOD, "other"])
    (tmp_path / "model.h5").touch()
    assert LxmertTokenizer.beside(tmp_path).tokens == LxmertTokenizer.beside(tmp_path / "model.h5").tokens == GOOD
    assert LxmertTokenizer.beside(tmp_path, tmp_path / "other.txt").tokens[-1] == "other"
