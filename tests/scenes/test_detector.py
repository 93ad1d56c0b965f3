"""The detector of the miniature world: measured on held-out scenes, and on pictures drawn in other ways."""

import inspect
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minilxmert import backend
from minilxmert.errors import ShapeError
from minilxmert.scenes import detector
from minilxmert.scenes.detector import COLOR_NAMES, MOST, SHAPES, WIDTH, describe, detect
from minilxmert.scenes.world import COLORS, RICH, SMALL, Scene, Thing, covers

WHITE, GREY = (255, 255, 255), (211, 211, 211)
INKS = {"yellow": (255, 213, 0), "black": (0, 0, 0), "blue": (0, 102, 204)}  # of NLVR


def overlaps(a, b):
    """Intersection over union of boxes (A, 4) and (B, 4) -> (A, B)"""
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    both = np.maximum(sides, 0).prod(2)
    area_a, area_b = ((box[:, 2:] - box[:, :2]).prod(1) for box in (a, b))
    return both / (area_a[:, None] + area_b - both)


def measured(pictures):
    """(picture, [(box, shape, colour)]) of many -> recall, precision at IoU 0.5, shares of right shapes and colours"""
    there = seen = hits = shapes = colors = 0
    for picture, things in pictures:
        objects = detect(picture)
        there, seen = there + len(things), seen + len(objects)
        match = overlaps(np.array([box for box, *_ in things], float), objects.boxes.astype(float)) >= 0.5
        assert match.sum(0).max(initial=0) <= 1 or RICH.overlap  # one thing each, where things are apart
        for row, (_, shape, color) in zip(match, things, strict=True):
            if row.any():
                best = row.argmax()
                hits += 1
                shapes += SHAPES[objects.object_ids[best]] == shape
                colors += COLOR_NAMES[objects.attribute_ids[best]] == color
    return hits / there, hits / seen, shapes / hits, colors / hits


def truth(scene):
    return [(thing.box, thing.shape, thing.color) for thing in scene.things]


def held_out(world, count, draw=Scene.picture, seed=20_000):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        scene = world.scene(rng)
        yield draw(scene, rng), truth(scene)


def smoothed(scene, rng, factor=4):
    """A scene drawn `factor` times as large and averaged down, as programs smooth edges."""
    canvas = np.full((scene.world.height * factor, scene.world.width * factor, 3), 205.0)
    for thing in scene.things:
        paint(canvas, thing.shape, np.array(thing.box) * factor, COLORS[thing.color])
    canvas = canvas.reshape(scene.world.height, factor, scene.world.width, factor, 3).mean((1, 3))
    return np.clip(canvas + rng.normal(0, 3, (*canvas.shape[:2], 1)), 0, 255).astype(np.uint8)


def paint(canvas, shape, box, color):
    """Fill a shape into a square box of a canvas of floats."""
    x0, y0, x1, y1 = box
    down, across = (np.mgrid[: y1 - y0, : x1 - x0] + 0.5) / (y1 - y0) * 2 - 1
    inside = {
        "circle": across**2 + down**2 <= 1,
        "square": np.abs(across) <= 1,
        "triangle": 2 * np.abs(across) <= down + 1,
    }.get(shape)
    if inside is None:  # the others as the world draws them, at another size
        inside = covers(shape, (y1 - y0 - 1) // 2)
        inside = np.pad(inside, ((0, y1 - y0 - len(inside)), (0, x1 - x0 - len(inside))), mode="edge")
    canvas[y0:y1, x0:x1][inside] = color


def compressed(scene, rng, step=40):
    """A smoothed drawing whose blocks of 8 × 8 have rounded cosine coefficients, as JPEG files have."""
    picture = smoothed(scene, rng).astype(float) - 128
    height, width = picture.shape[:2]
    turn = np.cos((2 * np.arange(8) + 1) * np.arange(8)[:, None] * np.pi / 16) / 2
    turn[0] = np.sqrt(1 / 8)
    blocks = picture.reshape(height // 8, 8, width // 8, 8, 3).transpose(0, 2, 4, 1, 3)
    blocks = turn.T @ (np.round(turn @ blocks @ turn.T / step) * step) @ turn
    picture = blocks.transpose(0, 3, 1, 4, 2).reshape(height, width, 3) + 128
    return np.clip(picture.round(), 0, 255).astype(np.uint8)


def three_boxes(rng, factor):
    """A picture in the style of NLVR (Suhr et al. 2017): grey boxes with white gaps, towers or scattered shapes."""
    canvas, things = np.full((100 * factor, 400 * factor, 3), 255.0), []
    for left in (0, 150, 300):
        canvas[:, left * factor : (left + 100) * factor] = GREY
        tower = rng.random() < 0.5
        for shape, color, box in tower_of(rng) if tower else scattered(rng):
            box = np.add(box, (left, 0, left, 0))
            paint(
                canvas, shape, box * factor, {"yellow": (255, 213, 0), "black": (0, 0, 0), "blue": (0, 102, 204)}[color]
            )
            things.append((box, shape, color))
    return canvas.reshape(100, factor, 400, factor, 3).mean((1, 3)).round().astype(np.uint8), things


def tower_of(rng):
    """Squares of 20 that touch, one on the other, neighbours of different colours."""
    first = rng.permutation(list(INKS)).tolist()
    return [("square", first[n % 3], (40, 80 - 20 * n, 60, 100 - 20 * n)) for n in range(rng.integers(1, 5))]


def scattered(rng):
    """Shapes of 10, 20 and 30, one a quarter of the box, which may touch its walls."""
    for x, y in ((0, 0), (50, 0), (0, 50), (50, 50)):
        size = int(rng.choice([10, 20, 30]))
        x, y = x + int(rng.choice([0, 49 - size])), y + int(rng.choice([1, 49 - size]))
        yield str(rng.choice(SHAPES[:3])), str(rng.choice(list(INKS))), (x, y, x + size, y + size)


def drawn(*things, ground=WHITE, width=128, height=96):
    """A picture of (shape, colour, x, y, r) on a plain background."""
    picture = np.full((height, width, 3), ground, np.uint8)
    for shape, color, x, y, r in things:
        picture[y - r : y + r + 1, x - r : x + r + 1][covers(shape, r)] = COLORS[color]
    return picture


def test_the_small_world_is_seen():
    assert min(measured(held_out(SMALL, 250))) >= 0.995


def test_the_rich_world_is_mostly_seen():
    recall, precision, shapes, colors = measured(held_out(RICH, 150))
    assert recall >= 0.98 and precision >= 0.99 and shapes >= 0.985 and colors >= 0.99


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_smoothed_edges(factor):
    found = measured(held_out(SMALL, 40, lambda scene, rng: smoothed(scene, rng, factor)))
    assert min(found[:2]) >= 0.99 and min(found[2:]) >= 0.97


def test_a_mutant_that_leaves_the_edges_is_noticed(monkeypatch):
    monkeypatch.setattr(detector, "RIM", 0)
    with pytest.raises(AssertionError):
        test_smoothed_edges(2)


def test_compressed_pictures():
    found = measured(held_out(SMALL, 60, compressed))
    assert min(found) >= 0.98


@pytest.mark.parametrize("factor", [1, 4])
def test_three_boxes_side_by_side(factor):
    rng = np.random.default_rng(factor)
    assert min(measured(three_boxes(rng, factor) for _ in range(30))) >= 0.99


def test_a_mutant_that_takes_the_gaps_for_things_is_noticed(monkeypatch):
    monkeypatch.setattr(detector, "ACROSS", 2.0)
    with pytest.raises(AssertionError):
        test_three_boxes_side_by_side(1)


@pytest.mark.parametrize("color", COLORS)
@pytest.mark.parametrize("ground", [WHITE, (0, 0, 0), (128, 128, 128)])
def test_plain_backgrounds_and_every_shape(ground, color):
    """Like easy-VQA: one shape of one colour on one other, wherever the two can be told apart."""
    if max(abs(a - b) for a, b in zip(COLORS[color], ground, strict=True)) <= 60:
        pytest.skip("as good as the background")
    for shape in SHAPES:
        objects = detect(drawn((shape, color, 30, 34, 14), ground=ground, width=64, height=64))
        assert describe(objects) == [f"{color} {shape}"]
        assert objects.boxes.tolist() == [[16, 20, 45, 49]] or shape == "star"  # whose points end inside its square


@pytest.mark.parametrize("x, y", [(14, 14), (49, 30), (30, 49)])
def test_a_shape_at_the_edge(x, y):
    assert describe(detect(drawn(("square", "black", x, y, 14), width=64, height=64))) == ["black square"]


def test_a_large_drawing():
    """36 large shapes on 640 × 480, in the order of their topmost pixels; a 37th and smallest is left out."""
    places = [(80 * column + 40, 80 * row + 40) for row in range(6) for column in range(8)][:MOST]
    colors, shapes = COLOR_NAMES[:6], ("square", "circle", "diamond", "cross")
    things = [(shapes[n % 4], colors[n % 6], x, y, 30) for n, (x, y) in enumerate(places)]
    objects = detect(drawn(*things, ("circle", "red", 600, 440, 12), width=640, height=480))
    expected = [f"{color} {shape}" for shape, color, *_ in things]
    assert len(objects) == MOST and sorted(describe(objects)) == sorted(expected)
    assert (np.diff(objects.boxes[:, 1]) >= 0).all()
    boxes = {tuple(map(int, box)): name for box, name in zip(objects.boxes, describe(objects), strict=True)}
    assert boxes == {(x - 30, y - 30, x + 31, y + 31): name for (x, y), name in zip(places, expected, strict=True)}


def test_a_drawing_too_large_to_look_at_whole_is_looked_at_in_steps(monkeypatch):
    canvas = np.full((700, 900, 3), 240, np.uint8)
    paint(canvas, "square", (101, 203, 301, 403), COLORS["red"])
    paint(canvas, "circle", (503, 102, 702, 301), COLORS["blue"])
    whole = detect(canvas)
    monkeypatch.setattr(detector, "MOST_SEEN", 100_000)  # every third row and column
    steps = detect(canvas)
    assert describe(steps) == describe(whole) == ["blue circle", "red square"]
    assert (steps.width, steps.height) == (900, 700)
    np.testing.assert_allclose(steps.boxes, whole.boxes, atol=3)
    np.testing.assert_array_less(steps.boxes, [[901, 701, 901, 701]] * 2)


@pytest.mark.parametrize(("noise", "most"), [(0, 45), (256, 140)])
def test_looking_takes_few_bytes_a_pixel(noise, most):
    picture = np.full((600, 800, 3), 128, np.uint8)
    if noise:
        picture = np.random.default_rng(0).integers(0, noise, picture.shape, np.uint8)
    detect(picture[:50, :50])  # compiles what it needs
    tracemalloc.start()
    detect(picture)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= most * 600 * 800


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (2, 2), (96, 128)])
def test_nothing_in_it(size):
    objects = detect(np.full((*size, 3), 90, np.uint8))
    assert len(objects) == 0 and objects.features.shape == (0, WIDTH) and objects.boxes.shape == (0, 4)
    assert (objects.width, objects.height) == size[::-1] and describe(objects) == []


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.sampled_from([2, 30, 256]))
@settings(max_examples=60, deadline=None)
def test_any_pixels_give_objects_inside_the_picture(height, width, seed, levels):
    picture = np.random.default_rng(seed).integers(0, levels, (height, width, 3)).astype(np.uint8)
    objects = detect(picture)
    x0, y0, x1, y1 = objects.boxes.T
    assert (x0 >= 0).all() and (y0 >= 0).all() and (x0 < x1).all() and (y0 < y1).all()
    assert (x1 <= width).all() and (y1 <= height).all() and len(objects) <= MOST
    assert np.isfinite(objects.features).all()


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((5, 5), np.uint8), np.zeros((5, 5, 4), np.uint8), np.zeros((5, 5, 3)), np.zeros((0, 5, 3), np.uint8),
        np.zeros((5, 5, 3), np.int64), None, "picture", np.zeros((1, 5, 5, 3), np.uint8),
    ],
    ids=lambda bad: f"{np.shape(bad)}-{getattr(bad, 'dtype', type(bad).__name__)}",
)  # fmt: skip
def test_what_is_no_picture_is_refused(bad):
    with pytest.raises(ShapeError, match="picture: expected"):
        detect(bad)


def test_it_sees_pixels_alone():
    """No scene reaches it: it is called with an array, of which a copy does as well, and knows no Scene or Thing."""
    assert list(inspect.signature(detect).parameters) == ["picture", "image_id"]
    assert not {"Scene", "Thing", "World", "SMALL", "RICH"} & set(vars(detector))
    picture = SMALL.scene(np.random.default_rng(5)).picture(np.random.default_rng(6))
    one, other = detect(picture), detect(np.array(picture.tolist(), np.uint8))
    assert len(one) and np.array_equal(one.features, other.features) and np.array_equal(one.boxes, other.boxes)


def test_both_backends_see_the_same():
    rng = np.random.default_rng(8)
    pictures = [SMALL.scene(rng).picture(rng) for _ in range(2)] + [rng.integers(0, 256, (30, 40, 3)).astype(np.uint8)]
    for picture in pictures:
        fast = detect(picture)
        with backend("numpy"):
            plain = detect(picture)
        for name in ("boxes", "features", "object_ids", "object_conf", "attribute_ids", "attribute_conf"):
            np.testing.assert_array_equal(getattr(fast, name), getattr(plain, name), err_msg=name)


@given(st.sampled_from(SHAPES), st.sampled_from([5, 9, 13]), st.integers(-12, 12), st.integers(-12, 12))
@settings(max_examples=30, deadline=None)
def test_a_moved_thing_changes_only_its_box(shape, r, right, down):
    here = detect(drawn((shape, "red", 60, 50, r), ("square", "blue", 110, 80, 5)))
    there = detect(drawn((shape, "red", 60 + right, 50 + down, r), ("square", "blue", 110, 80, 5)))
    np.testing.assert_array_equal(here.features, there.features)
    np.testing.assert_array_equal(there.boxes[0] - here.boxes[0], [right, down, right, down])


def test_a_recoloured_thing_changes_only_its_feature():
    red, green = (detect(drawn(("star", color, 60, 50, 13), ("ring", "blue", 20, 20, 9))) for color in ("red", "green"))
    np.testing.assert_array_equal(red.boxes, green.boxes)
    np.testing.assert_array_equal(red.features[0], green.features[0])  # the ring, which is higher up
    one, other = (objects.features[1].reshape(-1, 4) for objects in (red, green))
    np.testing.assert_array_equal(one[:, 3], other[:, 3])  # the share covered: the shape
    assert np.abs(one[:, :3] - other[:, :3]).max() > 1


def test_a_feature_by_hand():
    """A red square of 12 × 12 is covered everywhere and has the colour (220, 40, 40) in every cell."""
    picture = np.full((40, 40, 3), 255, np.uint8)
    picture[10:22, 5:17] = (220, 40, 40)
    objects = detect(picture)
    assert objects.boxes.tolist() == [[5, 10, 17, 22]]
    np.testing.assert_allclose(objects.features.reshape(36, 4), [[92 / 64, -88 / 64, -88 / 64, 1]] * 36, rtol=1e-6)


def test_a_thing_may_be_partly_covered():
    """Two things that overlap in a corner are two objects, each with the box that is seen of it."""
    under, over = Thing("square", "red", "large", 30, 30, 13), Thing("square", "blue", "large", 50, 50, 13)
    objects = detect(Scene(RICH, (under, over)).picture(np.random.default_rng(1)))
    assert describe(objects)[1] == "blue square" and describe(objects)[0].startswith("red")
    assert objects.boxes.tolist() == [list(under.box), list(over.box)]


def test_long_averages_are_not_remembered():
    before = detector.known_averaging.cache_info().currsize
    for length in (detector.LARGEST + 1, 32_767):
        assert detector.averaging(length).sum() == pytest.approx(detector.CELLS, rel=1e-3)
    assert detector.known_averaging.cache_info().currsize == before
