"""Drawings from outside the world of a miniature: is it less sure of its answers where it is less often right?

    print(table(measure(model, tokenizer, drawings=200)))
In an ordinary scene one thing is made strange, or there are too many, or the ground is not plain. The questions are
those of the ordinary scene, the true answers those of the drawing: the color of "the circle" that became a pentagon is
no question any more, and whatever is said is wrong. Half of the kinds gave the numbers of scenes/strange.py (TRUST)."""

from dataclasses import dataclass, replace

import numpy as np

from ..ask.asking import call_arguments
from ..core.ops import softmax
from ..scenes.detector import detect
from ..scenes.language import GQA, VQA
from ..scenes.photographs import averaged
from ..scenes.programs import Unanswerable
from ..scenes.sentences import Teller
from ..scenes.strange import TRUST, signs, trusted
from ..scenes.world import COLORS, HELD_OUT, SMALL, covers

WORLD = SMALL.without(HELD_OUT)  # what the model was trained on
SURE, BINS = 0.9, 10  # what is called sure; of the expected calibration error
EACH = 4  # questions a drawing
BATCH = 64


def polygon(corners):
    def inside(x, y):
        turns = 2 * np.pi * np.arange(corners)[:, None, None] / corners
        return (x * np.sin(turns) + y * np.cos(turns) <= np.cos(np.pi / corners)).all(0)

    return inside


SHAPES = {  # the pixels inside, x and y from -1 to 1
    "pentagon": polygon(5), "hexagon": polygon(6),
    "ellipse": lambda x, y: x**2 + (y / 0.6) ** 2 <= 1,
    "rectangle": lambda x, y: np.abs(y) <= 0.5,
    "half disc": lambda x, y: (x**2 + y**2 <= 1) & (y >= 0),
    "arrow": lambda x, y: np.where(x < 0, np.abs(y) <= 0.3, np.abs(y) <= 1 - x),
    "diamond": lambda x, y: np.abs(x) + np.abs(y) <= 1,
    "cross": lambda x, y: np.minimum(np.abs(x), np.abs(y)) <= 0.35,
}  # fmt: skip
INKS = COLORS | {"olive": (128, 128, 0), "sky blue": (120, 200, 250)}
FITTED = {  # half of the kinds: {name: what is changed}
    **{name: {"shape": name} for name in ("pentagon", "rectangle", "arrow", "cross")},
    **{name: {"color": name} for name in ("orange", "teal", "olive")},
    "outlined square": {"outline": "square"}, "medium": {"r": 9}, "six to eight": {"count": (6, 8)},
    "slope": {"ground": "slope"}, "checks": {"ground": "checks"}, "smooth edges": {"finer": 4},
}  # fmt: skip
OTHERS = {  # … and those by which nothing was chosen
    **{name: {"shape": name} for name in ("hexagon", "ellipse", "half disc", "diamond")},
    **{name: {"color": name} for name in ("pink", "brown", "sky blue")},
    "outlined circle": {"outline": "circle"}, "huge": {"r": 18}, "nine to eleven": {"count": (9, 11)},
    "stripes": {"ground": "stripes"}, "blotches": {"ground": "blotches"}, "smoothed a bit": {"finer": 2},
}  # fmt: skip


def drawing(rng, shape=None, color=None, outline=None, r=None, count=None, ground=None, finer=1):
    """-> the ordinary Scene that questions are asked of, the Scene that is drawn, and the picture (H, W, 3) uint8"""
    scene = WORLD.scene(rng)
    while count and not count[0] <= len(scene.things) <= count[1]:
        scene = replace(WORLD, most=count[1]).scene(rng)
    number = int(rng.integers(len(scene.things)))
    if outline:
        scene = changed(scene, number, shape=outline)
    named = {"shape": shape, "color": color, "r": r, "size": "medium" if r == 9 else "huge" if r else None}
    true = changed(scene, number, **{name: value for name, value in named.items() if value})
    canvas = ground_of(ground, rng) + rng.normal(0, SMALL.noise, (SMALL.height, SMALL.width, 1))
    canvas = canvas.repeat(finer, 0).repeat(finer, 1)
    for n in sorted(range(len(true.things)), key=lambda n: -true.things[n].r):
        x, y, r = (finer * value + finer // 2 for value in (true.things[n].x, true.things[n].y, true.things[n].r))
        paint(canvas, replace(true.things[n], x=x, y=y, r=r), outline if n == number else None, rng)
    return scene, true, np.clip(averaged(canvas, finer), 0, 255).astype(np.uint8)


def changed(scene, number, **changes):
    """The Scene with one thing changed."""
    things = [replace(t, **changes) if n == number else t for n, t in enumerate(scene.things)]
    return replace(scene, things=tuple(things))


def paint(canvas, thing, outline, rng):
    """Draw a thing, or its outline alone, into a canvas (H, W, 3) of floats, as far as it is inside."""
    y, x = np.mgrid[-thing.r : thing.r + 1, -thing.r : thing.r + 1] / thing.r
    inside = SHAPES[thing.shape](x, y) if thing.shape in SHAPES else covers(thing.shape, thing.r)
    if outline:
        inner = thing.r - max(2, thing.r // 5)
        inside = inside & ~np.pad(covers(thing.shape, inner), thing.r - inner)
    down, across = np.nonzero(inside)
    down, across = down + thing.y - thing.r, across + thing.x - thing.r
    seen = (down >= 0) & (across >= 0) & (down < len(canvas)) & (across < canvas.shape[1])
    canvas[down[seen], across[seen]] = np.array(INKS[thing.color]) + rng.normal(0, 12, 3)


def ground_of(kind, rng):
    """A ground, (H, W, 3) of floats: plain, or "slope", "checks", "stripes", "blotches"."""
    y, x = np.mgrid[: SMALL.height, : SMALL.width]
    strength, period = rng.uniform(25, 60), rng.integers(6, 17)
    along = x if rng.random() < 0.5 else y
    pattern = np.zeros(x.shape)
    if kind == "slope":
        pattern = along / along.max() - 0.5
    elif kind == "stripes":
        pattern = along // period % 2 - 0.5
    elif kind == "checks":
        pattern = (x // period + y // period) % 2 - 0.5
    elif kind == "blotches":
        spots = zip(rng.integers(0, SMALL.width, 9), rng.integers(0, SMALL.height, 9), strict=True)
        pattern = -np.max([np.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * period**2)) for u, v in spots], axis=0)
    return np.repeat(205 + strength * pattern[..., None], 3, 2)


@dataclass
class Answered:
    """Questions about drawings of one kind: whether right, and how sure the model and its sober version are, (N,) each;
    the first sign of each, or None."""

    right: np.ndarray
    model: np.ndarray
    sober: np.ndarray
    signs: list

    def figures(self):
        """What the table shows, by name: how many, shares of them; ECE: expected calibration error."""
        figures = {"asked": len(self.right), "right": self.right.mean(), "said": np.mean([bool(s) for s in self.signs])}
        for name, sure in (("the model", self.model), ("corrected", self.sober)):
            part = np.minimum((sure * BINS).astype(int), BINS - 1)
            error = sum(abs((self.right - sure)[part == b].sum()) for b in range(BINS)) / len(sure)
            figures |= {f"ECE, {name}": error, f"sure, {name}": ((sure > SURE) & ~self.right).mean()}
        return {name: float(value) for name, value in figures.items()}


def together(parts):
    """Answered of several kinds as one."""
    arrays = (np.concatenate([getattr(part, name) for part in parts]) for name in ("right", "model", "sober"))
    return Answered(*arrays, [sign for part in parts for sign in part.signs])


def answered(model, tokenizer, changes, drawings, rng):
    """-> Answered, of EACH questions about every drawing of a kind"""
    teller, asked = Teller(WORLD, rng), []
    for _ in range(drawings):
        scene, true, picture = drawing(rng, **changes)
        objects = detect(picture)
        sentences = [teller.sentence((*VQA, *GQA)[kind], scene) for kind in rng.permutation(len(VQA) + len(GQA))]
        asked += [(one.text, objects, answer_to(one, true)) for one in [one for one in sentences if one][:EACH]]
    rows = [row for start in range(0, len(asked), BATCH) for row in scores(model, tokenizer, asked[start:][:BATCH])]
    right, sure, now, first = zip(*rows, strict=True)
    return Answered(np.array(right), np.array(sure), np.array(now), list(first))


def answer_to(sentence, scene):
    try:
        return sentence.true_answer(scene)
    except Unanswerable:
        return None


def scores(model, tokenizer, asked):
    """[(question, Objects, answer)] -> (whether right, the model's probability, the sober one, first sign) of each"""
    questions, objects, answers = zip(*asked, strict=True)
    rows = softmax(model(**call_arguments(model, tokenizer, questions, objects)).question_answering_score)
    for row, question, seen, answer in zip(rows, questions, objects, answers, strict=True):
        found = signs(SMALL, question, seen)
        first = next((sign for sign in TRUST if sign in found), None)
        best = row.argmax()
        yield model.answers[best] == answer, row[best], trusted(row, found)[best], first


def measure(model, tokenizer, drawings=200, seed=0, progress=None):
    """-> {kind of stranger, or half of the kinds: Answered}. model: LxmertForQuestionAnswering of the small world."""
    kinds, found = {"inside the world": {}, **FITTED, **OTHERS}, {}
    for number, (name, changes) in enumerate(kinds.items()):
        found[name] = answered(model, tokenizer, changes, drawings, np.random.default_rng([seed, number]))
        if progress:
            progress(number + 1, len(kinds))
    halves = {"fitted kinds": FITTED, "other kinds": OTHERS}
    return found | {half: together([found[name] for name in names]) for half, names in halves.items()}


def table(found):
    """What `measure` found, as text; and how often the fitted kinds were right by their first sign: TRUST."""
    rows = {name: one.figures() for name, one in found.items()}
    lines = ["".join([f"{'':<18}", *(f"{column:>17}" for column in next(iter(rows.values())))])]
    for name, (asked, *shares) in ((name, row.values()) for name, row in rows.items()):
        lines.append(f"{name:<18}{asked:>17,.0f}" + "".join(f"{share:>17.1%}" for share in shares))
    half = found["fitted kinds"]
    right = {sign: [r for r, first in zip(half.right, half.signs, strict=True) if first == sign] for sign in TRUST}
    shares = (f"{sign} {np.mean(ones):.1%} of {len(ones):,}" for sign, ones in right.items() if ones)
    return "\n".join([*lines, f"right by first sign, fitted kinds: {', '.join(shares)}"])
