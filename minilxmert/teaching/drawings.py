"""Drawings for the tutorials, as SVG in a notebook and as characters in a terminal; both are text, made by hand.

    show(draw_matrix(attention, words, objects, OBJECTS))
One colour a modality in every drawing: WORDS, OBJECTS, and BOTH where they meet. The colours are told apart by people
who see few of them (Okabe & Ito 2008), and every colour stands beside a number or a name."""

import base64
import sys
from dataclasses import dataclass
from html import escape

import numpy as np

from ..errors import ShapeError
from ..vision.pictures import encode_png

WORDS, OBJECTS, BOTH, GREY = "#d55e00", "#0072b2", "#009e73", "#767676"
STYLE = 'font-family="system-ui, sans-serif" font-size="13"'
LETTER = 8  # about the width of a character in SVG units
SHADES = " ░▒▓█"
MOST_NUMBERS = 200  # cells of a matrix that still have their numbers written into them


@dataclass(frozen=True)
class Drawing:
    """A drawing: `body` is SVG of this width and height, `text` the same in characters."""

    width: float
    height: float
    body: str
    text: str

    @property
    def svg(self):
        box = f'viewBox="0 0 {self.width:g} {self.height:g}" width="{self.width:g}" height="{self.height:g}"'
        ground = '<rect width="100%" height="100%" fill="white"/>'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {box} {STYLE}>{ground}{self.body}</svg>\n'

    def _repr_svg_(self):
        return self.svg

    def __repr__(self):
        return self.text


def show(*drawings):
    """Show drawings: as pictures in a notebook, as characters elsewhere."""
    ipython = sys.modules.get("IPython")
    if ipython and ipython.get_ipython():
        from IPython.display import display

        display(*drawings)
    else:
        print(*drawings, sep="\n\n", end="\n\n")


def label(x, y, text, color="black", anchor="start", size=13, halo=False):
    more = ' paint-order="stroke" stroke="white" stroke-width="3"' if halo else ""
    look = f'fill="{color}" text-anchor="{anchor}" font-size="{size}"{more}'
    return f'<text x="{x:g}" y="{y:g}" {look}>{escape(str(text))}</text>'


def rectangle(x, y, width, height, fill="none", **style):
    more = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{fill}"{more}/>'


# --- words -----------------------------------------------------------------------------------------------------------


def draw_tiles(texts, notes=None, color=WORDS):
    """A row of tiles, one a text, with a note under each (its number, say)."""
    notes = [""] * len(texts) if notes is None else [str(note) for note in notes]
    widths = [LETTER * max(len(text), len(note)) + 16 for text, note in zip(texts, notes, strict=True)]
    body, x = "", 6
    for text, note, width in zip(texts, notes, widths, strict=True):
        body += rectangle(x, 6, width, 26, color, rx=4) + label(x + width / 2, 24, text, "white", "middle")
        body += label(x + width / 2, 50, note, GREY, "middle")
        x += width + 6
    columns = [max(len(text), len(note)) for text, note in zip(texts, notes, strict=True)]
    rows = [" ".join(f" {t:^{c}} " for t, c in zip(row, columns, strict=True)) for row in (texts, notes)]
    return Drawing(x, 60, body, "\n".join(row.rstrip() for row in rows if row.strip()))


# --- pictures --------------------------------------------------------------------------------------------------------


def draw_picture(picture, objects=None, names=None, strengths=None, scale=3):
    """A picture (H, W, 3) uint8 with the boxes of its Objects, as thick and opaque as their strengths (M,) of 0…1."""
    h, w, _ = picture.shape
    data = base64.b64encode(encode_png(picture)).decode()
    body = f'<image width="{w * scale}" height="{h * scale}" preserveAspectRatio="none" '
    body += f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
    boxes = np.zeros((0, 4)) if objects is None else objects.boxes
    names = [f"object {i + 1}" for i in range(len(boxes))] if names is None else names
    strengths = np.ones(len(boxes)) if strengths is None else np.asarray(strengths)
    if not len(boxes) == len(names) == len(strengths):
        raise ShapeError(f"draw_picture: {len(boxes)} boxes, {len(names)} names, {len(strengths)} strengths")
    for (x0, y0, x1, y1), name, strength in zip(boxes * scale, names, strengths, strict=True):
        look = {
            "stroke": OBJECTS,
            "stroke_width": f"{1 + 3 * strength:.3g}",
            "opacity": f"{0.25 + 0.75 * strength:.3g}",
        }
        body += rectangle(x0, y0, x1 - x0, y1 - y0, **look) + label(x0, max(y0 - 4, 12), name, OBJECTS, halo=True)
    return Drawing(w * scale, h * scale, body, map_of(picture, boxes, names, strengths))


def map_of(picture, boxes, names, strengths, columns=64, rows=16):
    """A picture in shades, its boxes as frames with a letter each, and what the letters stand for."""
    height, width = picture.shape[:2]
    grid = shaded(picture, columns, rows)
    for number, box in enumerate(boxes):
        x0, x1 = (int(min(x * columns / width, columns - 1)) for x in box[::2])
        y0, y1 = (int(min(y * rows / height, rows - 1)) for y in box[1::2])
        for x in range(x0, x1 + 1):
            grid[y0][x] = grid[y1][x] = "─"
        for y in range(y0, y1 + 1):
            grid[y][x0] = grid[y][x1] = "│"
        grid[y0][x0], grid[y0][x1], grid[y1][x0], grid[y1][x1] = "┌┐└┘"
        grid[(y0 + y1) // 2][(x0 + x1) // 2] = letter(number)
    pairs = enumerate(zip(names, strengths, strict=True))
    told = [f"{letter(i)} {name}" + (f" {s:.0%}" if s != 1 else "") for i, (name, s) in pairs]
    return "\n".join(["".join(row).rstrip() for row in grid] + ([", ".join(told)] if told else []))


def shaded(picture, columns, rows):
    """The pixels in the middle of rows × columns fields, the deeper the farther from the commonest colour."""
    height, width = picture.shape[:2]
    y, x = ((np.arange(n) + 0.5) * side // n for n, side in ((rows, height), (columns, width)))
    far = np.abs(picture - np.median(picture, (0, 1))).max(2)[np.ix_(y.astype(int), x.astype(int))]
    return [[SHADES[s] for s in row] for row in np.rint((len(SHADES) - 1) * far / max(far.max(), 64)).astype(int)]


def letter(number):
    return chr(ord("A") + number % 26)


# --- numbers ---------------------------------------------------------------------------------------------------------


def draw_matrix(values, rows=None, columns=None, color=OBJECTS, title=""):
    """A matrix (R, C): the larger a number, the deeper the colour; negative ones are grey. Small ones show numbers."""
    values = np.asarray(values, float)
    rows, columns = (
        [""] * n if names is None else list(names) for names, n in zip((rows, columns), values.shape, strict=True)
    )
    if (len(rows), len(columns)) != values.shape:
        raise ShapeError(f"draw_matrix: names for {len(rows)} × {len(columns)}, values of shape {values.shape}")
    digits = 0 if (values == np.rint(values)).all() else 2
    digits = digits if values.size <= MOST_NUMBERS else None
    wide, high = (48, 24) if digits is not None else (max(4, 560 // values.shape[1]), 16)
    left = LETTER * max(map(len, rows)) + 12
    top = (24 if title else 4) + (max(map(len, columns)) * 6 + 10 if any(columns) else 0)
    most = np.abs(values).max(initial=1e-12)
    body = label(left, 16, title)
    for j, name in enumerate(columns):
        x, y = left + (j + 0.5) * wide, top - 4
        body += f'<g transform="rotate(-40 {x:g} {y:g})">{label(x, y, name)}</g>'
    for i, row in enumerate(values):
        body += label(left - 6, top + (i + 0.7) * high, rows[i], anchor="end")
        for j, value in enumerate(row):
            depth = abs(value) / most
            look = {"fill_opacity": f"{depth:.3f}"}
            body += rectangle(left + j * wide, top + i * high, wide, high, color if value >= 0 else GREY, **look)
            if digits is not None:
                ink = "white" if depth > 0.6 else "black"
                body += label(left + (j + 0.5) * wide, top + (i + 0.7) * high, f"{value:.{digits}f}", ink, "middle", 11)
    width = left + len(columns) * wide + 6 * max(map(len, columns))
    return Drawing(
        width,
        top + len(rows) * high + 6,
        body,
        table(values / (most if digits is None else 1), rows, columns, digits, title),
    )


def table(values, rows, columns, digits, title):
    """A matrix in characters: numbers of so many digits, or (None) one shade a cell."""
    first = max(map(len, rows))
    lines = [title] if title else []
    if digits is not None:
        widths = [max(6, len(name)) for name in columns]
        if any(columns):
            lines.append(" " * (first + 1) + "".join(f" {name:>{w}}" for name, w in zip(columns, widths, strict=True)))
        cells = [[f" {v:{w}.{digits}f}" for v, w in zip(row, widths, strict=True)] for row in values]
    else:
        shades = np.rint(np.abs(values) * (len(SHADES) - 1)).astype(int)
        cells = [[SHADES[s] for s in row] for row in shades]
    return "\n".join(lines + [f"{name:>{first}} {''.join(row)}" for name, row in zip(rows, cells, strict=True)])


def draw_bars(names, values, color=BOTH, unit="%"):
    """A bar for each of the values (N,), which are not negative; unit "%" writes shares of 1 in per cent, "" plain."""
    most, left = max(*values, 1e-12), LETTER * max(map(len, names)) + 12
    told = [f"{v:.1%}" if unit == "%" else f"{v:,.0f}{unit}" if v == round(v) else f"{v:.3g}{unit}" for v in values]
    body = ""
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        body += label(left - 6, 24 * i + 20, name, anchor="end") + rectangle(
            left, 24 * i + 6, 300 * value / most, 18, color
        )
        body += label(left + 300 * value / most + 6, 24 * i + 20, told[i], GREY)
    first = max(map(len, names))
    lines = [f"{n:>{first}} {t:>7} {'█' * round(30 * v / most)}" for n, t, v in zip(names, told, values, strict=True)]
    return Drawing(left + 380, 24 * len(names) + 12, body, "\n".join(lines))


COLORS, MARKS = (OBJECTS, WORDS, BOTH, "#cc79a7", "black"), "*o+x."


def draw_curves(x, curves, title=""):
    """Curves over x (N,): {name: values (N,)}, at most five."""
    x, ys = np.asarray(x, float), {name: np.asarray(y, float) for name, y in curves.items()}
    low, high = min(y.min() for y in ys.values()), max(y.max() for y in ys.values())
    across, up = (x - x.min()) / (np.ptp(x) or 1), {name: (y - low) / (high - low or 1) for name, y in ys.items()}
    body, grid = rectangle(50, 24, 400, 200, stroke=GREY), [[" "] * 64 for _ in range(16)]
    for name, color, mark in zip(up, COLORS, MARKS, strict=False):
        points = " ".join(f"{50 + 400 * a:.1f},{224 - 200 * u:.1f}" for a, u in zip(across, up[name], strict=True))
        body += f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>'
        body += label(456, 228 - 200 * up[name][-1], name, color)
        for a, u in zip(across, up[name], strict=True):
            grid[round(15 * (1 - u))][round(63 * a)] = mark
    body += label(50, 16, title) + label(46, 34, f"{high:.3g}", GREY, "end") + label(46, 224, f"{low:.3g}", GREY, "end")
    body += label(50, 242, f"{x.min():.3g}", GREY) + label(450, 242, f"{x.max():.3g}", GREY, "end")
    told = ", ".join(f"{mark} {name}" for name, mark in zip(up, MARKS, strict=False))
    lines = [title, *("".join(row).rstrip() for row in grid)]
    lines.append(f"{told}; across {x.min():.3g} … {x.max():.3g}, up {low:.3g} … {high:.3g}")
    return Drawing(470 + LETTER * max(map(len, ys)), 250, body, "\n".join(lines))
