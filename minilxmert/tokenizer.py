"""LxmertTokenizer: text to the numbers of WordPiece tokens, as BERT does it.

    "Unaffable, eh?" -> clean up and lower -> split into words -> split words into known pieces -> numbers
                        unaffable, eh?        unaffable | , | eh | ?     una ##ffa ##ble | , | eh | ?
Source: Wu et al. 2016 (WordPiece), Devlin et al. 2019 (BERT)."""

import json
from pathlib import Path

import numpy as np
import regex

from .errors import ShapeError, VocabularyError
from .files import read_small, strict_json, write_file
from .text import pattern, split_words, words_with_places
from .together import settle
from .vocabulary import checked_tokens, read_vocabulary, write_vocabulary

LONGEST_WORD = 100  # characters; a longer word is [UNK]
CACHED_WORDS = 100_000


class LxmertTokenizer:
    """BERT's uncased WordPiece tokenizer, with the arguments and results that users of transformers know.

    vocab_file: one token a line (vocabulary.py), or a list of the tokens. model_max_length: where truncation=True cuts
    without a max_length. Raises VocabularyError."""

    def __init__(
        self, vocab_file, do_lower_case=True, unk_token="[UNK]", sep_token="[SEP]", pad_token="[PAD]",
        cls_token="[CLS]", mask_token="[MASK]", tokenize_chinese_chars=True, strip_accents=None, model_max_length=512,
    ):  # fmt: skip
        self.special = {"pad": pad_token, "unk": unk_token, "cls": cls_token, "sep": sep_token, "mask": mask_token}
        read = checked_tokens if isinstance(vocab_file, list) else read_vocabulary
        self.tokens = read(vocab_file, special_tokens=tuple(self.special.values()))
        self.ids = {token: number for number, token in enumerate(self.tokens)}
        self.do_lower_case, self.model_max_length = do_lower_case, model_max_length
        self.tokenize_chinese_chars, self.strip_accents = tokenize_chinese_chars, strip_accents
        accents = do_lower_case if strip_accents is None else strip_accents
        self.cleaning = (do_lower_case, accents, tokenize_chinese_chars)
        self.find_special = pattern("|".join(map(regex.escape, self.special.values()))).finditer
        self.known_words = {}  # {word: ((number, first character, end), …)}
        for role, token in self.special.items():
            setattr(self, f"{role}_token", token)
            setattr(self, f"{role}_token_id", self.ids[token])

    @classmethod
    def from_pretrained(cls, path, **options):
        """A tokenizer from a vocab.txt, or a directory with one (and with tokenizer_config.json, if there is one)."""
        path = Path(path)
        if not path.is_dir():
            return cls(path, **options)
        settle(path)
        config = path / "tokenizer_config.json"
        kept = {}
        if config.exists():
            values = strict_json(read_small(config, VocabularyError), config, VocabularyError)
            kept = read_options(values, config)
        return cls(path / "vocab.txt", **{**kept, **options})

    @classmethod
    def beside(cls, weights, vocab=None):
        """The tokenizer of a vocabulary, or of the one with the weights: in their directory, or beside their file."""
        weights = Path(weights)
        return cls.from_pretrained(vocab or (weights if weights.is_dir() else weights.parent))

    def save_vocabulary(self, directory, filename_prefix=None):
        """Write vocab.txt into a directory. -> (its path,)"""
        Path(directory).mkdir(parents=True, exist_ok=True)
        target = Path(directory) / f"{f'{filename_prefix}-' if filename_prefix else ''}vocab.txt"
        write_vocabulary(target, self.tokens)
        return (str(target),)

    def save_pretrained(self, directory):
        """Write vocab.txt and tokenizer_config.json, which from_pretrained here and in transformers reads."""
        paths = self.save_vocabulary(directory)
        options = {"tokenizer_class": "LxmertTokenizer", **{name: getattr(self, name) for name in OPTIONS}}
        write_file(Path(directory) / "tokenizer_config.json", json.dumps(options, indent=2, sort_keys=True) + "\n")
        return (*paths, str(Path(directory) / "tokenizer_config.json"))

    @property
    def vocab_size(self):
        return len(self.tokens)

    def __len__(self):
        return len(self.tokens)

    def get_vocab(self):
        return dict(self.ids)

    @property
    def all_special_tokens(self):
        return list(self.special.values())

    @property
    def all_special_ids(self):
        return [self.ids[token] for token in self.special.values()]

    def __repr__(self):
        return f"<LxmertTokenizer: {len(self):,} tokens, {'lower case' if self.do_lower_case else 'cased'}>"

    # --- from text to numbers

    def pieces(self, word):
        """A word's tokens: ((number, first character, end), …); the longest known beginning, again and again."""
        found = self.known_words.get(word)
        if found is None:
            if len(self.known_words) >= CACHED_WORDS:
                self.known_words.clear()
            found = self.known_words[word] = tuple(self.longest_matches(word))
        return found

    def longest_matches(self, word):
        """[(number, first character, end)] of a word, or [UNK] for the whole of it if it cannot be spelled."""
        unknown = [(self.unk_token_id, 0, len(word))]
        if len(word) > LONGEST_WORD:
            return unknown
        found, start = [], 0
        while start < len(word):
            mark = "##" if start else ""
            for end in range(len(word), start, -1):
                number = self.ids.get(mark + word[start:end])
                if number is not None:
                    break
            else:
                return unknown
            found.append((number, start, end))
            start = end
        return found

    def encode_text(self, text):
        """(numbers, [(first character, end)]) of one text, special tokens inside it recognised, none added."""
        if not isinstance(text, str):
            raise VocabularyError(f"tokenizer: expected a text, found {type(text).__name__}")
        numbers, places, done = [], [], 0
        for match in self.find_special(text):
            self.encode_plain(text[done : match.start()], done, numbers, places)
            numbers.append(self.ids[match[0]])
            places.append(match.span())
            done = match.end()
        self.encode_plain(text[done:] if done else text, done, numbers, places)
        return numbers, places

    def encode_plain(self, text, shift, numbers, places):
        """Append the tokens of a text without special tokens; `shift` is where it begins in the whole text."""
        for word, first, where in words_with_places(text, *self.cleaning):
            for number, start, end in self.pieces(word):
                numbers.append(number)
                if where is None:
                    places.append((shift + first + start, shift + first + end))
                else:
                    places.append((shift + where[start], shift + where[end - 1] + 1))

    def __call__(
        self, text, text_pair=None, add_special_tokens=True, padding=False, truncation=False, max_length=None,
        return_tensors=None, return_token_type_ids=True, return_attention_mask=True, return_special_tokens_mask=False,
        return_offsets_mapping=False,
    ):  # fmt: skip
        """Encode a text, a pair of texts, or a list of either.

        padding: False, True or "longest", "max_length". truncation: False, True or "longest_first", "only_first",
        "only_second". -> a dict of lists, a list of them for a list of texts, arrays with return_tensors="np"."""
        pairs, many = as_pairs(text, text_pair)
        limit = max_length or self.model_max_length
        rows = [self.encode_pair(*pair, add_special_tokens, truncation, limit) for pair in pairs]
        if padding:
            length = limit if padding == "max_length" else max((len(row["input_ids"]) for row in rows), default=0)
            for row in rows:
                self.pad(row, length)
        wanted = {
            "input_ids": True, "token_type_ids": return_token_type_ids, "attention_mask": return_attention_mask,
            "special_tokens_mask": return_special_tokens_mask, "offset_mapping": return_offsets_mapping,
        }  # fmt: skip
        result = {name: [row[name] for row in rows] for name, on in wanted.items() if on}
        if return_tensors is not None:
            return as_arrays(result, return_tensors)
        return result if many else {name: values[0] for name, values in result.items()}

    def encode_pair(self, first, second, add_special_tokens, truncation, limit):
        """One row: {"input_ids", "token_type_ids", "attention_mask", "special_tokens_mask", "offset_mapping"}"""
        sides = [self.encode_text(first)] + ([self.encode_text(second)] if second else [])
        added = (len(sides) + 1) * add_special_tokens
        if truncation:
            counts = truncated([len(numbers) for numbers, _ in sides], limit - added, truncation)
            sides = [(numbers[:n], places[:n]) for (numbers, places), n in zip(sides, counts, strict=True)]
        numbers, places, types, special = [], [], [], []
        for side, (side_numbers, side_places) in enumerate(sides):
            before = [self.cls_token_id] if add_special_tokens and not side else []
            after = [self.sep_token_id] if add_special_tokens else []
            numbers += before + side_numbers + after
            places += [(0, 0)] * len(before) + side_places + [(0, 0)] * len(after)
            special += [1] * len(before) + [0] * len(side_numbers) + [1] * len(after)
            types += [side] * (len(numbers) - len(types))
        return {
            "input_ids": numbers, "token_type_ids": types, "attention_mask": [1] * len(numbers),
            "special_tokens_mask": special, "offset_mapping": places,
        }  # fmt: skip

    def pad(self, row, length):
        """Fill a row up to a length with [PAD], hidden by the attention mask."""
        missing = length - len(row["input_ids"])
        fill = {"input_ids": self.pad_token_id, "special_tokens_mask": 1, "offset_mapping": (0, 0)}
        for name, values in row.items():
            values.extend([fill.get(name, 0)] * missing)

    def tokenize(self, text):
        """The tokens of a text as texts, none added."""
        return self.convert_ids_to_tokens(self.encode_text(text)[0])

    def encode(self, text, text_pair=None, add_special_tokens=True, **options):
        """The numbers alone."""
        return self(text, text_pair, add_special_tokens, **options)["input_ids"]

    def unknown_words(self, text):
        """The words of a text that the vocabulary cannot spell."""
        words = dict.fromkeys(split_words(text, *self.cleaning))
        return [word for word in words if self.pieces(word)[0][0] == self.unk_token_id]

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

    # --- and back

    def convert_tokens_to_ids(self, tokens):
        """Numbers of tokens (a text or a list); unknown ones are [UNK]."""
        if isinstance(tokens, str):
            return self.ids.get(tokens, self.unk_token_id)
        return [self.ids.get(token, self.unk_token_id) for token in tokens]

    def convert_ids_to_tokens(self, ids, skip_special_tokens=False):
        """Tokens of numbers (one or a list). Raises VocabularyError for a number out of range."""
        if np.ndim(ids) == 0:
            return self.token(ids)
        skipped = set(self.all_special_ids) if skip_special_tokens else ()
        return [self.token(number) for number in ids if int(number) not in skipped]

    def token(self, number):
        if not 0 <= int(number) < len(self.tokens):
            raise VocabularyError(f"tokenizer: token {int(number)} is out of range, there are {len(self)}")
        return self.tokens[int(number)]

    def decode(self, token_ids, skip_special_tokens=False, clean_up_tokenization_spaces=False):
        """Text of numbers: pieces joined, no space before . ? ! ,

        clean_up_tokenization_spaces: also none around an apostrophe, as in don't."""
        tokens = self.convert_ids_to_tokens(np.atleast_1d(token_ids).tolist(), skip_special_tokens)
        glued = [t.removeprefix("##") if t.startswith("##") else t if t in ".?!," else f" {t}" for t in tokens[1:]]
        text = "".join(tokens[:1] + glued)
        return (
            regex.sub(r" ' | (?='(?:m|s|ve|re)\b|n't\b)", join_apostrophe, text)
            if clean_up_tokenization_spaces
            else text
        )

    def batch_decode(self, sequences, **options):
        """decode for each of several rows"""
        return [self.decode(row, **options) for row in sequences]


def join_apostrophe(match):
    return match[0].strip()


OPTIONS = {"do_lower_case": bool, "tokenize_chinese_chars": bool, "strip_accents": (bool, type(None))}
OPTIONS |= {"model_max_length": int, **{f"{role}_token": str for role in ("unk", "sep", "pad", "cls", "mask")}}


def read_options(values, file):
    """The options of a tokenizer_config.json that this tokenizer has; others are ignored. Raises VocabularyError."""
    if not isinstance(values, dict):
        raise VocabularyError.at(file, None, "a JSON object", type(values).__name__)
    kept = {name: values[name] for name in OPTIONS if name in values}
    for name, value in kept.items():
        if isinstance(value, dict) and isinstance(value.get("content"), str):  # how older files write a special token
            kept[name] = value = value["content"]
        if not isinstance(value, OPTIONS[name]):
            raise VocabularyError.at(file, name, f"a {OPTIONS[name]}", type(value).__name__)
    if not 2 <= kept.get("model_max_length", 512) <= 1 << 20:
        del kept["model_max_length"]  # transformers writes 10³⁰ for "not known"
    return kept


def as_pairs(text, text_pair):
    """([(text, its pair or None)], whether a list was given)"""
    if isinstance(text, str) or not isinstance(text, list | tuple | np.ndarray):
        return [(text, text_pair)], False
    if text_pair is not None and len(text_pair) != len(text):
        raise ShapeError(f"tokenizer: {len(text)} texts, but {len(text_pair)} pairs")
    if text_pair is not None:
        return list(zip(text, text_pair, strict=True)), True
    return [tuple(item) if isinstance(item, list | tuple) and len(item) == 2 else (item, None) for item in text], True


def truncated(counts, limit, how):
    """How many tokens of each side remain so that they fit into `limit`; the longer side gives way first."""
    limit = max(limit, 0)
    excess = sum(counts) - limit
    if excess <= 0:
        return counts
    if how in ("only_first", "only_second"):
        side = 0 if how == "only_first" else 1
        if side >= len(counts) or counts[side] < excess:
            raise ShapeError(f"tokenizer: {how} cannot take away {excess} tokens; use truncation='longest_first'")
        return [count - excess * (side == i) for i, count in enumerate(counts)]
    if len(counts) == 1:
        return [limit]
    short, long = sorted(counts)
    long = long if short > limit else max(short, limit - short)
    if short + long > limit:
        short, long = limit // 2, limit // 2 + limit % 2
    return [short, long] if counts[0] <= counts[1] else [long, short]


def as_arrays(result, kind):
    """{name: rows} as NumPy arrays (B, N)."""
    if kind != "np":
        raise ShapeError(f"tokenizer: return_tensors is 'np' or None, not {kind!r}")
    lengths = {len(row) for row in result["input_ids"]}
    if len(lengths) > 1:
        raise ShapeError("tokenizer: the rows have different lengths; use padding=True")
    return {name: np.array(rows, np.int64) for name, rows in result.items()}
