"""Without Numba, where it fails to compile a kernel, and where nothing can be started, as in a browser, all but the
kernels works; one sentence says so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BARE = """
import os, runpy, subprocess, sys, threading
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("numba", "llvmlite"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
def no_process(*args, **options):
    raise OSError(138, "emscripten does not support processes")
def no_thread(*args, **options):
    raise RuntimeError("can't start new thread")
sys.meta_path.insert(0, Missing())
subprocess.Popen._execute_child = os.fork = os.posix_spawn = no_process
threading.Thread.start = no_thread
"""
ANSWER = """
from minilxmert.cli import main
main(["answer", "--image", "weights/scene.png", "--question", "what color is the star ?"])
"""
CACHE = """
from minilxmert.cli import main
main(["cache"])
main(["cache", "clear"])
"""
CHAPTER = 'runpy.run_path("tutorials/02_words.py", run_name="__main__")\n'
EXERCISES = """
from minilxmert.exercises import NAMES, exercise
from minilxmert.exercises.answering import check_file, start
print(len([exercise(number).title for number in NAMES]), "exercises")
start(sys.argv[1])
gelu = open("tests/exercises/answers/ex10_gelu.py").read()
open(sys.argv[1] + "/ex10_gelu.py", "w").write(gelu + "gelu = right_by_math")
for number, name in (10, "ex10_gelu"), (6, "ex06_layer_norm"), (26, "ex26_matmul_kernel"):
    print(check_file(number, f"{sys.argv[1]}/{name}.py").text)
"""
STEP = """
from minilxmert import LxmertForPreTraining, current_backend, get_num_threads
from minilxmert.scenes.world import SMALL
from minilxmert.training.batches import PretrainingBatches
from minilxmert.training.loop import Training
from minilxmert.training.miniature import Miniature, miniature_config
from minilxmert.training.optimizer import Adam
from minilxmert.training.recipes import miniature_tokenizer
data = Miniature(SMALL, "train", 4)
batches = PretrainingBatches(data.pictures, data.first_words, miniature_tokenizer(SMALL), data.answers)
sizes = {"hidden_size": 24, "intermediate_size": 48, "l_layers": 1, "r_layers": 1, "x_layers": 1}
run = Training(LxmertForPreTraining(miniature_config(SMALL, **sizes), seed=0), batches, Adam(1e-3, 2), 4, log_every=1)
print(run.run().step, "steps by", current_backend(), "with", get_num_threads(), "thread", run.history[-1]["losses"])
"""

FAILING = """
import sys
import numba
from numba.core.errors import LoweringError
left = int(sys.argv[1])
def njit(function=None, **options):
    made = plain(function, **options)
    def compiled(body):
        global left
        left -= 1
        if left < 0:
            raise LoweringError("an instruction is not known")
        return made(body)
    return made if function is None or callable(function) else compiled
plain, numba.njit = numba.njit, njit
import numpy as np
from minilxmert import LxmertConfig, LxmertForQuestionAnswering, backend, current_backend, get_num_threads
sizes = {"hidden_size": 64, "num_attention_heads": 2, "intermediate_size": 96, "visual_feat_dim": 24, "vocab_size": 60}
model = LxmertForQuestionAnswering(LxmertConfig(**sizes, num_qa_labels=7, l_layers=1, r_layers=1, x_layers=2))
rng, boxes = np.random.default_rng(0), np.full((2, 5, 4), 0.25, np.float32)
call = {"input_ids": rng.integers(1, 60, (2, 8)), "visual_feats": rng.random((2, 5, 24), np.float32)}
found = model(**call, visual_pos=boxes).question_answering_score
print(current_backend(), get_num_threads())
with backend("numpy"):
    np.testing.assert_allclose(found, model(**call, visual_pos=boxes).question_answering_score, rtol=0, atol=1e-6)
"""


def bare(program, *arguments, **names):
    command = [sys.executable, "-c", BARE + program, *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **names}
    env.pop("MINILXMERT_BACKEND", None)
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_an_answer_and_a_chapter():
    out, err = bare(ANSWER + CHAPTER)
    assert "yellow  100.0%" in out and "[CLS]" in out
    assert err.count("no compiled kernels, NumPy computes: No module named 'numba'") == 1


@pytest.mark.parametrize("compiled", [0, 14])
def test_a_kernel_that_does_not_compile(compiled):
    """On a processor, or with a Numba, that was never tried: the first of all kernels, or a later one of an answer."""
    command = [sys.executable, "-c", FAILING + ANSWER, str(compiled)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("numpy 1\n") and "yellow  100.0%" in done.stdout
    assert done.stderr.count("no compiled kernels, NumPy computes: an instruction is not known") == 1


def test_exercises(tmp_path):
    out, _ = bare(EXERCISES, tmp_path / "mine")
    count, right, unwritten, compiled = out.strip().splitlines()
    assert count.endswith(" exercises") and right.startswith("right: ") and "in this process" in right
    assert "not written yet" in unwritten and "No module named 'numba'" in compiled


def test_a_training_step():
    out, err = bare(STEP)
    assert out.startswith("2 steps by numpy with 1 thread") and "nan" not in out
    assert err.count("no compiled kernels") == 1


def test_the_kernels_of_a_numba_that_is_gone_are_cleared(tmp_path):
    folder = tmp_path / "numba-0.1.0-0123456789abcdef"
    folder.mkdir()
    out, _ = bare(CACHE, NUMBA_CACHE_DIR=str(tmp_path))
    assert f"  {folder.name}  0.0 MB\n" in out and f"removed {folder.name}" in out and not folder.exists()
