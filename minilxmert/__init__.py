"""minilxmert: LXMERT (Tan & Bansal, EMNLP 2019) in plain arrays.

Importing it reads nothing more: a name is taken from its file when it is first used."""

import importlib

__version__ = "0.1.0"

NAMES = {
    "config": ("LxmertConfig",),
    "detector.frcnn": ("FasterRcnn",),
    "errors": (
        "CheckpointError",
        "ConfigError",
        "DownloadError",
        "FeatureFileError",
        "MinilxmertError",
        "PictureError",
        "ShapeError",
        "TaskFileError",
        "VocabularyError",
    ),
    "kernels": ("backend", "current_backend", "get_num_threads", "set_num_threads"),
    "model": ("LxmertForPreTraining", "LxmertForQuestionAnswering", "LxmertForVisualReasoning", "LxmertModel", "load"),
    "tokenizer": ("LxmertTokenizer", "LxmertTokenizerFast"),
    "vision.reading": ("read_picture",),
    "words.added": ("AddedToken",),
    "words.encodings": ("BatchEncoding",),
}
__all__ = [name for names in NAMES.values() for name in names]


def __getattr__(name):
    """A name of __all__, or a file or room of this package."""
    for file, names in NAMES.items():
        if name in names:
            globals()[name] = found = getattr(importlib.import_module(f".{file}", __name__), name)
            return found
    try:
        return importlib.import_module(f".{name}", __name__)
    except ModuleNotFoundError as missing:
        if missing.name == f"{__name__}.{name}":
            raise AttributeError(f"minilxmert has no {name}") from None
        raise


def __dir__():
    return sorted({*globals(), *__all__})
