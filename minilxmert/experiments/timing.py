"""Measuring fairly: medians of runs in turns, so that a busy moment hits every candidate alike, and processes whose
libraries all start with the same number of threads."""

import contextlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from ..kernels import get_num_threads

SAME = 1e-3  # the largest difference between candidates' numbers; a wrong one differs by whole numbers
WINDOW, BUSY, PATIENCE = 0.02, 0.002, 2.0  # seconds: to look for work, of work that counts, to wait for its end
THREAD_SETTINGS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def time_in_turns(candidates, seconds, least=3, report=print):
    """{name: median seconds a call} of {name: function}, called in turn for about `seconds`, after one call each.

    No call begins while threads of the one before it still spin: they would slow it down."""
    for run in candidates.values():
        run()
    times, before, restless = {name: [] for name in candidates}, next(reversed(candidates)), set()
    end, rounds = time.perf_counter() + seconds, 0
    while rounds < least or time.perf_counter() < end:
        for name, run in candidates.items():
            if not at_rest() and before not in restless:
                restless.add(before)
                report(f"{before}: its threads still use the processor {PATIENCE:g} s after an answer")
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
            before = name
        rounds += 1
    return {name: statistics.median(found) for name, found in times.items()}


def at_rest():
    """Wait until this process uses the processor no more -> whether it came to that in PATIENCE seconds."""
    end = time.perf_counter() + PATIENCE
    while time.perf_counter() < end:
        start = time.process_time()
        time.sleep(WINDOW)
        if time.process_time() - start < BUSY:
            return True
    return False


def processor():
    """The processor's name, the kind that compilers know it by, and how many of its cores this process may use."""
    import llvmlite.binding

    from ..kernels.cpu import bfloat16_name, tile_name

    kind, tile, narrow = llvmlite.binding.get_host_cpu_name(), tile_name(), bfloat16_name()
    return f"{processor_name()} ({kind}), {get_num_threads()} threads, tile {tile}, bfloat16 {narrow}"


def processor_name():
    with contextlib.suppress(OSError):
        names = re.findall(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def start_process(module, threads, *arguments, **options):
    """Run a module as a program -> Popen"""
    environment = {**os.environ, **dict.fromkeys(THREAD_SETTINGS, str(threads))}
    return subprocess.Popen([sys.executable, "-m", module, *map(str, arguments)], env=environment, **options)


def measure_in_process(module, threads, *arguments):
    """Run one measurement of a module (`answer_process`) in a new process -> what it found"""
    with start_process(module, threads, *arguments, stdout=subprocess.PIPE, text=True) as process:
        lines = process.stdout.read().splitlines()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return json.loads(lines[-1])


def answer_process(**measurements):
    """The other end: the measurement that the command line names, printed for `measure_in_process`."""
    name, *arguments = sys.argv[1:]
    print(json.dumps(measurements[name](*arguments)))


def memory(name):
    """Megabytes of this process (Linux): VmRSS now, VmHWM at most."""
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def thread_counts():
    """{number: text} of the numbers of threads to measure with: one, and as many as the kernels use."""
    return {count: f"{count} thread{'s' * (count > 1)}" for count in sorted({1, get_num_threads()})}


def versus(found, scale, unit):
    texts = [f"{name} {scale * value:.1f} {unit}" for name, value in sorted(found.items())]
    ratio = f", ratio {found['ours'] / found['torch']:.2f}" if "torch" in found else ""
    return ", ".join(texts) + ratio
