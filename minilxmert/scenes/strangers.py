"""What in a picture lies outside the world of a model, and how far to trust an answer then.

    found = find_strange(SMALL, "what color is the circle ?", objects)   # {"color": "an object is orange, as …"}
    calibrate(probabilities, found)
A model that was never wrong about its world is just as sure outside of it. So the detector looks first."""

import numpy as np

from .detector import CELLS, COLOR_NAMES, SHAPES, WIDTH, color_distances, shape_distances
from .language import LanguageError, read_question
from .phrases import Description

FAR_SHAPE = 0.05  # mean squared difference of the covered shares from a shape of the world, beyond which it is another
NEAR_SHAPE = {"crisp": 0.005, "large": 0.012, "small": FAR_SHAPE}  # as far a shape of the world may be; smooth edges …
CRISP, SMALLER = 0.3, 16  # … vary by more than this, of 255, and blur most what is smaller than so many pixels
NEAR_COLOR = 45  # of 255, root mean square; things vary by 12
HOLLOW = 0.4  # the share covered of the four cells in the middle
OBLONG = 1.3  # the longer side by the shorter one
NEAR_SIZE = 2.5  # pixels that the longer side may differ
# How often the shipped model (of commit 22716f2; later ones are within 1.1 points) is right where this is the first
# strange thing, in half of the kinds of drawings of experiments/calibration.py:
# minilxmert evaluate strangers --world small --scenes 200 --weights weights. At most 0.89,
# so that an answer about such a picture is never called sure.
TRUST = {
    "shape": 0.70, "color": 0.67, "size": 0.79, "rough": 0.62, "hollow": 0.89, "crowd": 0.89, "ground": 0.89,
    "beside": 0.89,
}  # fmt: skip


def calibrate(probabilities, found):
    """Probabilities (A,) of answers mixed with even ones, the more the less TRUST there is: (A,), of the same sum."""
    trust = next((TRUST[kind] for kind in TRUST if kind in found), 1.0)
    return trust * probabilities + (1 - trust) * probabilities.mean()


def find_strange(world, question, objects):
    """What in a picture's Objects is not of the world -> {kind, one of TRUST: a sentence}

    What is strange in an object that the question does not speak of has the kind "beside"."""
    found = {}
    if objects.features.shape[1] != WIDTH or not len(objects):
        return found
    asked = descriptions(question)
    for strange, seen in map(judge_object, [world] * len(objects), *measure_objects(world, objects)):
        meant = asked is None or any(could_mean(one, seen) for one in asked)
        for kind, sentence in strange.items():
            found.setdefault(kind if meant else "beside", sentence)
    if len(objects) > world.most:
        found["crowd"] = f"no picture of its world has more than {world.most} objects"
    if not objects.plain_ground:
        found["ground"] = "the ground is not plain, as in its world"
    return found


def descriptions(question):
    """The Descriptions in a question, or None if the language does not have it."""
    try:
        return [value for value in read_question(question).slots.values() if isinstance(value, Description)]
    except LanguageError:
        return None


def could_mean(description, seen):
    """Whether a Description may speak of an object, {"color": …, "shape": …} as seen; None stands for anything."""
    return all(value is None or getattr(description, name) in (None, value) for name, value in seen.items())


def measure_objects(world, objects):
    """What each object looks like: distances from the colours and the shapes, how far a shape may be, share covered in
    the middle, sides as pixels of the world: (M, colours), (M, shapes), (M,), (M,), (M, 2)"""
    features = objects.features.reshape(-1, CELLS, CELLS, 4)
    covered, middle = np.maximum(features[..., 3:], 1e-6), features[:, 2:4, 2:4, 3].mean((1, 2))
    mean = features[..., :3].sum((1, 2)) / covered.sum((1, 2))
    spread = (covered * (features[..., :3] / covered - mean[:, None, None]) ** 2).sum((1, 2)) / covered.sum((1, 2))
    sides = (objects.boxes[:, 2:] - objects.boxes[:, :2]) / (objects.width, objects.height)
    sides = sides * (world.width, world.height)
    near = np.where(sides.max(1) < SMALLER, NEAR_SHAPE["small"], NEAR_SHAPE["large"])
    near = np.where(64 * np.sqrt(spread.max(1)) <= CRISP, NEAR_SHAPE["crisp"], near)
    return color_distances(features), shape_distances(features), near, middle, sides


def judge_object(world, color, shape, near, middle, sides):
    """-> {kind: sentence} of what is strange in one object, and its colour and shape as seen, or None"""
    own = [SHAPES.index(name) for name in world.shapes]
    name, noun, likeliest = COLOR_NAMES[color.argmin()], SHAPES[own[shape[own].argmin()]], SHAPES[shape.argmin()]
    far = shape[own].min() + (FAR_SHAPE if sides.max() > OBLONG * sides.min() else 0)
    found = {}
    if middle < HOLLOW and "ring" not in world.shapes:
        found["hollow"] = "an object is hollow, as none of its world is"
    elif far >= FAR_SHAPE:
        other = f"an object is a {likeliest}" if likeliest != noun else f"an object is no {noun}, though most like one"
        found["shape"] = f"{other}, and its world has none such"
    elif far > near:
        found["rough"] = f"an object is not quite a {noun} of its world"
    if name not in world.colors:
        found["color"] = f"an object is {name}, as none of its world is"
    elif color.min() > NEAR_COLOR:
        found["color"] = f"an object has a color from outside its world, {name} at best"
    if all(abs(sides.max() - 2 * r - 1) > NEAR_SIZE for r in world.sizes.values()):
        found["size"] = f"an object is neither {' nor '.join(world.sizes)}"
    unknown_shape, unknown_color = {"hollow", "shape"} & found.keys(), "color" in found
    return found, {"color": None if unknown_color else name, "shape": None if unknown_shape else noun}
