"""Names of classes and attributes: a file with one a line, as they lie beside a detector."""

from ..errors import VocabularyError
from ..files import read_text


def read_names(path):
    """Texts by number from a file with one a line; of "cup,mug" (the published objects_vocab.txt) the first counts."""
    lines = read_text(path, "names, one a line", VocabularyError).splitlines()
    return [line.split(",")[0].strip() for line in lines]
