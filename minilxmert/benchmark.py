"""How fast this machine is: medians of interleaved runs, so that a busy moment hits every candidate alike.

The model is the published base size with random weights; transformers, ONNX Runtime and OpenVINO are measured beside it
where they are installed, with the same weights, and only after they have given the same numbers."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from .config import LxmertConfig
from .errors import MinilxmertError
from .kernels import BACKENDS, backend
from .model import LxmertForQuestionAnswering
from .tokenizer import LxmertTokenizer
from .vocabulary import build_vocabulary, write_vocabulary

QUESTIONS = ("How many people are wearing red hats?", "What color is the cat?", "Is the man holding a surfboard?")
SMALL = {"hidden_size": 96, "intermediate_size": 192, "l_layers": 2, "x_layers": 2, "r_layers": 1, "num_qa_labels": 100}
SMALL |= {"num_attention_heads": 4, "vocab_size": 1000, "visual_feat_dim": 64}
NAMES = ("input_ids", "visual_feats", "visual_pos", "attention_mask", "token_type_ids")
SAME = 1e-3  # the largest difference of logits between candidates; a wrong one differs by whole numbers


def interleaved(candidates, seconds, least=3):
    """{name: median seconds a call} of {name: function}, called in turn for about `seconds`, after one call each."""
    for run in candidates.values():
        run()
    times = {name: [] for name in candidates}
    end, rounds = time.perf_counter() + seconds, 0
    while rounds < least or time.perf_counter() < end:
        for name, run in candidates.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
        rounds += 1
    return {name: statistics.median(found) for name, found in times.items()}


def tokenizer_rate(seconds, count=2000):
    """Questions tokenised a second, on one core."""
    with tempfile.TemporaryDirectory() as folder:
        write_vocabulary(Path(folder) / "vocab.txt", build_vocabulary(QUESTIONS, 200))
        tokenizer = LxmertTokenizer(Path(folder) / "vocab.txt")
    questions = [f"{QUESTIONS[i % len(QUESTIONS)]} {i}" for i in range(count)]
    return count / interleaved({"tokenizer": lambda: tokenizer(questions)}, seconds)["tokenizer"]


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
    """{name: function of a batch} of our backends."""

    def candidate(name):
        def run(call):
            with backend(name):
                return model(**call).question_answering_score

        return run

    return {f"minilxmert {name}": candidate(name) for name in BACKENDS}


def peer_candidates(model):
    """{name: function of a batch} of the installed peers, with the weights of our model."""
    try:
        import torch
        import transformers
    except ImportError:
        return {}
    config = transformers.LxmertConfig(**{k: v for k, v in vars(model.config).items() if k != "layer_norm_eps"})
    with torch.device("meta"):
        theirs = transformers.LxmertForQuestionAnswering(config)
    weights = {name: torch.from_numpy(np.array(array)) for name, array in model.state_dict().items()}
    theirs.load_state_dict(weights, assign=True)
    theirs.eval()

    def eager(call):
        with torch.inference_mode():
            return theirs(**{name: torch.from_numpy(array) for name, array in call.items()})[0].numpy()

    return {"transformers eager": eager, **compiled_candidates(theirs, model.config)}


def compiled_candidates(theirs, config):
    """ONNX Runtime and OpenVINO, from the same torch model, if they are installed."""
    import torch

    class Plain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = theirs

        def forward(self, *arrays):
            return self.model(**dict(zip(NAMES, arrays, strict=True)), return_dict=False)[0]

    example = tuple(torch.from_numpy(array) for array in draw_batch(config, 2, 7, 5).values())
    found = {}
    try:
        import onnxruntime

        with tempfile.TemporaryDirectory() as folder:
            path, axes = f"{folder}/model.onnx", {name: {0: "batch"} for name in NAMES}
            for name in NAMES:
                axes[name][1] = "objects" if name.startswith("visual") else "words"
            torch.onnx.export(Plain(), example, path, input_names=list(NAMES), dynamic_axes=axes, dynamo=False)
            session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        found["ONNX Runtime"] = lambda call: session.run(None, call)[0]
    except ImportError:
        pass
    try:
        import openvino

        compiled = openvino.compile_model(
            openvino.convert_model(Plain(), example_input=example), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
        )
        found["OpenVINO"] = lambda call: compiled([call[name] for name in NAMES])[0]
    except ImportError:
        pass
    return found


def machine_limits(seconds=1.0):
    """What this machine can do, by BLAS: {"GB/s": memory read, "GFLOP/s": float32 products}"""
    rng = np.random.default_rng(0)
    square, long = rng.random((2048, 2048), np.float32), rng.random((1 << 15, 1 << 12), np.float32)
    vector = long[0].copy()
    times = interleaved({"product": lambda: square @ square, "read": lambda: long @ vector}, seconds)
    return {"GB/s": long.nbytes / times["read"] / 1e9, "GFLOP/s": 2 * 2048**3 / times["product"] / 1e9}


def needed_gflop(config, words, objects):
    """10⁹ operations of the matrix products that one answer needs (attention's own products, 1 %, left out)."""
    e, i, both = config.hidden_size, config.intermediate_size, words + objects
    attention, ffn = 4 * e * e, 2 * e * i
    layers = config.l_layers * words + config.r_layers * objects + (config.x_layers - 1) * both
    cross = (config.x_layers - 1) * both * attention
    last = (2 * words + 2 * objects) * e * e + 2 * words * e * e + 2 * e * e + ffn  # only what [CLS] reads
    return 2e-9 * (layers * (attention + ffn) + cross + last + objects * config.visual_feat_dim * e)


START = {
    "minilxmert": """
import sys, minilxmert
model = minilxmert.LxmertForQuestionAnswering.from_pretrained(sys.argv[1])
from minilxmert.benchmark import draw_batch
model(**draw_batch(model.config, 1, 20, 36))""",
    "transformers": """
import sys, torch, transformers
model = transformers.LxmertForQuestionAnswering.from_pretrained(sys.argv[1])
from minilxmert.benchmark import draw_batch
call = {name: torch.from_numpy(array) for name, array in draw_batch(model.config, 1, 20, 36).items()}
with torch.inference_mode():
    model.eval()(**call)""",
}
PEAK = """
try:  # ru_maxrss would count what the parent process had before it started this one
    print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
except OSError:
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def start_up(model, peers, runs=3):
    """{name: (seconds from process start to the first answer, peak megabytes)}, medians of interleaved runs."""
    names = [name for name in START if name == "minilxmert" or peers]
    found = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(f"{folder}/minilxmert")
        model.save_pretrained(f"{folder}/transformers", format="safetensors")
        for _ in range(runs + 1):  # the first warms the page cache and the compiled kernels
            for name in names:
                command = [sys.executable, "-c", START[name] + PEAK, f"{folder}/{name}"]
                start = time.perf_counter()
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                found[name].append((time.perf_counter() - start, int(done.stdout) / 1024))
    return {name: tuple(map(statistics.median, zip(*rows[1:], strict=True))) for name, rows in found.items()}


def run_benchmark(
    seconds, batches=(1, 4, 8, 32), words=20, objects=36, small=False, peers=True, start=False, report=print
):
    """Measure, reporting line by line -> the figures as a dict. start: also from process start to the first answer.

    Raises MinilxmertError if two candidates disagree."""
    rate = tokenizer_rate(min(seconds, 2))
    report(f"tokenizer: {rate:,.0f} questions a second on one core")
    config = LxmertConfig(**(SMALL if small else {}))
    model = LxmertForQuestionAnswering(config)
    candidates = our_candidates(model) | (peer_candidates(model) if peers else {})
    report(
        f"\n{words} words × {objects} objects, milliseconds a batch (median)\n{'':<24}"
        + "".join(f"{b:>9}" for b in batches)
    )
    table = {}
    for batch in batches:
        call = draw_batch(config, batch, words, objects)
        first, *others = ((name, run(call)) for name, run in candidates.items())
        for name, scores in others:
            if np.abs(scores - first[1]).max() > SAME:
                raise MinilxmertError(f"{name} and {first[0]} disagree by {np.abs(scores - first[1]).max():.2g}")
        runs = {name: (lambda run=run, call=call: run(call)) for name, run in candidates.items()}
        table[batch] = {name: 1000 * t for name, t in interleaved(runs, seconds).items()}
    for name in candidates:
        report(f"{name:<24}" + "".join(f"{table[batch][name]:9.1f}" for batch in batches))
    limits, gflop = machine_limits(), needed_gflop(config, words, objects)
    report(
        f"\nthis machine reads {limits['GB/s']:.1f} GB/s and multiplies {limits['GFLOP/s']:.0f} GFLOP/s (BLAS, float32)"
    )
    ours = next(iter(candidates))
    rates = {batch: batch * gflop / row[ours] * 1000 for batch, row in table.items()}
    report(f"{ours + ', GFLOP/s':<24}" + "".join(f"{rate:9.0f}" for rate in rates.values()))
    figures = {"tokenizer": rate, "milliseconds": table, "limits": limits, "GFLOP/s": rates}
    if start:
        figures["start"] = start_up(model, len(candidates) > len(BACKENDS))
        report("\nprocess start to first answer; peak memory")
        for name, (wait, megabytes) in figures["start"].items():
            report(f"{name:<24}{wait:8.2f} s{megabytes:8.0f} MB")
    return figures
