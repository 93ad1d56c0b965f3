"""Drawings from outside the world of a miniature: is it less sure of its answers where it is less often right?

    print(strangers_table(measure(model, tokenizer, drawings=200)))
In an ordinary scene one thing is made new, or there are too many, or the ground is not plain. The questions are
those of the ordinary scene, the true answers those of the drawing: where "the circle" has become a pentagon, its colour
has no true answer, and every answer is wrong. Half of the kinds gave the numbers of scenes/strangers.py (TRUST)."""

from dataclasses import replace

import numpy as np

from ..ask import call_arguments
from ..core.ops import softmax
from ..scenes.detector import average, detect
from ..scenes.language import GQA, VQA
from ..scenes.programs import Unanswerable
from ..scenes.sentences import Teller
from ..scenes.strangers import TRUST, calibrate, find_strange
from ..scenes.world import COLORS, GREY, HELD_OUT, SMALL, covers

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
        scene = change(scene, number, shape=outline)
    named = {"shape": shape, "color": color, "r": r, "size": "medium" if r == 9 else "huge" if r else None}
    true = change(scene, number, **{name: value for name, value in named.items() if value})
    canvas = ground_of(ground, rng) + rng.normal(0, SMALL.noise, (SMALL.height, SMALL.width, 1))
    canvas = canvas.repeat(finer, 0).repeat(finer, 1)
    for n in sorted(range(len(true.things)), key=lambda n: -true.things[n].r):
        x, y, r = (finer * value + finer // 2 for value in (true.things[n].x, true.things[n].y, true.things[n].r))
        paint(canvas, replace(true.things[n], x=x, y=y, r=r), outline if n == number else None, rng)
    return scene, true, np.clip(average(canvas, finer), 0, 255).astype(np.uint8)


def change(scene, number, **changes):
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
    return np.repeat(GREY + strength * pattern[..., None], 3, 2)


def answer_questions(model, tokenizer, changes, drawings, rng):
    """EACH questions about every drawing of a kind -> of each (whether the answer is right, its probability, the
    calibrated probability, the first strange thing or None)"""
    teller, asked = Teller(WORLD, rng), []
    for _ in range(drawings):
        scene, true, picture = drawing(rng, **changes)
        objects = detect(picture)
        sentences = [teller.sentence((*VQA, *GQA)[kind], scene) for kind in rng.permutation(len(VQA) + len(GQA))]
        asked += [(one.text, objects, true_answer(one, true)) for one in [one for one in sentences if one][:EACH]]
    return [
        row for start in range(0, len(asked), BATCH) for row in answer_batch(model, tokenizer, asked[start:][:BATCH])
    ]


def true_answer(sentence, scene):
    try:
        return sentence.true_answer(scene)
    except Unanswerable:
        return None


def answer_batch(model, tokenizer, asked):
    """[(question, Objects, true answer)] -> rows as answer_questions has them"""
    questions, objects, answers = zip(*asked, strict=True)
    probabilities = softmax(model(**call_arguments(model, tokenizer, questions, objects)).question_answering_score)
    for row, question, seen, answer in zip(probabilities, questions, objects, answers, strict=True):
        found, best = find_strange(SMALL, question, seen), row.argmax()
        first = next((kind for kind in TRUST if kind in found), None)
        yield model.answers[best] == answer, row[best], calibrate(row, found)[best], first


def measure(model, tokenizer, drawings=200, seed=0, progress=None):
    """-> {kind of drawing, or half of the kinds: rows}. model: LxmertForQuestionAnswering of the small world."""
    kinds, found = {"inside the world": {}, **FITTED, **OTHERS}, {}
    for number, (name, changes) in enumerate(kinds.items()):
        found[name] = answer_questions(model, tokenizer, changes, drawings, np.random.default_rng([seed, number]))
        if progress:
            progress(number + 1, len(kinds))
    halves = {"fitted kinds": FITTED, "other kinds": OTHERS}
    return found | {half: [row for name in names for row in found[name]] for half, names in halves.items()}


def figures(rows):
    """What the table shows of rows, by name: how many, then shares of them; ECE: expected calibration error."""
    right, *probabilities, strange = map(np.array, zip(*rows, strict=True))
    found = {"asked": len(right), "right": right.mean(), "said": np.mean([n is not None for n in strange])}
    for name, sure in zip(("the model", "corrected"), probabilities, strict=True):
        part = np.minimum((sure * BINS).astype(int), BINS - 1)
        error = sum(abs((right - sure)[part == b].sum()) for b in range(BINS)) / len(sure)
        found |= {f"ECE, {name}": error, f"sure, {name}": ((sure > SURE) & ~right).mean()}
    return {name: float(value) for name, value in found.items()}


def strangers_table(found):
    """What `measure` found, as text; and how often the fitted kinds were right by what was strange first: TRUST."""
    lines = []
    for name, rows in found.items():
        shown = figures(rows)
        lines = lines or ["".join([f"{'':<18}", *(f"{column:>17}" for column in shown)])]
        lines.append(f"{name:<18}{shown.pop('asked'):>17,.0f}" + "".join(f"{s:>17.1%}" for s in shown.values()))
    right = {kind: [row[0] for row in found["fitted kinds"] if row[-1] == kind] for kind in TRUST}
    shares = (f"{kind} {np.mean(ones):.1%} of {len(ones):,}" for kind, ones in right.items() if ones)
    return "\n".join([*lines, f"right by first sign, fitted kinds: {', '.join(shares)}"])
