"""Drawn pictures that others made, learnt from their pixels: easy-VQA.

    questions, answers = read_easy_vqa(folder, "train")
    data = easy_vqa_task(questions, "train")
    model, tokenizer = starting_model("weights", data, answers)
    finetune(model, data, tokenizer, "runs/easy-vqa", …)  # recipes.py
What a model knows moves along by text: the embeddings of known words, and the answer head's rows of known answers."""

import numpy as np

from ..ask.asking import look
from ..core.params import initialise
from ..errors import ConfigError
from ..published.model import LxmertForQuestionAnswering
from ..scenes.world import SMALL
from ..training.recipes import fresh_miniature, miniature_tokenizer, start_model
from ..training.task_files import GqaQuestion
from ..training.tasks import TaskData
from ..words.text import split_words
from ..words.tokenizer import LxmertTokenizer


def see(paths, progress=None):
    """PNG or JPEG files -> {path as text: Objects}, each looked at once by the detector. Raises PictureError."""
    found, paths = {}, list(dict.fromkeys(map(str, paths)))
    for number, path in enumerate(paths, 1):
        found[path] = look(path)
        if progress and (number % 500 == 0 or number == len(paths)):
            progress("looked at", number, len(paths))
    return found


def easy_vqa_task(questions, split, progress=None):
    """EasyQuestions -> TaskData of questions with one true answer each"""
    records = [
        GqaQuestion(f"{split}-{number}", str(q.picture), q.question, {q.answer: 1.0})
        for number, q in enumerate(questions)
    ]
    return TaskData("gqa", records, see((q.picture for q in questions), progress))


def starting_model(weights, data, answers, seed=0, vocab=None):
    """The question answerer of a checkpoint directory, or a fresh miniature for None, that knows the words of TaskData.

    vocab: where vocab.txt is, if not beside the weights. -> model, its tokenizer. Raises ConfigError."""
    texts = [record.sent for record in data.records]
    if weights is None:
        model, tokenizer = fresh_miniature(LxmertForQuestionAnswering, SMALL, seed), miniature_tokenizer(SMALL)
        model.move_answers(list(answers))
    else:
        model = start_model(data, weights, list(answers), seed)
        tokenizer = LxmertTokenizer.beside(weights, vocab)
        width = next(iter(data.pictures.values())).features.shape[1]
        if model.config.visual_feat_dim != width:
            found = f"{model.config.visual_feat_dim} numbers: it was made for another detector"
            raise ConfigError.at(weights, "visual_feat_dim", f"{width}, as this package's detector finds", found)
    return model, add_words(model, tokenizer, texts, seed)


def add_words(model, tokenizer, texts, seed=0):
    """Give a model the words of some texts: what it can spell stays as it is, the others get fresh embeddings.

    New words come last in the vocabulary, so that no known one changes its number. -> the new tokenizer"""
    words = dict.fromkeys(word for text in texts for word in split_words(text, *tokenizer.cleaning))
    unknown = tokenizer.unknown_words(" ".join(words))
    shape = {"w": (len(unknown), model.config.hidden_size)}
    fresh = initialise(shape, model.config, np.random.default_rng([seed, 2]), model.dtype)["w"]
    words = model.params["embeddings"]["word"]
    words["w"] = np.concatenate([words["w"][: len(tokenizer)], fresh])  # a table rounded up has rows of no word
    model.config = model.config.replace(vocab_size=len(words["w"]))
    return tokenizer.with_words(unknown)
