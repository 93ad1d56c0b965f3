"""The detector as one object: a photograph in, the Objects that a feature file would give out."""

import hashlib

import numpy as np

from ..core.params import flatten
from ..errors import ConfigError, VocabularyError
from ..kernels.weights import Weights
from ..vision.objects import Objects, read_names
from ..vision.pictures import check_picture
from . import network
from .recipes import Settings, find_recipe, resized
from .weights import read_weights
from .yaml import read_yaml

CONFIG, CLASSES, ATTRIBUTES = "config.yaml", "objects_vocab.txt", "attributes_vocab.txt"
DTYPES = ("float32", "bfloat16")


class FasterRcnn:
    """The detector of the paper. params: the tree that the stages take; classes, attributes: their names, or None."""

    def __init__(self, params, settings=None, classes=None, attributes=None, halved=False):
        self.weights, self.settings = Weights(params, halved), settings or Settings()
        self.classes, self.attributes = classes, attributes

    @classmethod
    def from_pretrained(cls, folder, dtype="float32"):
        """The detector in a folder: pytorch_model.bin, and beside it config.yaml and the names, where they are.

        dtype: "bfloat16" keeps the kernels' weights in half the memory. Near decisions then fall otherwise: with random
        weights 23 of 36 objects got another id, most of them by another order.
        Raises CheckpointError, ConfigError, VocabularyError."""
        if dtype not in DTYPES:
            raise ConfigError.at("detector", "dtype", f"one of {', '.join(DTYPES)}", dtype)
        params, path = read_weights(folder)
        config = path.parent / CONFIG
        settings = Settings.from_dict(read_yaml(config), config) if config.exists() else Settings()
        return cls(params, settings, *find_names(path.parent, params), dtype == "bfloat16")

    @property
    def params(self):
        """The parameter tree, to be written, too (see the models' own)."""
        return self.weights.lend()

    def fingerprint(self):
        """What tells this detector from others, by its weights, settings and precision: 16 hexadecimal digits."""
        found = hashlib.sha256(repr((self.settings, self.weights.halved)).encode())
        for name, array in flatten(self.weights.look()).items():
            found.update(name.encode())
            found.update(np.ascontiguousarray(array))
        return found.hexdigest()[:16]

    def about(self, recipe):
        """What is said of the objects that it finds by a recipe, given by its name."""
        return {"recipe": recipe, "weights": self.fingerprint()}

    def __call__(self, picture, recipe="authors", image_id="picture"):
        """The Objects in a picture (H, W, 3) uint8, RGB: at most settings.most, fewer where there are no more.

        recipe: "authors", "huggingface" or a Recipe. Raises ShapeError, ConfigError."""
        picture, recipe = check_picture(picture), find_recipe(recipe)
        with self.weights.for_inference() as p:
            return self.detect(picture, recipe, image_id, p)

    def detect(self, picture, recipe, image_id, p):
        """The same, with the parameters p."""
        (h, w), settings = picture.shape[:2], self.settings
        image, factors = resized(picture, settings, recipe)
        size, least_side = image.shape[:2], recipe.least_side / factors.max()
        x = network.backbone(image[None], p)
        boxes, _ = network.propose(x, p["rpn"], p["anchors"], size, settings, least_side)
        found = network.features(x[0], boxes, p["res5"], settings.resolution)
        probabilities, likeliest = network.classify(found, p)
        ids, scores = probabilities.argmax(1), probabilities.max(1)
        if recipe.regressed:
            boxes = network.regress(found, boxes, ids, size, p, settings.weights)
        if recipe.per_class:
            kept = network.per_class(boxes, probabilities, recipe.per_class, settings)
        else:
            kept = network.by_best_class(boxes, scores, settings)
        attributes = network.describe(found[kept], likeliest[kept], p)
        boxes = network.clip(boxes[kept] * np.tile(factors, 2), (h, w))
        numbers = ids[kept], scores[kept], attributes.argmax(1), attributes.max(1, initial=0)
        return Objects(image_id, w, h, boxes, found[kept], *numbers)

    def names(self, objects):
        """What the objects are, in words: ["brown horse", …]; numbers where the names are not at hand."""

        def name(names, number, kind):
            return names[number] if names else f"{kind} {number}"

        ids = zip(objects.attribute_ids.tolist(), objects.object_ids.tolist(), strict=True)
        return [f"{name(self.attributes, a, 'attribute')} {name(self.classes, c, 'object')}" for a, c in ids]


def find_names(folder, params):
    """The names of classes and of attributes beside the weights, lists or None. Raises VocabularyError."""
    counts = {CLASSES: len(params["classes"]["b"]) - 1, ATTRIBUTES: len(params["attributes"]["b"]) - 1}
    found = []
    for file, count in counts.items():
        names = read_names(folder / file) if (folder / file).exists() else None
        if names and len(names) != count:
            raise VocabularyError.at(folder / file, None, f"{count} lines, a name each", f"{len(names)} lines")
        found.append(names)
    return found
