"""Saving: the files of a checkpoint take the place of those in a folder, all together or not at all."""

import json
from pathlib import Path

from ..errors import ConfigError
from ..files import write_file
from ..files.reading import refuse_other
from ..files.together import gone, together
from ..words.saved import tokens_beside
from ..words.vocabulary import FILES as VOCABULARY
from .own_h5 import write_own
from .safetensors import ABOUT, write_safetensors
from .weights import replaced_by

FORMATS = {"h5": "model.h5", "safetensors": "model.safetensors"}


def target_of(directory, format):
    """The path of the weights of a format. Raises ConfigError."""
    if format not in FORMATS:
        raise ConfigError.at("save_pretrained", "format", f"one of {', '.join(FORMATS)}", format)
    return Path(directory) / FORMATS[format]


def write_checkpoint(directory, format, arrays, config, made, about, tokenizer=None, replace=False):
    """Write the weights {published name: array}, config.json, answers.json and, of a tokenizer, the vocabulary.

    made: what config.json says beside the config. about: {"answers", "tokens", "provenance"}, which are inside the
    weights, too. What of other weights, vocabularies and lists lies there is removed, or is an error: see replaced_by
    and `replace`. -> the path of the weights. Raises CheckpointError, VocabularyError, ConfigError."""
    target = target_of(directory, format)
    stale = replaced_by(target, replace) + ([] if about["answers"] else ["answers.json"])
    if tokenizer or other_words(target.parent, about["tokens"], replace):
        stale += VOCABULARY
    with together(directory) as folder:
        write_weights(folder / target.name, format, arrays, {**config.bare().to_dict(), **made}, about)
        values = {name: value for name, value in config.to_dict().items() if name != "torch_dtype"}  # an older dtype
        write_file(folder / "config.json", json.dumps({**values, **made}, indent=2, sort_keys=True) + "\n")
        if about["answers"]:
            write_file(folder / "answers.json", json.dumps(about["answers"], ensure_ascii=False, indent=0) + "\n")
        if tokenizer:
            tokenizer.save_pretrained(folder)
        for name in stale:
            if not (folder / name).exists():
                gone(folder, name)
    return target


def write_weights(path, format, arrays, config, about):
    """A weight file alone."""
    if format == "h5":
        write_own(path, arrays, config, **about)
    else:
        write_safetensors(path, arrays, {"format": "pt", ABOUT: json.dumps(about)})


def other_words(folder, tokens, replace):
    """Whether a folder holds a vocabulary that is none of these tokens'. VocabularyError unless `replace` is true."""
    beside = tokens and tokens_beside(folder)
    if not beside or beside[: len(tokens)] == tokens:
        return False
    if not replace:
        refuse_other("token", beside[: len(tokens)], tokens, folder, "the model (tokenizer=…)")
    return True
