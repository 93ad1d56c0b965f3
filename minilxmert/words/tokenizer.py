"""LxmertTokenizer: text to the numbers of WordPiece tokens, as BERT does it, and back.

text -> words/spelling.py: pieces -> words/rows.py: [CLS] A [SEP] B [SEP] -> words/encodings.py: what a call answers"""

import functools
import inspect
from pathlib import Path

from ..errors import VocabularyError
from ..files import make_folder
from .calling import FETCHING, Fit, as_pairs, check_here, refuse_unknown, truncation_of
from .encodings import encoding_of, pad_encodings
from .rows import Part, row_of
from .saved import options_of, read_saved, write_saved
from .special import NEEDED, AddedToken, SpecialTokens
from .spelling import Speller, join
from .text import split_words
from .vocabulary import Reading, tokens_of, write_vocabulary


class LxmertTokenizer(SpecialTokens, Reading):
    """BERT's uncased WordPiece tokenizer, with the arguments and results that users of transformers know.

    vocab or vocab_file: a file with one token a line (vocabulary.py), a list of the tokens, or {token: number}.
    model_max_length: where truncation=True cuts without a max_length. added_tokens_decoder: {number: AddedToken}.
    Every attribute may be set later and counts from then on. Raises VocabularyError, ConfigError."""

    model_input_names = ("input_ids", "token_type_ids", "attention_mask")
    is_fast = True

    def __init__(
        self, vocab=None, do_lower_case=True, unk_token="[UNK]", sep_token="[SEP]", pad_token="[PAD]",
        cls_token="[CLS]", mask_token="[MASK]", tokenize_chinese_chars=True, strip_accents=None, *, vocab_file=None,
        bos_token=None, eos_token=None, extra_special_tokens=(), added_tokens_decoder=None, model_max_length=512,
        padding_side="right", truncation_side="right", clean_up_tokenization_spaces=False, split_special_tokens=False,
        name_or_path="", **unknown,
    ):  # fmt: skip
        if unknown:
            refuse_unknown("LxmertTokenizer", unknown, inspect.signature(LxmertTokenizer).parameters)
        roles = {"pad": pad_token, "unk": unk_token, "cls": cls_token, "sep": sep_token, "mask": mask_token}
        roles |= {"bos": bos_token, "eos": eos_token}
        added = [AddedToken.of(token) for _, token in sorted((added_tokens_decoder or {}).items())]
        later = {token.content for token in added} | set(map(str, extra_special_tokens))
        needed = [str(roles[name]) for name in NEEDED if roles[name] is not None and str(roles[name]) not in later]
        self.tokens = tokens_of(vocab if vocab_file is None else vocab_file, needed)
        self.ids = {token: number for number, token in enumerate(self.tokens)}
        self.base_ids, self.added, self.special, self.extra = self.ids, {}, {}, []
        self.do_lower_case, self.strip_accents = do_lower_case, strip_accents
        self.tokenize_chinese_chars, self.split_special_tokens = tokenize_chinese_chars, split_special_tokens
        self.model_max_length, self.name_or_path = model_max_length, name_or_path
        self.padding_side, self.truncation_side = padding_side, truncation_side
        self.clean_up_tokenization_spaces = clean_up_tokenization_spaces
        self.add_tokens(added)
        given = {f"{name}_token": token for name, token in roles.items() if token is not None}
        known = {name: self.added.get(self.ids.get(str(token)), token) for name, token in given.items()}
        self.add_special_tokens({**known, "extra_special_tokens": list(extra_special_tokens)})

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        self.__dict__.pop("speller", None)  # made anew from what is set now

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "speller"}

    @functools.cached_property
    def speller(self):
        """What spells words as the attributes say now, with the words that it has met."""
        return Speller(self.base_ids, self.unk_token_id, self.cleaning, self.added)

    @property
    def cleaning(self):
        """(lower case, without accents, Chinese characters as words), as `split_words` takes them"""
        accents = self.do_lower_case if self.strip_accents is None else self.strip_accents
        return self.do_lower_case, accents, self.tokenize_chinese_chars

    # --- files

    @classmethod
    def from_pretrained(cls, path, *, subfolder="", **options):
        """A tokenizer from a folder as transformers 4 or 5 or `save_pretrained` wrote it, or from its vocab.txt or
        tokenizer.json. Options are those of the class, and count more than the files; those on downloads say nothing
        about files that are here. Raises VocabularyError where files are missing, damaged or differ."""
        place = Path(path, subfolder)
        check_here(path)
        if not place.exists():
            raise VocabularyError.at(place, None, "a folder or file", "nothing there")
        options = {name: value for name, value in options.items() if name not in (*FETCHING, "use_fast")}
        return cls(**{"name_or_path": str(path), **read_saved(place), **options})

    @classmethod
    def beside(cls, weights, vocab=None):
        """The tokenizer of a vocabulary, or of the one with the weights: in their directory, or beside their file."""
        weights = Path(weights)
        return cls.from_pretrained(vocab or (weights if weights.is_dir() else weights.parent))

    def save_vocabulary(self, directory, filename_prefix=None):
        """Write vocab.txt into a directory, without added tokens. -> (its path,)"""
        target = make_folder(directory) / f"{f'{filename_prefix}-' if filename_prefix else ''}vocab.txt"
        write_vocabulary(target, self.tokens[: self.vocab_size])
        return (str(target),)

    def save_pretrained(self, directory):
        """Write tokenizer_config.json, vocab.txt and tokenizer.json, which from_pretrained here and in transformers 4
        and 5 reads. -> their paths"""
        return write_saved(self, directory)

    # --- the vocabulary

    @property
    def vocab_size(self):
        """The number of tokens without added ones; `len` counts all."""
        return len(self.base_ids)

    def __len__(self):
        return len(self.tokens)

    def with_words(self, words):
        """A tokenizer with the same options, whose vocabulary has these words, too, at its end."""
        added = {"added_tokens_decoder": self.added_tokens_decoder, "name_or_path": self.name_or_path}
        return type(self)([*self.tokens, *words], **options_of(self), **added)

    def get_vocab(self):
        return dict(self.ids)

    vocab = property(get_vocab)

    def __repr__(self):
        return f"<LxmertTokenizer: {len(self):,} tokens, {'lower case' if self.do_lower_case else 'cased'}>"

    # --- from text to numbers

    def __call__(
        self, text=None, text_pair=None, *, add_special_tokens=True, padding=False, truncation=None, max_length=None,
        stride=0, is_split_into_words=False, pad_to_multiple_of=None, padding_side=None, return_tensors=None,
        return_token_type_ids=True, return_attention_mask=True, return_overflowing_tokens=False,
        return_special_tokens_mask=False, return_offsets_mapping=False, return_length=False, verbose=True,
        split_special_tokens=None, **unknown,
    ):  # fmt: skip
        """Encode a text, a pair, or a list of either -> BatchEncoding: lists, arrays with return_tensors="np".

        padding: False, True ("longest") or "max_length". truncation: False, True ("longest_first"), "only_first" or
        "only_second"; max_length alone truncates, with a warning. stride: how many tokens overflowing parts share.
        is_split_into_words: texts are lists of words. Raises ShapeError, VocabularyError, ConfigError."""
        if unknown:
            refuse_unknown("tokenizer", unknown, inspect.signature(self).parameters)
        pairs, many = as_pairs(text, text_pair, is_split_into_words)
        truncation = truncation_of(padding, truncation, max_length, verbose)
        fit = Fit.of(self, padding, truncation, max_length, stride, pad_to_multiple_of, padding_side)
        cls, sep = [self.cls_token_id], [self.sep_token_id]
        around = (Part(cls), Part(sep), Part(sep, 1)) if add_special_tokens else None
        split = self.split_special_tokens if split_special_tokens is None else split_special_tokens
        texts = ([self.spell(side, split, is_split_into_words) for side in pair] for pair in pairs)
        rows = [row_of(sides, fit, around, self.tokens) for sides in texts]
        length = fit.length(rows)
        if length:
            rows = [row.pad(length, fit.padding_side, self.pad_token_id) for row in rows]
        wanted = (
            return_token_type_ids is not False, return_attention_mask is not False, return_special_tokens_mask,
            return_offsets_mapping, return_length,
        )  # fmt: skip
        return encoding_of(rows, wanted, many, return_overflowing_tokens, return_tensors)

    encode_plus = batch_encode_plus = __call__  # as transformers 4 has them

    def spell(self, text, split_special=False, words=False):
        """The Spelled of a text, or of a list of words"""
        return (
            join([self.speller(word, split_special) for word in text]) if words else self.speller(text, split_special)
        )

    def encode(self, text, text_pair=None, add_special_tokens=True, **options):
        """The numbers alone."""
        return self(text, text_pair, add_special_tokens=add_special_tokens, **options)["input_ids"]

    def tokenize(self, text, pair=None, add_special_tokens=False, **options):
        """The tokens of a text (and another) as texts, none added."""
        return self(text, pair, add_special_tokens=add_special_tokens, **options).tokens()

    def pad(
        self, encoded_inputs, padding=True, max_length=None, pad_to_multiple_of=None, padding_side=None,
        return_attention_mask=True, return_tensors=None, verbose=True,
    ):  # fmt: skip
        """Fill up what calls gave, a mapping or a list of them, to one length. -> BatchEncoding"""
        fit = Fit.of(self, padding, False, max_length, 0, pad_to_multiple_of, padding_side)
        return pad_encodings(encoded_inputs, fit, self.pad_token_id, return_attention_mask is not False, return_tensors)

    def unknown_words(self, text):
        """The words of a text that the vocabulary cannot spell."""
        words = dict.fromkeys(split_words(text, *self.cleaning))
        return [word for word in words if self.speller.known_words[word][0] == self.unk_token_id]

    def num_special_tokens_to_add(self, pair=False):
        """How many tokens surround a text, or a pair: [CLS] A [SEP], or [CLS] A [SEP] B [SEP]"""
        return 3 if pair else 2

    @property
    def max_len_single_sentence(self):
        return self.model_max_length - self.num_special_tokens_to_add()

    @property
    def max_len_sentences_pair(self):
        return self.model_max_length - self.num_special_tokens_to_add(pair=True)

    def build_inputs_with_special_tokens(self, token_ids_0, token_ids_1=None):
        """[CLS] A [SEP], or [CLS] A [SEP] B [SEP]"""
        second = [] if token_ids_1 is None else [*token_ids_1, self.sep_token_id]
        return [self.cls_token_id, *token_ids_0, self.sep_token_id, *second]

    def get_special_tokens_mask(self, token_ids_0, token_ids_1=None, already_has_special_tokens=False):
        """1 where a token is special, 0 elsewhere"""
        if already_has_special_tokens:
            special = set(self.all_special_ids)
            return [int(number in special) for number in token_ids_0]
        second = [] if token_ids_1 is None else [0] * len(token_ids_1) + [1]
        return [1] + [0] * len(token_ids_0) + [1, *second]

    def create_token_type_ids_from_sequences(self, token_ids_0, token_ids_1=None):
        """0 for [CLS] A [SEP], 1 for B [SEP]"""
        return [0] * (len(token_ids_0) + 2) + ([] if token_ids_1 is None else [1] * (len(token_ids_1) + 1))


LxmertTokenizerFast = LxmertTokenizer  # one tokenizer; transformers 5 has one, too
