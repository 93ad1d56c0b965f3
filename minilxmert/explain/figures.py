"""The window's views as drawings for papers.

figure(page, family="words_to_objects", layer=-1, head="mean", word=5).save("cup.svg")      # or .png, .pdf
figure(page, family="relevance", answer=0).save("why.svg")
habits_figure(observe(…)).save("heads.svg")"""

import numpy as np

from ..errors import ConfigError
from ..vision.drawings import arrange, draw_bars, draw_boxes, draw_matrix

AXES = ("layer", "head")


def figure(page, family="words_to_objects", layer=-1, head="mean", word=None, answer=0):
    """A Drawing of a Window: the picture with its boxes, and the matrix (or the relevance of the words).

    family: one of FAMILIES, or "relevance"; layer, head: counted from 0 (-1 is the last), head "mean" for all; word:
    which word (or object, where objects look) looks, None for all; answer: whose relevance. Raises ConfigError."""
    data = page.data
    families = {kind["name"]: kind for kind in data["families"]}
    if family == "relevance":
        chosen = data["answers"][answer]
        words, objects = (np.array(chosen[side]) / (sum(chosen[side]) or 1) for side in ("words", "objects"))
        right, title = draw_bars(data["words"], words), f"what “{chosen['text']}” rests on"
    elif family in families:
        kind, weights = families[family], np.array(families[family]["maps"])[layer]
        weights = weights.mean(0) if head == "mean" else weights[head]
        queries, keys = data[kind["queries"]], data[kind["keys"]]
        who = f"all {kind['queries']} look" if word is None else f"“{queries[word]}” looks"
        right, title = draw_matrix(weights, queries, keys), f"{kind['title']}; boxes: where {who}"
        objects = (weights if word is None else weights[[word]]).mean(0) if kind["keys"] == "objects" else None
    else:
        raise ConfigError(f"figure: expected relevance or one of {', '.join(families)}; found {family}")
    size = data["width"], data["height"]
    left = draw_boxes(data["image"], size, data["boxes"], data["objects"], objects)
    return arrange([[left, right]], f"{data['question']} {title}")


def habits_figure(found):
    """A Drawing of Observations: for each habit of the words, and for sharpness, a square a head."""
    tables = {f"{family}: {habit}": a for family, habits in found.habits.items() for habit, a in habits.items()}
    tables |= {f"{family}: sharpness": a for family, a in found.sharpness.items()}
    drawn = []
    for name, table in tables.items():
        if table.size:
            rows, columns = ([f"{what} {i + 1}" for i in range(n)] for what, n in zip(AXES, table.shape, strict=True))
            drawn.append(draw_matrix(np.nan_to_num(table), rows, columns, title=name))
    return arrange([drawn[i : i + 4] for i in range(0, len(drawn), 4)])
