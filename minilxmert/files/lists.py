"""Lists that give a model's numbers their meaning: the texts of its answers, the tokens of its vocabulary."""

from itertools import zip_longest

from ..errors import VocabularyError, shorten


def first_difference(what, here, there):
    """Where two lists of texts differ first, in words, or None: "answer 3: 'cat' here, 'dog' there" """
    if here == there:
        return None
    pairs = enumerate(zip_longest(here, there))
    number, pair = next((number, pair) for number, pair in pairs if pair[0] != pair[1])
    one, other = ("none" if text is None else repr(shorten(text, 40)) for text in pair)
    return f"{what} {number}: {one} here, {other} there"


def refuse_other(what, here, there, here_is, there_is):
    """Two lists that must be one: a VocabularyError names both places and the first difference.

    what: "answer" or "token"; here_is, there_is: the places, as the reader knows them."""
    different = first_difference(what, list(here), list(there))
    if different:
        places = f"{shorten(here_is, 70)}: other {what}s than {shorten(there_is, 70)}"
        raise VocabularyError(f"{places}: {different}")


def refuse_repeated(path, texts):
    """Raises VocabularyError for an answer that a list has twice."""
    seen = set()
    for text in texts:
        if text in seen:
            raise VocabularyError.at(path, text, "every answer once", "it twice")
        seen.add(text)
