"""The one exception family: every error that a user can cause is a MinilxmertError and says what to change."""

import difflib
import re

# control characters, those that turn the direction of text around, and halves of a character
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class MinilxmertError(ValueError):
    """Base of every error raised on purpose. `at` builds the message for a fault inside a file."""

    @classmethod
    def at(cls, file, entry, expected, found):
        """An error about one entry (member, tensor, attribute, line, key) of a file: one line, <= 300 characters."""
        where = f"{shorten(file, 90)}: {shorten(entry, 70)}" if entry else shorten(file, 90)
        error = cls(f"{where}: expected {shorten(expected, 70)}, found {shorten(found, 50 if entry else 120)}")
        error.file, error.entry, error.expected, error.found = str(file), entry, expected, found
        return error


class CheckpointError(MinilxmertError):
    """A weight file is damaged, hostile, of an unknown format, or does not fit the model."""


class FeatureFileError(MinilxmertError):
    """A file of detected objects is damaged, or its boxes or features cannot be right."""


class PictureError(MinilxmertError):
    """A picture file is damaged, larger than allowed, or of another format than PNG and JPEG."""


class TaskFileError(MinilxmertError):
    """A file of questions, answers, labels or predictions is damaged, or an entry of it cannot be right."""


class VocabularyError(MinilxmertError):
    """A vocabulary or a list of answers is damaged, or a word of it is missing."""


class ConfigError(MinilxmertError):
    """A configuration value is missing, of the wrong type or out of range."""


class ShapeError(MinilxmertError):
    """An input array has a shape, type or value that the model cannot take."""


class DownloadError(MinilxmertError):
    """A download failed, or what arrived is not what the server announced."""


def shorten(value, limit=80):
    """Printable text of at most `limit` characters on one line; the middle of a longer text is cut out."""
    text = str(value)[: 10 * limit + 4096]
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= limit else f"{text[: limit // 2 - 2]}…{text[-(limit - limit // 2 - 1) :]}"


def listed(values):
    """{name: value} in words: "name value, name value"; "nothing" if there is none"""
    return ", ".join(f"{name} {value}" for name, value in values.items()) or "nothing"


def nearest(word, known, cutoff=0.6):
    """The known word that `word` may have meant, or None; cutoff: how alike they must be, 0…1."""
    return next(iter(difflib.get_close_matches(word, known, 1, cutoff)), None)


def visible(text, kept=""):
    """Text of others with whatever would act on a terminal, or cannot be written, as \\u001b; `kept` stays as it is."""
    return UNSEEN.sub(lambda found: found[0] if found[0] in kept else f"\\u{ord(found[0]):04x}", text)
