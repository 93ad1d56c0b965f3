"""The running example of the tutorials: one scene, one question, and where the weights are that answer it."""

from pathlib import Path

import numpy as np

from ..errors import MinilxmertError
from ..scenes.world import SMALL, Scene, Thing

QUESTION = "what color is the thing left of the blue square ?"
SCENE = Scene(
    SMALL,
    (
        Thing("circle", "red", "large", 27, 38, 13),
        Thing("square", "blue", "large", 66, 56, 13),
        Thing("star", "yellow", "small", 106, 28, 5),
        Thing("triangle", "red", "small", 96, 76, 5),
        Thing("circle", "green", "large", 108, 52, 13),
    ),
)


def example_picture():
    """The picture of SCENE, the same at every call: (96, 128, 3) uint8"""
    return SCENE.picture(np.random.default_rng(0))


def weights():
    """The path of the folder `weights` in the folder where Python runs or above it. Raises MinilxmertError.

    A notebook runs in tutorials/, a script in the repository's root: both find the same."""
    return beside("weights", "config.json")


def beside(folder, file):
    """The nearest folder of this name, here, above or with the package, in which a file is. Raises MinilxmertError."""
    package = Path(__file__).parents[1]
    for place in (here := Path.cwd(), *here.parents, package, package.parent):
        if (place / folder / file).exists():
            return place / folder
    raise MinilxmertError.at(here, folder, f"a clone of the repository, with {folder}/{file}", "none, here or above")
