"""NLVR: sentences about drawn pictures of three boxes, true or not, written by people (Suhr et al., ACL 2017). A model
is pre-trained on random claims about boxes, then learns from what people said; beside it, one learns from scratch.

    pretrained = pretrain(Plan(), "runs/nlvr/pretrained").folder
    data = look_at(read_nlvr("nlvr/dev/dev.json"))
    for learnt, asked in folds(data, 5): learn(data.part(learnt), pretrained, Plan(), "runs/nlvr/fold-0")
Each sentence and scene comes as six PNG files, the boxes in every order, beside the file of sentences:
<split>/images/<directory>/<split>-<identifier>-<k>.png. All examples of a sentence, and the six pictures of a scene,
are on one side of every split. Source: README and metrics_images.py of lil-lab/nlvr."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..ask import look_all
from ..core.config import LxmertConfig
from ..published.model import LxmertForPreTraining
from ..scenes.boxes import WIDTH, from_objects
from ..scenes.claims import correct_spelling, plain
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
from ..training.entries import read_lines, refuse_shared
from ..training.metrics import consistency_report, prediction_of
from ..training.optimizer import Adam
from ..training.recipes import train

ORDERS = 6  # of three boxes
NUMBER, IDENTIFIER = re.compile("[0-9]{1,9}"), re.compile("[0-9]{1,9}-[0-9]{1,9}")  # they become names of files
TRUTH = {"true": True, "false": False}
STARTS = "pre-trained", "from scratch"
RESAMPLED = 4000  # times, for an interval
PERCENTS = 2.5, 97.5


@dataclass(frozen=True, slots=True)
class NlvrExample:
    """A sentence and a scene: whether it is true there, and the six pictures of the scene."""

    identifier: str  # sentence-scene
    sentence: str
    label: bool
    pictures: tuple  # six paths, order k = 0 … 5

    def keys(self):
        """The names of the six pictures in predictions: sentence-scene-k."""
        return [f"{self.identifier}-{k}" for k in range(ORDERS)]


def read_nlvr(path):
    """train.json, dev.json or test.json of NLVR, an object a line -> [NlvrExample]. Raises TaskFileError.

    The pictures are looked for when they are read, not before."""
    path = Path(path)

    def example(entry):
        identifier = entry.take("identifier", matches(IDENTIFIER), "sentence-scene, as 72-0")
        folder = path.parent / "images" / str(entry.take("directory", matches(NUMBER), "a number"))
        pictures = tuple(folder / f"{path.stem}-{identifier}-{k}.png" for k in range(ORDERS))
        return NlvrExample(identifier, entry.text("sentence"), entry.choice("label", TRUTH), pictures)

    return refuse_shared({path: read_lines(path, example)}, "identifier")


def matches(pattern):
    """A test of whether a value, a text or a whole number, is of the pattern."""
    return lambda value: type(value) in (int, str) and pattern.fullmatch(str(value))


def nlvr_report(examples, predictions):
    """Accuracy over pictures, and consistency: the share of sentences right in every picture of every scene.

    predictions: {sentence-scene-k: True or False} -> Report"""
    pairs = [(example, key) for example in examples for key in example.keys()]
    right = [bool(prediction_of(predictions, key, "NLVR")) == example.label for example, key in pairs]
    sentences = [example.identifier.partition("-")[0] for example, _ in pairs]
    return consistency_report("NLVR", list(zip(sentences, right, strict=True)))


@dataclass(frozen=True)
class Plan:
    """How many claims are made, and for how many steps of 64 a model learns from them, and from people."""

    claims: int = 30_000
    pretraining: int = 3000
    finetuning: int = 200
    rate: float = 1e-3  # of pre-training, and of learning from scratch
    gentle: float = 1e-4  # of fine-tuning
    again: int = 1300  # claims that fine-tuning mixes in, so that they are not forgotten


@dataclass(frozen=True)
class PeopleData:
    """What people said: a row for each picture. names: of pictures in predictions; sentences: whose number."""

    claims: Claims
    names: np.ndarray
    sentences: np.ndarray

    def __len__(self):
        return len(self.names)

    def part(self, rows):
        texts = [self.claims.texts[row] for row in rows]
        claims = Claims(texts, self.claims.scenes[rows], self.claims.truths[rows])
        return PeopleData(claims, self.names[rows], self.sentences[rows])


def look_at(examples, progress=None):
    """NlvrExamples -> PeopleData: their pictures are looked at by the detector. Raises PictureError."""
    rows = [(e, name, path) for e in examples for name, path in zip(e.keys(), e.pictures, strict=True)]
    seen = look_all((path for *_, path in rows), progress)
    known = {text: number for number, text in enumerate(sorted({plain(e.sentence) for e in examples}))}
    scenes = from_objects([seen[str(path)] for _, _, path in rows])
    claims = Claims([correct_spelling(e.sentence) for e, _, _ in rows], scenes, np.array([e.label for e, _, _ in rows]))
    sentences = np.array([known[plain(e.sentence)] for e, _, _ in rows])
    return PeopleData(claims, np.array([name for _, name, _ in rows]), sentences)


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


def pretrain(plan, folder, seed=0, progress=None, data_progress=None):
    """Learn from random claims. -> Training"""
    claims = random_claims(np.random.default_rng([seed, 0]), plan.claims, data_progress)
    batches, optimizer = ClaimBatches(claims, claim_tokenizer()), Adam(plan.rate, plan.pretraining, corrected=True)
    return train(claim_model(seed), batches, optimizer, 1, seed, folder, progress)


def learn(data, pretrained, plan, folder, seed=0, progress=None):
    """Learn from PeopleData, with the weights of a folder or, for None, fresh ones. -> Training"""
    model = LxmertForPreTraining.from_pretrained(pretrained, mapped=False) if pretrained else claim_model(seed + 1)
    rate, claims = plan.gentle if pretrained else plan.rate, data.claims
    if pretrained:
        claims += random_claims(np.random.default_rng([seed, 4]), plan.again)
    batches, optimizer = PeopleBatches(claims, claim_tokenizer()), Adam(rate, plan.finetuning, corrected=True)
    return train(model, batches, optimizer, GROUP, seed, folder, progress)


def measure(data, tested, count, pretrained, plan, folder, seed=0, progress=None):
    """Learn from PeopleData and judge others (`tested`), or for None each of `count` folds of the data.

    -> the last Training, and what the models of both starts say, {start: (R,) of bool}, unless it was interrupted"""
    parts = {"test": (np.arange(len(data)), np.arange(len(tested)))} if tested else {}
    parts = parts or {f"fold-{number}": rows for number, rows in enumerate(folds(data, count, seed))}
    tested, said = tested or data, {}
    for name, (learnt, asked) in parts.items():
        for start, weights in zip(STARTS, (pretrained, None), strict=True):
            place = Path(folder, name, start.replace(" ", "-"))
            run = learn(data.part(learnt), weights, plan, place, seed, progress)
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


def by_sentence(values, sentences):
    """A mean over pictures and its 95 % interval, from samples of whole sentences: values (R,) -> mean, (low, high)"""
    _, sentences = np.unique(sentences, return_inverse=True)
    totals, counts = np.bincount(sentences, values), np.bincount(sentences)
    drawn = np.random.default_rng(0).integers(len(counts), size=(RESAMPLED, len(counts)))
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
