"""How fast this machine is: medians of interleaved runs, so that a busy moment hits every candidate alike."""

import statistics
import time

QUESTIONS = ("How many people are wearing red hats?", "What color is the cat?", "Is the man holding a surfboard?")
WORDS, OBJECTS = 20, 36  # a question and a picture as the paper has them


def interleaved(candidates, seconds):
    """{name: median seconds a call} of {name: function}, called in turn for about `seconds`, after one call each."""
    for run in candidates.values():
        run()
    times = {name: [] for name in candidates}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(times.values()))) < 3:
        for name, run in candidates.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}


def tokenizer_rate(seconds, count=2000):
    """Questions tokenised a second, on one core."""
    import tempfile
    from pathlib import Path

    from .tokenizer import LxmertTokenizer
    from .vocabulary import build_vocabulary

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.txt"
        path.write_text("\n".join(build_vocabulary(QUESTIONS, 200)) + "\n", encoding="utf-8")
        tokenizer = LxmertTokenizer(path)
    questions = [f"{QUESTIONS[i % 3]} {i}" for i in range(count)]
    return count / interleaved({"tokenizer": lambda: tokenizer(questions)}, seconds)["tokenizer"]
