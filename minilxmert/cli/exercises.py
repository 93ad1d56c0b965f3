"""minilxmert exercise: hand the exercises out, check an answer, grade a folder of them."""

import functools

from ..files import write_file
from .common import DISAGREES, OK, natural, positive, progress


def exercise_arguments(command):
    command.set_defaults(action=show)
    actions = command.add_subparsers(metavar="action")
    actions.add_parser("list", help="all exercises, with minutes and what they teach").set_defaults(action=show)
    begin = actions.add_parser("start", help="copy stubs into a folder; files that are there stay as they are")
    begin.add_argument("folder", metavar="DIR")
    begin.add_argument("numbers", metavar="N", type=positive, nargs="*", help="which exercises (default: all)")
    begin.set_defaults(action=start)
    one = actions.add_parser("check", help="is an answer right? exit code 0: yes, 1: no")
    one.add_argument("number", metavar="N", type=positive)
    one.add_argument("file", metavar="FILE", nargs="?", help="default: the answer to exercise N in this folder")
    one.add_argument("--seed", type=natural, default=0, help="for other random inputs (default 0)")
    one.add_argument("--seconds", type=positive, default=30, help="processor time it may take (default 30)")
    one.add_argument("--in-model", action="store_true", help="then put it into a small model, whose scores must stay")
    one.set_defaults(action=check)
    many = actions.add_parser("grade", help="check every submission of a folder, each in its own process")
    many.add_argument("folder", metavar="FOLDER", help="holds ada/ex06_layer_norm.py … or ada_ex06_layer_norm.py …")
    many.add_argument(
        "numbers", metavar="N", type=positive, nargs="*", help="the exercises that were set (default: all)"
    )
    many.add_argument("--csv", metavar="FILE", help="also write the table as CSV")
    many.add_argument("--seconds", type=positive, default=60, help="processor time a submission may take (default 60)")
    many.add_argument("--memory", type=positive, default=4096, metavar="MB", help="memory it may take (default 4096)")
    many.add_argument("--seed", type=natural, default=0, help="for other random inputs (default 0)")
    many.set_defaults(action=grade)


def exercise(options):
    """Exercises that check themselves.

    minilxmert exercise start my-exercises 6    # writes my-exercises/ex06_layer_norm.py: fill it in
    minilxmert exercise check 6                 # in that folder: right, or what is wrong
    """
    return options.action(options)


def show(options):
    from ..exercises import NAMES
    from ..exercises import exercise as get

    print(" N  minutes  chapter  exercise")
    for number in NAMES:
        task = get(number)
        print(f"{number:2}  {task.minutes:7}  {task.chapter:7}  {task.title}: {task.teaches}")
    print("\nminilxmert exercise start DIR copies them into a folder.")


def start(options):
    from ..exercises.answering import start

    new, there = start(options.folder, options.numbers)
    for path in new:
        print(f"wrote {path}")
    for path in there:
        print(f"left  {path} as it is")
    print(f"Fill one in, then: cd {options.folder}; minilxmert exercise check {int((new + there)[0].name[2:4])}")


def check(options):
    from ..exercises.answering import answer_file, check_file

    file = options.file or answer_file(options.number)
    limits = options.seed, options.seconds, options.in_model
    verdict = check_file(options.number, file, *limits, hear=repeat)
    for line in verdict.text.splitlines():
        print(line if line.startswith("in the model") else f"exercise {options.number}: {line}")
    return OK if verdict.right else DISAGREES


def repeat(text):
    """Print what a student prints; what a progress bar would write over stays."""
    print(text.replace("\r\n", "\n").replace("\r", "\n"), end="", flush=True)


def grade(options):
    from ..exercises.grading import as_csv, grade, passed_by, table

    limits = {"seconds": options.seconds, "megabytes": options.memory, "seed": options.seed}
    counted = functools.partial(progress, "graded")
    grades = grade(options.folder, numbers=options.numbers, progress=counted, **limits)
    if options.csv:
        write_file(options.csv, as_csv(grades))
    print(table(grades))
    for path in passed_by(options.folder):
        print(f"passed by: {path} (answers have names such as ex06_layer_norm.py)")
    return OK


COMMANDS = {"exercise": (exercise, exercise_arguments, "list, start, check and grade the exercises")}
