"""The miniature world as training data: drawn pictures seen by the detector, sentences, questions and statements.

    data = Miniature(SMALL, "train", scenes=20_000)
    data.pictures, data.pretraining, data.task("vqa"), data.task("nlvr2")
Every split has its own seed: no picture is in two of them. Nothing of a scene but its pixels reaches the model."""

from dataclasses import replace
from functools import cached_property

import numpy as np

from ..core.config import LxmertConfig
from ..errors import ConfigError
from ..scenes.detector import COLOR_NAMES, SHAPES, WIDTH, detect
from ..scenes.language import GQA, VQA, answers_of, vocabulary_of
from ..scenes.phrases import NLVR2, SHAPE_OF, SIZE_OF
from ..scenes.sentences import Teller, nlvr2_statements, plainly
from ..scenes.world import COLORS, HELD_OUT
from .batches import Example
from .task_files import GqaQuestion, Nlvr2Statement, VqaQuestion
from .tasks import TaskData

SPLITS = ("train", "valid", "test", "combinations")  # the last: every picture has a pair of HELD_OUT
STREAMS = ("scenes", "pixels", "captions", "vqa", "gqa", "nlvr2", "foils", "first", "unknown", "contrasts", "unnamed")
CENTRE_AND_SIZE = np.array([[0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5], [-4, 0, 4, 0], [0, -4, 0, 4]])  # of x0 y0 x1 y1
TYPICAL_BOX = np.array([0.43, 0.4, 0.57, 0.6])
MASKED = 20  # one question of so many is asked again with an unknown word
TELLING = {"left", "right", "above", "below", "under", *SIZE_OF, *COLORS, *SHAPE_OF, *(f"{word}s" for word in SHAPE_OF)}
FIRST = ("color", "shape", "size", "side", "height")  # the kinds of questions that come first
CONTRASTED = ("relation", *("number",) * 6, "b", "c")  # the slots with a foil, of each picture
EACH = {"vqa": 4, "gqa": 8}  # questions a picture in fine-tuning
CAPTIONS, QUESTIONS = 4, 2  # a picture in pre-training: captions, and questions of either family


class Miniature:
    """One split of a world. Parts are made when first asked for; the same split and seed give the same, always.

    unnamed: the share of pictures in which there may be colours and a shape without a word (World.with_unnamed).
    often: names of kinds of questions that are asked about every picture once more, and of statements that are made
    twice as often as others. Raises ConfigError for others."""

    def __init__(self, world, split="train", scenes=1000, seed=0, progress=None, unnamed=0.0, often=()):
        self.world, self.split, self.count, self.seed, self.progress = world, split, scenes, seed, progress
        self.visible = world if split == "combinations" else world.without(HELD_OUT)
        self.unnamed, self.often = unnamed, often
        names = [kind.name for kind in (*VQA, *GQA, *NLVR2)]
        if unknown := set(often).difference(names):
            raise ConfigError.at("often", None, f"one of {', '.join(names)}", ", ".join(sorted(unknown)))
        self.answers = answers_of(world)

    def rng(self, stream):
        return np.random.default_rng([self.seed, SPLITS.index(self.split), STREAMS.index(stream)])

    def count_up(self, what, done):
        if self.progress and (done % 500 == 0 or done == self.count):
            self.progress(what, done, self.count)

    @cached_property
    def scenes(self):
        """The true scenes, which no model sees."""
        rng = self.rng("scenes")
        pairs = HELD_OUT if self.split == "combinations" else (None,)
        odd = self.rng("unnamed").random(self.count) < self.unnamed
        worlds = [self.visible.with_unnamed() if one else self.visible for one in odd]
        return [world.scene(rng, must=pairs[i % len(pairs)]) for i, world in enumerate(worlds)]

    @cached_property
    def pictures(self):
        """{picture's id, the number of its scene: Objects, as the detector found them}"""
        rng, found = self.rng("pixels"), {}
        for number, scene in enumerate(self.scenes):
            found[str(number)] = detect(scene.picture(rng), str(number))
            self.count_up("pictures", number + 1)
        return found

    def sentences(self, kinds, each, stream):
        """[(picture's id, Sentence)]: up to `each` questions of random kinds, and one of each of `often`, about every
        scene."""
        rng, made = self.rng(stream), []
        teller, often = Teller(self.visible, rng), [kind for kind in kinds if kind.name in self.often]
        for number, scene in enumerate(self.scenes):
            for kind in [*(kinds[place] for place in rng.permutation(len(kinds))[:each]), *often]:
                sentence = teller.sentence(kind, scene)
                if sentence:
                    made.append((str(number), sentence))
            self.count_up(stream, number + 1)
        return made

    @cached_property
    def captions(self):
        teller = Teller(self.visible, self.rng("captions"))
        return [(str(n), teller.caption(scene)) for n, scene in enumerate(self.scenes) for _ in range(CAPTIONS)]

    @cached_property
    def pretraining(self):
        """[Example]: captions and labelled questions, half and half, as the published pre-training data mixes them."""
        asked = [*self.sentences(VQA, QUESTIONS, "vqa"), *self.sentences(GQA, QUESTIONS, "gqa")]
        return caption_examples(self.captions) + question_examples(asked)

    @cached_property
    def contrasts(self):
        """[Example]: captions with their foils, as far as a picture has them."""
        teller, made = Teller(self.visible, self.rng("contrasts")), []
        for number, scene in enumerate(self.scenes):
            for slot in CONTRASTED:
                found = teller.contrast(slot, scene)
                if found:
                    made.append(Example(str(number), found[0].text, foil=found[1].text))
            self.count_up("contrasts", number + 1)
        return made

    def with_contrasts(self, share):
        """[Example]: of pre-training, at random, so many that contrasts are a share of them."""
        rng, parts = self.rng("contrasts"), ((self.contrasts, share), (self.pretraining, 1 - share))
        count = min(len(part) / of_all for part, of_all in parts if of_all)
        return [part[i] for part, of_all in parts for i in rng.permutation(len(part))[: int(of_all * count)]]

    @cached_property
    def first_words(self):
        """[Example]: what single things are like and where they are, with which pre-training begins.

        Among all kinds of sentences at once, a small model takes thousands of steps to find out that words and objects
        have to do with each other at all; on these it does so in a few hundred. Places and sizes belong to them: a
        model that has first learnt to do without its boxes finds it hard to use them later."""
        asked = self.sentences([kind for kind in VQA if kind.name in FIRST], 2 * QUESTIONS, "first")
        return caption_examples(self.captions[::CAPTIONS]) + question_examples(asked)

    def task(self, name):
        """The TaskData of "vqa", "gqa", "questions" (both of these) or "nlvr2"."""
        if name == "nlvr2":
            return self.nlvr2
        if name == "questions":
            vqa, gqa = self.task("vqa"), self.task("gqa")
            records, kinds = vqa.records + gqa.records, vqa.kinds + gqa.kinds
            unknown = mask_telling_words(records, self.rng("unknown")) if self.split == "train" else []
            return TaskData(name, records + unknown, self.pictures, kinds + ["unknown word"] * len(unknown))
        record, kinds = {"vqa": (vqa_question, VQA), "gqa": (gqa_question, GQA)}[name]
        asked = self.sentences(kinds, EACH[name], name)
        records = [record(f"{self.split}-{name}-{n}", *question) for n, question in enumerate(asked)]
        return TaskData(name, records, self.pictures, [question.kind.name for _, question in asked])

    @cached_property
    def nlvr2(self):
        """Statements, each with four pairs of pictures one after the other: true of two of them."""
        teller = Teller(self.visible, self.rng("nlvr2"))
        kinds = [*NLVR2, *(kind for kind in NLVR2 if kind.name in self.often)]
        statements = nlvr2_statements(teller, self.scenes, self.count // 2 * len(kinds) // len(NLVR2), kinds)
        records, named = [], []
        for number, (sentence, pairs) in enumerate(statements):
            for place, ((left, right), answer) in enumerate(pairs):
                name = f"{self.split}-{number}-{place}-0"
                images, label = (str(left), str(right)), int(answer == "yes")
                records.append(Nlvr2Statement(name, name, *images, sentence.text, label))
                named.append(sentence.kind.name)
        return TaskData("nlvr2", records, self.pictures, named)

    @cached_property
    def foils(self):
        """[(picture's id, true caption, foil, what was changed)]"""
        teller, made = Teller(self.visible, self.rng("foils")), []
        for image, caption in self.captions:
            foil = teller.foil(caption, self.scenes[int(image)])
            if foil:
                made.append((image, plainly(caption).text, plainly(foil[0]).text, foil[1]))
        return made


def mask_telling_words(records, rng):
    """Questions in which one telling word is unknown, each with the answer to another question. It cannot be
    known, and a model that has learnt from them gives low probabilities to such questions."""
    made = []
    for record in records[::MASKED]:
        words = record.sent.split()
        telling = [place for place, word in enumerate(words) if word in TELLING]
        if telling:
            words[telling[int(rng.integers(len(telling)))]] = "[UNK]"
            label = records[int(rng.integers(len(records)))].label
            made.append(replace(record, question_id=f"{record.question_id}-?", sent=" ".join(words), label=label))
    return made


def caption_examples(captions):
    return [Example(image, caption.text) for image, caption in captions]


def question_examples(asked):
    return [Example(image, question.text, {question.answer: 1.0}) for image, question in asked]


def vqa_question(name, image, question):
    kind = "yes/no" if question.answer in ("yes", "no") else "number" if question.answer.isdigit() else "other"
    return VqaQuestion(name, image, question.text, {question.answer: 1.0}, kind, question.kind.name)


def gqa_question(name, image, question):
    structure = "verify" if question.answer in ("yes", "no") else "query"
    return GqaQuestion(name, image, question.text, {question.answer: 1.0}, structure)


def miniature_config(world, **changes):
    """The miniature LXMERT for a world: 2 language, 1 object and 3 cross layers, 80 wide.

    Its object losses have the weight 1: with the published 6.67 they drown the others in so small a model."""
    sizes = {"hidden_size": 80, "num_attention_heads": 4, "intermediate_size": 320}
    sizes |= {"l_layers": 2, "r_layers": 1, "x_layers": 3, "max_position_embeddings": 40}
    sizes |= {"vocab_size": len(vocabulary_of(world)), "num_qa_labels": len(answers_of(world))}
    sizes |= {"num_object_labels": len(SHAPES), "num_attr_labels": len(COLOR_NAMES), "visual_feat_dim": WIDTH}
    sizes |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    sizes |= {"initializer_range": 0.05, "visual_loss_normalizer": 1.0}
    return LxmertConfig(**{**sizes, **changes})


def spread_boxes(model, rng):
    """Start a model's linear map of the boxes so that place and size are there from the first step.

    Each output is a random mixture of the centre and of four times the width and height (which differ less), seen from
    a typical box, and a bias. The published start, small and without a bias, would lose the scale: behind it, LayerNorm
    gives a box and one twice as large at twice the place the same code. A small model then learns sizes too late."""
    w = rng.standard_normal(model.params["objects"]["boxes"]["w"].shape) @ CENTRE_AND_SIZE
    b = 0.5 * rng.standard_normal(len(w)) - w @ TYPICAL_BOX
    dtype = model.params["pooler"]["w"].dtype
    model.params["objects"]["boxes"] = {"w": w.astype(dtype), "b": b.astype(dtype)}
