"""A course in a folder: chapters, exercises, pictures and weights, for laptops without a network."""

from pathlib import Path

from ..exercises.answering import start
from ..files import make_folder, write_file
from .example import REFERENCE, beside, reference, weights

README = """# LXMERT, chapter by chapter

Everything in here works without a network, wherever minilxmert is installed.

    python tutorials/01_question_and_picture.py      a chapter; read tutorials/README.md first
    cd exercises
    minilxmert exercise list                         then fill in a file of this folder
    minilxmert exercise check 6                      right, or what is wrong

Links to ../minilxmert lead to files of the package. They are to be read, too; this tells where they lie:

    python -c "import minilxmert; print(minilxmert.__path__[0])"
"""


def start_course(folder):
    """Lay chapters, exercises, pictures and weights into a folder; what is there stays. -> the new files

    Pages for teachers are not among them. Raises MinilxmertError where the package came without its chapters."""
    folder, chapters, new = Path(folder), beside("tutorials", "README.md"), []
    found = {Path("README.md"): README.encode()}
    found |= {Path("tests/reference", name): reference() / name for name in REFERENCE}
    for place, files in (("tutorials", chapters), ("weights", weights())):
        for path in sorted(files.rglob("*")):
            kept = path.is_file() and path.suffix != ".pyc" and "teaching" not in path.stem
            if kept:
                found[place / path.relative_to(files)] = path
    for name, content in found.items():
        if not (folder / name).exists():
            make_folder((folder / name).parent)
            write_file(folder / name, content if isinstance(content, bytes) else content.read_bytes())
            new.append(folder / name)
    return new + start(folder / "exercises")[0]
