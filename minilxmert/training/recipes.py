"""Ready recipes: the miniature pre-trained and fine-tuned, and any LXMERT fine-tuned on the files that people have.

How much data, how many steps and at what rate stands here and nowhere else. What a folder holds afterwards is a model
like any other (weights, config, vocabulary, answers), and the checkpoint and log of its training."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..checkpoints.loading import read_checkpoint
from ..checkpoints.weights import replaced_by
from ..core.answers import read_answers
from ..core.config import LxmertConfig
from ..core.params import map_tree
from ..errors import ConfigError, FeatureFileError
from ..published.model import LxmertForPreTraining
from ..scenes.language import answers_of, vocabulary_of
from ..words.tokenizer import LxmertTokenizer
from .aggregated import known_answers, read_pictures, sentences
from .batches import PretrainingBatches
from .log import STAGES
from .loop import Training
from .miniature import Miniature, miniature_config, spread_boxes
from .optimizer import Adam
from .tasks import TASKS, batches_of, open_all, predict, take_detector


@dataclass(frozen=True)
class Recipe:
    """How much the miniature sees, and for how many steps of `batch_size` examples it learns."""

    scenes: int  # drawn for training
    first_words: int  # steps of pre-training on single things, …
    pretraining: int  # … on everything, …
    finetuning: int  # … and of fine-tuning on a task
    rate: float = 1e-3
    batch_size: int = 64


RECIPES = {"quick": Recipe(4000, 1000, 2000, 1500), "full": Recipe(30_000, 2500, 6500, 10_000)}
WITHOUT = {  # the changes of a config that leave out a task of pre-training, or a part of one
    "words": {"task_mask_lm": False},
    "matching": {"task_matched": False},
    "objects": {"task_obj_predict": False},
    "labels": {"visual_obj_loss": False, "visual_attr_loss": False},
    "features": {"visual_feat_loss": False},
    "questions": {"task_qa": False},
}
GENTLE = {"word_rate": 0.05, "object_rate": 0.05, "foreign": 0.25}  # of first words little is hidden or exchanged


def pretrain_miniature(
    world, recipe, folder, seed=0, progress=None, data_progress=None, run=None, weights=None, foiled=0.0, unnamed=0.0,
    **config,
):  # fmt: skip
    """Pre-train a fresh miniature, or one with the encoders (and what heads there are) of `weights`, with the five
    tasks: on first words, unless the recipe has none, then on everything. -> Training

    foiled: the share of examples that are captions with one fact wrong in half the cases (batches.py); unnamed: of
    Miniature; progress: of the training (loop.py); data_progress: of the drawing (miniature.py); run: options of
    Training; config: of miniature_config. If the folder holds a checkpoint, training goes on from it; after Ctrl-C the
    Training says `interrupted`."""
    folder = Path(folder)
    data = Miniature(world, "train", recipe.scenes, seed, data_progress, unnamed)
    tokenizer = miniature_tokenizer(world)
    if weights:
        model = LxmertForPreTraining.from_pretrained(weights, fresh_heads=True, seed=seed, mapped=False)
    else:
        model = fresh_miniature(LxmertForPreTraining, world, seed, **config)
    return pretrain_model(model, data, tokenizer, recipe, folder, seed, progress, run, foiled)


def fresh_miniature(face, world, seed=0, **config):
    """A face of the miniature with fresh weights that knows the answers of its world. config: of miniature_config."""
    model = face(miniature_config(world, **config), seed)
    spread_boxes(model, np.random.default_rng([seed, 1]))
    model.answers = answers_of(world) if "answer" in model.params else None
    return model


def pretrain_model(model, data, tokenizer, recipe, folder, seed=0, progress=None, run=None, foiled=0.0):
    """Pre-train a LxmertForPreTraining on a Miniature: on first words, then on everything. -> Training

    What a switched-off task would predict is not hidden from the model either."""
    check_ready(model, tokenizer, folder)
    seconds = 0.0
    stages = zip(STAGES, (recipe.first_words, recipe.pretraining), (GENTLE, {}), strict=True)
    for name, steps, rates in stages:
        if not steps:
            continue
        rates = {**rates, **not_hidden(model.config)}
        examples = data.with_contrasts(foiled) if foiled and name == "pretraining" else getattr(data, name)
        batches = PretrainingBatches(data.pictures, examples, tokenizer, data.answers, **rates)
        optimizer = Adam(recipe.rate, steps, corrected=True)
        training = Training(model, batches, optimizer, recipe.batch_size, seed, folder / name, **(run or {}))
        if training.run(progress).interrupted:
            return training
        seconds += training.seconds
    training.seconds = seconds
    return save(training, tokenizer, folder)


def not_hidden(config):
    """The rates of PretrainingBatches for tasks that are switched off: what nobody has to predict is not hidden."""
    tasks = {"word_rate": "task_mask_lm", "object_rate": "task_obj_predict", "foreign": "task_matched"}
    return {rate: 0.0 for rate, task in tasks.items() if not getattr(config, task)}


def pretrain_files(
    files, config, weights, tokenizer, folder, batch_size, rate, epochs, steps=None, seed=0, progress=None, run=None,
    say=print, **changes,
):  # fmt: skip
    """Pre-train on the authors' files: (aggregated files, feature files, all_ans.json). -> Training

    config: the path of a fresh model's config.json; weights: of what to start from, an LXMERT or a BERT; either may be
    None. changes: of the config, as in WITHOUT. BertAdam with the published warm-up of 5 %; the object losses are
    weighted by the published 6.67."""
    texts, features, answers = files
    pictures, answers = open_all(features), read_answers(answers)
    examples = read_examples(texts, pictures, answers, say)
    model = pretraining_model(config, weights, answers, seed, **changes)
    check_ready(model, tokenizer, folder)
    take_detector(model, pictures, learn=True)
    choices = {"most_words": min(64, model.config.max_position_embeddings), **not_hidden(model.config)}
    batches = PretrainingBatches(pictures, examples, tokenizer, answers, **choices)
    steps = steps or steps_of(len(examples), epochs, batch_size * (run or {}).get("accumulate", 1))
    return train(model, batches, Adam(rate, steps), batch_size, seed, folder, progress, **(run or {}))


def pretraining_model(config, weights, answers, seed, **changes):
    """A model that starts from a config.json or from weights, or both, with a list of answers."""
    if config:
        config = LxmertConfig.from_json_file(config).replace(num_qa_labels=len(answers), **changes)
    elif changes:
        weights = read_checkpoint(weights)
        weights.config = weights.config.replace(**changes)
    if weights:
        model = LxmertForPreTraining.from_pretrained(weights, config, fresh_heads=True, seed=seed, mapped=False)
    else:
        model = LxmertForPreTraining(config, seed)
    give_answers(model, answers)
    return model


def read_examples(paths, pictures, answers, say):
    """The sentences of aggregated files whose pictures have objects, with the answers of the list -> [Example]"""
    found, known = [example for path in paths for example in sentences(read_pictures(path))], set(answers)
    seen = [example for example in found if example.image in pictures]
    if len(seen) < len(found):
        say(f"{len(found) - len(seen):,} of {len(found):,} sentences are left out: their pictures have no objects")
    if not seen:
        raise FeatureFileError.at(pictures.path, None, "a picture of the sentences", "none of them")
    return [replace(e, answers=known_answers(e.answers, known) if e.answers else None) for e in seen]


def steps_of(examples, epochs, batch_size):
    """How many steps go over all examples so often. Raises ConfigError where they are too few for the published
    schedule, whose first step has the rate 0."""
    steps = examples * epochs // batch_size
    if steps < 2:
        expected = "examples for 2 steps or more (more epochs, smaller batches, or --steps)"
        found = f"{examples} examples × {epochs} epochs in batches of {batch_size}"
        raise ConfigError.at("schedule", None, expected, found)
    return steps


def start_model(data, weights, answers=None, seed=0):
    """The face that a task trains, with the encoders of the checkpoint `weights`, or fresh ones of a LxmertConfig.

    answers: the texts of the answer head; what the checkpoint's own head knows of them moves along by text. None: its
    own answers or, where it has none, those of the data (TaskData.answers)."""
    face = TASKS[data.task].face
    if isinstance(weights, LxmertConfig):
        fitting = {} if TASKS[data.task].classes else {"num_qa_labels": len(answers or data.answers())}
        model = face(weights.replace(**fitting), seed)
    else:
        model = face.from_pretrained(weights, fresh_heads=True, seed=seed, mapped=False)
    if "answer" in model.params:
        give_answers(model, answers or model.answers or data.answers())
    elif model.config.names_answers():  # which are not the names of its classes
        model.config.num_labels = len(TASKS[data.task].classes)
    return model


def give_answers(model, answers):
    """Give an answer head, if there is one, a list of answers: known ones keep their rows, wherever they stand; others
    start at zero, as the authors do it. A head whose answers nobody knows keeps its rows only if there are as many."""
    if "answer" not in model.params:
        return
    if not model.answers and len(answers) == model.config.num_qa_labels:
        model.take_answers(list(answers))
    elif not model.answers:
        model.answers = [f"unknown answer {number}" for number in range(model.config.num_qa_labels)]
    if model.answers and model.answers != list(answers):
        model.move_answers(list(answers))
    model.answers = list(answers)


def finetune(model, data, tokenizer, folder, optimizer, batch_size, seed=0, progress=None, hidden=None, **options):
    """Fine-tune a model (start_model) on TaskData. -> Training

    hidden: "objects" or "words" for a blind model, which never sees them. options: learnt (see train), and those of
    Training, e.g. frozen."""
    batches = batches_of(data, model, tokenizer, hidden, **({"soft": True} if TASKS[data.task].soft else {}))
    return train(model, batches, optimizer, batch_size, seed, folder, progress, **options)


def hard_kinds(world, task, weights, tokenizer, scenes=400, progress=None):
    """The kinds of a task of a world of which a checkpoint is right less often than of a kind on average: [name], found
    on pictures of the split "valid". Raises ConfigError where the checkpoint has not learnt the task."""
    data = Miniature(world, "valid", scenes, progress=progress)
    model = TASKS[task].face.from_pretrained(weights, fresh_heads=True)
    if heads := {"answer", "reasoning"}.intersection(model.fresh_parts()):
        raise ConfigError.at("often", "hard", "weights that have learnt the task", f"fresh {', '.join(heads)}")
    task = data.task(task)
    kinds = task.report_by_kind(predict(model, tokenizer, task)).rows
    average = np.mean([kind.share for kind in kinds])
    return [kind.name for kind in kinds if kind.share < average]


def train(model, batches, optimizer, batch_size, seed, folder, progress, learnt=1.0, **options):
    """-> Training, which goes on from the folder's checkpoint and saves the model when it has come to its end

    learnt: how far from the weights before to those after training the result lies, 0…1. Less than 1 forgets less of
    what training does not show (Wortsman et al. 2022, WiSE-FT)."""
    check_ready(model, batches.tokenizer, folder)
    before = model.params if learnt < 1 else None  # training works on a copy
    training = Training(model, batches, optimizer, batch_size, seed, folder, **options)
    if training.run(progress).interrupted:
        return training
    if learnt < 1:
        model.set_params(map_tree(lambda old, new: old + learnt * (new - old), before, model.params), model.precision)
    return save(training, batches.tokenizer)


def miniature_tokenizer(world):
    return LxmertTokenizer(vocabulary_of(world))


def check_ready(model, tokenizer, folder):
    """Refuse at once what `save` would refuse at the end: another vocabulary, a folder with weights of others."""
    model.take_tokens(tokenizer.tokens)
    if folder:
        replaced_by(Path(folder) / "model.h5")


def save(training, tokenizer, folder=None):
    """A Training that has come to its end, its model and vocabulary written beside its log, or into another folder."""
    folder = folder or training.folder
    about = {"training": {"seconds": round(training.seconds), **training.identity()}}
    training.model.save_pretrained(folder, provenance=about, tokenizer=tokenizer)
    training.folder = Path(folder)
    return training
