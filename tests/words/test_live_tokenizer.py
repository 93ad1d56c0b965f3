"""Odd texts under all options crossed, beside the installed transformers: numbers, masks, places, words, text."""

import functools
import random
import unicodedata
import warnings

import pytest
from conftest import REFERENCE

import minilxmert
from minilxmert import MinilxmertError

pytestmark = pytest.mark.reference

VOCABULARY = str(REFERENCE / "bert_uncased_vocab.txt")
WORDS = ["the", "unaffable", "newtok", "NewTok", "éa", "<e>", "[MASK]", "<l>", "<s>", "don't", "...", "x" * 101, " "]
ODD = "abc aBcdéÀñ.,!?'#- \t\n[]中한ßİΣ\u0301\u302f\u200d"
MODES = {}, {"do_lower_case": False}, {"strip_accents": False}, {"tokenize_chinese_chars": False}
OPTIONS = {
    "add_special_tokens": [False], "padding": [True, "longest", "max_length", "do_not_pad"], "padding_side": ["left"],
    "truncation": [True, "longest_first", "only_first", "only_second", "do_not_truncate"],
    "max_length": [4, 5, 8, 16, 64], "stride": [1, 2], "pad_to_multiple_of": [4, 8],
    "return_attention_mask": [False], "return_length": [True], "return_overflowing_tokens": [True],
    "split_special_tokens": [True],
}  # fmt: skip


def tokenizers(library, options):
    t = library.LxmertTokenizer(VOCABULARY, model_max_length=20, **options)
    t.add_tokens(["newtok", "ea", library.AddedToken("<l>", lstrip=True, rstrip=True)])
    t.add_tokens([library.AddedToken("<s>", single_word=True, normalized=False)])
    t.add_special_tokens({"extra_special_tokens": ["<e>"]})
    return t


@functools.cache
def alphabets():
    """All characters, marks alone, and what is odd in other ways."""
    known = [chr(n) for n in range(0x110000) if unicodedata.category(chr(n)) not in ("Cn", "Cs")]
    return known, [c for c in known if unicodedata.category(c)[0] == "M"], ODD


def text(rng):
    if rng.random() < 0.4:
        return rng.choice(["", " "]).join(rng.choices(WORDS, k=rng.randrange(12)))
    return "".join(rng.choice(rng.choice(alphabets())) for _ in range(rng.randrange(30)))


def draw(rng):
    """A call: texts, their pairs or None, options."""
    options = {name: rng.choice(values) for name, values in OPTIONS.items() if rng.random() < 0.3}
    split, count = rng.random() < 0.15, rng.choice([None, 1, 2, 3])
    options |= {"is_split_into_words": split, "return_offsets_mapping": True, "return_special_tokens_mask": True}

    def side():
        return [text(rng) for _ in range(rng.randrange(1, 5))] if split else text(rng)

    def sides():
        return side() or "a" if count is None else [side() for _ in range(count)]  # alone, "" is dropped there

    return sides(), sides() if rng.random() < 0.4 else None, options


def answer(tokenizer, call):
    """What a call gives, or None where it is refused. (tokenizers 0.23 panics, no Exception, at a long stride.)"""
    texts, pairs, options = call
    try:
        found = tokenizer(texts, pairs, **options)
    except KeyboardInterrupt:
        raise
    except BaseException as problem:
        assert isinstance(problem, MinilxmertError) or not isinstance(tokenizer, minilxmert.LxmertTokenizer)
        return None
    rows = [(row.word_ids, row.sequence_ids) for row in found.encodings]
    ids = found.encodings[0].ids
    return dict(found.items()), rows, tokenizer.decode(ids), tokenizer.decode(ids, skip_special_tokens=True)


@pytest.mark.parametrize("count", [2_000, pytest.param(20_000, marks=pytest.mark.nightly)])
def test_every_option_on_odd_texts(count):
    transformers, rng = pytest.importorskip("transformers"), random.Random(count)
    pairs = [[tokenizers(library, options) for library in (transformers, minilxmert)] for options in MODES]
    answered = 0
    for _ in range(count):
        theirs, ours = rng.choice(pairs)
        theirs.truncation_side = ours.truncation_side = rng.choice(["left", "right"])
        call = draw(rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = answer(theirs, call)
            if expected is not None:
                assert answer(ours, call) == expected, call
                answered += 1
    assert answered > 0.8 * count
