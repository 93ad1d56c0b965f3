"""From data to batches: what a model is called with, for pre-training, questions, and statements about two pictures.

Each kind of Batches has a length, the number of its examples, and batch(rows, rng) -> call arguments with labels.
Pictures are anything that gives Objects by id: a feature file (features.py) or a dict."""

import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import ConfigError, FeatureFileError, ShapeError
from ..vision.objects import pad_objects
from .masking import NOTHING, RATE, by_picture, mask_objects, mask_words, mismatch


@dataclass(frozen=True)
class Example:
    """A sentence about a picture (for statements: about two, (left id, right id)), with its answers if it has any.

    answers: {text: score 0…1}; a question with one true answer has {answer: 1.0}. foil: the text with a fact wrong."""

    image: object
    text: str
    answers: dict | None = None
    foil: str | None = None


class Batches:
    """The part that all kinds share: sentences tokenised once, padded a batch at a time.

    hidden: "objects" or "words" for a blind model, which sees none of them (of words only, how many they are)."""

    SHOWN = ("features", "normalised_boxes")  # what of the Objects a model sees, or learns to tell
    examples, answers, tokens = (), (), None

    def __init__(self, pictures, examples, tokenizer, answers=(), most_words=64, hidden=None):
        if not examples:
            raise ShapeError("batches: no examples")
        self.pictures, self.examples, self.tokenizer, self.hidden = pictures, examples, tokenizer, hidden
        self.answers, self.tokens = list(answers), tokenizer.tokens
        texts = [example.text for example in examples] + [example.foil for example in examples if example.foil]
        self.words = [np.array(ids) for ids in tokenizer(texts, truncation=True, max_length=most_words)["input_ids"]]
        self.number = {text: number for number, text in enumerate(answers)}
        special = set(tokenizer.all_special_ids)
        self.ordinary = np.array([number for number in range(len(tokenizer)) if number not in special])

    def __len__(self):
        return len(self.examples)

    @cached_property
    def checksum(self):
        """Of all examples; made once, since every checkpoint holds it."""
        data = "\n".join(f"{e.image} {e.text} {e.answers}{e.foil or ''}" for e in self.examples)
        return zlib.crc32(data.encode("utf-8", "replace"))

    @property
    def about(self):
        """What tells these batches from others, for a run that is to go on: kind, settings, a checksum of the data."""
        settings = {name: value for name, value in vars(self).items() if isinstance(value, bool | int | float | str)}
        return {**settings, "kind": type(self).__name__, "checksum": self.checksum}

    def sentences(self, rows):
        """-> input_ids and attention_mask (B, N) of some examples, padded to the longest"""
        longest = max(len(self.words[row]) for row in rows)
        ids = np.full((len(rows), longest), self.tokenizer.pad_token_id)
        visible = np.zeros((len(rows), longest), np.int64)
        for place, row in enumerate(rows):
            ids[place, : len(self.words[row])], visible[place, : len(self.words[row])] = self.words[row], 1
        return ids, visible

    def objects(self, images):
        """-> the call arguments for pictures, and their Objects"""
        found = [self.pictures[image] for image in images]
        feats, boxes, visible = pad_objects(found)
        return {"visual_feats": feats, "visual_pos": boxes, "visual_attention_mask": visible}, found

    def inputs(self, rows, images):
        """-> the call arguments for some examples and pictures, but for what is hidden"""
        ids, visible = self.sentences(rows)
        call, _ = self.objects(images)
        if self.hidden == "objects":
            call |= {name: np.zeros_like(call[name]) for name in ("visual_feats", "visual_pos")}
        if self.hidden == "words":
            ids = np.where(np.isin(ids, self.ordinary), 0, ids)
        return {**call, "input_ids": ids, "attention_mask": visible}

    def answer(self, row, rng):
        """The number of an example's answer, drawn by the scores if there are several; NOTHING if there is none."""
        answers = (self.examples[row].answers or {}).items()
        scores = {self.number[answer]: score for answer, score in answers if answer in self.number and score > 0}
        if not scores:
            return NOTHING
        if len(scores) == 1:
            return next(iter(scores))
        share = np.array(list(scores.values()), np.float64)
        return int(rng.choice(list(scores), p=share / share.sum()))


class PretrainingBatches(Batches):
    """The five tasks of one batch (paper, section 3.1), for LxmertForPreTraining.

    A foreign sentence is drawn from all examples, as the authors do it; its words are masked like any other's, its
    answer does not count. word_rate, object_rate: shares that are hidden; foreign: share of sentences exchanged for
    another picture's. Raises ConfigError for sentences of one picture alone, unless `foreign` is 0.

    An example with a foil is a contrast: itself or its foil, one as likely as the other, and nothing of it is hidden;
    only matching learns from it (not in the paper, where nothing teaches what one changed word does). If words were
    hidden in true captions alone, a whole sentence would be likelier a foil, whatever it says."""

    SHOWN = (*Batches.SHOWN, "object_ids", "object_conf", "attribute_ids", "attribute_conf")

    def __init__(self, *args, word_rate=RATE, object_rate=RATE, foreign=0.5, **kwargs):
        super().__init__(*args, **kwargs)
        self.word_rate, self.object_rate, self.foreign = word_rate, object_rate, foreign
        known = np.array([example.foil is not None for example in self.examples])
        self.foils = np.where(known, len(known) + np.cumsum(known) - 1, NOTHING)  # their places among the words
        self.by_picture = by_picture([example.image for example in self.examples])
        if foreign and len({example.image for example in self.examples}) == 1:
            expected = "two or more, so that a sentence can be another's (or pre-training without matching)"
            raise ConfigError.at("pre-training", "pictures", expected, f"one, {self.examples[0].image}")

    def batch(self, rows, rng):
        images = [self.examples[row].image for row in rows]
        source, own = mismatch(self.by_picture, rows, rng, self.foreign)
        contrast = self.foils[rows] != NOTHING
        if contrast.any():
            own = np.where(contrast, rng.random(len(rows)) < 0.5, own)
            source = np.where(contrast, np.where(own, rows, self.foils[rows]), source)
        ids, visible = self.sentences(source)
        maskable = np.isin(ids, self.ordinary) & ~contrast[:, None]
        seen, labels = mask_words(ids, maskable, self.tokenizer.mask_token_id, self.ordinary, rng, self.word_rate)
        call, objects = self.objects(images)
        call["visual_feats"], obj_labels = self.hide_objects(call, objects, ~contrast, rng)
        answers = [self.answer(row, rng) if mine else NOTHING for row, mine in zip(rows, own, strict=True)]
        texts = {"input_ids": seen, "attention_mask": visible, "labels": labels}
        return {**call, **texts, "obj_labels": obj_labels, "matched_label": own.astype(int), "ans": np.array(answers)}

    def hide_objects(self, call, objects, some, rng):
        """-> visual_feats as the model sees them, and obj_labels: classes weighted by the detector's confidence.

        some (B,): of which pictures objects are hidden"""
        feats, visible = call["visual_feats"], call["visual_attention_mask"] > 0
        everyone = feats[visible]
        others = everyone[rng.integers(len(everyone), size=visible.shape)] if len(everyone) else feats
        seen, chosen = mask_objects(feats, visible & some[:, None], others, rng, self.object_rate)
        for image in objects:
            columns = image.object_ids, image.object_conf, image.attribute_ids, image.attribute_conf
            if any(column is None for column in columns):
                expected = "the detector's classes and confidences"
                raise FeatureFileError.at(f"picture {image.image_id}", "objects", expected, "not all of them")
        classes = pad([o.object_ids for o in objects], visible), pad([o.object_conf for o in objects], visible)
        attributes = [o.attribute_ids for o in objects], [o.attribute_conf for o in objects]
        return seen, {"obj": classes, "attr": tuple(pad(a, visible) for a in attributes), "feat": (feats, chosen)}


def pad(columns, visible):
    """What a detector says of each object, (M,) a picture -> (B, most M); NOTHING or 0.0 where there is no object"""
    whole = columns[0].dtype.kind == "i"
    array = np.full(visible.shape, NOTHING if whole else 0, np.int64 if whole else np.float32)
    array[visible] = np.concatenate(columns)
    return array


class QuestionBatches(Batches):
    """Questions about pictures with their answers, for LxmertForQuestionAnswering.

    soft: with every answer's score as the published VQA labels have it, instead of one answer's number."""

    def __init__(self, *args, soft=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.soft = soft

    def batch(self, rows, rng):
        return {**self.inputs(rows, [self.examples[row].image for row in rows]), **self.labels(rows, rng)}

    def labels(self, rows, rng):
        if not self.soft:
            return {"labels": np.array([self.answer(row, rng) for row in rows])}
        scores = np.zeros((len(rows), len(self.number)), np.float32)
        for place, row in enumerate(rows):
            for answer, score in (self.examples[row].answers or {}).items():
                if answer in self.number:
                    scores[place, self.number[answer]] = score
        return {"soft_labels": scores}


class StatementBatches(Batches):
    """Statements about two pictures, for LxmertForVisualReasoning. answers: {"yes": 1.0} for a true one, or "no"."""

    def batch(self, rows, rng):
        call = self.inputs(rows, [image for row in rows for image in self.examples[row].image])
        for name in ("visual_feats", "visual_pos", "visual_attention_mask"):
            call[name] = call[name].reshape(-1, 2, *call[name].shape[1:])
        answers = [self.examples[row].answers for row in rows]
        return {**call, "labels": np.array([NOTHING if truth is None else int("yes" in truth) for truth in answers])}
