"""Claims about three boxes: their truth by a second way, thing by thing; sentences by hand; what the pictures hold."""

import numpy as np
import pytest

from minilxmert.scenes.boxes import ALIKE, COLORS, SHAPES, SIDE, arrays_of, families, from_objects
from minilxmert.scenes.claim_programs import evaluate
from minilxmert.scenes.claims import Grammar, correct_spelling, plain, read
from minilxmert.scenes.detector import detect
from minilxmert.scenes.programs import Step
from minilxmert.training.claims import exchange, mirror, object_labels, random_claims, recolor

INKS = {"yellow": (255, 213, 0), "black": (0, 0, 0), "blue": (0, 153, 255)}
FORMS = {"c": "circle", "s": "square", "t": "triangle"}
LETTERS = {"y": "yellow", "b": "black", "l": "blue"}


def scene_of(text):
    """Towers "yb l bb": each a row of colours from the base up. Things "yc20@0,80 … | … | …": boxes parted by |."""
    scenes = families(np.random.default_rng(0), 1, towers=True)[:1]
    arrays = [np.full_like(array, -1 if n < 2 else 0) for n, array in enumerate(arrays_of(scenes))]
    for b, box in enumerate(text.split("|") if "@" in text else text.split()):
        things = box.split() if "@" in text else [f"{c}s20@40,{80 - 21 * n}" for n, c in enumerate(box)]
        for k, thing in enumerate(things):
            size, x, y = map(int, thing[2:].replace("@", ",").split(","))
            kind = SHAPES.index(FORMS[thing[1]]), COLORS.index(LETTERS[thing[0]])
            for array, number in zip(arrays, (*kind, size, x, y), strict=True):
                array[0, b, k] = number
    return type(scenes)(*arrays)


TOWERS, THINGS = "yb l bbl", "yc10@90,20 bs30@70,70 | lt20@40,40 | yt10@0,50 ys20@50,30 lc10@20,20"


@pytest.mark.parametrize(
    ("sentence", "scene", "said"),
    [
        ("There is a tower with 3 blocks.", TOWERS, True),
        ("there are exactly two towers with a black block at the base", TOWERS, False),
        ("One of the towers has a yellow base", TOWERS, True),
        ("There is a blue block on a black block.", TOWERS, True),
        ("There is a black block over a blue block", TOWERS, False),
        ("There is a tower with 2 black blocks stacked together", TOWERS, True),
        ("Each tower has at most three blocks", TOWERS, True),
        ("All 3 towers have at least one blue block", TOWERS, False),
        ("There is a tower with only one block which is blue", TOWERS, True),
        ("the tower with two blocks has a black block at the top", TOWERS, True),
        ("there are two towers with a blue block at the top", TOWERS, True),
        ("there are at least two towers with the same height", TOWERS, False),
        ("There is a tower that the second block from the base is blue", TOWERS, False),
        ("There is no yellow block above a blue block", TOWERS, True),
        ("There are three yellow items", THINGS, True),
        ("There is a black square closely touching a corner of a box", THINGS, True),
        ("there are exactly two yellow objects touching the edge", THINGS, True),
        ("There is a yellow triangle touching right wall of a box", THINGS, False),
        ("there is exactly one blue circle not touching any edge", THINGS, True),
        ("There is a box with only blue items", THINGS, True),
        ("There is a box with items of only blue and yellow colour.", THINGS, True),
        ("None of the yellow circles are touching an edge", THINGS, False),
        ("All yellow items are in the same box", THINGS, False),
        ("There is a box with a yellow triangle and no blue squares", THINGS, True),
        ("there is a small blue circle touching the bottom", THINGS, False),
    ],
)
def test_sentences_by_hand(sentence, scene, said):
    assert {bool(evaluate(program, scene_of(scene))[0]) for program in read(sentence, "ts"[scene == THINGS])} == {said}


# --- a second way: each step for one scene, thing by thing -----------------------------------------------------------


def boxes_of(scenes, row):
    """One scene as three lists of things, {"shape", "color", "size", "x", "y"}"""
    names = ("shape", "color", "size", "x", "y")
    return [
        [t for t in (dict(zip(names, v, strict=True), box=b) for v in zip(*box, strict=True)) if t["shape"] >= 0]
        for b, box in enumerate(zip(*(array[row].tolist() for array in arrays_of(scenes)), strict=True))
    ]


def lower(thing, box):
    return sum(other["y"] + other["size"] > thing["y"] + thing["size"] for other in box)


def holds(number, count):
    sign, value = number
    return {"<": count < value, ">": count > value}.get(sign, count == value)


def neighbours(thing, box, way):
    return [other for other in box if lower(thing, box) - lower(other, box) == way]


def touches(thing, side):
    far = SIDE - thing["size"]
    return (thing["x"], far - thing["x"], thing["y"], far - thing["y"])[side] <= 1


def meant(program, thing, box):
    """Whether a step that speaks of things means this one."""
    name, args = program.operation, program.arguments
    if name == "things":
        color, shape, size = args
        fits = color is None or thing["color"] in color, size is None or thing["size"] == 10 + 10 * size
        return all(fits) and shape in (None, thing["shape"])
    if name in ("on", "under"):
        return any(meant(args[0], t, box) for t in neighbours(thing, box, 1 if name == "on" else -1))
    if name in ("and", "or"):
        return (all if name == "and" else any)(meant(a, thing, box) for a in args)
    colors = [{t["color"] for t in neighbours(thing, box, way)} for way in (1, -1)]
    return {
        "wall": lambda: any(touches(thing, side) for side in args[0]),
        "corner": lambda: any(touches(thing, x) and touches(thing, y) for x in (0, 1) for y in (2, 3)),
        "base": lambda: lower(thing, box) == 0,
        "top": lambda: not any(t["y"] + t["size"] < thing["y"] + thing["size"] for t in box),
        "level": lambda: lower(thing, box) == args[0],
        "in": lambda: so(args[0], box),
        "not": lambda: not meant(args[0], thing, box),
        "between": lambda: len(colors[0]) == 1 and colors[0] == colors[1],
        "differs": lambda: bool(colors[1]) and max(colors[1]) != thing["color"],
    }[name]()


def so(program, box):
    """Whether a step that speaks of boxes is so in this one."""
    name, args = program.operation, program.arguments
    if name == "and":
        return all(so(a, box) for a in args)
    if name == "is":
        return holds(args[0], sum(meant(args[1].arguments[0], t, box) for t in box))
    if name == "run":
        rows = [[t for t in box if lower(t, box) == n and meant(args[1], t, box)] for n in range(len(box))]
        return any(all(rows[n : n + args[0]]) for n in range(len(box) - args[0] + 1))
    kinds = {t["shape" if name == "shapes" else "color"] for t in box}
    return kinds == set(args[0]) if name == "colors are" else holds(args[0], len(kinds))


def holds_in(program, boxes):
    """Whether a claim is true of a scene."""
    name, args = program.operation, program.arguments

    def those(step):
        return [t for box in boxes for t in box if meant(step, t, box)]

    if name == "and":
        return all(holds_in(a, boxes) for a in args)
    if name == "is" and args[1].operation == "boxes":
        return holds(args[0], sum(so(args[1].arguments[0], box) for box in boxes))
    if name == "is":
        return holds(args[0], len(those(args[1].arguments[0])))
    if name == "more":
        return len(those(args[0].arguments[0])) > len(those(args[1].arguments[0]))
    if name == "all":
        return bool(those(args[0])) and all(meant(args[1], t, boxes[t["box"]]) for t in those(args[0]))
    if name == "hues":
        return holds(args[0], len({t["color"] for t in those(args[1])}))
    if name == "the":
        chosen = [box for box in boxes if so(args[0], box)]
        return bool(chosen) and all(so(args[1], box) for box in chosen)
    assert name == "alike"
    if args[1] == "height":
        values = [len(box) for box in boxes]
    else:
        values = [next(t["color"] for t in box if meant(Step(args[1]), t, box)) for box in boxes]
    return holds(args[0], max(map(values.count, values)))


@pytest.mark.parametrize("kind", "ts")
def test_truth_is_that_of_a_second_way(kind):
    """Over random claims and scenes alike; what the grammar makes it also reads, with the same meaning among others."""
    grammar, scenes = Grammar(np.random.default_rng(3)), families(np.random.default_rng(4), 1, kind == "t")
    apart = [boxes_of(scenes, row) for row in range(len(scenes))]
    operations = set()
    for _ in range(600):
        text, program = grammar.claim(kind)
        second = [holds_in(program, boxes) for boxes in apart]
        np.testing.assert_array_equal(evaluate(program, scenes), second, err_msg=f"{text}: {program.written()}")
        operations.add(program.operation)
    assert operations >= {"is", "and", "all", "more", "alike"} | ({"the"} if kind == "t" else {"hues"})


def test_what_the_grammar_makes_it_reads():
    grammar = Grammar(np.random.default_rng(5))
    for n in range(150):
        text, program = grammar.claim("ts"[n % 2])
        assert text == plain(text) and program in read(text), text


def test_half_of_the_claims_are_true_of_each_sentence_too():
    data = random_claims(np.random.default_rng(0), 60)
    true, all_of = ({}, {})
    for text, said in zip(data.texts, data.truths.tolist(), strict=True):
        true[text], all_of[text] = true.get(text, 0) + said, all_of.get(text, 0) + 1
    assert len(all_of) > 30 and all(2 * true[text] == count for text, count in all_of.items())
    assert data.labels.shape == (len(data), 2, 27)


def test_what_a_claim_is_about_is_labelled():
    program = read("there are two boxes with a yellow item touching the wall")[0]
    truths, labels = (part[0] for part in object_labels(program, scene_of(THINGS)))
    assert truths and labels[:, :3].tolist() == [[3, 2, 3], [3, 2, 3]]  # so, not so, so; one, none, one
    first, last = (labels[:, 3 + 8 * box : 6 + 8 * box].tolist() for box in (0, 2))
    assert first == [[1, 0, -1], [1, 0, -1]] and last == [[1, 0, 0], [1, 1, 0]]


def test_colours_may_change_their_parts_and_left_and_right_too():
    data, rng = random_claims(np.random.default_rng(7), 40), np.random.default_rng(8)
    parts = rng.permuted(np.tile(np.arange(3), (len(data), 1)), axis=1)
    scenes = recolor(data.scenes, parts)
    turned = mirror(scenes, np.ones(len(data), bool))
    for row, text in enumerate(data.texts):
        words = [COLORS[parts[row, COLORS.index(word)]] if word in COLORS else word for word in text.split()]

        def said(sentence, scenes, row=row):
            return {bool(evaluate(program, scenes[[row]])[0]) for program in read(sentence)}

        assert said(text, data.scenes) == said(" ".join(words), scenes), text
        if not {"left", "right"} & set(words):
            assert said(" ".join(words), scenes) == said(" ".join(words), turned), text
    np.testing.assert_array_equal(exchange(np.array([5, 7, 9]), np.array([5, 7]), np.array([7, 5])), [7, 5, 9])


def drawn(scenes):
    """The first scene in the style of NLVR: flat colours, three gray boxes with white gaps."""
    canvas = np.full((100, 400, 3), 255, np.uint8)
    for b, box in enumerate(boxes_of(scenes, 0)):
        canvas[:, 150 * b : 150 * b + 100] = 211
        for t in box:
            y, x = np.mgrid[: t["size"], : t["size"]] + 0.5 - t["size"] / 2
            inside = [x * x + y * y <= t["size"] ** 2 / 4, x == x, 2 * np.abs(x) <= y + t["size"] / 2][t["shape"]]
            left = 150 * b + t["x"]
            canvas[t["y"] : t["y"] + t["size"], left : left + t["size"]][inside] = INKS[COLORS[t["color"]]]
    return canvas


@pytest.mark.parametrize("towers", [True, False])
def test_the_detector_finds_what_was_drawn(towers):
    scenes = families(np.random.default_rng(1), 8, towers)[::ALIKE]
    for row in range(len(scenes)):
        one = scenes[[row]]
        found = from_objects([detect(drawn(one), "1")])
        in_order = [[sorted(tuple(t.values()) for t in box) for box in boxes_of(each, 0)] for each in (one, found)]
        assert in_order[0] == in_order[1]


def test_a_scene_as_a_model_sees_it():
    feats, places, shown = scene_of(THINGS).objects()
    assert shown[0].nonzero()[0].tolist() == [0, 1, 2, 3, 4, 11, 19, 20, 21]
    assert not feats[shown == 0].any() and not places[shown == 0].any()
    np.testing.assert_allclose(places[0, 19], [300 / 400, 0.5, 310 / 400, 0.6])
    expected = [
        2,
        3,
        6,
        9,
        13,
        23,
        31,
        32,
    ]  # triangle, yellow, small, left wall, none lower, two higher, last box, thing
    assert feats[0, 19].nonzero()[0].tolist() == expected


def test_what_is_misspelt_is_mended():
    assert (
        correct_spelling("There is a blue squere tocuhing the grey wall.")
        == "there is a blue square touching the gray wall"
    )
    assert correct_spelling("ll 3 towers: atleast 2 zebras") == "all three towers at least two [UNK]"
