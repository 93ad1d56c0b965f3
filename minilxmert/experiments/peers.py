"""The other ways to run LXMERT on a CPU, as far as they are installed, each with the weights of one of our models.

A peer is a Candidate: a function of the call arguments that returns the answer scores, and the precision in which it
computes. What is not installed is left out silently, what fails is left out with a line that says why."""

import collections
import tempfile
from typing import NamedTuple

import numpy as np


class Candidate(NamedTuple):
    """One way to an answer, to be measured."""

    run: object  # a function of the call arguments
    precision: str = "float32"  # in which it really computes, whatever it was asked for


def peer_candidates(model, trial, halved=False, report=print):
    """{name: Candidate}; trial: a call that each must be able to answer, whose arguments are those of every call;
    halved: OpenVINO asked for bfloat16 as well, for a comparison with ours."""
    try:
        theirs = transformers_model(model)
    except ImportError:
        return {}
    makers = {"transformers eager": lambda: eager(theirs), "transformers compiled": lambda: compiled(theirs)}
    makers |= {"ONNX Runtime": lambda: onnx_runtime(theirs, trial)}
    makers |= {"OpenVINO": lambda: openvino(theirs, trial, "f32")}
    if halved:
        makers["OpenVINO bfloat16"] = lambda: openvino(theirs, trial, "bf16")
    found = {}
    for name, make in makers.items():
        try:
            candidate = make()
            candidate.run(trial)
            found[name] = candidate
        except ImportError:
            pass
        except Exception as problem:  # a compiler that is missing, an operator that is not supported, …
            reason = (str(problem).strip() or type(problem).__name__).splitlines()[0]
            report(f"{name}: left out ({reason})")
    return found


def transformers_model(model):
    """The same model in transformers, its weights shared with ours where torch can."""
    import torch
    import transformers

    config = transformers.LxmertConfig(**{k: v for k, v in vars(model.config).items() if k != "layer_norm_eps"})
    with torch.device("meta"):
        theirs = transformers.LxmertForQuestionAnswering(config)
    weights = {name: torch.from_numpy(np.array(array)) for name, array in model.state_dict().items()}
    theirs.load_state_dict(weights, assign=True)
    return theirs.eval()


def eager(theirs):
    import torch

    def run(call):
        with torch.inference_mode():
            return theirs(**{name: torch.from_numpy(array) for name, array in call.items()})[0].numpy()

    return Candidate(run)


def compiled(theirs):
    """torch.compile; each new shape may compile anew, in the call that checks its numbers."""
    import torch

    return eager(torch.compile(theirs))


def positional(theirs, names):
    """The torch model with arguments by position and one array as result, as exporters want it, without dropout.

    eval() is needed although `theirs` is in that mode: a new module begins in training mode, and torch's exporter gives
    the mode that it finds on the outside to all within."""
    import torch

    class Positional(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = theirs

        def forward(self, *arrays):
            return self.model(**dict(zip(names, arrays, strict=True)), return_dict=False)[0]

    return Positional().eval()


def tensors(call):
    import torch

    return tuple(torch.from_numpy(array) for array in call.values())


def onnx_runtime(theirs, trial):
    import onnxruntime
    import torch

    axes = {name: {0: "batch", 1: "objects" if name.startswith("visual") else "words"} for name in trial}
    with tempfile.TemporaryDirectory() as folder:
        path, names = f"{folder}/model.onnx", {"input_names": list(trial), "dynamic_axes": axes}
        torch.onnx.export(positional(theirs, trial), tensors(trial), path, **names, dynamo=False)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return Candidate(lambda call: session.run(None, call)[0])


def openvino(theirs, trial, precision):
    import openvino

    converted = openvino.convert_model(positional(theirs, trial), example_input=tensors(trial))
    run = openvino.compile_model(converted, "CPU", {"INFERENCE_PRECISION_HINT": precision})
    return Candidate(lambda call: run([call[name] for name in trial])[0], openvino_precision(run))


def openvino_precision(run):
    """The precision of most products of a model that OpenVINO has compiled.

    A processor may lack the one asked for; OpenVINO then silently takes another, and reports the one asked for."""
    products = (op.get_rt_info() for op in run.get_runtime_model().get_ops())
    kinds = collections.Counter(
        info["runtimePrecision"].astype(str) for info in products if info["layerType"].astype(str) == "FullyConnected"
    )
    precision = kinds.most_common(1)[0][0]
    return {"f32": "float32", "bf16": "bfloat16"}.get(precision, precision)
