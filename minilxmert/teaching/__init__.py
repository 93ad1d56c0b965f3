"""What the tutorials share: one running example, drawings that need no other package, and their building.

from minilxmert.teaching import QUESTION, SCENE, draw_picture, example_picture, show, weights"""

from ..vision.drawings import (
    BOTH,
    OBJECTS,
    WORDS,
    Drawing,
    draw_bars,
    draw_curves,
    draw_matrix,
    draw_picture,
    draw_tiles,
    show,
)
from .example import QUESTION, SCENE, draw_road, example_picture, reference, weights
