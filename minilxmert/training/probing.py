"""Foils: captions of which one word was made wrong. Does the matching head tell them from the true ones?

Source of the idea: Shekhar et al. 2017 (FOIL), Parcalabescu et al. 2022 (VALSE)."""

from ..objects import pad_objects
from ..outputs import MATCHES
from .metrics import Report, Row


def foil_report(model, tokenizer, data, batch_size=64, progress=None):
    """How often the caption matches better than its foil, by what the foil changed. -> metrics.Report

    model: LxmertForPreTraining; data: a Miniature. Guessing is right in half the cases."""
    foils, rows = data.foils, {}
    for start in range(0, len(foils), batch_size):
        part = foils[start : start + batch_size]
        true, false = (match_scores(model, tokenizer, data, part, which) for which in (1, 2))
        for (*_, what), right in zip(part, true > false, strict=True):
            for name in ("all", what):
                rows.setdefault(name, [0, 0])
                rows[name][0] += int(right)
                rows[name][1] += 1
        if progress:
            progress(start + len(part), len(foils))
    return Report("foils", tuple(Row(name, *rows[name]) for name in sorted(rows)))


def match_scores(model, tokenizer, data, foils, which):
    """How much each of the foils' texts number `which` is said to belong to its picture: (B,)"""
    words = tokenizer([foil[which] for foil in foils], padding=True, return_tensors="np")
    feats, boxes, visible = pad_objects([data.pictures[foil[0]] for foil in foils])
    output = model(**words, visual_feats=feats, visual_pos=boxes, visual_attention_mask=visible)
    scores = output.cross_relationship_score
    return scores[:, MATCHES] - scores[:, 1 - MATCHES]
