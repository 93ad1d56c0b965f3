"""Claims about three boxes as batches for LxmertForPreTraining: do sentence and scene match?

    data = random_claims(np.random.default_rng(0), 40_000)
    batches = ClaimBatches(data, tokenizer)
Half of the claims are true, of the same sentences as the false ones and of scenes like theirs: a model that does not
look is right in half of the cases. Beside the truth, every object has labels (`object_labels`), in the places of the
published object losses: they show where in the picture a claim's truth is found."""

import zlib
from dataclasses import dataclass, replace

import numpy as np

from ..scenes.boxes import ALIKE, BOXES, COLORS, MOST, SIDE, Boxes, families, join_boxes
from ..scenes.claim_programs import evaluate
from ..scenes.claims import Grammar, known_words
from ..words.tokenizer import LxmertTokenizer
from .batches import Batches
from .masking import NOTHING

TOWERS = 2 / 3  # the share of claims about towers, as in NLVR
STORED, LOOKED_AT = 3000, 12  # families of scenes of each kind, and those that a claim is tried on
PAIRS = 2  # of scenes, true and false, that a claim is told of at most
OBJECT_CLASSES, COUNT_CLASSES = 4, 2 + MOST + 1
MEASURED = ("each", "total", "all", "hues", "run")  # steps over the things that a claim is about
LONGEST = 64  # words of a sentence; the rest is cut off
GROUP = 64  # examples of like length that are learnt from together


@dataclass(frozen=True)
class Claims:
    """Sentences, each with a scene, whether it is true there, and the classes of the objects, (S, 2, 27), or None."""

    texts: list
    scenes: Boxes
    truths: np.ndarray
    labels: np.ndarray | None = None

    def __len__(self):
        return len(self.texts)

    def __add__(self, others):
        scenes = join_boxes([self.scenes, others.scenes])
        return Claims(self.texts + others.texts, scenes, np.concatenate([self.truths, others.truths]))


def claim_tokenizer():
    return LxmertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *known_words()])


def random_claims(rng, count, progress=None):
    """`count` claims of the grammar, each of one or two pairs of scenes -> Claims"""
    grammar, stores = Grammar(rng), {kind: families(rng, STORED, kind == "t") for kind in "ts"}
    texts, made, claims = [], [], 0
    while claims < count:
        kind = "t" if rng.random() < TOWERS else "s"
        text, program = grammar.claim(kind)
        start = rng.choice(STORED, LOOKED_AT, replace=False) * ALIKE
        scenes = stores[kind][(start[:, None] + np.arange(ALIKE)).ravel()]
        rows = choose_scenes(evaluate(program, scenes), rng)
        if rows:
            texts += [text] * len(rows)
            made.append((scenes[rows], *object_labels(program, scenes[rows])))
            claims += 1
            if progress and (claims % 2000 == 0 or claims == count):
                progress("claims", claims, count)
    scenes, truths, labels = zip(*made, strict=True)
    return Claims(texts, join_boxes(scenes), np.concatenate(truths), np.concatenate(labels))


def choose_scenes(truths, rng):
    """Scenes of which a claim is true and false by turns, as far as can be of the same families -> their rows"""
    groups = truths.reshape(-1, ALIKE)
    mixed = np.flatnonzero(groups.any(1) & ~groups.all(1))[:PAIRS]
    if len(mixed):
        choices = [n * ALIKE + np.flatnonzero(groups[n] == said) for n in mixed for said in (True, False)]
    else:
        choices = [np.flatnonzero(truths == said) for said in (True, False)]
    return [int(rng.choice(rows)) for rows in choices] if all(map(len, choices)) else []


def object_labels(program, scenes):
    """A claim in scenes -> its truth (S,), and two classes of every object (S, 2, 27), NOTHING where there is none.

    The first: 0 or 1, whether a thing is meant by the whole phrase; 2 or 3, whether a box is as it is said. The second:
    0 or 1, whether a thing is meant by a noun; 2 …, how many things that are meant a box holds."""
    steps = []
    truths = evaluate(program, scenes, steps)
    found = {id(done): result for done, result in steps}

    def under(operations, shape):
        """The values of a shape that steps of these operations start from."""
        inner = [id(a) for done, _ in steps if done.operation in operations for a in done.arguments]
        return [found[step] for step in inner if step in found and found[step].shape == shape]

    box, thing = (len(scenes), BOXES), (len(scenes), BOXES, MOST)
    facts, meant = under(("boxes", "the"), box), under(MEASURED, thing)
    named = [result for done, result in steps if done.operation == "things" and done.arguments != (None, None, None)]
    boxes = facts[0] if facts else None, np.any(meant, 0).sum(-1) if meant else None
    boxes = [np.full(box, NOTHING) if values is None else 2 + values for values in boxes]
    things = [np.where(scenes.there, np.any(m, 0) if m else NOTHING, NOTHING) for m in (meant, named)]
    labels = [np.concatenate([b, t.reshape(len(scenes), -1)], 1) for b, t in zip(boxes, things, strict=True)]
    return truths, np.stack(labels, 1).astype(np.int8)


class ClaimBatches(Batches):
    """Claims in groups of like length: an example, to the loop, is a group."""

    def __init__(self, data, tokenizer):
        self.data, self.tokenizer, self.tokens = data, tokenizer, tokenizer.tokens
        self.words = [np.array(ids) for ids in tokenizer(data.texts, truncation=True, max_length=LONGEST)["input_ids"]]
        length = np.array([len(ids) for ids in self.words]) + data.scenes.there.sum((1, 2))
        rows = np.argsort(length + np.random.default_rng(0).random(len(length)) * 2)
        self.groups = [rows[start : start + GROUP] for start in range(0, len(rows), GROUP)]

    def __len__(self):
        return len(self.groups)

    @property
    def about(self):
        arrays = self.data.truths, self.data.scenes.color, self.data.scenes.x, np.concatenate(self.words)
        return {"kind": type(self).__name__, "checksum": zlib.crc32(b"".join(a.tobytes() for a in arrays))}

    def batch(self, groups, rng):
        return self.call(np.concatenate([self.groups[group] for group in groups]))

    def call(self, rows, scenes=None):
        """-> the call arguments with labels for some examples; scenes: to show instead of theirs"""
        ids, visible = self.sentences(rows)
        call, order = seen(self.data.scenes[rows] if scenes is None else scenes)
        call |= {"input_ids": ids, "attention_mask": visible, "matched_label": self.data.truths[rows].astype(int)}
        if self.data.labels is not None:
            for kind, labels in zip(("obj", "attr"), np.moveaxis(self.data.labels[rows], 1, 0), strict=True):
                classes = np.take_along_axis(labels, order, 1).astype(int)
                call.setdefault("obj_labels", {})[kind] = classes, (classes != NOTHING).astype(np.float32)
        return call


def seen(scenes):
    """Scenes as a model is called with them, what is there first -> call arguments, the objects' order (S, M)"""
    feats, places, shown = scenes.objects()
    order = np.argsort(-shown, 1, kind="stable")[:, : int(shown.sum(1).max())]
    feats, places = (np.take_along_axis(array, order[..., None], 1) for array in (feats, places))
    mask = np.take_along_axis(shown, order, 1)
    return {"visual_feats": feats, "visual_pos": places, "visual_attention_mask": mask}, order


class PeopleBatches(ClaimBatches):
    """What people said of scenes, by ones. The colours change their parts at random, in sentence and scene alike, and
    half of the scenes are seen in a mirror where the sentence names neither left nor right: the truth stays."""

    def __init__(self, data, tokenizer):
        super().__init__(data, tokenizer)
        self.groups = np.arange(len(data))[:, None]
        self.colors = np.array([tokenizer.convert_tokens_to_ids(color) for color in COLORS])
        self.sided = np.array([not {"left", "right"}.isdisjoint(text.split()) for text in data.texts])

    def batch(self, groups, rng):
        rows = np.concatenate([self.groups[group] for group in groups])
        parts = rng.permuted(np.tile(np.arange(len(COLORS)), (len(rows), 1)), axis=1)
        scenes = recolor(self.data.scenes[rows], parts)
        call = self.call(rows, mirror(scenes, ~self.sided[rows] & (rng.random(len(rows)) < 0.5)))
        for row, part in zip(call["input_ids"], parts, strict=True):
            row[:] = exchange(row, self.colors, self.colors[part])
        return call


def exchange(numbers, old, new):
    """Whole numbers with each of `old` as the one of `new` in its place."""
    found = numbers[..., None] == old
    return np.where(found.any(-1), (found * new).sum(-1), numbers)


def recolor(scenes, parts):
    color = np.take_along_axis(parts, np.maximum(scenes.color, 0).reshape(len(parts), -1), 1)
    return replace(scenes, color=np.where(scenes.there, color.reshape(scenes.color.shape), -1))


def mirror(scenes, chosen):
    """Some of the scenes with left and right of each box exchanged."""
    turned = chosen[:, None, None] & scenes.there
    return replace(scenes, x=np.where(turned, SIDE - scenes.x - scenes.size, scenes.x))
