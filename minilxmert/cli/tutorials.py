"""minilxmert tutorials: the chapters, their notebooks, and the pictures that the documents show."""

from pathlib import Path

from ..files import write_file
from .common import OK, positive


def tutorials_arguments(command):
    command.set_defaults(action=show)
    actions = command.add_subparsers(metavar="action")
    actions.add_parser("list", help="all chapters").set_defaults(action=show)
    builder = actions.add_parser("build", help="run chapters and write notebooks and pages with what they show")
    builder.add_argument("numbers", metavar="N", type=positive, nargs="*", help="which chapters (default: all)")
    builder.add_argument("--out", metavar="DIR", default="build/tutorials", help="default: build/tutorials")
    builder.set_defaults(action=build)
    painter = actions.add_parser("pictures", help="write the small pictures that the documents show")
    painter.add_argument("--out", metavar="DIR", help="default: the folder pictures of the tutorials")
    painter.set_defaults(action=pictures)


def tutorials(options):
    """Twelve chapters to read, run and step through.

    python tutorials/01_question_and_picture.py    # any chapter is a script
    minilxmert tutorials build 1                   # or a notebook, and a page
    """
    return options.action(options)


def show(options):
    from ..teaching.chapters import chapters

    for chapter in chapters():
        print(f"{chapter.path.name:<32} {chapter.title}")


def build(options):
    from ..teaching.chapters import build, chapters

    for chapter in chapters():
        if not options.numbers or int(chapter.path.name[:2]) in options.numbers:
            for path in build(chapter, options.out):
                print(f"wrote {path}", flush=True)
    return OK


def pictures(options):
    from ..teaching.chapters import chapters
    from ..teaching.gallery import GALLERY

    folder = Path(options.out) if options.out else chapters()[0].path.parent / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in GALLERY.items():
        write_file(folder / f"{name}.svg", draw().svg)
        print(f"wrote {folder / name}.svg")
    return OK


COMMANDS = {"tutorials": (tutorials, tutorials_arguments, "list and build the tutorials")}
