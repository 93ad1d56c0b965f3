"""The house: which room may import from which, what lies loose, and how much a reader must read."""

import ast
import functools
import os
import re
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "minilxmert"
README = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
FLOORS = (  # lowest first; a file imports from its own floor and from those below
    ("errors",),
    ("files",),
    ("words",),
    ("core.config", "core.ops", "core.params", "core.boxes"),
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


BY_NAME = ("load", "twinned", "switched")  # of kernels/__init__: they import a file of that room, given its name


@functools.cache
def imports(name):
    """The files of the package that a file imports, late imports too."""
    found = set()
    room = name if FILES[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(FILES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = room.split(".")[: len(room.split(".")) - node.level + 1] if room else []
            base = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{base}.{alias.name}".lstrip(".")
                found.add(inner if inner in FILES else base)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BY_NAME:
            named = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            found.update(f"kernels.{kernel}" for kernel in named or ["twins"])
    return found & FILES.keys() - {name}


def floor(name):
    room = name.split(".")[0]
    return next(i for i, rooms in enumerate(FLOORS) if name in rooms or room in rooms)


def test_no_file_imports_upwards():
    assert [(name, other) for name in FILES for other in imports(name) if floor(other) > floor(name)] == []


def test_no_circle_between_files():
    left = {name: imports(name) for name in FILES}
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


SIZES = """
import sys
import numpy as np
sizes = dict(vocab_size=50, hidden_size=24, num_attention_heads=2, intermediate_size=30, num_qa_labels=5, l_layers=1,
             r_layers=1, x_layers=1, visual_feat_dim=7, num_object_labels=4, num_attr_labels=3)
call = {"input_ids": np.ones((2, 5), int), "visual_feats": np.ones((2, 3, 7)), "visual_pos": np.full((2, 3, 4), 0.5)}
"""
IN_ARRAYS = """
from minilxmert.core import heads, inputs, losses, model, params
from minilxmert.core.config import LxmertConfig
c, cache = LxmertConfig(**sizes), {}
shapes = {**params.encoder_shapes(c), "answer": params.head_shapes(c)["answer"]}
p = params.initialise(shapes, c, np.random.default_rng(0))
g = params.zeros_like(p)
read = inputs.read_inputs(c, np.float64, {name: call.get(name) for name in inputs.ARGUMENTS})
run = model.run_encoders(read, p, c, cache=cache)
scores = {"question_answering_score": heads.classify(run.pooled, p["answer"], c, head := {})}
loss, d = losses.mean_losses(scores, {"ans": np.array([1, 2])}, "ans")
d = heads.classify_backward(d["question_answering_score"], p["answer"], head, g["answer"])
model.run_encoders_backward(np.zeros((2, 5, 24)), np.zeros((2, 3, 24)), d, p, cache, g)
assert loss["ans"] > 0 and np.abs(g["embeddings"]["word"]["w"]).max() > 0
"""
AS_PUBLISHED = """
import minilxmert
model = minilxmert.LxmertForQuestionAnswering(minilxmert.LxmertConfig(**sizes))
assert model.loss_and_gradients(**call, labels=np.array([1, 2]))[0].loss > 0
"""
COUNT = """
files = [sys.modules[name].__file__ for name in sys.modules if name.startswith("minilxmert")]
print(sum(len(open(file, encoding="utf-8").readlines()) for file in files))
"""


def lines_read(code):
    """How many lines of the package Python reads for some code in the NumPy backend."""
    environment = {**os.environ, "MINILXMERT_BACKEND": "numpy"}
    done = subprocess.run([sys.executable, "-c", SIZES + code + COUNT], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_the_model_is_read_in_an_afternoon():
    """A forward and a backward, later imports included; the README states how much that is."""
    told = re.search(r"are ([\d,]+) lines to read.*? ([\d,]+)\s+through the published classes", README, re.DOTALL)
    in_arrays, as_published = (int(number.replace(",", "")) for number in told.groups())
    assert lines_read(IN_ARRAYS) <= min(in_arrays, 1900)
    assert lines_read(AS_PUBLISHED) <= as_published


def test_an_import_reads_nothing_more():
    code = "import sys, minilxmert; print(sorted(m for m in sys.modules if m.startswith('minilxmert')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "['minilxmert']\n"


def test_old_names_lead_to_the_same_files():
    code = "import minilxmert, minilxmert.features, minilxmert.vision.features as f; assert minilxmert.features is f"
    assert subprocess.run([sys.executable, "-W", "error", "-c", code]).returncode == 0
