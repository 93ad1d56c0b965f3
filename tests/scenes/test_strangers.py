"""What in a picture is new to the miniature world: found where it is, not found where it is not, and bearing on
how sure an answer may be."""

import numpy as np
import pytest

from minilxmert.scenes.detector import detect
from minilxmert.scenes.strangers import TRUST, calibrate, find_strange
from minilxmert.scenes.world import RICH, SMALL, WORLDS, Scene, Thing

RNG = np.random.default_rng(0)
ORDINARY = Thing("square", "blue", "large", 28, 30, 13)


def drawn(*things, world=SMALL):
    return Scene(world, (ORDINARY, *things)).picture(RNG)


def filled(inside, color=(220, 40, 40), side=27):
    """The ordinary thing, and pixels (side, side) of another colour beside it."""
    picture = drawn()
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    picture[40 : 40 + side, 80 : 80 + side][inside(x, y)] = color
    return picture


def heart(x, y):
    return (x**2 + y**2 - 0.7) ** 3 <= -(x**2) * y**3


def on(ground):
    return np.where(np.abs(drawn().astype(float) - 205).max(2, keepdims=True) < 40, ground, drawn()).astype(np.uint8)


ACROSS = np.arange(128)[None, :, None]
SEEN = {  # name: (picture, question, the signs)
    "a heart": (filled(heart), "what color is the circle ?", {"shape"}),
    "… which may be meant": (filled(heart), "what color is the square ?", {"shape"}),
    "… named by its colour": (filled(heart), "what shape is the red thing ?", {"shape"}),
    "… and another colour is asked": (filled(heart), "what shape is the blue thing ?", {"beside"}),
    "a frame": (filled(lambda x, y: np.maximum(abs(x), abs(y)) > 0.8), "is there a square ?", {"hollow"}),
    "an orange circle": (drawn(Thing("circle", "orange", "large", 90, 50, 13)), "is there a circle ?", {"color"}),
    "a grey-green square": (filled(lambda x, y: x < 9, (110, 140, 110)), "how many squares are there ?", {"color"}),
    "a bar": (filled(lambda x, y: abs(x) < 0.3), "is there a red square ?", {"shape"}),
    "no size of its own": (drawn(Thing("circle", "red", "large", 90, 50, 9)), "what size is the circle ?", {"size"}),
    "a question of no kind": (filled(heart), "where is it", {"shape"}),
    "six": (
        Scene(SMALL, tuple(Thing("circle", "red", "small", 10 + 20 * n, 40, 5) for n in range(6))).picture(RNG),
        "how many circles are there ?",
        {"crowd"},
    ),
    "a slope": (on(185 + ACROSS * 40 / 127), "is there a square ?", {"ground"}),
    "fine stripes": (on(185 + ACROSS // 3 % 2 * 38), "is there a square ?", {"ground"}),
    "white": (on(np.float64(255)), "is there a square ?", set()),
}  # fmt: skip


@pytest.mark.parametrize("name", SEEN)
def test_what_is_new(name):
    picture, question, expected = SEEN[name]
    found = find_strange(SMALL, question, detect(picture))
    assert set(found) == expected and all(found.values())


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_nothing_of_a_world_is_new_to_it(world):
    rng = np.random.default_rng(2)
    pictures = [world.scene(rng).picture(rng) for _ in range(60)]
    new = [found for found in (find_strange(world, "is there a star ?", detect(p)) for p in pictures) if found]
    assert len(new) <= (0 if world is SMALL else 40)  # of the rich one, things cover others


def test_a_world_that_knows_more_finds_less_that_is_new():
    objects = detect(drawn(Thing("ring", "pink", "large", 90, 50, 13)))
    assert "color" in find_strange(SMALL, "is there a ring ?", objects)
    assert not {"color", "shape", "hollow"} & set(find_strange(RICH, "is there a ring ?", objects))


def test_trust_evens_probabilities_out_and_leaves_their_order():
    probabilities = np.array([0.9, 0.07, 0.02, 0.01, 0.0])
    assert calibrate(probabilities, {}) is probabilities or (calibrate(probabilities, {}) == probabilities).all()
    for sign, trust in TRUST.items():
        told = calibrate(probabilities, {"beside": "", sign: ""})
        assert told.sum() == pytest.approx(1) and (np.diff(told) <= 0).all() and 0 < trust <= 0.9
        assert told[0] <= trust * 0.9 + 0.2 and told[0] < 0.9
