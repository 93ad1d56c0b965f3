"""minilxmert evaluate, predict: how right a fine-tuned model is, and its answers for a leaderboard."""

import functools
import json
from dataclasses import replace

from ..errors import ConfigError
from .common import natural, positive, progress, tokenizer_of
from .sources import add_annotations, add_source, answer_list, need, only_of_vqa_files, task_data, tell, world

TEST_SCENES = 1000
PERTURBED = 500  # questions of a kind of which words and objects are removed


def evaluate_arguments(command):
    tasks = ("vqa", "gqa", "nlvr2", "foils", "relevance")
    probes = "foils: does pre-training tell captions with one wrong word? relevance: does it find what answers rest on?"
    command.add_argument("task", choices=tasks, help=probes)
    command.add_argument("--weights", required=True, help="a model fine-tuned on the task: a file or a directory")
    add_source(command, "the task's files with labels, as minival.json")
    add_annotations(command)
    command.add_argument("--scenes", type=positive, default=TEST_SCENES, help=f"of the world (default {TEST_SCENES})")
    command.add_argument("--split", choices=("valid", "test", "combinations"), default="test", help="of the world")
    command.add_argument("--seed", type=natural, default=0, help="of the world")
    command.add_argument("--official", action="store_true", help="VQA's formula over ten people's --annotations")
    command.add_argument(
        "--hidden", choices=("objects", "words"), help="measure a blind model, which sees none of them"
    )
    command.add_argument("--json", metavar="FILE", help="also write the figures to a JSON file")


def evaluate(options):
    """Measure a fine-tuned model: accuracy with 95 % intervals; on the world each kind beside its majority answer.

    minilxmert evaluate vqa --world small --weights weights
    minilxmert evaluate foils --world small --weights weights/pretrained
    minilxmert evaluate relevance --world small --scenes 150 --weights weights
    minilxmert evaluate nlvr2 --data test.json --features nlvr2_obj36.h5 --weights runs/nlvr2
    minilxmert evaluate vqa --data v2_OpenEnded_mscoco_val2014_questions.json --features val2014_obj36.h5 \\
        --annotations v2_mscoco_val2014_annotations.json --official --weights runs/vqa
    """
    from ..training.tasks import beside, majority

    only_of_vqa_files(options, "official", "annotations")
    if options.task == "relevance":
        figures = relevance(options)
        print(areas_told(figures))
        write_figures(options.json, figures)
        return
    if options.task == "foils":
        reports = [foils(options)]
    else:
        data = task_data(options, options.split)
        if options.official and any(record.annotators is None for record in data.records):
            raise ConfigError.at("--official", None, "ten people's answers to every question (--annotations)", "none")
        predictions = predicted(options, data, options.hidden)
        reports = [data.report(predictions, official=True) if options.official else data.report(predictions)]
    print(reports[0])
    if options.task != "foils" and data.kinds:
        commonest = data.report_by_kind(majority(task_data(options, "train"), data))
        reports += [data.report_by_kind(predictions), replace(commonest, title=f"{options.task} majority")]
        print("", beside({"model": reports[1], "majority": commonest}), sep="\n")
    write_figures(options.json, {r.title: {row.name: [row.right, row.total] for row in r.rows} for r in reports})


def write_figures(path, figures):
    """Write the figures of --json, if it is given."""
    from ..files import write_file

    if path:
        write_file(path, json.dumps(figures, indent=2) + "\n")


def foils(options):
    """The report on foils of a world, by a pre-trained model."""
    from ..model import LxmertForPreTraining
    from ..training.probing import foil_report

    data = drawn(options)
    model = LxmertForPreTraining.from_pretrained(options.weights)
    counted = functools.partial(progress, "compared")
    return foil_report(model, tokenizer_of(options, options.weights), data, progress=counted)


def relevance(options):
    """What removing words or objects does to the answers to the first 500 questions of each kind: the area under the
    accuracy (explain/perturbation.py). -> {"objects, vqa": {method: (least important first, most important first)}}"""
    import numpy as np

    from ..explain.perturbation import compare
    from ..model import LxmertForQuestionAnswering
    from ..training.tasks import batches_of, without_labels

    data, figures = drawn(options), {}
    model = LxmertForQuestionAnswering.from_pretrained(options.weights)
    tokenizer = tokenizer_of(options, options.weights)
    for task in ("vqa", "gqa"):
        batches = batches_of(data.task(task).cut(PERTURBED), model, tokenizer)
        call = batches.batch(range(len(batches)), np.random.default_rng(0))
        if (call["labels"] < 0).any():
            raise ConfigError.at("--weights", None, "a model that has all answers of the world", options.weights)
        given = without_labels(call), call["labels"]
        for side in ("objects", "words"):
            least, most = (compare(model, *given, side, first, np.random.default_rng(0)) for first in ("least", "most"))
            figures[f"{side}, {task}"] = {method: (least[method].area, most[method].area) for method in least}
            progress("measured", len(figures), 4, " kinds")
    return figures


def areas_told(figures):
    """The figures of relevance as a table."""
    methods = next(iter(figures.values()))
    lines = [f"{'least / most first':<20}" + "".join(f"{method:>14}" for method in methods)]
    for name, areas in figures.items():
        lines.append(f"{name:<20}" + "".join(f"{f'{least:.2f} / {most:.2f}':>14}" for least, most in areas.values()))
    return "\n".join(lines)


def drawn(options):
    """The Miniature that the options of a probe name."""
    from ..training.miniature import Miniature

    need(options, "world")
    if options.hidden:
        raise ConfigError.at("--hidden", None, f"a task with answers to questions, not {options.task}", options.hidden)
    return Miniature(world(options), options.split, options.scenes, options.seed, tell)


def predict_arguments(command):
    command.add_argument("task", choices=("vqa", "gqa", "nlvr2"))
    command.add_argument("--weights", required=True, help="a model fine-tuned on the task: a file or a directory")
    add_source(command, "the task's files, as test.json", worlds=False)
    command.add_argument("--out", required=True, metavar="FILE", help="the file for the leaderboard")


def predict(options):
    """Write the answers to a file in the form of the task's leaderboard (VQA and GQA: JSON, NLVR2: CSV).

    minilxmert predict vqa --data test.json --features test2015_obj36.h5 --weights runs/vqa --out test_predict.json
    """
    from ..training import task_files

    data = task_data(options, "test")
    predictions = predicted(options, data)
    if options.task == "nlvr2":
        task_files.write_nlvr2_answers(options.out, data.records, predictions)
    else:
        write = {"vqa": task_files.write_vqa_answers, "gqa": task_files.write_gqa_answers}[options.task]
        write(options.out, predictions)
    print(f"wrote {options.out}: {len(predictions):,} answers")


def predicted(options, data, hidden=None):
    """What the model of --weights answers to the data."""
    from ..training.tasks import TASKS, predict

    model = TASKS[data.task].face.from_pretrained(options.weights, answers=answer_list(options))
    counted = functools.partial(progress, "answered")
    return predict(model, tokenizer_of(options, options.weights), data, progress=counted, hidden=hidden)


COMMANDS = {
    "evaluate": (evaluate, evaluate_arguments, "measure a fine-tuned model"),
    "predict": (predict, predict_arguments, "write answers for a leaderboard"),
}
