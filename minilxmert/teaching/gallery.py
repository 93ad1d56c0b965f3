"""The small pictures that the documents show, by name; none of them depends on weights."""

from ..scenes.detector import describe, detect
from ..scenes.language import vocabulary_of
from ..scenes.world import SMALL
from ..training.miniature import miniature_config
from ..vision.drawings import draw_picture, draw_tiles
from ..words.text import split_words
from .example import QUESTION, example_picture
from .road import draw_road


def scene():
    """The running example, as the detector sees it."""
    objects = detect(example_picture())
    return draw_picture(example_picture(), objects, describe(objects))


def question():
    """Its question as tokens, with their numbers in the vocabulary of the small world."""
    tokens = ["[CLS]", *split_words(QUESTION), "[SEP]"]
    return draw_tiles(tokens, [vocabulary_of(SMALL).index(token) for token in tokens])


def road():
    """The road from both to an answer, through the miniature LXMERT."""
    tokens = len(split_words(QUESTION)) + 2
    return draw_road(miniature_config(SMALL), tokens, len(detect(example_picture())))


GALLERY = {"scene": scene, "question": question, "road": road}
