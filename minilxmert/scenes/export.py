"""A world on disk, for people, other programs, and paint programs to compare with: pictures and what is said of them.

    count = write_world("out", SMALL, 20, seed=1)
out/0.png … are the pictures; out/scenes.jsonl has a line each: picture, things, captions, questions with their true
answers and programs. The same world and seed give the same files."""

import json

import numpy as np

from ..files import make_folder, write_file
from ..vision.pictures import write_png
from .language import GQA, VQA
from .sentences import Teller

CAPTIONS = 2  # a scene
SCENES, PIXELS, SENTENCES = 101, 102, 103  # streams of random numbers, none of them a split's of miniature.py


def describe_scenes(world, count, seed):
    """Yield (Scene, its picture (H, W, 3), its captions, its questions as Sentences), `count` times."""
    scenes, pixels, sentences = (np.random.default_rng([seed, stream]) for stream in (SCENES, PIXELS, SENTENCES))
    teller = Teller(world, sentences)
    for _ in range(count):
        scene = world.scene(scenes)
        captions = [teller.caption(scene) for _ in range(CAPTIONS)]
        asked = [teller.sentence(kind, scene) for kind in (*VQA, *GQA)]
        yield scene, scene.picture(pixels), captions, [question for question in asked if question]


def write_world(folder, world, count, seed=0, progress=None):
    """Write pictures and sentences of `count` scenes to a folder, every file whole or not at all, the table last.

    progress: called with (scenes done, scenes in all). Raises MinilxmertError, OSError."""
    folder, rows = make_folder(folder), []
    for number, (scene, picture, captions, questions) in enumerate(describe_scenes(world, count, seed)):
        write_png(folder / f"{number}.png", picture)
        rows.append({"picture": f"{number}.png", **as_data(scene, captions, questions)})
        if progress:
            progress(number + 1, count)
    write_file(folder / "scenes.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


def as_data(scene, captions, questions):
    asked = [
        {"question": one.text, "kind": one.kind.name, "answer": one.answer, "program": one.program.written()}
        for one in questions
    ]
    return {"things": scene.graph(), "captions": [caption.text for caption in captions], "questions": asked}
