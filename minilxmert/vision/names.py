"""Names of classes and attributes: a file with one a line, as they lie beside a detector."""

from ..errors import VocabularyError
from ..files import read_small


def read_names(path):
    """Texts by number from a file with one a line; of "cup,mug" (the published objects_vocab.txt) the first counts."""
    try:
        lines = read_small(path, VocabularyError).decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise VocabularyError.at(path, None, "UTF-8 text", "other bytes") from None
    return [line.split(",")[0].strip() for line in lines]
