"""A course in a folder: chapters, exercises, pictures and weights, for laptops without a network."""

import posixpath
import re
from pathlib import Path

from ..exercises import NAMES
from ..exercises.answering import start
from ..files import make_folder, write_file
from .example import REFERENCE, find_folder, reference, weights

README = """# LXMERT, chapter by chapter

Everything in here works without a network, wherever minilxmert is installed.

    python tutorials/01_question_and_picture.py      a chapter; read tutorials/README.md first
    cd exercises
    minilxmert exercise list                         then fill in a file of this folder
    minilxmert exercise check 6                      right, or what is wrong

Names such as `minilxmert/core/ops.py` are files of the package. They are to be read, too; this tells where it lies:

    python -c "import minilxmert; print(minilxmert.__path__[0])"
"""
LINK = re.compile(r"\[([^\]]*)\]\((?!\w+:|#)([^)#\s]+)(#?[^)\s]*)\)")


def start_course(folder):
    """Lay chapters, exercises, pictures and weights into a folder; what is there stays. -> the new files

    Pages for teachers are not among them. Raises MinilxmertError where the package came without its chapters."""
    folder, chapters, new = Path(folder), find_folder("tutorials", "README.md"), []
    found = {Path("README.md"): README.encode()}
    found |= {Path("tests/reference", name): reference() / name for name in REFERENCE}
    for place, files in (("tutorials", chapters), ("weights", weights())):
        for path in sorted(files.rglob("*")):
            kept = path.is_file() and path.suffix != ".pyc" and "teaching" not in path.stem
            if kept:
                found[place / path.relative_to(files)] = path
    there = {f"exercises/{name}.py" for name in NAMES.values()}
    there |= {path.as_posix() for name in found for path in (name, *name.parents)}
    for name, content in found.items():
        if not (folder / name).exists():
            make_folder((folder / name).parent)
            text = content if isinstance(content, bytes) else content.read_bytes()
            write_file(folder / name, linked(text, name, there) if name.suffix in (".md", ".py") else text)
            new.append(folder / name)
    return new + start(folder / "exercises")[0]


def linked(text, name, there):
    """The bytes of a page, or of a chapter, whose links lead to what is there; other files are only named."""

    def link(found):
        label, target, rest = found.groups()
        target = target.replace("minilxmert/exercises/sheets/ex", "exercises/ex")
        place = posixpath.normpath(f"{name.parent.as_posix()}/{target}")
        if place in there:
            return f"[{label}]({target}{rest})"
        return f"`{place}`" if place.endswith(label.rstrip("/")) else f"{label} (`{place}`)"

    lines = text.decode().splitlines(keepends=True)
    prose = [name.suffix == ".md" or line.startswith("#") for line in lines]
    return "".join(LINK.sub(link, line) if p else line for line, p in zip(lines, prose, strict=True)).encode()
