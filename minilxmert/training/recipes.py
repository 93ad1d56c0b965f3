"""Ready recipes: the miniature pre-trained and fine-tuned, and any LXMERT fine-tuned on the files that people have.

How much data, how many steps and at what rate stands here and nowhere else. What a folder holds afterwards is a model
like any other (weights, config, vocabulary, answers), and the checkpoint and log of its training."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..model import LxmertForPreTraining
from ..scenes.language import vocabulary_of
from ..tokenizer import LxmertTokenizer
from ..vocabulary import write_vocabulary
from .batches import PretrainingBatches
from .loop import Training
from .miniature import Miniature, miniature_config, spread_boxes
from .optimizer import Adam
from .tasks import TASKS, hide


@dataclass(frozen=True)
class Recipe:
    """How much the miniature sees, and for how many steps of `batch_size` examples it learns."""

    scenes: int  # drawn for training
    first_words: int  # steps of pre-training on colours and shapes alone, …
    pretraining: int  # … on everything, …
    finetuning: int  # … and of fine-tuning on a task
    rate: float = 1e-3
    batch_size: int = 64


RECIPES = {"quick": Recipe(3000, 600, 2400, 1500), "full": Recipe(30_000, 1500, 20_000, 15_000)}


def pretrain_miniature(world, recipe, folder, seed=0, progress=None, told=None, **config):
    """Pre-train a fresh miniature with the five tasks: on first words, then on everything. -> Training

    progress: of the training (loop.py), told: of the making of data (miniature.py); config: of miniature_config. A
    folder with a checkpoint is gone on with; after Ctrl-C the Training says `interrupted`."""
    folder = Path(folder)
    data, tokenizer = Miniature(world, "train", recipe.scenes, seed, told), miniature_tokenizer(world, folder)
    model = LxmertForPreTraining(miniature_config(world, **config), seed)
    model.answers = data.answers
    spread_boxes(model, np.random.default_rng([seed, 1]))
    stages = (
        ("first", recipe.first_words, lambda: data.first_words),
        ("", recipe.pretraining, lambda: data.pretraining),
    )
    for name, steps, examples in stages:
        batches = PretrainingBatches(data.pictures, examples(), tokenizer, data.answers)
        training = Training(model, batches, adam(recipe, steps), recipe.batch_size, seed, folder / name)
        if training.run(progress).interrupted:
            return training
    return saved(training, tokenizer)


def finetune(data, start, folder, optimizer, batch_size, seed=0, progress=None, hidden=None, tokenizer=None):
    """Fine-tune on TaskData. start: a model of any face, whose encoders the new one takes over. -> Training

    hidden: "objects" or "words" for a blind model, which never sees them (tasks.hide)."""
    task = TASKS[data.task]
    model = task.face(start.config, seed)
    batches = task.batches(data.pictures, data.examples, tokenizer, model.answers or ())
    training = Training(model, hide(batches, hidden) if hidden else batches, optimizer, batch_size, seed, folder)
    return training if training.run(progress).interrupted else saved(training, tokenizer)


def miniature_tokenizer(world, folder):
    """The tokenizer of a world's language, with its vocabulary written into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_vocabulary(folder / "vocab.txt", vocabulary_of(world))
    return LxmertTokenizer.from_pretrained(folder)


def adam(recipe, steps):
    """AdamW with a recipe's schedule."""
    return Adam(recipe.rate, steps, corrected=True)


def saved(training, tokenizer):
    """A Training that has come to its end, its model and vocabulary written beside its log."""
    about = {"training": {"seconds": round(training.seconds), **training.identity()}}
    training.model.save_pretrained(training.folder, provenance=about)
    tokenizer.save_pretrained(training.folder)
    return training
