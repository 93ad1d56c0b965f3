"""Output that is safe to print: control characters are made visible, characters that the stream lacks are replaced.

Text of others (answers of a downloaded model, names of files, what a student raises) may hold control characters, which
would act on the terminal; a stream may know fewer characters than we use; its reader may have gone."""

import contextlib
import errno
import os
import sys
import unicodedata

from ..errors import visible

GONE = {errno.EPIPE} | ({errno.EINVAL} if sys.platform == "win32" else set())  # what writing to a closed pipe gives
LOOKALIKES = {
    "…": "...", "–": "-", "—": "-", "×": "x", "→": "->", "↓": "v", "≤": "<=", "≥": ">=", "±": "+-", "√": "sqrt ",
    "“": '"', "”": '"', "‘": "'", "’": "'", "⟨": "<", "⟩": ">", "ε": "eps", "β": "beta", "σ": "sigma", "π": "pi",
    "φ": "phi", "Φ": "Phi", **dict(zip("·░▒▓█─│┌┐└┘▁▂▃▄▅▆▇", "..:*#-|++++_.-:=+*", strict=True)),
}  # fmt: skip


class ReaderGone(BrokenPipeError):
    """Whoever read our output has closed it, as `head` does when it has enough."""


class Screen:
    """A text stream under standard output or error that takes any text. Raises ReaderGone, OSError (a full disk)."""

    def __init__(self, stream, kept):
        self.stream, self.kept = stream, kept

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def write(self, text):
        with self.writing():
            self.stream.write(plainer(visible(text, self.kept), self.stream.encoding or "utf-8"))
        return len(text)

    def flush(self):
        with self.writing():
            self.stream.flush()

    @contextlib.contextmanager
    def writing(self):
        """After a write fails, later output is discarded; the error is raised once."""
        try:
            yield
        except OSError as problem:
            with contextlib.suppress(OSError):  # a stream without a file
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())
            if problem.errno in GONE:
                raise ReaderGone(*problem.args) from None
            raise


@contextlib.contextmanager
def screens():
    """Inside the block, standard output and error are Screens. It ends when their reader has gone: nothing is wrong."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (s and Screen(s, kept) for s, kept in zip(before, ("\n\t", "\n\t\r"), strict=True))
    try:
        with contextlib.suppress(ReaderGone):
            try:
                yield
            finally:
                flush()
    finally:
        sys.stdout, sys.stderr = before


def flush():
    """Hand over what standard output still holds. Raises ReaderGone, and OSError (a full disk)."""
    if sys.stdout:
        sys.stdout.flush()


def plainer(text, encoding):
    """Text as an encoding can hold it: other characters by what looks alike, else as \\u72d7"""
    try:
        text.encode(encoding)
        return text
    except UnicodeEncodeError:
        return "".join(c if encodable(c, encoding) else lookalike(c) for c in text)


def encodable(character, encoding):
    try:
        return bool(character.encode(encoding))
    except UnicodeEncodeError:
        return False


def lookalike(character):
    """ASCII for a character: "é" -> "e", "…" -> "...", "狗" -> "\\u72d7" """
    letters = unicodedata.normalize("NFKD", LOOKALIKES.get(character, character))
    bare = "".join(c for c in letters if not unicodedata.combining(c))
    return bare if bare and bare.isascii() else character.encode("ascii", "backslashreplace").decode()
