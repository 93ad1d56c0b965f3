"""easy-VQA: 48,248 questions about 5,000 drawn pictures of 64 × 64, learnt from their pixels.

    questions, answers = read_easy_vqa(None, "train")
    data = easy_vqa_task(questions)
    model, tokenizer = starting_model("weights/pretrained", data, answers)
    finetune(model, data, tokenizer, "runs/easy-vqa", …)  # recipes.py
What a model knows moves along by text: the embeddings of known words, and the answer head's rows of known answers.
The package `easy-vqa` of PyPI need not be installed: its unpacked folder will do (pip download easy-vqa, then unzip).
Nothing of it runs. Source: Victor Zhou, easy-VQA 1.0."""

import importlib.util
from pathlib import Path

import numpy as np

from ..ask import look_all
from ..core.params import initialise
from ..errors import ConfigError, TaskFileError
from ..files import read_text
from ..files.reading import refuse_repeated
from ..published.model import LxmertForQuestionAnswering
from ..scenes.world import SMALL
from ..training.entries import is_text, read_task_json
from ..training.recipes import fresh_miniature, miniature_tokenizer, start_model
from ..training.task_files import GqaQuestion
from ..training.tasks import TaskData
from ..words.text import split_words
from ..words.tokenizer import LxmertTokenizer


def find_easy_vqa(folder=None):
    """The folder that holds answers.txt, train/ and test/: at or in `folder`, or in the installed package.

    The package is looked up, not imported. Raises TaskFileError."""
    if folder is None:
        package = importlib.util.find_spec("easy_vqa")
        folder = Path(package.origin).parent if package and package.origin else Path("easy_vqa")
    places = [Path(folder, *inner) for inner in ((), ("data",), ("easy_vqa", "data"))]
    found = next((place for place in places if (place / "answers.txt").is_file()), None)
    if found is None:
        raise TaskFileError.at(folder, None, "the data of easy-vqa (pip install easy-vqa)", "no answers.txt")
    return found


def read_easy_vqa(folder, split):
    """The questions of a split, train or test, and all answers -> [GqaQuestion], [text]. Raises TaskFileError."""
    data = find_easy_vqa(folder)
    lines = read_text(data / "answers.txt", "answers, one a line", TaskFileError).splitlines()
    answers = [line.strip() for line in lines if line.strip()]
    refuse_repeated(data / "answers.txt", answers)
    path = data / split / "questions.json"
    rows = read_task_json(path)
    if not isinstance(rows, list):
        raise TaskFileError.at(path, None, "a list of questions", type(rows).__name__)
    return [easy_question(path, number, row, answers) for number, row in enumerate(rows)], answers


def easy_question(path, number, row, answers):
    """One row, [question, answer, number of the picture] -> GqaQuestion, whose picture is a path."""
    good = isinstance(row, list) and len(row) == 3 and is_text(row[0]) and type(row[2]) is int and row[2] >= 0
    if not good or row[1] not in answers:
        expected = "[question, one of the answers, number of a picture]"
        raise TaskFileError.at(path, f"entry {number}", expected, repr(row))
    picture = path.parent / "images" / f"{row[2]}.png"
    return GqaQuestion(f"{path.parent.name}-{number}", str(picture), row[0], {row[1]: 1.0})


def easy_vqa_task(questions, progress=None):
    """The TaskData of questions, whose pictures the detector looks at. Raises PictureError."""
    return TaskData("gqa", questions, look_all((question.img_id for question in questions), progress))


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
