"""What a call is given: texts in their forms, options in their spellings, how long a row may be; and the keywords of
from_pretrained, as users of transformers write them."""

import operator
import re
import warnings
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from ..errors import CheckpointError, ConfigError, ShapeError, VocabularyError, nearest

LISTS = list | tuple | np.ndarray
PADDING = ("longest", "max_length", "do_not_pad")
TRUNCATION = ("longest_first", "only_first", "only_second", "do_not_truncate")
SIDES = ("right", "left")
LONGEST_ROW = 1 << 20  # tokens; a larger limit counts as no limit


def as_pairs(text, text_pair, split):
    """([(text,) or (text, its pair)], whether a list was given); split: texts are lists of words.

    Raises ShapeError, VocabularyError."""
    batch = isinstance(text, LISTS) and (not split or (len(text) > 0 and isinstance(text[0], LISTS)))
    if not batch:
        if isinstance(text_pair, LISTS) and not split:
            raise ShapeError(f"tokenizer: one text, but a list of {len(text_pair)} pairs")
        pairs = [(text,) if text_pair is None else (text, text_pair)]
    elif text_pair is None:
        pairs = [tuple(item) if is_pair(item, split) else (item,) for item in text]
    elif isinstance(text_pair, str) or len(text_pair) != len(text):
        found = "one text" if isinstance(text_pair, str) else f"{len(text_pair)} pairs"
        raise ShapeError(f"tokenizer: {len(text)} texts, but {found}")
    else:
        pairs = list(zip(text, text_pair, strict=True))
    for side in chain.from_iterable(pairs):
        if not isinstance(side, LISTS if split else str):
            expected = "a list of words" if split else "a text (a list of words needs is_split_into_words=True)"
            raise VocabularyError(f"tokenizer: expected {expected}, found {type(side).__name__}")
    return pairs, batch


def is_pair(item, split):
    return isinstance(item, LISTS) and len(item) == 2 and (not split or isinstance(item[0], LISTS))


@dataclass(frozen=True)
class Fit:
    """What a call asks for, checked. limit: tokens a row; stride: tokens that overflowing parts share;
    multiple: rows are filled up to a multiple of it; the sides are where tokens are added and taken away."""

    padding: str
    truncation: str
    limit: int
    stride: int
    multiple: int
    padding_side: str
    truncation_side: str

    def length(self, rows):
        """The length that rows are filled up to; 0 if they stay as they are."""
        if self.padding == "do_not_pad":
            return 0
        longest = self.limit if self.padding == "max_length" else max(map(len, rows), default=0)
        return -(-longest // self.multiple) * self.multiple

    def windows(self, counts, added):
        """For sides of a row with so many tokens each, and `added` special tokens: the parts of each side that fit.

        -> [[(start, end), …] a side]: what stays, then what flows over. Raises ShapeError."""
        kept = cut_counts(counts, self.limit - added, self.truncation)
        return [self.parts(count, size) for count, size in zip(counts, kept, strict=True)]

    def parts(self, count, size):
        """`count` tokens as overlapping parts of at most `size`, from the side that is kept."""
        if size >= count:
            return [(0, count)]
        if size == 0:
            return [(0, 0), (0, count)]
        if self.stride >= size:
            raise ShapeError(f"tokenizer: stride={self.stride} leaves no step; expected less than {size} tokens a part")
        parts = [(0, size)]
        while parts[-1][1] < count:
            start = parts[-1][0] + size - self.stride
            parts.append((start, min(start + size, count)))
        return parts if self.truncation_side == "right" else [(count - end, count - start) for start, end in parts]

    @classmethod
    def of(cls, tokenizer, padding, truncation=False, max_length=None, stride=0, multiple=None, padding_side=None):
        """What the options of a call and the attributes of a tokenizer say. Raises ShapeError."""
        padding, truncation = strategy("padding", padding, PADDING), strategy("truncation", truncation, TRUNCATION)
        limit = tokenizer.model_max_length if max_length is None else whole_number("max_length", max_length)
        if limit > LONGEST_ROW:  # files say 10³⁰ for "not known"
            padding, truncation = "do_not_pad" if padding == "max_length" else padding, "do_not_truncate"
        multiple = 1 if multiple is None else whole_number("pad_to_multiple_of", multiple, 1)
        if padding != "do_not_pad" and truncation != "do_not_truncate" and limit % multiple:
            raise ShapeError(f"tokenizer: max_length={limit} is not a multiple of pad_to_multiple_of={multiple}")
        if padding != "do_not_pad" and tokenizer.pad_token is None:
            raise ShapeError("tokenizer: padding needs a pad_token, for example tokenizer.pad_token = '[PAD]'")
        pads = choice("padding_side", padding_side or tokenizer.padding_side, SIDES)
        cuts = choice("truncation_side", tokenizer.truncation_side, SIDES)
        return cls(padding, truncation, limit, whole_number("stride", stride), multiple, pads, cuts)


def cut_counts(counts, limit, how):
    """How many tokens of each side remain so that they fit into `limit`; the longer side gives way first."""
    limit = max(limit, 0)
    excess = sum(counts) - limit
    if excess <= 0:
        return counts
    if limit and how in ("only_first", "only_second"):
        side = 0 if how == "only_first" else 1
        if side >= len(counts) or counts[side] <= excess:
            raise ShapeError(f"tokenizer: {how} cannot take away {excess} tokens; use truncation='longest_first'")
        return [count - excess * (side == i) for i, count in enumerate(counts)]
    if len(counts) == 1:
        return [limit]
    short, long = sorted(counts)
    long = long if short > limit else max(short, limit - short)
    if short + long > limit:
        short, long = limit // 2, limit // 2 + limit % 2
    return [short, long] if counts[0] <= counts[1] else [long, short]


# --- options


def truncation_of(padding, truncation, max_length, verbose):
    """What `truncation` means where it was not said: a max_length alone truncates. Warns as long as `verbose`."""
    alone = truncation is None and max_length is not None and padding is False
    off = truncation is None or truncation is False or truncation == "do_not_truncate"
    note = "max_length alone truncates; say truncation=True to mean it, or truncation=False" if alone else None
    if padding is True and max_length is not None and off:
        note = "max_length does nothing with padding=True alone; say truncation=True, or padding='max_length'"
    if note and verbose:
        warnings.warn(f"tokenizer: {note}", stacklevel=3)
    return alone or (False if truncation is None else truncation)


def strategy(option, value, names):
    """One of the names; True is the first of them, False the last."""
    return names[0 if value else -1] if isinstance(value, bool) else choice(option, value, names)


def choice(option, value, names):
    """One of the names (an Enum of them, too). Raises ShapeError."""
    if isinstance(value, str) and value in names:
        return names[names.index(value)]
    raise ShapeError(f"tokenizer: {option} is {', '.join(map(repr, names))}, not {value!r}")


def whole_number(option, value, least=0):
    """A whole number, NumPy's too. Raises ShapeError."""
    try:
        number = operator.index(value)
    except TypeError:
        raise ShapeError(f"tokenizer: {option} is a whole number, not {value!r}") from None
    if number < least:
        raise ShapeError(f"tokenizer: {option} is at least {least}, not {number}")
    return number


def refuse_unknown(where, names, known):
    """Raises ConfigError for the first of some options that is not known, with the known one that is most like it."""
    for name in names:
        near = nearest(name, known)
        expected = f"an option such as {near}" if near else f"an option that {where} has"
        raise ConfigError.at(where, name, expected, "this one")


# --- the keywords of from_pretrained

WEIGHTS = (".h5", ".bin", ".safetensors", ".pth", ".json", ".txt")  # the ends of files' names
FETCHING = (  # how files would be fetched, moved or mapped: they are here already, and always read carefully
    "cache_dir", "force_download", "local_files_only", "low_cpu_mem_usage", "proxies", "resume_download", "revision",
    "token", "use_auth_token", "use_safetensors", "weights_only",
)  # fmt: skip
PLAIN = {  # {keyword: (values that change nothing here, what to use instead of others)}
    "attn_implementation": ((None, "eager"), "nothing: attention is computed in one way"),
    "device_map": ((None, "cpu", "auto"), 'nothing, or "cpu": there is no other device'),
    "from_flax": ((None, False), "a file of torch, safetensors, TensorFlow or HDF5"),
    "from_tf": ((None, False, True), ""),
    "ignore_mismatched_sizes": ((None, False), "resize_num_qa_labels(n) or move_answers(texts) after loading"),
    "quantization_config": ((None,), 'dtype="bfloat16"'),
    "load_in_8bit": ((None, False), 'dtype="bfloat16"'),
    "load_in_4bit": ((None, False), 'dtype="bfloat16"'),
    "subfolder": ((None, ""), "the path of the folder itself"),
    "trust_remote_code": ((None, False), "nothing: what comes with weights is never run"),
    "variant": ((None,), "the path of the file itself"),
}


def check_keywords(keywords, known):
    """Pass over keywords of from_pretrained that change nothing here. Raises ConfigError for others, in words."""
    refuse_unknown("from_pretrained", keywords.keys() - {*PLAIN, *FETCHING}, (*known, *PLAIN, *FETCHING))
    for name in keywords.keys() & PLAIN.keys():
        plain, instead = PLAIN[name]
        if not any(keywords[name] is same or keywords[name] == same for same in plain):
            raise ConfigError.at("from_pretrained", name, instead, repr(keywords[name]))


def check_here(path):
    """Raises CheckpointError for the name of a published model, such as unc-nlp/lxmert-base-uncased, without files."""
    if not Path(path).exists() and re.fullmatch(r"[\w.-]+/[\w.-]+", str(path)) and Path(path).suffix not in WEIGHTS:
        name = str(path).rpartition("/")[2]
        advice = f"`minilxmert download {path}` brings it; then load the folder {name}"
        raise CheckpointError(f"{path}: expected a folder or file, found none; {advice}")
