"""Learn NLVR: pre-train on random claims about three boxes, then learn from what people said; beside it, from scratch.

    pretrained = pretrain(RECIPE, "runs/nlvr/pretrained").folder
    data = people(read_nlvr("nlvr/dev/dev.json"))
    for train, test in folds(data): learn(data.part(train), pretrained, RECIPE, "runs/nlvr/fold-0")
All examples of a sentence, and the six pictures of a scene, are on one side of every split."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.config import LxmertConfig
from ..published.model import LxmertForPreTraining
from ..scenes.boxes import WIDTH, from_objects
from ..scenes.claims import mended, plain
from ..training.claims import (
    COUNT_CLASSES,
    GROUP,
    LONGEST,
    OBJECT_CLASSES,
    ClaimBatches,
    Claims,
    PeopleBatches,
    claim_tokenizer,
    random_claims,
)
from ..training.loop import Training
from ..training.optimizer import Adam
from ..training.recipes import check_ready, save
from .drawn import see
from .nlvr import nlvr_report

STARTS = "pre-trained", "from scratch"
RESAMPLED = 4000  # times, for an interval
PERCENTS = 2.5, 97.5


@dataclass(frozen=True)
class Recipe:
    """How many claims are made, and for how many steps of 64 a model learns from them, and from people."""

    claims: int = 30_000
    pretraining: int = 3000
    finetuning: int = 200
    rate: float = 1e-3  # of pre-training, and of learning from scratch
    gentle: float = 1e-4  # of fine-tuning
    again: int = 1300  # claims that fine-tuning mixes in, so that they are not forgotten


@dataclass(frozen=True)
class People:
    """What people said: a row for each picture. names: of pictures in predictions; sentences: whose number."""

    claims: Claims
    names: np.ndarray
    sentences: np.ndarray

    def __len__(self):
        return len(self.names)

    def part(self, rows):
        texts = [self.claims.texts[row] for row in rows]
        claims = Claims(texts, self.claims.scenes[rows], self.claims.truths[rows])
        return People(claims, self.names[rows], self.sentences[rows])


def people(examples, progress=None):
    """NlvrExamples -> People: their pictures are looked at by the detector. Raises PictureError."""
    rows = [(e, name, path) for e in examples for name, path in zip(e.keys(), e.pictures, strict=True)]
    seen = see((path for _, _, path in rows), progress)
    known = {text: number for number, text in enumerate(sorted({plain(e.sentence) for e in examples}))}
    scenes = from_objects([seen[str(path)] for _, _, path in rows])
    claims = Claims([mended(e.sentence) for e, _, _ in rows], scenes, np.array([e.label for e, _, _ in rows]))
    sentences = np.array([known[plain(e.sentence)] for e, _, _ in rows])
    return People(claims, np.array([name for _, name, _ in rows]), sentences)


def folds(data, count, seed=0):
    """-> (rows to learn from, rows of the test) of each fold of the sentences"""
    order = np.random.default_rng([seed, 3]).permutation(data.sentences.max() + 1)
    for fold in range(count):
        tested = np.isin(data.sentences, order[fold::count])
        if tested.any() and not tested.all():
            yield np.flatnonzero(~tested), np.flatnonzero(tested)


def claim_model(seed=0):
    """A fresh model: 1 language, 1 object and 4 cross layers, 96 wide."""
    sizes = {"hidden_size": 96, "num_attention_heads": 4, "intermediate_size": 192, "max_position_embeddings": LONGEST}
    sizes |= {"l_layers": 1, "r_layers": 1, "x_layers": 4, "vocab_size": len(claim_tokenizer()), "num_qa_labels": 2}
    sizes |= {"num_object_labels": OBJECT_CLASSES, "num_attr_labels": COUNT_CLASSES, "visual_feat_dim": WIDTH}
    sizes |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "initializer_range": 0.05}
    losses = {"task_mask_lm": False, "task_qa": False, "visual_feat_loss": False, "visual_loss_normalizer": 1.0}
    return LxmertForPreTraining(LxmertConfig(**sizes, **losses), seed)


def pretrain(recipe, folder, seed=0, progress=None, data_progress=None):
    """Learn from random claims. -> Training"""
    claims = random_claims(np.random.default_rng([seed, 0]), recipe.claims, data_progress)
    batches, schedule = ClaimBatches(claims, claim_tokenizer()), (recipe.rate, recipe.pretraining)
    return train(claim_model(seed), batches, folder, schedule, 1, seed, progress)


def learn(data, pretrained, recipe, folder, seed=0, progress=None):
    """Learn from People, with the weights of a folder or, for None, fresh ones. -> Training"""
    model = LxmertForPreTraining.from_pretrained(pretrained, mapped=False) if pretrained else claim_model(seed + 1)
    schedule, claims = (recipe.gentle if pretrained else recipe.rate, recipe.finetuning), data.claims
    if pretrained:
        claims += random_claims(np.random.default_rng([seed, 4]), recipe.again)
    return train(model, PeopleBatches(claims, claim_tokenizer()), folder, schedule, GROUP, seed, progress)


def train(model, batches, folder, schedule, batch_size, seed, progress):
    """-> Training, which goes on from the folder's checkpoint and saves the model when it has come to its end"""
    check_ready(model, batches.tokenizer, folder)
    training = Training(model, batches, Adam(*schedule, corrected=True), batch_size, seed, Path(folder))
    return training if training.run(progress).interrupted else save(training, batches.tokenizer)


def measure(data, tested, count, pretrained, recipe, folder, seed=0, progress=None):
    """Learn from People and judge others (`tested`), or for None a fold of the data after the other, `count` in all.

    -> the last Training, and what the models of both starts say, {start: (R,) of bool}, unless it was interrupted"""
    parts = {"test": (np.arange(len(data)), np.arange(len(tested)))} if tested else {}
    parts = parts or {f"fold-{number}": rows for number, rows in enumerate(folds(data, count, seed))}
    tested, said = tested or data, {}
    for name, (learnt, asked) in parts.items():
        for start, weights in zip(STARTS, (pretrained, None), strict=True):
            place = Path(folder, name, start.replace(" ", "-"))
            run = learn(data.part(learnt), weights, recipe, place, seed, progress)
            if run.interrupted:
                return run, None
            said.setdefault(start, np.zeros(len(tested), bool))[asked] = judge(run.model, tested.part(asked).claims)
    return run, said


def judge(model, claims):
    """Whether a model takes each of Claims to be true -> (S,) of bool"""
    batches, said = ClaimBatches(claims, claim_tokenizer()), np.zeros(len(claims), bool)
    for rows in batches.groups:
        call = batches.call(rows)
        del call["matched_label"]
        call.pop("obj_labels", None)
        said[rows] = model(**call).cross_relationship_score.argmax(1)
    return said


def by_sentence(values, sentences, seed=0):
    """A mean over pictures and its 95 % interval, from samples of whole sentences: values (R,) -> mean, (low, high)"""
    _, sentences = np.unique(sentences, return_inverse=True)
    totals, counts = np.bincount(sentences, values), np.bincount(sentences)
    drawn = np.random.default_rng(seed).integers(len(counts), size=(RESAMPLED, len(counts)))
    means = totals[drawn].sum(1) / counts[drawn].sum(1)
    return values.mean(), tuple(np.percentile(means, PERCENTS))


def results(examples, data, said):
    """What the models of both starts said, {start: (R,) of bool} -> lines of text: accuracy, consistency, the gain"""
    lines = [f"{'NLVR':<18} accuracy   95 % interval  consistency"]
    right = {start: (values == data.claims.truths).astype(float) for start, values in said.items()}
    for start, points in right.items():
        report = nlvr_report(examples, dict(zip(data.names.tolist(), said[start].tolist(), strict=True)))
        lines.append(
            f"{start:<18} {percents(*by_sentence(points, data.sentences))} {report['Consistency'].share:11.1%}"
        )
    commonest = data.claims.truths == (data.claims.truths.mean() > 0.5)
    lines.append(f"{'commonest answer':<18} {commonest.mean():7.1%}")
    gain = right[STARTS[0]] - right[STARTS[1]]
    return [*lines, f"{'gain (points)':<18} {percents(*by_sentence(gain, data.sentences))}"]


def percents(mean, ends):
    return f"{mean:7.1%}   {ends[0]:6.1%} … {ends[1]:6.1%}"
