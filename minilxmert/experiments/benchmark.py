"""How fast answers are on this machine.

The model is the published base size with random weights; its peers (peers.py) are measured beside it where they are
installed, with the same weights, and only after they have given the same numbers."""

import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from ..core.config import LxmertConfig
from ..errors import MinilxmertError
from ..kernels import BACKENDS, backend
from ..published.model import LxmertForQuestionAnswering
from ..words.tokenizer import LxmertTokenizer
from ..words.vocabulary import build_vocabulary
from .peers import Candidate, peer_candidates
from .timing import SAME, memory, processor, time_in_turns

QUESTIONS = ("How many people are wearing red hats?", "What color is the cat?", "Is the man holding a surfboard?")
SMALL = {"hidden_size": 96, "intermediate_size": 192, "l_layers": 2, "x_layers": 2, "r_layers": 1, "num_qa_labels": 100}
SMALL |= {"num_attention_heads": 4, "vocab_size": 1000, "visual_feat_dim": 64}
ROUNDED = 0.05  # how far scores of rounded weights may differ from the exact ones, as a share of the largest


def tokenizer_rate(seconds):
    """Questions tokenised a second, on one core."""
    tokenizer = LxmertTokenizer(build_vocabulary(QUESTIONS, 200))
    questions = [f"{QUESTIONS[i % len(QUESTIONS)]} {i}" for i in range(2000)]
    return len(questions) / time_in_turns({"tokenizer": lambda: tokenizer(questions)}, seconds)["tokenizer"]


def draw_batch(config, batch, words, objects, ragged=False):
    """The call arguments of a batch; ragged: sentences of 8 words up to `words`, padded, as real questions are."""
    rng = np.random.default_rng(0)
    lengths = np.linspace(min(8, words), words, batch).astype(int) if ragged else np.full(batch, words)
    corners = np.sort(rng.random((batch, objects, 2, 2), np.float32), axis=2)
    return {
        "input_ids": rng.integers(1, config.vocab_size, (batch, words)),
        "visual_feats": rng.random((batch, objects, config.visual_feat_dim), np.float32),
        "visual_pos": corners.reshape(batch, objects, 4),
        "attention_mask": (np.arange(words) < lengths[:, None]).astype(np.int64),
        "token_type_ids": np.zeros((batch, words), np.int64),
    }


def our_candidates(model):
    """{name: Candidate} of our backends; the NumPy backend computes in float32 whatever the precision."""

    def candidate(name, precision="float32"):
        def run(call):
            with backend(name):
                return model(**call).question_answering_score

        return Candidate(run, precision)

    found = {f"minilxmert {name}": candidate(name) for name in BACKENDS}
    if model.precision != "float32":
        rounded = candidate("numba", computed_precision(model))
        exact = our_candidates(LxmertForQuestionAnswering(model.config))
        found = {f"minilxmert {model.precision}": rounded, **found, "minilxmert numba": exact["minilxmert numba"]}
    return found


def computed_precision(model):
    """In which precision the kernels multiply for a model, which the processor has a say in."""
    from ..kernels.cpu import bfloat16_name

    if model.precision == "bfloat16" and bfloat16_name() == "widened":
        return "float32, weights rounded"
    return model.precision


def keep_agreeing(candidates, call, report):
    """The candidates whose scores are those of our NumPy backend, to SAME or ROUNDED; a peer that has others is left
    out with a line. Raises MinilxmertError where one of ours has."""
    expected, found = candidates["minilxmert numpy"].run(call), {}
    for name, candidate in candidates.items():
        difference = float(np.abs(candidate.run(call) - expected).max())
        rounded = candidate.precision != "float32"
        bound = ROUNDED * float(np.abs(expected).max()) if rounded else SAME
        if difference <= bound:  # false for NaN
            found[name] = candidate
        elif name.startswith("minilxmert"):
            raise MinilxmertError(f"{name} differs from the NumPy backend by {difference:.2g}")
        else:
            report(f"{name}: left out, its scores differ by {difference:.2g} for a batch of {len(expected)}")
        if rounded:
            report(f"{name}: scores differ by {difference:.2g} (allowed {bound:.2g}) for a batch of {len(expected)}")
    return found


def milliseconds(candidates, call, seconds, report=print):
    """{name: median milliseconds a call} of the candidates that agree about it."""
    agreeing = keep_agreeing(candidates, call, report)
    runs = {name: lambda run=candidate.run: run(call) for name, candidate in agreeing.items()}
    return {name: 1000 * t for name, t in time_in_turns(runs, seconds, report=report).items()}


def columns(values, form):
    return "".join(f"{value:{form}}" for value in values)


def machine_limits(seconds=1.0, megabytes=512):
    """What this machine can do, by BLAS: {"GB/s": memory read, "GFLOP/s": float32 products}

    megabytes: what is read; more than the caches hold."""
    rng = np.random.default_rng(0)
    square, long = rng.random((2048, 2048), np.float32), rng.random((megabytes << 6, 1 << 12), np.float32)
    vector = long[0].copy()
    times = time_in_turns({"product": lambda: square @ square, "read": lambda: long @ vector}, seconds)
    return {"GB/s": long.nbytes / times["read"] / 1e9, "GFLOP/s": 2 * 2048**3 / times["product"] / 1e9}


def needed_gflop(config, words, objects, batch=1):
    """10⁹ operations of the matrix products that the answers of a batch need, for its words and objects in all
    (attention's own products, 1 %, left out)."""
    e, i, both = config.hidden_size, config.intermediate_size, words + objects
    attention, ffn = 4 * e * e, 2 * e * i
    layers = config.l_layers * words + config.r_layers * objects + (config.x_layers - 1) * both
    cross = (config.x_layers - 1) * both * attention
    last = (2 * words + 2 * objects) * e * e + 2 * words * e * e + batch * (2 * e * e + ffn)  # only what [CLS] reads
    return 2e-9 * (layers * (attention + ffn) + cross + last + objects * config.visual_feat_dim * e)


START = {
    "minilxmert": """
import sys, minilxmert
model = minilxmert.LxmertForQuestionAnswering.from_pretrained(sys.argv[1])
from minilxmert.experiments.benchmark import draw_batch, print_peak
model(**draw_batch(model.config, 1, 20, 36))""",
    "transformers": """
import sys, torch, transformers
model = transformers.LxmertForQuestionAnswering.from_pretrained(sys.argv[1])
from minilxmert.experiments.benchmark import draw_batch, print_peak
call = {name: torch.from_numpy(array) for name, array in draw_batch(model.config, 1, 20, 36).items()}
with torch.inference_mode():
    model.eval()(**call)""",
}


def print_peak():
    """The peak megabytes of this process. (What resource counts includes the parent's from before it started this.)"""
    try:
        print(memory("VmHWM"))
    except OSError:
        import resource

        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def start_up(model, peers, report=print, runs=3):
    """{name: (seconds from process start to the first answer, peak megabytes)}, medians of time_in_turns runs."""
    names = [name for name in START if name == "minilxmert" or peers]
    found = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(f"{folder}/minilxmert")
        model.save_pretrained(f"{folder}/transformers", format="safetensors")
        for _ in range(runs + 1):  # the first warms the page cache and the compiled kernels
            for name in names:
                command = [sys.executable, "-c", f"{START[name]}\nprint_peak()", f"{folder}/{name}"]
                start = time.perf_counter()
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                found[name].append((time.perf_counter() - start, float(done.stdout)))
    medians = {name: tuple(map(statistics.median, zip(*rows[1:], strict=True))) for name, rows in found.items()}
    report("\nprocess start to first answer; peak memory")
    for name, (wait, megabytes) in medians.items():
        report(f"{name:<24}{wait:8.2f} s{megabytes:8.0f} MB")
    return medians


def run_benchmark(
    seconds, batches=(1, 4, 8, 32), words=20, objects=36, small=False, peers=True, start=False, report=print,
    ragged=False, dtype="float32",
):  # fmt: skip
    """Measure, reporting line by line -> the figures as a dict. start: also from process start to the first answer;
    ragged: sentences of 8 words up to `words`; dtype: "bfloat16" measures our weights in that precision, too. Raises
    MinilxmertError if one of our backends does not compute what another does."""
    figures = {"processor": processor(), "tokenizer": tokenizer_rate(min(seconds, 2))}
    report(figures["processor"])
    report(f"tokenizer: {figures['tokenizer']:,.0f} questions a second on one core")
    model = LxmertForQuestionAnswering(LxmertConfig(**(SMALL if small else {})), dtype=dtype)
    candidates = our_candidates(model)
    if peers:
        candidates |= peer_candidates(model, draw_batch(model.config, 2, 7, 5), dtype == "bfloat16", report)
    calls = {batch: draw_batch(model.config, batch, words, objects, ragged) for batch in batches}
    measured = {batch: milliseconds(candidates, call, seconds, report) for batch, call in calls.items()}
    figures |= {"milliseconds": measured, "limits": machine_limits()}
    figures["precision"] = {name: candidate.precision for name, candidate in candidates.items()}
    needed = {b: needed_gflop(model.config, call["attention_mask"].sum(), b * objects, b) for b, call in calls.items()}
    ours = next(iter(candidates))
    figures["GFLOP/s"] = {batch: needed[batch] / measured[batch][ours] * 1e3 for batch in batches}
    report_answers(figures, f"{min(8, words)}–{words}" if ragged else words, objects, report)
    if start:
        figures["start"] = start_up(model, len(candidates) > len(BACKENDS), report)
    return figures


def report_answers(figures, words, objects, report):
    """The table of milliseconds, and what of the machine's strength that is."""
    table, precision = figures["milliseconds"], figures["precision"]
    report(f"\n{words} words × {objects} objects, milliseconds a batch (median)\n{'':<24}" + columns(table, "9"))
    for name in precision:
        report(
            f"{name:<24}" + columns([row.get(name, np.nan) for row in table.values()], "9.1f") + f"  {precision[name]}"
        )
    limits = figures["limits"]
    report(
        f"\nthis machine reads {limits['GB/s']:.1f} GB/s and multiplies {limits['GFLOP/s']:.0f} GFLOP/s (BLAS, float32)"
    )
    report(f"{next(iter(precision)) + ', GFLOP/s':<24}" + columns(figures["GFLOP/s"].values(), "9.0f"))
