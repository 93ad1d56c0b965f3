"""The other ways to run LXMERT on a CPU, as far as they are installed, each with the weights of one of our models.

A peer is a function of the call arguments that returns the answer scores. What is not installed is left out silently,
what fails is left out with a line that says why."""

import tempfile

import numpy as np

from .benchmark import draw_batch

NAMES = ("input_ids", "visual_feats", "visual_pos", "attention_mask", "token_type_ids")


def peer_candidates(model, halved=False, report=print):
    """{name: function of a call}; halved: OpenVINO in bfloat16 as well, for a comparison with ours."""
    try:
        theirs = transformers_model(model)
    except ImportError:
        return {}
    makers = {"transformers eager": lambda: eager(theirs), "transformers compiled": lambda: compiled(theirs)}
    makers |= {"ONNX Runtime": lambda: onnx_runtime(theirs, model.config)}
    makers |= {"OpenVINO": lambda: openvino(theirs, model.config, "f32")}
    if halved:
        makers["OpenVINO bfloat16"] = lambda: openvino(theirs, model.config, "bf16")
    found = {}
    for name, make in makers.items():
        try:
            run = make()
            run(draw_batch(model.config, 2, 7, 5))
            found[name] = run
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

    return run


def compiled(theirs):
    """torch.compile; each new shape may compile anew, in the call that checks its numbers."""
    import torch

    return eager(torch.compile(theirs))


def positional(theirs):
    """The torch model with arguments by position and one array as result, as exporters want it."""
    import torch

    class Positional(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = theirs

        def forward(self, *arrays):
            return self.model(**dict(zip(NAMES, arrays, strict=True)), return_dict=False)[0]

    return Positional()


def example(config):
    import torch

    return tuple(torch.from_numpy(array) for array in draw_batch(config, 2, 7, 5).values())


def onnx_runtime(theirs, config):
    import onnxruntime
    import torch

    axes = {name: {0: "batch", 1: "objects" if name.startswith("visual") else "words"} for name in NAMES}
    with tempfile.TemporaryDirectory() as folder:
        path, names = f"{folder}/model.onnx", {"input_names": list(NAMES), "dynamic_axes": axes}
        torch.onnx.export(positional(theirs), example(config), path, **names, dynamo=False)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda call: session.run(None, call)[0]


def openvino(theirs, config, precision):
    import openvino

    converted = openvino.convert_model(positional(theirs), example_input=example(config))
    run = openvino.compile_model(converted, "CPU", {"INFERENCE_PRECISION_HINT": precision})
    return lambda call: run([call[name] for name in NAMES])[0]
