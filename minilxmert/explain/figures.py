"""The window's views as figures for papers: PNG, PDF or SVG by matplotlib, which the extra `tutorials` brings.

    figure(page, family="words_to_objects", layer=-1, head="mean", word=5).savefig("cup.png", dpi=200)
    figure(page, family="relevance", answer=0).savefig("why.pdf")
    habits_figure(observe(…)).savefig("heads.png")
One hue, and thickness and numbers beside it, as in the page."""

import base64
import io

import numpy as np

from ..errors import ConfigError, MinilxmertError

HUE = "#0a5fc2"


def figure(page, family="words_to_objects", layer=-1, head="mean", word=None, answer=0):
    """A matplotlib Figure of a Window: the picture with its boxes, and the matrix (or the relevance of the words).

    family: one of FAMILIES, or "relevance"; layer, head: counted from 0 (-1 is the last), head "mean" for all; word:
    which word (or object, where objects look) looks, None for all; answer: whose relevance. Raises ConfigError."""
    data = page.data
    drawn, ((left, right),) = subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    drawn.suptitle(data["question"], parse_math=False)
    if family == "relevance":
        chosen = data["answers"][answer]
        draw_bars(right, data["words"], shares(chosen["words"]))
        draw_picture(left, data, shares(chosen["objects"]))
        left.set_title("shares of the objects' relevance")
        right.set_title(f"what “{chosen['text']}” rests on", parse_math=False)
        return drawn
    kind = family_named(data, family)
    heads = np.array(kind["maps"])[layer]
    weights = heads.mean(0) if head == "mean" else heads[head]
    draw_matrix(right, weights, data[kind["queries"]], data[kind["keys"]])
    right.set_title(kind["title"])
    rows = weights if word is None else weights[[word]]
    who = f"all {kind['queries']}" if word is None else f"“{data[kind['queries']][word]}”"
    left.set_title(f"where {who} look" + "s" * (word is not None), parse_math=False)
    draw_picture(left, data, rows.mean(0) if kind["keys"] == "objects" else None)
    return drawn


def family_named(data, name):
    """The entry of a family in a page's data. Raises ConfigError."""
    for family in data["families"]:
        if family["name"] == name:
            return family
    found = ", ".join(family["name"] for family in data["families"])
    raise ConfigError(f"figure: expected relevance or one of {found}; found {name}")


def subplots(rows, columns, **options):
    """matplotlib's subplots without its global state; an error that helps where it is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MinilxmertError('figures need matplotlib: pip install "minilxmert[tutorials]"') from None
    drawn = Figure(**options)
    return drawn, drawn.subplots(rows, columns, squeeze=False)


def shares(values):
    """Parts of one whole; of nothing, nothing."""
    values = np.array(values, float)
    return values / (values.sum() or 1)


def draw_picture(ax, data, weights):
    """The picture with its boxes, as thick and opaque as their weights (M,), largest on top; None draws all alike."""
    from matplotlib.image import imread
    from matplotlib.patches import Rectangle

    if data["image"]:
        head, _, text = data["image"].partition(",")
        kind = head.removeprefix("data:image/").partition(";")[0]
        extent = (0, data["width"], data["height"], 0)
        ax.imshow(imread(io.BytesIO(base64.b64decode(text)), format=kind), extent=extent)
    strength = np.zeros(len(data["boxes"])) if weights is None else weights / max(weights.max(initial=0), 1e-9)
    for i in np.argsort(strength, kind="stable"):
        x0, y0, x1, y1 = data["boxes"][i]
        style = {"fill": False, "edgecolor": HUE, "linewidth": 0.8 + 3 * strength[i], "alpha": 0.3 + 0.7 * strength[i]}
        ax.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, **style))
        if weights is None or strength[i] >= 0.3:
            number = "" if weights is None else f" {weights[i]:.0%}"
            paper = {"facecolor": "white", "edgecolor": HUE, "pad": 1.5, "linewidth": 0.5}
            ax.text(x0, y0, data["objects"][i] + number, fontsize=8, va="bottom", bbox=paper, parse_math=False)
    ax.set(xlim=(0, data["width"]), ylim=(data["height"], 0), aspect="equal", xticks=[], yticks=[])


def draw_matrix(ax, weights, rows, columns):
    """weights (rows, columns) as a matrix of one hue; numbers in per cent where they are large."""
    from matplotlib.colors import LinearSegmentedColormap

    most = weights.max(initial=1e-9)
    ax.imshow(weights, cmap=LinearSegmentedColormap.from_list("hue", ["white", HUE]), vmin=0, vmax=most, aspect="auto")
    for i, j in zip(*np.nonzero(weights >= 0.2 * most), strict=True):
        colour = "white" if weights[i, j] > 0.6 * most else "black"
        ax.text(j, i, f"{100 * weights[i, j]:.0f}", ha="center", va="center", fontsize=7, color=colour)
    ax.set_xticks(range(len(columns)), columns, rotation=55, ha="right", parse_math=False)
    ax.set_yticks(range(len(rows)), rows, parse_math=False)


def draw_bars(ax, names, values):
    ax.barh(range(len(names)), 100 * values, color=HUE)
    ax.set_yticks(range(len(names)), names, parse_math=False)
    ax.invert_yaxis()
    ax.set_xlabel("per cent of the words' relevance")


def habits_figure(found):
    """A matplotlib Figure of Observations: for each habit of the words, and for sharpness, a square a head."""
    tables = {f"{family}: {habit}": a for family, habits in found.habits.items() for habit, a in habits.items()}
    tables |= {f"{family}: sharpness": a for family, a in found.sharpness.items()}
    tables = {name: np.nan_to_num(a) for name, a in tables.items() if a.size}
    rows = -(-len(tables) // 4)
    drawn, axes = subplots(rows, 4, figsize=(11, 2.2 * rows), layout="constrained")
    for ax, (name, table) in zip(axes.flat, tables.items(), strict=False):
        labels = [[f"{what} {i + 1}" for i in range(n)] for what, n in zip(("layer", "head"), table.shape, strict=True)]
        draw_matrix(ax, table, *labels)
        ax.set_title(name, fontsize=9)
    for ax in axes.flat[len(tables) :]:
        ax.set_axis_off()
    return drawn
