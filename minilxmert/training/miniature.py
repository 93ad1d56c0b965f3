"""The miniature world as training data: drawn pictures seen by the detector, sentences, questions and statements.

    data = Miniature(SMALL, "train", scenes=20_000)
    data.pictures, data.pretraining, data.vqa, data.gqa, data.nlvr2
Every split has its own seed: no picture is in two of them. Nothing of a scene but its pixels reaches the model."""

from functools import cached_property

import numpy as np

from ..config import LxmertConfig
from ..scenes.detector import COLOR_NAMES, SHAPES, WIDTH, detect
from ..scenes.language import GQA, VQA, answers_of, vocabulary_of
from ..scenes.sentences import Teller, nlvr2_statements
from ..scenes.world import HELD_OUT
from .batches import Example

SPLITS = ("train", "valid", "test", "combinations")  # the last: every picture has a pair of HELD_OUT
STREAMS = {"scenes": 0, "pixels": 1, "captions": 2, "vqa": 3, "gqa": 4, "nlvr2": 5, "foils": 6}
CAPTIONS, QUESTIONS = 4, 2  # a picture in pre-training: captions, and questions of either family


class Miniature:
    """One split of a world. Parts are made when first asked for; the same split and seed give the same, always."""

    def __init__(self, world, split="train", scenes=1000, seed=0, progress=None):
        self.world, self.split, self.count, self.seed, self.progress = world, split, scenes, seed, progress
        self.visible = world if split == "combinations" else world.without(HELD_OUT)
        self.answers = answers_of(world)

    def rng(self, stream):
        return np.random.default_rng([self.seed, SPLITS.index(self.split), STREAMS[stream]])

    def told(self, what, done, total):
        if self.progress and (done % 500 == 0 or done == total):
            self.progress(what, done, total)

    @cached_property
    def scenes(self):
        """The true scenes, which no model sees."""
        rng = self.rng("scenes")
        pairs = HELD_OUT if self.split == "combinations" else (None,)
        return [self.visible.scene(rng, must=pairs[i % len(pairs)]) for i in range(self.count)]

    @cached_property
    def pictures(self):
        """{number of the scene: Objects, as the detector found them in its picture}"""
        rng, found = self.rng("pixels"), {}
        for number, scene in enumerate(self.scenes):
            found[number] = detect(scene.picture(rng), str(number))
            self.told("pictures", number + 1, self.count)
        return found

    def questions(self, kinds, each, stream):
        """[(Example, Sentence)]: up to `each` questions of random kinds about every scene."""
        rng, made = self.rng(stream), []
        teller = Teller(self.world, rng)
        for number, scene in enumerate(self.scenes):
            for kind in rng.permutation(len(kinds))[: each if each else None]:
                sentence = teller.sentence(kinds[kind], scene)
                if sentence:
                    made.append((Example(number, sentence.text, {sentence.answer: 1.0}), sentence))
            self.told(stream, number + 1, self.count)
        return made

    @cached_property
    def vqa(self):
        return self.questions(VQA, 4, "vqa")

    @cached_property
    def gqa(self):
        return self.questions(GQA, 8, "gqa")

    @cached_property
    def captions(self):
        """[(Example, Sentence)]: true sentences."""
        teller = Teller(self.world, self.rng("captions"))
        told = [(n, teller.caption(scene)) for n, scene in enumerate(self.scenes) for _ in range(CAPTIONS)]
        return [(Example(number, caption.text), caption) for number, caption in told]

    @cached_property
    def pretraining(self):
        """[Example]: captions and labelled questions, half and half, as the published pre-training data mixes them."""
        questions = self.questions(VQA, QUESTIONS, "vqa"), self.questions(GQA, QUESTIONS, "gqa")
        return [example for part in (self.captions, *questions) for example, _ in part]

    @cached_property
    def nlvr2(self):
        """[(Example, Sentence)]: four pairs of pictures a statement, one after the other."""
        teller = Teller(self.world, self.rng("nlvr2"))
        statements = nlvr2_statements(teller, self.scenes, self.count)
        return [(Example(pair, s.text, {answer: 1.0}), s) for s, pairs in statements for pair, answer in pairs]

    @cached_property
    def foils(self):
        """[(number of the scene, true caption, foil, what was changed)]"""
        teller, made = Teller(self.world, self.rng("foils")), []
        for example, caption in self.captions:
            foil = teller.foil(caption, self.scenes[example.image])
            if foil:
                made.append((example.image, caption.text, foil[0].text, foil[1]))
        return made


def miniature_config(world, **changes):
    """The miniature LXMERT for a world: 2 language, 1 object and 3 cross layers, 80 wide."""
    sizes = {"hidden_size": 80, "num_attention_heads": 4, "intermediate_size": 320}
    sizes |= {"l_layers": 2, "r_layers": 1, "x_layers": 3, "max_position_embeddings": 40}
    sizes |= {"vocab_size": len(vocabulary_of(world)), "num_qa_labels": len(answers_of(world))}
    sizes |= {"num_object_labels": len(SHAPES), "num_attr_labels": len(COLOR_NAMES), "visual_feat_dim": WIDTH}
    sizes |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "initializer_range": 0.05}
    return LxmertConfig(**{**sizes, **changes})


def spread_boxes(model, rng, deviation=0.5):
    """Start the linear map of the boxes at normal(0, deviation), bias included; in place.

    The published start has a bias of 0, and the LayerNorm behind it then gives a box and one twice as large at twice
    the place the same code: sizes and places are learnt late. For a small model that is too late."""
    for leaf in model.params["objects"]["boxes"].values():
        leaf[...] = deviation * rng.standard_normal(leaf.shape)
