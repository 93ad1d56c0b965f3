"""How a run is interrupted and goes on: what it keeps of itself in its checkpoint, and why another run may not go on
from it, in words.

The lists of answers and of tokens are kept themselves, and of a sample of pictures a digest of the features of each:
nobody reads 40 GB to see that a file is the same."""

import hashlib
import json
import signal
from contextlib import contextmanager

from ..errors import CheckpointError, shorten
from ..files.reading import first_difference
from .log import is_count, is_number

SAMPLED = 32  # examples, evenly spread over the data from the first to the last
CHECKSUMS = {"began_with": "the weights", "checksum": "the sentences and answers"}
WITHIN = {"batches": "batches, ", "sample": "picture "}


@contextmanager
def quietly_interrupted():
    """Inside the block the first Ctrl-C (or SIGTERM) only fills the list that is the context's value, so that the work
    comes to a good end; a second one interrupts at once. Outside the main thread nothing changes."""
    wanted, before = [], {}

    def remember(number, frame):
        if wanted:
            raise KeyboardInterrupt
        wanted.append(number)

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, remember)
    except ValueError:  # not in the main thread
        pass
    try:
        yield wanted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)  # None: not one of Python's


def sample_of(batches):
    """{picture: digest of what batches show of its objects} for the pictures of SAMPLED examples."""
    examples, found = batches.examples, {}
    count = min(SAMPLED, len(examples))
    for place in range(count):
        image = examples[place * (len(examples) - 1) // max(count - 1, 1)].image
        for name in image if isinstance(image, tuple) else [image]:
            found[str(name)] = digest(batches.pictures[name], batches.SHOWN)
    return found


def digest(objects, fields):
    """The beginning of SHA-256 over some fields of Objects."""
    arrays = [getattr(objects, field) for field in fields]
    parts = [None if array is None else (array.shape, array.dtype.str, array.tobytes()) for array in arrays]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def refuse_another(path, theirs, mine):
    """Refuse a checkpoint of another run, naming what differs first. Raises CheckpointError.

    theirs and mine: "answers" and "tokens" (lists or None), "config", "tensors" {name: shape and type} and "settings"
    (what loop.py calls the identity of a run)."""
    refuse_different(path, *({"tensors": sorted(kept["tensors"])} for kept in (theirs, mine)))
    if not isinstance(theirs["settings"], dict) or not isinstance(theirs["settings"].get("sample"), dict):
        expected = "a run that keeps a sample of its features (or another folder)"
        raise CheckpointError.at(path, None, expected, "one begun by an earlier version")
    for name in ("answers", "tokens"):
        different = mine[name] and first_difference(name[:-1], mine[name], theirs[name] or [])
        if different:
            raise CheckpointError(
                f"{shorten(path, 90)}: {name}: others than the run began with (or another folder): {different}"
            )
    for group in ("config", "tensors", "settings"):
        refuse_different(path, theirs[group], mine[group])


def refuse_different(path, theirs, mine, within=""):
    """Compare {name: value}, values within batches and the sample, too. What only a checksum tells is said in words."""
    for name, value in mine.items():
        found, checked = theirs.get(name), CHECKSUMS.get(name)
        if name in WITHIN and isinstance(value, dict) and isinstance(found, dict):
            refuse_different(path, found, value, WITHIN[name])
        elif found != value:
            expected = f"{shorten(value, 40)}, as this run has (or another folder)"
            if within == WITHIN["sample"]:
                checked = "the features"
            if checked:
                expected, found = f"{checked} that the run began with (or another folder)", "others"
            raise CheckpointError.at(path, within + name, expected, found)


def check_progress(path, about, steps):
    """Refuse what no run writes about how far it has come. Raises CheckpointError."""
    losses = about.get("unlogged")
    good = {
        "step": is_count(about.get("step")) and about["step"] <= steps,
        "seconds": is_number(about.get("seconds")) and about["seconds"] >= 0,
        "unlogged": isinstance(losses, dict) and all(map(is_number, losses.values())),
        "unlogged_steps": is_count(about.get("unlogged_steps")),
    }
    for name, sound in good.items():
        if not sound:
            raise CheckpointError.at(path, name, f"what a run of {steps} steps keeps", json.dumps(about.get(name)))


def shapes_of(arrays):
    """{name: shape and type} of arrays, as a checkpoint must have them for a run to go on."""
    return {name: f"{array.shape} {array.dtype.name}" for name, array in arrays.items()}


@contextmanager
def writing(folder):
    """Inside the block a folder that cannot be written, or a full disk, is a CheckpointError."""
    try:
        yield
    except OSError as problem:
        expected = "a folder that can be written"
        raise CheckpointError.at(folder, None, expected, problem.strerror or problem) from problem
