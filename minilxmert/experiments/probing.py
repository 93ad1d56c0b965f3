"""Two probes of trained models. Foils, captions of which one word was made wrong: does the matching head tell them from
the true ones? Relevance: do answers fall with what it names, and stand without the rest?

Source of the idea of foils: Shekhar et al. 2017 (FOIL), Parcalabescu et al. 2022 (VALSE)."""

import numpy as np

from ..errors import ConfigError
from ..explain.perturbation import removal_curves
from ..published.outputs import MATCHES
from ..training.metrics import Report, Score, count_points
from ..training.tasks import batches_of, without_labels
from ..vision.objects import pad_objects

PERTURBED = 500  # questions of a kind of which words and objects are removed


def foil_report(model, tokenizer, data, batch_size=64, progress=None):
    """How often the caption matches better than its foil, by what the foil changed. -> metrics.Report

    model: LxmertForPreTraining; data: a Miniature. Guessing is right in half the cases."""
    model.take_tokens(tokenizer.tokens)
    foils, right = data.foils, []
    for start in range(0, len(foils), batch_size):
        part = foils[start : start + batch_size]
        true, false = (match_scores(model, tokenizer, data, part, which) for which in (1, 2))
        right += (true > false).tolist()
        if progress:
            progress(start + len(part), len(foils))
    return Report("foils", (Score("all", sum(right), len(right)), *count_points(right, [what for *_, what in foils])))


def match_scores(model, tokenizer, data, foils, which):
    """How much each of the foils' texts number `which` is said to belong to its picture: (B,)"""
    words = tokenizer([foil[which] for foil in foils], padding=True, return_tensors="np")
    feats, boxes, visible = pad_objects([data.pictures[foil[0]] for foil in foils])
    output = model(**words, visual_feats=feats, visual_pos=boxes, visual_attention_mask=visible)
    scores = output.cross_relationship_score
    return scores[:, MATCHES] - scores[:, 1 - MATCHES]


def relevance_areas(model, tokenizer, data, progress=None):
    """What removing words or objects does to the answers to the first PERTURBED questions of each kind: areas under the
    accuracy (explain/perturbation.py). -> {"objects, vqa": {method: (least important first, most important first)}}

    model: LxmertForQuestionAnswering; data: a Miniature. Raises ConfigError for a model that lacks its answers."""
    areas = {}
    for task in ("vqa", "gqa"):
        batches = batches_of(data.task(task).cut(PERTURBED), model, tokenizer)
        call = batches.batch(range(len(batches)), np.random.default_rng(0))
        if (call["labels"] < 0).any():
            raise ConfigError.at("model", "answers", "all answers of the world", "not all of them")
        given = without_labels(call), call["labels"]
        for side in ("objects", "words"):
            least, most = (
                removal_curves(model, *given, side, first, np.random.default_rng(0)) for first in ("least", "most")
            )
            areas[f"{side}, {task}"] = {method: (least[method].area, most[method].area) for method in least}
            if progress:
                progress(len(areas), 4)
    return areas
