"""A student's function in a process of its own: it gets the inputs there, and only plain values come back.

The process has limits on time and memory, and ends with the check, as does whatever it has started. That stops
accidents and keeps the verdict out of the student's reach; the code still runs with the rights of whoever checks it."""

import codecs
import contextlib
import ctypes
import linecache
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .plain import LARGEST, LONGEST, pack, unpack
from .student import Wrong
from .worker import MARK, wall

HEARD = 1 << 20  # bytes of what a student prints
THREADS = [f"{library}_NUM_THREADS" for library in ("NUMBA", "OPENBLAS", "OMP", "MKL", "BLIS", "VECLIB_MAXIMUM")]
NO_PLAIN_VALUE = (ValueError, TypeError, LookupError, OverflowError, RecursionError)
NONSENSE = "its process answers with what is no plain value"
ADOPT = 36  # prctl, on Linux: whose parent has ended becomes a child of this process
starting, workers = threading.Lock(), set()  # the numbers of the processes of all that is Apart
others = []  # inside `adopting`: the numbers of the children that this process had before


class NoProcess(Exception):
    """No process can be started here, as in a browser."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use: seconds of processor time and megabytes, of which Numba's compiler reserves many."""

    seconds: int = 60
    megabytes: int = 4096

    @property
    def threads(self):
        """Four at most, and one for every GB: each reserves memory, on any machine."""
        return max(1, min(4, self.megabytes >> 10))


LIMITS = Limits()


class Apart:
    """The function `name` of a file, asked in another process, as student.Student is in this one.

        with Apart(path, "layer_norm") as student:    # raises Wrong for a file that does not define it
    solved: "module:name" of the package's functions that it must not use; hear(text): gets what the student prints;
    home: the folder for its files (default: where this process is); running: a set that holds it until its end, for
    those who must `kill` it. Raises NoProcess."""

    def __init__(self, path, name, solved=(), limits=LIMITS, hear=None, home=None, running=None):
        self.path, self.name, self.solved = Path(path).resolve(), name, list(solved)
        self.limits, self.home, self.hear, self.running = limits, home, hear, set() if running is None else running
        self.mark, self.late, self.began = str(10**15 + secrets.randbelow(10**15)), False, time.monotonic()
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.report = Path(self.folder.name) / "stood"
        try:
            self.start()
        except (OSError, RuntimeError) as problem:
            raise NoProcess(str(problem)) from None
        self.running.add(self)

    def start(self):
        command = [sys.executable, "-P", "-m", f"{__package__}.worker", str(self.limits.seconds)]
        with starting:
            self.process = subprocess.Popen(
                [*command, str(self.limits.megabytes), self.report], cwd=self.home, env=self.environment(),
                start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if self.hear else subprocess.DEVNULL,
            )  # fmt: skip
            workers.add(self.process.pid)
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.watch, self.listen)]
        try:
            for thread in self.threads:
                thread.start()
        except BaseException:
            self.kill()
            raise

    def environment(self):
        """This process's, with the package in reach, the mark, and the limits that libraries look for."""
        package = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
        found = {**os.environ, MARK: self.mark, "PYTHONPATH": os.pathsep.join(package), "PYTHONWARNINGS": "ignore"}
        if self.home:
            found |= dict.fromkeys(("HOME", "TMPDIR", "NUMBA_CACHE_DIR"), str(self.home))
        return found | dict.fromkeys((*THREADS, "MALLOC_ARENA_MAX"), str(self.limits.threads))

    def __enter__(self):
        try:
            opened = self.exchange({"path": str(self.path), "name": self.name, "solved": self.solved})
            if "wrong" in opened:
                raise Wrong(str(opened["wrong"]))
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *failure):
        self.end()

    def traits(self, count):
        """As Student.traits. Raises Wrong."""
        return self.exchange({"traits": count})

    def ask(self, args, way_back=False):
        """As Student.ask. Raises Wrong."""
        reply = self.exchange({"ask": args, "back": way_back})
        if "result" in reply and not (type(reply.get("after")) is tuple and len(reply["after"]) == len(args)):
            raise Wrong(NONSENSE)
        return reply

    def exchange(self, message):
        """Send a message; the reply to it, after the functions in the message were called as the process asks."""
        functions = []
        try:
            self.send(pack(message, functions))
            while "call" in (reply := dict(unpack(self.receive()))):
                self.send(pack(answer_call(functions[reply["call"]], reply["args"])))
            return reply
        except (OSError, EOFError):
            raise Wrong(self.why_it_ended()) from None
        except NO_PLAIN_VALUE:
            raise Wrong(NONSENSE) from None

    def send(self, data):
        self.process.stdin.write(len(data).to_bytes(8, "big") + data)
        self.process.stdin.flush()

    def receive(self):
        size = int.from_bytes(self.read(8), "big")
        if size > LARGEST + LONGEST + 8:
            raise ValueError("too large")
        return self.read(size)

    def read(self, size):
        data = self.process.stdout.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def listen(self):
        """Pass on what the student prints, as far as anybody reads it."""
        decode, heard = codecs.getincrementaldecoder("utf-8")("replace").decode, 0
        while self.hear and (data := self.process.stderr.read1(1 << 16)):
            if heard < HEARD:
                with contextlib.suppress(OSError):  # the reader has gone
                    self.hear(decode(data))
            heard += len(data)

    def why_it_ended(self):
        """Why the process says nothing more."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        code, where = self.process.returncode, self.stood()
        outlived = code == -9 and time.monotonic() - self.began > self.limits.seconds  # the system's last word
        if self.late or outlived or where is not None or code in TIMES_UP:
            return f"stopped: no result within {self.limits.seconds} seconds (an endless loop?){where or ''}"
        how = "it hung up" if code is None else f"exit code {code}" if code >= 0 else signal_text(-code)
        return f"ended without a verdict ({how}; the limit is {self.limits.megabytes} MB)"

    def stood(self):
        """Where the student's file was when time was up, in words; "" for elsewhere, None when it was not up."""
        with contextlib.suppress(OSError):
            report = self.report.read_bytes()[: 1 << 16].decode("ascii", "replace")
            name = str(self.path).encode("ascii", "backslashreplace").decode()  # as faulthandler writes it
            for file, line in re.findall(r'File "(.*)", line (\d{1,9}) in', report):
                if file == name:
                    return f"; it stood in line {line}, `{linecache.getline(str(self.path), int(line)).strip()[:100]}`"
            return "" if report else None

    def watch(self):
        """When the process has ended, or its time is up, end what it leaves behind: that may hold on to our pipes."""
        try:
            self.process.wait(wall(self.limits.seconds) + 5)
        except subprocess.TimeoutExpired:
            self.late = True
        self.kill()

    def kill(self):
        """End the process and all that it has started, also what has left its group, where the system tells of it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL) if hasattr(os, "killpg") else self.process.kill()
        while found := find_marked(self.mark.encode()) + orphans():
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)  # until they are gone

    def end(self):
        self.kill()
        self.running.discard(self)
        for thread in self.threads:
            thread.join()
        workers.discard(self.process.pid)
        for pipe in filter(None, (self.process.stdin, self.process.stdout, self.process.stderr)):
            with contextlib.suppress(OSError):  # what was still to be sent
                pipe.close()
        self.folder.cleanup()


TIMES_UP = {-signal.SIGXCPU} if hasattr(signal, "SIGXCPU") else set()


def signal_text(number):
    """A signal in words."""
    name = signal.Signals(number).name if number in set(signal.Signals) else f"number {number}"
    return f"signal {name}" + (", as when the machine's memory is full" if name == "SIGKILL" else "")


def answer_call(function, args):
    """The message with what a function of ours returns to the student's."""
    try:
        return {"value": function(*args)}
    except Exception as problem:
        return {"raised": f"{type(problem).__name__}: {problem}"}


def find_marked(mark):
    """The numbers of the living processes with a mark in their environment or their limits, which whatever they start
    inherits (on Linux; elsewhere none)."""
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        with contextlib.suppress(OSError):
            place = Path("/proc", name)
            if name.isdecimal() and mark in (place / "environ").read_bytes() + (place / "limits").read_bytes():
                found.append(int(name))
    return found


@contextlib.contextmanager
def adopting():
    """A block in which what submissions leave behind comes to this process and ends, however it hides (on Linux).

    What else this process starts meanwhile is to stay in its session, as nearly everything does."""
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else lambda *_: None
    others.append({pid for pid, *_ in children()})
    prctl(ADOPT, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(ADOPT, 0, 0, 0, 0)
        others.pop()


def orphans():
    """The numbers of the children that have come to this process inside `adopting`, and live."""
    found = []
    with starting:
        for pid, session, ended in children() if others else ():
            if session != os.getsid(0) and pid not in workers | others[-1]:
                if ended:
                    with contextlib.suppress(ChildProcessError):
                        os.waitpid(pid, os.WNOHANG)
                else:
                    found.append(pid)
    return found


def children():
    """[(number, session, whether it has ended)] of the children of this process (on Linux; elsewhere none)."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent, _, session = place.read_text("ascii", "replace").rpartition(")")[2].split()[:4]
            if int(parent) == os.getpid():
                found.append((int(place.parent.name), int(session), state == "Z"))
    return found
