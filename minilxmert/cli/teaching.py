"""minilxmert world, exercise, tutorials: the miniature world, the exercises and the chapters."""

import functools
from pathlib import Path

from ..files import write_file
from .common import DISAGREES, OK, natural, positive, progress


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


def exercise_arguments(command):
    command.set_defaults(action=list_exercises)
    actions = command.add_subparsers(metavar="action")
    actions.add_parser("list", help="all exercises, with minutes and what they teach").set_defaults(
        action=list_exercises
    )
    begin = actions.add_parser("start", help="write stubs into a folder; files that are there stay as they are")
    begin.add_argument("folder", metavar="DIR")
    begin.add_argument(
        "numbers", metavar="N", type=positive, nargs="*", default=(), help="which exercises (default: all)"
    )
    add_variant(begin)
    begin.set_defaults(action=start)
    one = actions.add_parser("check", help="is an answer right? exit code 0: yes, 1: no")
    one.add_argument("number", metavar="N", type=positive)
    one.add_argument("file", metavar="FILE", nargs="?", help="default: the answer to exercise N in this folder")
    one.add_argument("--seed", type=natural, default=0, help="for other random inputs (default 0)")
    one.add_argument("--seconds", type=positive, default=30, help="processor time it may take (default 30)")
    one.add_argument("--in-model", action="store_true", help="then put it into a small model, whose scores must stay")
    add_variant(one, None, "that which the file names")
    one.set_defaults(action=check)
    many = actions.add_parser("grade", help="check every submission of a folder, each in its own process")
    many.add_argument("folder", metavar="FOLDER", help="holds ada/ex06_layer_norm.py … or ada_ex06_layer_norm.py …")
    many.add_argument(
        "numbers", metavar="N", type=positive, nargs="*", default=(), help="the exercises that were set (default: all)"
    )
    many.add_argument("--csv", metavar="FILE", help="also write the table as CSV")
    many.add_argument("--json", metavar="FILE", help="also write it as JSON; of one student, as Gradescope reads it")
    many.add_argument("--seconds", type=positive, default=60, help="processor time a submission may take (default 60)")
    many.add_argument("--memory", type=positive, default=4096, metavar="MB", help="memory it may take (default 4096)")
    many.add_argument("--seed", type=natural, default=0, help="for other random inputs (default 0)")
    add_variant(many)
    many.set_defaults(action=grade)


def add_variant(command, default=0, said="0: as they stand"):
    text = f"exercises as another class or year gets them (default {said})"
    command.add_argument("--variant", type=natural, default=default, metavar="N", help=text)


def exercise(options):
    """Exercises that check themselves.

    minilxmert exercise start my-exercises 6    # writes my-exercises/ex06_layer_norm.py: fill it in
    minilxmert exercise check 6                 # in that folder: right, or what is wrong
    """
    return options.action(options)


def list_exercises(options):
    from ..exercises import NAMES
    from ..exercises import exercise as get

    print(" N  minutes  chapter  exercise")
    for number in NAMES:
        task = get(number)
        print(f"{number:2}  {task.minutes:7}  {task.chapter:7}  {task.title}: {task.teaches}")
    print("\nminilxmert exercise start DIR copies them into a folder.")


def start(options):
    from ..exercises.answering import start

    new, there = start(options.folder, options.numbers, options.variant)
    for path in new:
        print(f"wrote {path}")
    for path in there:
        print(f"left  {path} as it is")
    print(f"Fill one in, then: cd {options.folder}; minilxmert exercise check {int((new + there)[0].name[2:4])}")


def check(options):
    from ..exercises.answering import answer_file, check_file

    file = options.file or answer_file(options.number)
    limits = options.seed, options.seconds, options.in_model
    verdict = check_file(options.number, file, *limits, hear=repeat, variant=options.variant)
    for line in verdict.text.splitlines():
        print(line if line.startswith("in the model") else f"exercise {options.number}: {line}")
    return OK if verdict.right else DISAGREES


def repeat(text):
    """Print what a student prints; what a progress bar would write over stays."""
    print(text.replace("\r\n", "\n").replace("\r", "\n"), end="", flush=True)


def grade(options):
    from ..exercises.grading import as_csv, as_json, grade, passed_by, table

    limits = {"seconds": options.seconds, "megabytes": options.memory, "seed": options.seed, "variant": options.variant}
    counted = functools.partial(progress, "graded")
    grades = grade(options.folder, numbers=options.numbers, progress=counted, **limits)
    for file, form in ((options.csv, as_csv), (options.json, as_json)):
        if file:
            write_file(file, form(grades))
    print(table(grades))
    for path in passed_by(options.folder):
        print(f"passed by: {path} (answers have names such as ex06_layer_norm.py)")
    return OK


def project_arguments(command):
    actions = command.add_subparsers(metavar="action", required=True)
    trainer = actions.add_parser("train", help="train the model of the eight functions in a folder")
    trainer.add_argument("--steps", type=positive, default=2000, help="of 32 questions each (default 2000)")
    trainer.add_argument("--scenes", type=positive, default=1500, help="drawn for training (default 1500)")
    trainer.add_argument("--seed", type=natural, default=0, help="for another start and other scenes (default 0)")
    reporter = actions.add_parser("report", help="write report.html: card, curves and attention of what was trained")
    grader = actions.add_parser("grade", help="points for every project of a folder, one folder a student")
    grader.add_argument("--csv", metavar="FILE", help="also write the points as CSV")
    for action, run in ((trainer, train_project), (reporter, report_project), (grader, grade_projects)):
        action.add_argument("folder", metavar="DIR")
        action.set_defaults(action=run)


def project(options):
    """An LXMERT of one's own: exercises 31 to 38 assembled, trained on the drawn world, reported and graded.

    minilxmert exercise start my-lxmert 31 32 33 34 35 36 37 38    # write the eight functions, check each
    minilxmert project train my-lxmert                             # minutes; Ctrl-C, and go on later
    minilxmert project report my-lxmert                            # my-lxmert/report.html
    """
    return options.action(options)


def train_project(options):
    from ..exercises.project import train
    from .training import ended, show

    return ended(train(options.folder, options.steps, options.scenes, options.seed, show, progress))


def report_project(options):
    from ..exercises.report import report

    right, most = report(options.folder)["all"]
    print(f"{options.folder}/report.html: {right:.1%} of fresh questions right (the commonest answer: {most:.1%})")
    return OK


def grade_projects(options):
    from ..exercises.grading import table
    from ..exercises.report import grade_projects, points_table

    grades, rows = grade_projects(options.folder, functools.partial(progress, "graded"))
    text = points_table(rows)
    if options.csv:
        write_file(options.csv, text)
    print(table(grades), text, sep="\n\n", end="")
    return OK


def course_arguments(command):
    command.add_argument("folder", metavar="DIR")


def course(options):
    """Lay chapters, exercises, pictures and weights into a folder that needs no network.

    minilxmert start-course lxmert-course
    """
    from ..teaching.course import start_course

    new = start_course(options.folder)
    print(f"wrote {len(new)} files into {options.folder}; files that were there stay. Begin with its README.md.")
    return OK


def tutorials_arguments(command):
    command.set_defaults(action=list_chapters)
    actions = command.add_subparsers(metavar="action")
    actions.add_parser("list", help="all chapters").set_defaults(action=list_chapters)
    builder = actions.add_parser("build", help="run chapters and write notebooks and pages with what they show")
    builder.add_argument(
        "numbers", metavar="N", type=positive, nargs="*", default=(), help="which chapters (default: all)"
    )
    builder.add_argument("--out", metavar="DIR", default="build/tutorials", help="default: build/tutorials")
    builder.set_defaults(action=build)
    painter = actions.add_parser("pictures", help="write the small pictures that the documents show")
    painter.add_argument("--out", metavar="DIR", help="default: the folder pictures of the tutorials")
    painter.set_defaults(action=pictures)


def tutorials(options):
    """Fourteen chapters to read, run and step through.

    python tutorials/01_question_and_picture.py    # any chapter is a script
    minilxmert tutorials build 1                   # or a notebook, and a page
    """
    return options.action(options)


def list_chapters(options):
    from ..teaching.chapters import chapters

    width = max(len(chapter.path.name) for chapter in chapters())
    for chapter in chapters():
        print(f"{chapter.path.name:<{width}} {chapter.title}")


def build(options):
    from ..teaching.chapters import build, chapters

    for chapter in chapters():
        if not options.numbers or int(chapter.path.name[:2]) in options.numbers:
            for path in build(chapter, options.out):
                print(f"wrote {path}", flush=True)
    return OK


def pictures(options):
    from ..teaching.chapters import chapters
    from ..teaching.example import GALLERY

    folder = Path(options.out) if options.out else chapters()[0].path.parent / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in GALLERY.items():
        write_file(folder / f"{name}.svg", draw().svg)
        print(f"wrote {folder / name}.svg")
    return OK


COMMANDS = {
    "world": (world, world_arguments, "draw scenes of the miniature world, with questions and true answers"),
    "exercise": (exercise, exercise_arguments, "list, start, check and grade the exercises"),
    "project": (project, project_arguments, "an LXMERT of one's own: train, report and grade it"),
    "start-course": (course, course_arguments, "lay chapters, exercises and weights into a folder"),
    "tutorials": (tutorials, tutorials_arguments, "list and build the tutorials"),
}
