"""A question and a picture in, the likeliest answers out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.ops import softmax
from ..errors import ConfigError, FeatureFileError, PictureError, ShapeError
from ..scenes.detector import describe, detect, is_photograph
from ..scenes.language import find_misfits, spell, world_of
from ..scenes.strangers import calibrate, find_strange
from ..vision.objects import pad_objects
from ..vision.pictures import read_picture

UNSURE = 0.5  # the probability below which the best answer is called a guess
SHAPELESS = 0.5  # the mean confidence of a picture's objects below which they are probably not what was learnt


@dataclass(frozen=True)
class Answer:
    """One answer with its probability; `text` is "answer 17" where the checkpoint carries no list of answers."""

    text: str
    probability: float
    number: int


@np.errstate(under="ignore")  # a probability may vanish
def ask(model, tokenizer, questions, objects, top=5):
    """The `top` likeliest answers to each question, best first: a list of Answer a question.

    questions: texts; objects: the feature file's Objects of each question's picture, one a question.
    model: a face with an answer head. Raises ShapeError, ConfigError; FeatureFileError for objects with NaN or
    infinity, and for those of which no finite score comes."""
    check_fit(model, tokenizer)
    output = model(**call_arguments(model, tokenizer, questions, objects))
    check_scores(output.question_answering_score, questions, objects)
    rows = calibrate_answers(softmax(output.question_answering_score), tokenizer, questions, objects)
    return [best_answers(row, model.answers, top) for row in rows]


def calibrate_answers(probabilities, tokenizer, questions, objects):
    """The probabilities (B, A) of answers; of a model of the miniature world (told by its words) no surer than what is
    new to that world in each picture allows."""
    world = world_of(tokenizer.tokens)
    if world is None:
        return probabilities
    rows = zip(probabilities, questions, objects, strict=True)
    return [calibrate(row, find_strange(world, *asked)) for row, *asked in rows]


def check_scores(scores, questions, objects):
    """Refuse scores (B, A) of which no probability can be made, as enormous features give."""
    for row, question, found in zip(scores, questions, objects, strict=True):
        if not np.isfinite(row).all():
            raise FeatureFileError.at(found.image_id, question, "finite scores", "NaN or infinity")


def look(path, detector=None, recipe="authors"):
    """The Objects in a picture file, PNG or JPEG.

    detector: a FasterRcnn, for photographs, with its recipe; without one the picture is a drawn scene, seen by the
    miniature's own. Raises PictureError, also for a photograph without a detector."""
    picture = read_picture(path)
    if detector is not None:
        return detector(picture, recipe, Path(path).name)
    if is_photograph(picture):
        found = "a photograph, which needs --detector FOLDER (minilxmert download frcnn-vg-finetuned)"
        raise PictureError.at(path, None, "a drawn scene", found)
    return detect(picture, Path(path).name)


def look_all(paths, progress=None):
    """Drawn pictures -> {path as text: Objects}, each looked at once. Raises PictureError."""
    found, paths = {}, dict.fromkeys(map(str, paths))
    for number, path in enumerate(paths, 1):
        found[path] = look(path)
        if progress and (number % 500 == 0 or number == len(paths)):
            progress("looked at", number, len(paths))
    return found


def doubts(tokenizer, question, objects, answer, drawn=False):
    """What makes an answer a guess, in sentences: unknown words, nothing to see, low probability; of a drawn picture
    also, that its objects are no plain shapes (other detectors' confidences have another meaning), and what is
    new to a model of the miniature world."""
    found, world = [], world_of(tokenizer.tokens)
    unknown = tokenizer.unknown_words(spell(question) if world else question)
    if unknown:
        found.append(f"the model does not know the word{'s' * (len(unknown) > 1)} {', '.join(unknown)}")
    elif drawn and world:
        found += find_misfits(question, describe(objects)) + list(find_strange(world, question, objects).values())
    if not len(objects):
        found.append("no object was found in the picture")
    elif drawn and objects.object_conf.mean() < SHAPELESS:
        found.append("most objects look like none that the model knows")
    if answer.probability < UNSURE:
        found.append("the model is unsure")
    return found


def call_arguments(model, tokenizer, questions, objects):
    """What a model is called with for questions about pictures, Objects each: padded, with masks.

    A question or picture (the same Objects) that comes again is there once, and `pairs` says which belong together.
    Questions to a model of the miniature world are spelled as it has learnt them."""
    if len(questions) != len(objects):
        raise ShapeError(f"objects: {len(objects)} pictures for {len(questions)} questions: give one a question")
    if world_of(tokenizer.tokens):
        questions = [spell(question) for question in questions]
    (questions, asked), (objects, seen) = distinct(questions), distinct(objects, key=id)
    pairs = {} if len(questions) == len(objects) == len(asked) else {"pairs": np.stack([asked, seen], 1)}
    limit = model.config.max_position_embeddings
    words = tokenizer(list(questions), padding=True, truncation=True, max_length=limit, return_tensors="np")
    feats, boxes, mask = pad_objects(objects, model.config.visual_feat_dim)
    return {**words, "visual_feats": feats, "visual_pos": boxes, "visual_attention_mask": mask, **pairs}


def distinct(things, key=None):
    """things -> those that differ, in order, and for each thing the number of its like among them, (B,)"""
    keys = [key(thing) if key else thing for thing in things]
    first = dict(zip(reversed(keys), reversed(list(things)), strict=True))
    numbers = {name: number for number, name in enumerate(dict.fromkeys(keys))}
    return [first[name] for name in numbers], np.array([numbers[name] for name in keys], np.int64)


def best_answers(probabilities, texts, top):
    """probabilities (A,) -> the `top` largest as Answers, best first; equal ones by number"""
    order = np.argsort(-probabilities, kind="stable")[:top]
    return [Answer(texts[i] if texts else f"answer {i}", float(probabilities[i]), int(i)) for i in order]


def check_fit(model, tokenizer):
    """Refuse a model that cannot answer, or a vocabulary that belongs to another model (`take_tokens`)."""
    if "answer" not in model.head_names(model.config):
        raise ConfigError.at("model", "answer head", "a model that answers questions", type(model).__name__)
    model.take_tokens(tokenizer.tokens)
