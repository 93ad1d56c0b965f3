"""What several test files share: the reference files, and damage at random."""

import os
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small products: two threads mostly wait for each other

import numpy as np
import pytest

from minilxmert import MinilxmertError

REFERENCE = Path(__file__).parent / "reference"  # made by the published implementations; its README says how


FIRST = "files", "words", "exercises"  # folders whose tests need no kernels, or their last ones


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: [item.path.parent.name == folder for folder in FIRST], reverse=True)


def pytest_collection_finish(session):
    """A run of all tests compiles the kernels beside its first ones, which need none."""
    config, root = session.config, session.config.rootpath
    if config.args_source == config.ArgsSource.TESTPATHS and len(session.items) > 1000:
        options = {
            "env": {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"},
            "stderr": subprocess.DEVNULL,
        }
        process = subprocess.Popen([sys.executable, "-c", "import machine_code; machine_code.compile_all()"], **options)
        config.add_cleanup(process.wait)
        config.add_cleanup(process.kill)


@pytest.fixture(autouse=True)
def no_power_cut(request, monkeypatch):
    """No power cut is meant: nothing waits for the disk, but in the tests of files, which do what everybody does."""
    if request.path.parent.name != "files":
        monkeypatch.setattr(os, "fsync", lambda file: None)


mutant_counts = pytest.mark.parametrize("count", [500, pytest.param(4000, marks=pytest.mark.nightly)])  # of each reader


def refusal_faults(read, path):
    """What is wrong with how `read` refuses `path`: nothing, for one clear error in little time and memory."""
    size = path.stat().st_size
    tracemalloc.start()
    start = time.process_time()
    try:
        read(path)
        yield "accepted"
    except MinilxmertError as error:
        if path.name not in str(error):
            yield f"the message does not name the file: {error}"
        if len(str(error)) > 300 or "\n" in str(error):
            yield f"the message is not one short line: {error}"
    except BaseException as error:
        yield f"foreign exception {type(error).__name__}: {error}"
    seconds, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    if seconds > 2 + 1e-8 * size + 2:  # tracemalloc itself slows Python down
        yield f"took {seconds:.1f} s"
    if peak > 3 * size + (64 << 20):
        yield f"took {peak >> 20} MB for a file of {size >> 20} MB"


def mutants(data, count, seed):
    """`count` seeded damaged copies of a file's bytes; most damage is aimed at the first and last 4 KiB."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        mutant = bytearray(data)
        for _ in range(rng.integers(1, 5)):
            mutate(mutant, rng)
        yield bytes(mutant)


def mutate(data, rng):
    """One damage in place: flip, set, zero, insert, delete, copy or cut."""
    if not data:
        return
    span = min(len(data), 4096)
    at = int(rng.choice([rng.integers(span), len(data) - 1 - rng.integers(span), rng.integers(len(data))]))
    size = int(rng.integers(1, 17))
    kind = rng.integers(8)
    if kind == 0:
        data[at] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        data[at] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.integers(256)]))
    elif kind == 2:
        data[at : at + size] = bytes(len(data[at : at + size]))
    elif kind == 3:
        data[at:at] = rng.bytes(size)
    elif kind == 4:
        del data[at : at + size]
    elif kind == 5:
        source = int(rng.integers(len(data)))
        data[at : at + size] = data[source : source + size]
    elif kind == 6:
        del data[at:]
    else:
        number = (0, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)[rng.integers(5)]
        data[at : at + 8] = number.to_bytes(8, "little")[: len(data) - at]


def check_mutants(data, read, path, count, seed=0):
    """Only MinilxmertError comes out of `read` for damaged copies of `data`; a mutant that reads well is no fault."""
    for number, mutant in enumerate(mutants(data, count, seed)):
        path.write_bytes(mutant)
        try:
            read(path)
        except MinilxmertError:
            pass
        except Exception as error:
            raise AssertionError(f"mutant {number} of seed {seed}: {type(error).__name__}: {error}") from error
