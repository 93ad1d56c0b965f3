"""The process of one submission: it runs the student's file, calls the function when asked, and says what came back.

    python -m minilxmert.exercises.worker SECONDS MEGABYTES REPORT
Requests come on standard input, replies go to standard output, each with its length before it. What the student prints
goes to standard error. Nothing in here knows what is right: the inputs and the verdict are the parent's.
When SECONDS of the processor are used up, where the student's code stood is written to the file REPORT."""

import contextlib
import faulthandler
import functools
import importlib
import os
import queue
import signal
import sys
import threading
import time

from .. import kernels  # noqa: F401 (its switches are noted as well)
from .plain import class_name, pack, unpack
from .student import Wrong, first_line, read_student

MARK = "MINILXMERT_SUBMISSION"  # in the environment: a number of this process and of all that it starts
LARGEST_FILE = 16 << 20  # bytes
WALL = 3  # seconds on the clock for one of the processor's: on a busy machine, work takes longer
SHEETS = f"{__package__}.sheets"


def wall(seconds):
    """How long a process with a limit of so many seconds may take by the clock."""
    return WALL * seconds + 10


class Line:
    """Messages to and from the parent. When the parent has gone, this process ends."""

    def __init__(self):
        self.incoming, self.process = queue.SimpleQueue(), os.getpid()
        self.requests, self.replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while len(size := self.requests.read(8)) == 8:
            self.incoming.put(self.requests.read(int.from_bytes(size, "big")))
        os._exit(0)

    def receive(self):
        return unpack(self.incoming.get(), self.remote)

    def send(self, message):
        if os.getpid() != self.process:  # the student's code has split this process: one of the two answers
            os._exit(0)
        data = pack(message)
        self.replies.write(len(data).to_bytes(8, "big") + data)
        self.replies.flush()

    def remote(self, number):
        """Stands for a function of the parent: its arguments go there, its result comes back."""

        def call(*args):
            self.send({"call": number, "args": args})
            answer = self.receive()
            if "raised" in answer:
                raise ValueError(answer["raised"])
            return answer["value"]

        return call


def limit(seconds, megabytes, report):
    """Let this process use so much more, where the system can limit it; say in the open file where it stood."""
    faulthandler.dump_traceback_later(wall(seconds), exit=True, file=report)
    with contextlib.suppress(ImportError):
        import resource

        faulthandler.register(signal.SIGXCPU, file=report, chain=True)
        seconds += round(time.process_time())  # what it has used for itself
        limits = {"CPU": (seconds, seconds + 1), "CORE": 2 * (0,), "AS": 2 * (megabytes << 20,)}
        limits["FSIZE"] = 2 * (LARGEST_FILE,)
        limits["RTTIME"] = 2 * (int(os.environ[MARK]),)  # of no effect, and inherited: what it starts is known by it
        for name, (soft, hard) in limits.items():
            with contextlib.suppress(AttributeError, ValueError, OSError):  # not every system has or takes them all
                kind = getattr(resource, f"RLIMIT_{name}")
                most = resource.getrlimit(kind)[1]  # whoever started us may allow less
                most = hard if most == resource.RLIM_INFINITY else min(hard, most)
                resource.setrlimit(kind, (min(soft, most), most))


class Sheets:
    """An importer that notes who asks for the sheets: they hold the solutions."""

    def __init__(self, used):
        self.used = used

    def find_spec(self, name, path=None, target=None):
        if name.startswith(SHEETS):
            self.used.add(SHEETS)
            raise ImportError(f"{SHEETS} holds the solutions")


def note_uses(names, used):
    """From now on, calls of the package's functions "module:name" add them to `used`, whoever imports them."""
    for name in names:
        module, _, path = name.partition(":")
        *owners, last = path.split(".")
        owner = functools.reduce(getattr, owners, importlib.import_module(module))
        rooms = owner, *[room for key, room in sys.modules.items() if key.startswith("minilxmert.")]
        for room, key, value in meanings(getattr(owner, last), rooms):
            setattr(room, key, noted(value, f"{module}.{path}", used))


def meanings(function, rooms):
    """[(room, name, value)] of every name in modules or classes that means a function, or the switch over it."""
    names = [(room, name, value) for room in rooms for name, value in vars(room).items()]
    return [(r, n, v) for r, n, v in names if v is function or getattr(v, "__wrapped__", None) is function]


def noted(function, name, used):
    @functools.wraps(function)
    def call(*args, **kwargs):
        used.add(name)
        return function(*args, **kwargs)

    del call.__wrapped__  # the way round it
    return call


def serve(line):
    """Answer the parent's requests until it has no more."""
    opened, used = line.receive(), set()
    sys.meta_path.insert(0, Sheets(used))
    sys.modules.pop(SHEETS, None)
    note_uses(opened["solved"], used)
    used.clear()
    try:
        student = read_student(opened["path"], opened["name"])
    except BaseException as problem:  # a student may raise KeyboardInterrupt
        text = str(problem) if type(problem) is Wrong else f"the file raises {class_name(problem)}"
        line.send({"wrong": text})
        return
    used &= {SHEETS}  # what a file tries at its end is its own affair; its function is not
    line.send({})
    while True:
        line.send(reply(student, line.receive(), used))


def reply(student, request, used):
    try:
        count, args = request.get("traits"), request.get("ask")
        answer = student.ask(args, request["back"]) if count is None else student.traits(count)
    except BaseException as problem:
        answer = {"failed": f"{class_name(problem)}: {first_line(problem)}"}
    return {**answer, "used": sorted(used)}


def main():
    seconds, megabytes, report = sys.argv[1:]
    del sys.argv[1:]  # a student's program that reads arguments finds none
    sys.dont_write_bytecode = True  # in the student's folder
    line = Line()
    with open(report, "wb", buffering=0) as file:
        limit(int(seconds), int(megabytes), file)
        serve(line)


if __name__ == "__main__":
    main()
