"""BatchEncoding: what the tokenizer answers, a mapping from names to rows of numbers; and filling up such rows."""

from collections import UserDict, namedtuple
from collections.abc import Mapping

import numpy as np

from ..errors import ShapeError

CharSpan = namedtuple("CharSpan", "start end")  # characters of a text, from start to before end
TokenSpan = namedtuple("TokenSpan", "start end")  # tokens of a row


def at_row(name, span=None):
    """A method that asks a TokenRow: f(index) the first, f(row, index) any. span: the class of the answer."""

    def method(self, batch_index, index=None, sequence_index=None):
        row, index = (0, batch_index) if index is None else (batch_index, index)
        found = getattr(self.row(row), name)(*(v for v in (index, sequence_index) if v is not None))
        return span(*found) if span and found is not None else found

    method.__name__, method.__doc__ = name, f"{name}(index) in the first row, or (row, index{', sequence_index'})"
    return method


class BatchEncoding(UserDict):
    """A mapping: input_ids, token_type_ids, attention_mask, … lists of a text, or of every text of a list.

    Names are keys and attributes, as users of transformers know it; a number is a TokenRow, a slice several (of what
    `pad` answers: a dict of slices). encodings: the TokenRows. tensor_type: "np" for arrays.
    Raises KeyError, AttributeError, ShapeError."""

    def __init__(self, data=None, encodings=None, tensor_type=None):
        super().__init__(data)
        self.encodings = encodings
        self.convert_to_tensors(tensor_type)

    def __getitem__(self, key):
        if isinstance(key, str):
            return self.data[key]
        if self.encodings is not None:
            return self.encodings[key]
        if isinstance(key, slice):
            return {name: values[key] for name, values in self.data.items()}
        raise KeyError(f"{key!r}: expected one of {', '.join(self.data)}, or a slice")

    def __getattr__(self, name):
        try:
            return self.__dict__["data"][name]
        except KeyError:
            known = ", ".join(self.__dict__.get("data", ()))
            raise AttributeError(f"no {name} in this encoding; it has {known}") from None

    @property
    def is_fast(self):
        return self.encodings is not None

    @property
    def n_sequences(self):
        return self.encodings[0].n_sequences if self.encodings else None

    def row(self, number):
        if self.encodings is None:
            raise ShapeError("tokenizer: what `pad` answers knows no texts; ask the encoding that the tokenizer gave")
        return self.encodings[number]

    def tokens(self, batch_index=0):
        """The tokens of a row as texts"""
        return self.row(batch_index).tokens

    def word_ids(self, batch_index=0):
        """The number of each token's word, None for what is added"""
        return self.row(batch_index).word_ids

    def sequence_ids(self, batch_index=0):
        """0 or 1: the text that each token is from, None for what is added"""
        return self.row(batch_index).sequence_ids

    token_to_sequence = at_row("token_to_sequence")
    token_to_word = at_row("token_to_word")
    token_to_chars = at_row("token_to_chars", CharSpan)
    word_to_tokens = at_row("word_to_tokens", TokenSpan)
    word_to_chars = at_row("word_to_chars", CharSpan)
    char_to_token = at_row("char_to_token")
    char_to_word = at_row("char_to_word")

    def convert_to_tensors(self, tensor_type=None, prepend_batch_axis=False):
        """Make arrays of the lists, in place. tensor_type: "np" or None. -> itself"""
        if tensor_type is None:
            return self
        if tensor_type != "np":
            raise ShapeError(f"tokenizer: return_tensors is 'np' or None, not {tensor_type!r}; models here take arrays")
        for name, values in self.data.items():
            values = [values] if prepend_batch_axis else values
            if len({len(row) for row in values if isinstance(row, list)}) > 1:
                raise ShapeError(f"tokenizer: the rows of {name} have different lengths; use padding=True")
            array = np.asarray(values)
            self.data[name] = array.astype(np.int64, copy=False) if array.dtype.kind == "i" or not array.size else array
        return self

    def to(self, device="cpu", **_):
        """Itself: models here compute on the processor. Raises ShapeError for another device."""
        if str(device) != "cpu":
            raise ShapeError(f"tokenizer: arrays stay on 'cpu', not {str(device)!r}")
        return self


FIELDS = {  # of an answer, in its order: the attribute of a TokenRow
    "input_ids": "ids", "token_type_ids": "type_ids", "attention_mask": "attention_mask",
    "special_tokens_mask": "special_tokens_mask", "offset_mapping": "offsets",
}  # fmt: skip


def encoding_of(rows, wanted, many, overflowing, tensor_type):
    """The BatchEncoding of TokenRows. many: whether there was a list of texts; overflowing: whether what did not fit
    comes along as further rows; wanted: for every field after input_ids, and for "length", whether it is asked for."""
    if overflowing:
        origin = [number for number, row in enumerate(rows) for _ in (row, *row.overflowing)]
        rows = [part for row in rows for part in (row, *row.overflowing)]
    fields = [field for field, on in zip(FIELDS.items(), (True, *wanted), strict=False) if on]
    result = {name: [getattr(row, attribute) for row in rows] for name, attribute in fields}
    if not many and not overflowing and tensor_type is None:
        result = {name: values[0] for name, values in result.items()}
    if wanted[-1]:
        result["length"] = [len(row) for row in rows]
    if overflowing:
        result["overflow_to_sample_mapping"] = origin
    return BatchEncoding(result, rows, tensor_type)


def pad_encodings(encoded, fit, pad, return_attention_mask=True, return_tensors=None):
    """A mapping of rows (or of one), or a list of mappings, filled up to one length. -> BatchEncoding of lists,
    of arrays if arrays came; keys that say nothing about tokens stay as they are. Raises ShapeError."""
    if not isinstance(encoded, Mapping):
        encoded = {name: [row[name] for row in encoded] for name in (encoded[0] if encoded else ())}
    if "input_ids" not in encoded:
        raise ShapeError(f"tokenizer: pad expects input_ids, found {', '.join(encoded) or 'nothing'}")
    if any(isinstance(values, np.ndarray) for values in (encoded["input_ids"], *encoded["input_ids"][:1])):
        return_tensors = return_tensors or "np"
    columns = {name: as_lists(values) for name, values in encoded.items()}
    ids = columns["input_ids"]
    single = not ids or not isinstance(ids[0], list)
    if return_attention_mask and "attention_mask" not in columns:
        columns["attention_mask"] = [1] * len(ids) if single else [[1] * len(row) for row in ids]
    rows = [ids] if single else ids
    length = fit.length(rows)
    missing = [max(length - len(row), 0) for row in rows]
    for name, filling in {"input_ids": pad, "attention_mask": 0, "token_type_ids": 0, "special_tokens_mask": 1}.items():
        if name in columns:
            values = [columns[name]] if single else columns[name]
            added = ([filling] * n for n in missing)
            pairs = zip(values, added, strict=True) if fit.padding_side == "right" else zip(added, values, strict=True)
            values = [first + second for first, second in pairs]
            columns[name] = values[0] if single else values
    return BatchEncoding(columns, tensor_type=return_tensors)


def as_lists(values):
    """Arrays, and lists or tuples of arrays, as lists"""
    if isinstance(values, np.ndarray):
        return values.tolist()
    return [as_lists(value) if isinstance(value, np.ndarray | list | tuple) else value for value in values]
