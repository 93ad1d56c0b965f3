"""Filling up rows that are numbers already: what a data loader does with several encodings."""

from collections.abc import Mapping

import numpy as np

from ..errors import ShapeError
from .encodings import BatchEncoding


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
            values = [filled(row, [filling] * n, fit.padding_side) for row, n in zip(values, missing, strict=True)]
            columns[name] = values[0] if single else values
    return BatchEncoding(columns, tensor_type=return_tensors)


def filled(row, filling, side):
    return row + filling if side == "right" else filling + row


def as_lists(values):
    """Arrays, and lists or tuples of arrays, as lists"""
    if isinstance(values, np.ndarray):
        return values.tolist()
    return [as_lists(value) if isinstance(value, np.ndarray | list | tuple) else value for value in values]
