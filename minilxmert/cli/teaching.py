"""minilxmert exercise, project, start-course, tutorials: the exercises, the project and the chapters."""

import functools
from pathlib import Path

from ..files import make_folder, write_file
from . import common as cli
from .common import DISAGREES, OK, progress

FOLDER = cli.option("folder", None, metavar="DIR")
SECONDS = "of the processor that it may take"
MEMORY = cli.option("--memory", "that it may take", cli.positive, 4096, "MB")


def numbers(what):
    return cli.option("numbers", f"which {what} (default: all)", cli.positive, (), "N", nargs="*")


def variant(default, said):
    text = f"exercises as another class or year gets them (default: {said})"
    return cli.option("--variant", text, cli.natural, default, "N")


@cli.command("all exercises, with minutes and what they teach")
def list_exercises(options):
    from ..exercises import NAMES
    from ..exercises import exercise as get

    print(" N  minutes  chapter  exercise")
    for number in NAMES:
        task = get(number)
        print(f"{number:2}  {task.minutes:7}  {task.chapter:7}  {task.title}: {task.teaches}")
    print("\nminilxmert exercise start DIR copies them into a folder.")


@cli.command(
    "write stubs into a folder; files that are there stay as they are",
    FOLDER,
    numbers("exercises"),
    variant(0, "as they stand"),
)
def start(options):
    from ..exercises.answering import start

    new, there = start(options.folder, options.numbers, options.variant)
    for path in new:
        print(f"wrote {path}")
    for path in there:
        print(f"left  {path} as it is")
    print(f"Fill one in, then: cd {options.folder}; minilxmert exercise check {int((new + there)[0].name[2:4])}")


@cli.command(
    "is an answer right? exit code 0: yes, 1: no",
    cli.option("number", "of the exercise", cli.positive, metavar="N"),
    cli.option("file", "default: the answer to exercise N in this folder", metavar="FILE", nargs="?"),
    cli.option("--seconds", SECONDS, cli.positive, 30),
    MEMORY,
    cli.SEED,
    cli.flag("--in-model", "then put it into a small model, whose scores must stay"),
    variant(None, "that which the file was made for"),
)
def check(options):
    from ..exercises.answering import answer_file, check_file, repeat
    from ..exercises.apart import Limits

    file, limits = options.file or answer_file(options.number), Limits(options.seconds, options.memory)
    asked = options.seed, limits, options.in_model, options.variant
    verdict = check_file(options.number, file, *asked, hear=repeat)
    for line in verdict.text.splitlines():
        print(line if line.startswith("in the model") else f"exercise {options.number}: {line}")
    return OK if verdict.right else DISAGREES


@cli.command(
    "check every submission of a folder, each in its own process",
    cli.option("folder", "holds ada/ex06_layer_norm.py … or ada_ex06_layer_norm.py …", metavar="FOLDER"),
    numbers("exercises were set"),
    cli.option("--csv", "also write the table as CSV", metavar="FILE"),
    cli.option("--json", "also write it as JSON; of one student, as Gradescope reads it", metavar="FILE"),
    cli.option("--seconds", SECONDS, cli.positive, 60),
    MEMORY,
    cli.SEED,
    variant(0, "as they stand"),
)
def grade(options):
    from ..exercises.apart import Limits
    from ..exercises.grading import as_csv, as_json, grade, grades_table, passed_by

    asked = {"numbers": options.numbers, "seed": options.seed, "variant": options.variant}
    limits, counted = Limits(options.seconds, options.memory), functools.partial(progress, "graded")
    grades = grade(options.folder, limits, progress=counted, **asked)
    for file, form in ((options.csv, as_csv), (options.json, as_json)):
        if file:
            write_file(file, form(grades))
    print(grades_table(grades))
    for path in passed_by(options.folder):
        print(f"passed by: {path} (answers have names such as ex06_layer_norm.py)")
    return OK


@cli.actions("list, start, check and grade the exercises", list_exercises, start, check, grade, default=list_exercises)
def exercise(options):
    """Exercises that check themselves.

    minilxmert exercise start my-exercises 6    # writes my-exercises/ex06_layer_norm.py: fill it in
    minilxmert exercise check 6                 # in that folder: right, or what is wrong
    """
    return options.action(options)


@cli.command(
    "train the model of the eight functions in a folder",
    FOLDER,
    cli.option("--steps", "of 32 questions each", cli.positive, 2000),
    cli.option("--scenes", "drawn for training", cli.positive, 1500),
    cli.SEED,
)
def train_project(options):
    from ..exercises.project import train
    from .training import show_step, tell_end

    return tell_end(train(options.folder, options.steps, options.scenes, options.seed, show_step, progress))


@cli.command("write report.html: card, curves and attention of what was trained", FOLDER)
def report_project(options):
    from ..exercises.report import BLIND, report

    right, most = report(options.folder)["all"]
    print(f"{options.folder}/report.html: {right:.1%} of fresh questions right ({BLIND}: {most:.1%})")
    return OK


@cli.command(
    "points for every project of a folder, one folder a student",
    FOLDER,
    cli.option("--csv", "also write the points as CSV", metavar="FILE"),
)
def grade_projects(options):
    from ..exercises.grading import grades_table
    from ..exercises.report import grade_projects, points_table

    grades, rows = grade_projects(options.folder, functools.partial(progress, "graded"))
    text = points_table(rows)
    if options.csv:
        write_file(options.csv, text)
    print(grades_table(grades), text, sep="\n\n", end="")
    return OK


@cli.actions("an LXMERT of one's own: train, report and grade it", train_project, report_project, grade_projects)
def project(options):
    """An LXMERT of one's own: exercises 31 to 38 assembled, trained on the drawn world, reported and graded.

    minilxmert exercise start my-lxmert 31 32 33 34 35 36 37 38    # write the eight functions, check each
    minilxmert project train my-lxmert                             # minutes; Ctrl-C, and go on later
    minilxmert project report my-lxmert                            # my-lxmert/report.html
    """
    return options.action(options)


@cli.command("lay chapters, exercises and weights into a folder", FOLDER)
def start_course(options):
    """Lay chapters, exercises, pictures and weights into a folder that needs no network.

    minilxmert start-course lxmert-course
    """
    from ..teaching.course import start_course as lay_out

    new = lay_out(options.folder)
    print(f"wrote {len(new)} files into {options.folder}; files that were there stay. Begin with its README.md.")
    return OK


@cli.command("all chapters")
def list_chapters(options):
    from ..teaching.chapters import chapters

    width = max(len(chapter.path.name) for chapter in chapters())
    for chapter in chapters():
        print(f"{chapter.path.name:<{width}} {chapter.title}")


@cli.command(
    "run chapters and write notebooks and pages with what they show",
    numbers("chapters"),
    cli.option("--out", "where they go", default="build/tutorials", metavar="DIR"),
)
def build(options):
    from ..teaching.chapters import build, chapters

    for chapter in chapters():
        if not options.numbers or int(chapter.path.name[:2]) in options.numbers:
            for path in build(chapter, options.out):
                print(f"wrote {path}", flush=True)
    return OK


@cli.command(
    "write the small pictures that the documents show",
    cli.option("--out", "default: the folder pictures of the tutorials", metavar="DIR"),
)
def pictures(options):
    from ..teaching.chapters import chapters
    from ..teaching.example import GALLERY

    folder = Path(options.out) if options.out else chapters()[0].path.parent / "pictures"
    make_folder(folder)
    for name, draw in GALLERY.items():
        write_file(folder / f"{name}.svg", draw().svg)
        print(f"wrote {folder / name}.svg")
    return OK


@cli.actions("list and build the tutorials", list_chapters, build, pictures, default=list_chapters)
def tutorials(options):
    """Fourteen chapters to read, run and step through.

    python tutorials/01_question_and_picture.py    # any chapter is a script
    minilxmert tutorials build 1                   # or a notebook, and a page
    """
    return options.action(options)


COMMANDS = cli.family(exercise, project, start_course, tutorials)
