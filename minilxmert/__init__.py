"""minilxmert: LXMERT (Tan & Bansal, EMNLP 2019) in plain arrays.

Importing it reads nothing more: a name is taken from its file when it is first used."""

import os
import sys


def end_if_interrupted(kind):
    """End the program, if what nobody caught is Ctrl-C."""
    if kind is KeyboardInterrupt:
        os.write(2, b"interrupted\n")
        os._exit(130)


def unraisable(fault):
    """The same of what was raised where Python cannot pass it on: in a callback, at the end of an object."""
    end_if_interrupted(fault.exc_type)
    sys.__unraisablehook__(fault)


started = sys.orig_argv[-len(sys.argv)] if sys.argv[:1] == ["-m"] else "".join(sys.argv[:1])  # a module, or a script
if os.path.basename(started).removesuffix(".exe") == "minilxmert":  # the program, whose __main__ is still to be read
    sys.excepthook = lambda kind, *rest: end_if_interrupted(kind) or sys.__excepthook__(kind, *rest)
    sys.unraisablehook = unraisable

import importlib  # noqa: E402
import importlib.machinery  # noqa: E402

__version__ = "0.1.0"

NAMES = {
    "core.config": ("LxmertConfig",),
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
    "published.model": (
        "LxmertForPreTraining",
        "LxmertForQuestionAnswering",
        "LxmertForVisualReasoning",
        "LxmertModel",
        "load",
    ),
    "words.tokenizer": ("LxmertTokenizer", "LxmertTokenizerFast"),
    "vision.pictures": ("read_picture",),
    "words.special": ("AddedToken",),
    "words.encodings": ("BatchEncoding",),
}
__all__ = [name for names in NAMES.values() for name in names]

MOVED = {  # files that once lay in the package's own folder, by the room in which they are now
    "core": ("answers", "attention", "boxes", "config", "encoder", "heads", "ops", "params"),
    "published": ("model", "outputs"),
    "vision": ("features", "objects", "pictures", "png"),
    "words": ("tokenizer", "vocabulary"),
}
OLD_NAMES = {f"{__name__}.{file}": f"{__name__}.{room}.{file}" for room, files in MOVED.items() for file in files}


class OldNames:
    """Finds and loads `minilxmert.features` as `minilxmert.vision.features`: the same module under both names."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, OldNames) if name in OLD_NAMES else None

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        sys.modules[module.__name__] = importlib.import_module(OLD_NAMES[module.__name__])


sys.meta_path.append(OldNames)


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
