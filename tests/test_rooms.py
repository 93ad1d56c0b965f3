"""The house: which room may import from which, what lies loose, and how much a reader must read."""

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "minilxmert"
FLOORS = (  # lowest first; a file imports from its own floor and from those below
    ("errors",),
    ("files",),
    ("words",),
    ("core.config", "core.config_file", "core.config_values", "core.ops", "core.erf", "core.params", "core.boxes"),
    ("kernels",),
    ("core",),
    ("checkpoints", "vision"),
    ("published",),
    ("detector", "scenes"),
    ("ask",),
    ("explain", "training"),
    ("experiments", "exercises", "teaching"),
    ("cli",),
    ("__main__",),
)
FILES = {path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", "."): path for path in PACKAGE.rglob("*.py")}
FILES = {name.removesuffix(".__init__"): path for name, path in FILES.items() if name != "__init__"}


def imports(name):
    """The files of the package that a file imports, late imports too."""
    room = name if FILES[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(FILES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = room.split(".")[: len(room.split(".")) - node.level + 1] if room else []
            base = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{base}.{alias.name}".lstrip(".")
                found = inner if inner in FILES else base
                if found in FILES and found != name:
                    yield found


def floor(name):
    room = name.split(".")[0]
    return next(i for i, rooms in enumerate(FLOORS) if name in rooms or room in rooms)


def test_no_file_imports_upwards():
    assert [(name, other) for name in FILES for other in imports(name) if floor(other) > floor(name)] == []


def test_no_circle_between_files():
    left = {name: set(imports(name)) for name in FILES}
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    assert left == {}


def test_nothing_lies_loose():
    assert sorted(path.name for path in PACKAGE.iterdir() if path.is_file()) == [
        "__init__.py",
        "__main__.py",
        "errors.py",
        "py.typed",
    ]


def test_an_import_reads_nothing_more():
    code = "import sys, minilxmert; print(sorted(m for m in sys.modules if m.startswith('minilxmert')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "['minilxmert']\n"


def test_old_names_lead_to_the_same_files():
    code = "import minilxmert, minilxmert.features, minilxmert.vision.features as f; assert minilxmert.features is f"
    assert subprocess.run([sys.executable, "-W", "error", "-c", code]).returncode == 0
