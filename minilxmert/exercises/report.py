"""The report of a project, written by one command, and its points, counted by another."""

import contextlib
import html
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from ..ask import call_arguments
from ..errors import MinilxmertError
from ..explain.attention import attention
from ..explain.page import window
from ..files import write_file
from ..published.model import LxmertForQuestionAnswering
from ..scenes.detector import describe
from ..scenes.language import VQA
from ..scenes.world import SMALL
from ..training.log import curves_of, read_log
from ..training.miniature import FIRST, Miniature, miniature_config
from ..training.recipes import miniature_tokenizer
from ..vision.drawings import draw_curves, draw_matrix
from .grading import csv_text, grade
from .project import MILESTONES, SIZES, assemble, pieces_of

FRESH, BATCH = 200, 100  # scenes that no training saw; questions at once
EACH, MODEL, ENOUGH = 10, 20, 0.75  # points of a milestone and of the model, which has all of them from this accuracy
BLIND = "the commonest answer to each kind of question"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>An LXMERT of my own</title>
<style>body {{ font-family: system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }}
td {{ padding: 0.1rem 1rem 0.1rem 0 }} svg {{ max-width: 100% }}</style>
<h1>An LXMERT of my own</h1><h2>Card</h2><table>{card}</table><h2>Curves</h2>{curves}
<h2>Attention</h2><p>{question} Answer: {answer}. Each word's shares of the objects in the last crossing.
<a href="attention.html">All layers and heads</a></p>{matrix}</html>
"""


def load_trained(folder):
    """The model that `train` has written, read by minilxmert alone. Raises MinilxmertError."""
    if not (Path(folder) / "model" / "config.json").exists():
        raise MinilxmertError.at(folder, "model", "a trained model: `minilxmert project train`", "none")
    model = LxmertForQuestionAnswering.from_pretrained(Path(folder) / "model", mapped=False)
    if model.config != miniature_config(SMALL, **SIZES):
        raise MinilxmertError.at(folder, "model", "the sizes that `minilxmert project train` gives it", "others")
    return model


def fresh_questions(seed=1):
    """Questions about pictures that no training saw -> [(Sentence, Objects)]"""
    data = Miniature(SMALL, "test", FRESH, seed)
    asked = data.sentences([kind for kind in VQA if kind.name in FIRST], 4, "first")
    return [(sentence, data.pictures[image]) for image, sentence in asked]


def accuracies(model, asked):
    """{kind of question: (share of right answers, share of the commonest answer)}.

    "all": of all questions, and whoever knows the kind of each and its commonest answer, but sees no picture."""
    found, tokenizer = defaultdict(list), miniature_tokenizer(SMALL)
    for start in range(0, len(asked), BATCH):
        part = asked[start : start + BATCH]
        texts, pictures = [sentence.text for sentence, _ in part], [objects for _, objects in part]
        scores = model(**call_arguments(model, tokenizer, texts, pictures)).question_answering_score
        for (sentence, _), best in zip(part, scores.argmax(1), strict=True):
            found[sentence.kind.name].append((model.answers[best] == sentence.answer, sentence.answer))
    counts = {
        kind: np.array([sum(right for right, _ in pairs), Counter(a for _, a in pairs).most_common(1)[0][1]])
        for kind, pairs in found.items()
    }
    shares = {kind: tuple(count / len(found[kind])) for kind, count in counts.items()}
    return shares | {"all": tuple(sum(counts.values()) / len(asked))}


def largest_difference(folder, model, asked):
    """Between the scores of the student's functions and those of minilxmert's model, with the same parameters."""
    texts, pictures = [sentence.text for sentence, _ in asked], [objects for _, objects in asked]
    call = call_arguments(model, miniature_tokenizer(SMALL), texts, pictures)
    inputs, _ = model.read(**call)
    own, _ = assemble(pieces_of(folder), inputs.spread(), model.params, model.config.num_attention_heads)
    return float(np.abs(own - model(**call).question_answering_score).max())


def report(folder):
    """Write report.html and attention.html into a folder with a trained project. -> the accuracies. Raises
    MinilxmertError."""
    folder, model, asked = Path(folder), load_trained(folder), fresh_questions()
    rows, shares = read_log(folder / "model"), accuracies(model, asked)
    sentence, objects = asked[0]
    names, tokenizer = [f"{thing}" for thing in describe(objects)], miniature_tokenizer(SMALL)
    page = window(model, tokenizer, sentence.text, objects, names=names, drawn=True)
    page.save(folder / "attention.html")
    maps = attention(model, tokenizer, sentence.text, objects, names)
    matrix = draw_matrix(maps["words_to_objects"][-1].mean(0), *maps.labels("words_to_objects"))
    card = {"parameters": f"{model.num_parameters():,}", "steps": rows[-1]["step"], "seconds": rows[-1]["seconds"]}
    card["largest difference to minilxmert's scores"] = f"{largest_difference(folder, model, asked[:20]):.1e}"
    lines = {kind: f"{right:.1%} ({BLIND}: {most:.1%})" for kind, (right, most) in sorted(shares.items())}
    card |= {f"right, {kind}": text for kind, text in lines.items()}
    steps, losses = curves_of(rows)["loss ans"]
    fields = {
        "card": "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in card.items()),
        "curves": draw_curves(steps, {"loss": losses}, "loss, by step").svg,
        "question": html.escape(sentence.text),
        "answer": html.escape(page.data["answers"][0]["text"]),
        "matrix": matrix.svg,
    }
    write_file(folder / "report.html", PAGE.format(**fields))
    return shares


def grade_projects(folder, progress=None, **limits):
    """[(student, points, right milestones, accuracy or None)] of a folder of projects, one folder a student.

    The functions run apart, as exercises do; of the model, which lies beside them, only the parameters are read.
    limits: as of `grade`."""
    grades, asked, rows = grade(folder, numbers=MILESTONES, progress=progress, **limits), fresh_questions(), []
    for student in dict.fromkeys(g.student for g in grades):
        right = sum(g.right for g in grades if g.student == student)
        places, share, earned = [Path(g.file).parent for g in grades if g.student == student and g.file], None, 0.0
        with contextlib.suppress(MinilxmertError, OSError):
            if places:
                share, most = accuracies(load_trained(places[0]), asked)["all"]
                earned = min(1.0, max(0.0, (share - most) / (ENOUGH - most)))
        rows.append((student, round(EACH * right + MODEL * earned), right, share))
    return grades, rows


def points_table(rows):
    """The points as CSV text."""
    whole = EACH * len(MILESTONES) + MODEL
    lines = ((who, points, whole, right, "" if share is None else f"{share:.3f}") for who, points, right, share in rows)
    return csv_text([("student", "points", "of", "milestones", "accuracy"), *lines])
