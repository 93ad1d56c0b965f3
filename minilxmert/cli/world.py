"""minilxmert world: scenes of the miniature world, to look at or to write to a folder."""

from .common import OK, natural, positive, progress


def world_arguments(command):
    command.add_argument("folder", nargs="?", help="where pictures and sentences go (default: one scene is only shown)")
    command.add_argument("--scenes", type=positive, default=20, metavar="N", help="how many to write (default 20)")
    command.add_argument("--size", choices=("small", "rich"), default="small", help="of the world (default small)")
    command.add_argument("--seed", type=natural, default=0, help="the same seed gives the same scenes (default 0)")


def world(options):
    """Draw scenes of the miniature world; show the first as a map, with questions and how one is answered.

    minilxmert world --scenes 20 --size small --seed 1 out
    The folder gets the pictures as PNG files, and scenes.jsonl: things, captions, questions with answers and programs.
    """
    from ..scenes.export import scenes_told, write_world
    from ..scenes.world import WORLDS

    chosen = WORLDS[options.size]
    if options.folder:
        write_world(options.folder, chosen, options.scenes, options.seed, lambda *done: progress("scenes", *done))
        print(f"{options.scenes} pictures and scenes.jsonl written to {options.folder}\n")
    scene, _, captions, questions = next(scenes_told(chosen, 1, options.seed))
    print(scene, captions[0].text, sep="\n\n", end="\n\n")
    for question in (questions[0], questions[len(questions) // 2], questions[-1]):
        print(f"{question.text} {question.answer}")
    print("\nhow the last answer is found:", questions[-1].explain(scene), sep="\n")
    return OK


COMMANDS = {"world": (world, world_arguments, "draw scenes of the miniature world, with questions and true answers")}
