"""LxmertTokenizer: text to the numbers of WordPiece tokens, as BERT does it, and back.

text -> words/spelling.py: pieces -> words/rows.py: [CLS] A [SEP] B [SEP] -> words/encodings.py: what a call answers"""

import difflib
import functools
import warnings
from pathlib import Path

import numpy as np

from .errors import ConfigError, ShapeError, VocabularyError
from .text import split_words
from .vocabulary import checked_tokens, read_vocabulary, write_vocabulary
from .words.added import AddedToken
from .words.encodings import BatchEncoding
from .words.fitting import fit_of
from .words.padding import pad_encodings
from .words.rows import row_of
from .words.saved import read_saved, write_saved
from .words.special import NEEDED, SpecialTokens
from .words.spelling import Speller, joined

HUB_OPTIONS = (  # of from_pretrained; they say how to fetch what is here already
    "cache_dir", "force_download", "local_files_only", "proxies", "resume_download", "revision", "token", "use_fast",
    "trust_remote_code",
)  # fmt: skip


class LxmertTokenizer(SpecialTokens):
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
        refuse_unknown("LxmertTokenizer", unknown, LxmertTokenizer.__init__)
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
