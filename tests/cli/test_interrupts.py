"""Ctrl-C at any moment: the program ends with 130 and no traceback, and a library goes on as if nothing had been."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
ANSWER = ["answer", "--image", "weights/scene.png", "--question", "what color is the star ?"]
# runs the program as python -m does, and interrupts it so many seconds later, once its first lines have run
PROGRAM = """import atexit, runpy, signal, sys
atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)  # Python's end knows no handler
delay, *sys.argv = float(sys.argv[1]), "-m", *sys.argv[2:]
sys.orig_argv = [sys.executable, "-m", "minilxmert", *sys.argv[1:]]
def alarm(*_):
    if hasattr(sys.modules.get("minilxmert"), "importlib"):
        signal.raise_signal(signal.SIGINT)
    else:
        signal.setitimer(signal.ITIMER_REAL, 1e-4)
signal.signal(signal.SIGALRM, alarm)
signal.setitimer(signal.ITIMER_REAL, delay)
runpy.run_module("minilxmert", run_name="__main__", alter_sys=True)
"""
# interrupts a model at random moments of its first calls and later ones, then asks it in quiet
LIBRARY = """import signal, sys
import numpy as np
seed, times = map(int, sys.argv[1:])
rng = np.random.default_rng(seed)
ids, feats = rng.integers(0, 50, (2, 8)), rng.standard_normal((2, 5, 64), np.float32)
boxes = np.tile([0.1, 0.1, 0.5, 0.5], (2, 5, 1))
def call():
    from minilxmert import LxmertConfig, LxmertModel
    config = LxmertConfig(vocab_size=50, hidden_size=256, num_attention_heads=4, intermediate_size=512, l_layers=2,
                          x_layers=1, r_layers=1, visual_feat_dim=64)
    return LxmertModel(config, 0)(ids, feats, boxes)[0]
signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
interrupted = 0
for trial in range(times):
    signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.001, 1.2 if trial < times // 2 else 0.05) if trial else 0.002)
    try:
        call()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        interrupted += 1
found = call()
from minilxmert.kernels import threads
import minilxmert
with minilxmert.backend("numpy"):
    print(interrupted, np.abs(call() - found).max(), threads.state[threads.TAKEN])
"""


def run(code, *arguments):
    """Run the code in a process of its own, with Ctrl-C as a terminal has it: in the background shells ignore it."""
    code = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n{code}"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def interrupted_at_random(times, seed, seconds=2):
    """How often the program was interrupted at moments all over its first seconds; each must be quiet."""
    for delay in np.random.default_rng(seed).uniform(1e-5, seconds, times):
        told = run(PROGRAM, delay, *ANSWER)
        assert "Traceback" not in told.stderr and "Exception" not in told.stderr, told.stderr
        assert told.returncode == (0 if "red" in told.stdout else 130), delay
        yield told.returncode == 130


@pytest.mark.skipif(sys.platform == "win32", reason="no timers")
def test_the_program_is_interrupted_quietly():
    assert any(interrupted_at_random(4, seed=0))


@pytest.mark.skipif(sys.platform == "win32", reason="no timers")
@pytest.mark.parametrize("times", [2, pytest.param(100, marks=pytest.mark.nightly)])
def test_the_program_is_interrupted_quietly_while_python_reads_it(times):
    assert any(interrupted_at_random(times, seed=2, seconds=0.01))


@pytest.mark.nightly
def test_the_program_is_interrupted_quietly_at_240_moments():
    assert sum(interrupted_at_random(240, seed=1)) > 50


def test_only_the_program_ends_when_nobody_caught_an_interrupt():
    told = run("import sys, minilxmert; print(sys.excepthook is sys.__excepthook__); raise KeyboardInterrupt")
    assert told.stdout == "True\n" and "Traceback" in told.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no timers")
@pytest.mark.parametrize(
    "seed, times", [(0, 4), *[pytest.param(n, 40, marks=pytest.mark.nightly) for n in range(1, 9)]]
)
def test_a_model_works_after_interrupts(seed, times):
    told = run(LIBRARY, seed, times)
    assert told.returncode == 0, told.stderr
    interrupted, difference, taken = told.stdout.split()
    assert int(interrupted) > 0 and float(difference) < 1e-4 and taken == "0"


def test_importing_the_package_reads_nothing_and_gives_every_name():
    reads_nothing = "import sys, minilxmert; assert 'numpy' not in sys.modules"
    all_names = "assert all(getattr(minilxmert, name) for name in minilxmert.__all__)"
    others = "assert minilxmert.features.open_features and not hasattr(minilxmert, 'nothing')"
    assert run("; ".join([reads_nothing, all_names, others])).returncode == 0
