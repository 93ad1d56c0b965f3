"""The world: coloured shapes on a canvas. A Scene is what truly is there; its picture, pixels.

    scene = SMALL.scene(rng)              # things with shape, colour, size and place
    picture = scene.picture(rng)          # (H, W, 3) uint8
Two sizes behind one generator: SMALL is learnt in a lesson hour, RICH shows what more variety costs."""

from dataclasses import dataclass, field, replace

import numpy as np

GREY = 205  # of the plain background
COLORS = {
    "red": (220, 40, 40), "green": (40, 160, 60), "blue": (50, 80, 220), "yellow": (235, 215, 50),
    "purple": (150, 60, 180), "black": (30, 30, 30), "orange": (245, 140, 30), "brown": (120, 75, 40),
    "pink": (245, 130, 190), "teal": (30, 150, 150),
}  # fmt: skip
TRIES = 200  # places tried for a thing before the picture counts as full


def covers(shape, r):
    """The pixels of a shape of radius r: (2r + 1, 2r + 1) of bool."""
    y, x = np.mgrid[-r : r + 1, -r : r + 1]
    if shape == "circle":
        return x * x + y * y <= r * r
    if shape == "square":
        return np.ones_like(x, bool)
    if shape == "triangle":
        return 2 * np.abs(x) <= y + r
    if shape == "star":  # five points: inside at least four of the five lines that draw it
        turns = 2 * np.pi * np.arange(5)[:, None, None] / 5
        return (x * np.sin(turns) + (y - 0.1 * r) * np.cos(turns) >= -0.34 * r).sum(0) >= 4
    if shape == "cross":
        return (np.abs(x) <= 0.35 * r) | (np.abs(y) <= 0.35 * r)
    if shape == "diamond":
        return np.abs(x) + np.abs(y) <= r
    if shape == "ring":
        return (x * x + y * y <= r * r) & (x * x + y * y >= (0.5 * r) ** 2)
    raise KeyError(shape)


@dataclass(frozen=True)
class Thing:
    """One thing of a scene: what it is, and the centre (x, y) and radius r of its square in pixels."""

    shape: str
    color: str
    size: str
    x: int
    y: int
    r: int

    @property
    def box(self):
        """x0, y0, x1, y1 in pixels; the last two are just outside."""
        return self.x - self.r, self.y - self.r, self.x + self.r + 1, self.y + self.r + 1

    def __str__(self):
        return f"{self.size} {self.color} {self.shape}"


@dataclass(frozen=True)
class World:
    """What a world is made of. `never` holds (colour, shape) pairs that do not occur together in it."""

    name: str
    shapes: tuple
    colors: tuple
    sizes: dict  # name: radius in pixels
    most: int  # things in a scene; at least 2
    width: int = 128
    height: int = 96
    noise: float = 6.0  # of the background's brightness
    tint: float = 0.0  # of the background's colour
    overlap: float = 0.0  # the most of a thing's square that another may cover
    never: frozenset = field(default_factory=frozenset)

    def without(self, pairs):
        """This world, in which the (colour, shape) pairs never occur."""
        return replace(self, never=frozenset(pairs))

    def with_unnamed(self):
        """This world with two colours and a shape more."""
        return replace(self, colors=(*self.colors, *UNNAMED[0]), shapes=(*self.shapes, *UNNAMED[1]))

    def kind(self, rng):
        """A colour and a shape that occur together."""
        while True:
            color, shape = rng.choice(self.colors), rng.choice(self.shapes)
            if (color, shape) not in self.never:
                return str(color), str(shape)

    def scene(self, rng, must=None):
        """A random scene of 2 … `most` things; `must` is the (colour, shape) of one of them."""
        things = []
        for _ in range(int(rng.integers(2, self.most + 1))):
            color, shape = must if must and not things else self.kind(rng)
            size = str(rng.choice(list(self.sizes)))
            place = self.place(rng, self.sizes[size], things)
            if place is not None:
                things.append(Thing(shape, color, size, *place, self.sizes[size]))
        return Scene(self, tuple(things))

    def place(self, rng, r, things):
        """A centre (x, y) for radius r that leaves the others visible, or None when the picture is full."""
        for _ in range(TRIES):
            x, y = int(rng.integers(r + 1, self.width - r - 1)), int(rng.integers(r + 1, self.height - r - 1))
            if all(self.apart(x, y, r, other) for other in things):
                return x, y
        return None

    def apart(self, x, y, r, other):
        """Whether a new square and an older one cover each other no more than the world allows."""
        both = 2 * min(r, other.r) + 1
        wide, high = (min(both, r + other.r + 1 - abs(a - b)) for a, b in ((x, other.x), (y, other.y)))
        if self.overlap == 0:
            return wide < -1 or high < -1  # two pixels of background between them
        return max(wide, 0) * max(high, 0) <= self.overlap * both * both


@dataclass(frozen=True)
class Scene:
    """What truly is in a picture: its things, of which the later ones are drawn over the earlier."""

    world: World
    things: tuple

    def picture(self, rng):
        """Draw it: (H, W, 3) uint8. rng: of the background's noise and the colours' variation."""
        w = self.world
        ground = GREY + rng.normal(0, w.tint, 3) if w.tint else np.full(3, float(GREY))
        canvas = ground + rng.normal(0, w.noise, (w.height, w.width, 1))
        for thing in self.things:
            x0, y0, x1, y1 = thing.box
            part = canvas[y0:y1, x0:x1]
            part[covers(thing.shape, thing.r)] = np.array(COLORS[thing.color]) + rng.normal(0, 12, 3)
        return np.clip(canvas, 0, 255).astype(np.uint8)

    def graph(self):
        return [{**vars(thing), "box": list(thing.box)} for thing in self.things]

    def __repr__(self):
        """A map of the picture in characters, with what they stand for."""
        rows = [["·"] * 32 for _ in range(12)]
        for number, thing in enumerate(self.things):
            rows[thing.y * 12 // self.world.height][thing.x * 32 // self.world.width] = chr(ord("A") + number)
        names = [f"{chr(ord('A') + number)} {thing}" for number, thing in enumerate(self.things)]
        return "\n".join(["".join(row) for row in rows] + [", ".join(names)])

    def _repr_png_(self):
        from ..vision.pictures import encode_png

        return encode_png(self.picture(np.random.default_rng(0)))


BASIC = ("circle", "square", "triangle", "star")
SMALL = World("small", BASIC, tuple(COLORS)[:6], {"small": 5, "large": 13}, most=5)
RICH = World(
    "rich", (*BASIC, "cross", "diamond", "ring"), tuple(COLORS), {"small": 5, "medium": 9, "large": 15}, most=10,
    width=192, height=144, noise=9.0, tint=12.0, overlap=0.25,
)  # fmt: skip
WORLDS = {world.name: world for world in (SMALL, RICH)}
UNNAMED = ("orange", "teal"), ("cross",)  # what the small world has no word for, and training may show
HELD_OUT = (("red", "square"), ("blue", "star"), ("green", "triangle"), ("yellow", "circle"))  # never in training
