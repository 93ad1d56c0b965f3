"""Drawings made by hand as text: SVG for notebooks, pages and papers, characters for a terminal.

    show(draw_matrix(attention, words, objects, OBJECTS))
    arrange([[draw_picture(picture, objects), draw_bars(names, values)]]).save("figure.svg")
One colour a modality in every drawing: WORDS, OBJECTS, and BOTH where they meet. People who see few colours can tell
them apart (Okabe & Ito 2008), and every colour stands beside a number or a name."""

import base64
import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from ..errors import ShapeError, visible
from ..files import write_file
from .pictures import encode_png

WORDS, OBJECTS, BOTH, GREY = "#d55e00", "#0072b2", "#009e73", "#767676"
COLORS, MARKS = (OBJECTS, WORDS, BOTH, "#cc79a7", "black"), "*o+x."  # of curves, in turn
LETTER = 8  # about the width of a character in SVG units
SHADES = " ░▒▓█"
MOST_NUMBERS = 200  # cells of a matrix that still have their numbers written into them
MOST_NAMES = 10  # boxes that all have their names beside them; of more, the strong ones have
WIDE = 384  # of a picture


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
        style = 'font-family="system-ui, sans-serif" font-size="13"'
        ground = '<rect width="100%" height="100%" fill="white"/>'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {box} {style}>{ground}{self.body}</svg>\n'

    def _repr_svg_(self):
        return self.svg

    def __repr__(self):
        return self.text

    def save(self, path):
        """Write a file: .svg as it is, .png or .pdf by matplotlib (extra "tutorials"). Raises MinilxmertError."""
        if Path(path).suffix == ".svg":
            write_file(path, self.svg)
        else:
            from .printing import print_svg

            print_svg(self.svg, path)


def show(*drawings):
    """Show drawings: as pictures in a notebook, as characters elsewhere."""
    ipython = sys.modules.get("IPython")
    if ipython and ipython.get_ipython():
        from IPython.display import display

        display(*drawings)
    else:
        print(*drawings, sep="\n\n", end="\n\n")


def arrange(rows):
    """Drawings in rows, a list of lists, as one Drawing."""
    body, y, widest = "", 0, 0
    for row in rows:
        x = 0
        for drawing in row:
            body += f'<g transform="translate({x:g} {y:g})">{drawing.body}</g>'
            x += drawing.width + 16
        y, widest = y + max(drawing.height for drawing in row) + 8, max(widest, x)
    return Drawing(widest, y, body, "\n\n".join(drawing.text for row in rows for drawing in row))


def label(x, y, text, color="black", anchor="start", size=13, halo=False):
    more = ' paint-order="stroke" stroke="white" stroke-width="3"' if halo else ""
    look = f'fill="{color}" text-anchor="{anchor}" font-size="{size}"{more}'
    return f'<text x="{x:g}" y="{y:g}" {look}>{escape(visible(str(text)))}</text>'


def rectangle(x, y, width, height, fill="none", **style):
    more = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{fill}"{more}/>'


def draw_tiles(texts, notes=None):
    """A row of tiles, one a text, with a note under each (its number, say)."""
    notes = [""] * len(texts) if notes is None else [str(note) for note in notes]
    columns = [max(len(text), len(note)) for text, note in zip(texts, notes, strict=True)]
    body, x = "", 6
    for text, note, column in zip(texts, notes, columns, strict=True):
        width = LETTER * column + 16
        body += rectangle(x, 6, width, 26, WORDS, rx=4) + label(x + width / 2, 24, text, "white", "middle")
        body += label(x + width / 2, 50, note, GREY, "middle")
        x += width + 6
    rows = [" ".join(f" {t:^{c}} " for t, c in zip(row, columns, strict=True)) for row in (texts, notes)]
    return Drawing(x, 60, body, "\n".join(row.rstrip() for row in rows if row.strip()))


def draw_picture(picture, objects=None, names=None, strengths=None):
    """A picture (H, W, 3) uint8 with the boxes of its Objects; strengths (M,): see draw_boxes."""
    height, width, _ = picture.shape
    boxes = np.zeros((0, 4)) if objects is None else objects.boxes
    names = [f"object {i + 1}" for i in range(len(boxes))] if names is None else names
    data = "data:image/png;base64," + base64.b64encode(encode_png(picture)).decode()
    return draw_boxes(data, (width, height), boxes, names, strengths, shade(picture))


def draw_boxes(picture, size, boxes, names, strengths=None, grid=None):
    """Boxes (M, 4) in pixels on a picture (a data URI or None) of size (width, height), with their names.

    strengths (M,), such as shares of attention, stand behind the names; the largest is the thickest box. grid: the
    picture in characters."""
    numbers = np.ones(len(boxes)) if strengths is None else np.asarray(strengths, float)
    if not len(boxes) == len(names) == len(numbers):
        raise ShapeError(f"draw_picture: {len(boxes)} boxes, {len(names)} names, {len(numbers)} strengths")
    scale, parts = WIDE / size[0], numbers / max(numbers.max(initial=0), 1e-12)
    captions = list(names) if strengths is None else [f"{n} {s:.0%}" for n, s in zip(names, numbers, strict=True)]
    look = f'preserveAspectRatio="none" style="image-rendering:{"pixelated" if scale > 1 else "auto"}"'
    body = f'<image width="{WIDE}" height="{size[1] * scale:g}" {look} href="{picture}"/>' if picture else ""
    for i in np.argsort(parts, kind="stable"):
        x0, y0, x1, y1 = np.asarray(boxes[i]) * scale
        look = {"stroke_width": f"{1 + 3 * parts[i]:.3g}", "opacity": f"{0.25 + 0.75 * parts[i]:.3g}"}
        body += rectangle(x0, y0, x1 - x0, y1 - y0, stroke=OBJECTS, **look)
        if len(boxes) <= MOST_NAMES or (strengths is not None and parts[i] >= 0.3):
            inside = max(0, min(x0, WIDE - LETTER * len(captions[i])))
            body += label(inside, max(y0 - 4, 12), captions[i], OBJECTS, halo=True)
    return Drawing(WIDE, size[1] * scale, body, frame(grid or shade(None), size, boxes, captions))


def frame(grid, size, boxes, captions):
    """A grid of characters with the boxes as frames with a letter each, and what the letters stand for."""
    rows, columns = len(grid), len(grid[0])
    for number, box in enumerate(boxes):
        x0, x1 = (int(min(x * columns / size[0], columns - 1)) for x in box[::2])
        y0, y1 = (int(min(y * rows / size[1], rows - 1)) for y in box[1::2])
        for x in range(x0, x1 + 1):
            grid[y0][x] = grid[y1][x] = "─"
        for y in range(y0, y1 + 1):
            grid[y][x0] = grid[y][x1] = "│"
        grid[y0][x0], grid[y0][x1], grid[y1][x0], grid[y1][x1] = "┌┐└┘"
        grid[(y0 + y1) // 2][(x0 + x1) // 2] = letter(number)
    legend = ", ".join(f"{letter(number)} {text}" for number, text in enumerate(captions))
    return "\n".join(["".join(row).rstrip() for row in grid] + [legend] * bool(captions))


def shade(picture):
    """The pixels in the middle of 16 × 64 fields, the deeper the farther from the commonest colour."""
    if picture is None:
        return [[" "] * 64 for _ in range(16)]
    y, x = ((np.arange(n) + 0.5) * side // n for n, side in zip((16, 64), picture.shape, strict=False))
    far = np.abs(picture - np.median(picture, (0, 1))).max(2)[np.ix_(y.astype(int), x.astype(int))]
    return [[SHADES[s] for s in row] for row in np.rint((len(SHADES) - 1) * far / max(far.max(), 64)).astype(int)]


def letter(number):
    return chr(ord("A") + number % 26)


def draw_matrix(values, rows=None, columns=None, color=OBJECTS, title=""):
    """A matrix (R, C): the larger a number, the deeper the colour; negative ones are grey. Small ones show numbers."""
    values = np.asarray(values, float)
    names = zip((rows, columns), values.shape, strict=True)
    rows, columns = ([""] * n if given is None else list(given) for given, n in names)
    if (len(rows), len(columns)) != values.shape:
        raise ShapeError(f"draw_matrix: names for {len(rows)} × {len(columns)}, values of shape {values.shape}")
    digits = None if values.size > MOST_NUMBERS else 0 if (values == np.rint(values)).all() else 2
    wide, high = (max(4, 560 // values.shape[1]), 16) if digits is None else (48, 24)
    left = LETTER * max(map(len, rows)) + 12
    top = (24 if title else 4) + (max(map(len, columns)) * 6 + 10 if any(columns) else 0)
    most, body = np.abs(values).max(initial=1e-12), label(left, 16, title)
    for j, name in enumerate(columns):
        x, y = left + (j + 0.5) * wide, top - 4
        body += f'<g transform="rotate(-40 {x:g} {y:g})">{label(x, y, name)}</g>'
    for i, row in enumerate(values):
        y = top + (i + 0.7) * high
        body += label(left - 6, y, rows[i], anchor="end")
        for j, value in enumerate(row):
            depth, x = abs(value) / most, left + j * wide
            hue = color if value >= 0 else GREY
            body += rectangle(x, top + i * high, wide, high, hue, fill_opacity=f"{depth:.3f}")
            if digits is not None:
                ink = "white" if depth > 0.6 else "black"
                body += label(x + 0.5 * wide, y, f"{value:.{digits}f}", ink, "middle", 11)
    width = left + len(columns) * wide + 6 * max(map(len, columns))
    shown = values / (most if digits is None else 1)
    return Drawing(width, top + len(rows) * high + 6, body, table(shown, rows, columns, digits, title))


def table(values, rows, columns, digits, title):
    """A matrix in characters: numbers of so many digits, or (None) one shade a cell."""
    first = max(map(len, rows))
    lines = [title] if title else []
    if digits is None:
        cells = [[SHADES[s] for s in row] for row in np.rint(np.abs(values) * (len(SHADES) - 1)).astype(int)]
    else:
        widths = [max(6, len(name)) for name in columns]
        if any(columns):
            lines.append(" " * (first + 1) + "".join(f" {name:>{w}}" for name, w in zip(columns, widths, strict=True)))
        cells = [[f" {v:{w}.{digits}f}" for v, w in zip(row, widths, strict=True)] for row in values]
    return "\n".join(lines + [f"{name:>{first}} {''.join(row)}" for name, row in zip(rows, cells, strict=True)])


def draw_bars(names, values, color=BOTH, unit="%"):
    """A bar for each of the values (N,), which are not negative; unit "%" writes shares of 1 in per cent, "" plain."""
    first, most = max(map(len, names)), max(*values, 1e-12)
    numbers = [f"{v:.1%}" if unit == "%" else f"{v:,.0f}{unit}" if v == round(v) else f"{v:.3g}{unit}" for v in values]
    body, left, lines = "", LETTER * first + 12, []
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        y, long = 24 * i, 300 * value / most
        body += label(left - 6, y + 20, name, anchor="end") + rectangle(left, y + 6, long, 18, color)
        body += label(left + long + 6, y + 20, numbers[i], GREY)
        lines.append(f"{name:>{first}} {numbers[i]:>7} {'█' * round(30 * value / most)}".rstrip())
    return Drawing(left + 316 + LETTER * max(map(len, numbers)), 24 * len(names) + 12, body, "\n".join(lines))


def draw_curves(x, curves, title=""):
    """Curves over x (N,): {name: values (N,)}; x None: {name: (x, values)}, each over its own."""
    lines = [np.array(y if x is None else (x, y), float) for y in curves.values()]  # (2, N) each
    (left, low), (right, high) = (f([f(line, axis=1) for line in lines], axis=0) for f in (np.min, np.max))
    start, span = np.array([[left], [low]]), np.array([[right - left or 1], [high - low or 1]])
    body, grid, ends = rectangle(50, 24, 400, 200, stroke=GREY), [[" "] * 64 for _ in range(16)], []
    for number, line in enumerate(lines):
        parts = ((line - start) / span).T
        points = " ".join(f"{50 + 400 * a:.1f},{224 - 200 * u:.1f}" for a, u in parts)
        color = COLORS[number % len(COLORS)]
        body += f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>'
        ends.append((228 - 200 * parts[-1, 1], number, color))
        for a, u in parts:
            grid[round(15 * (1 - u))][round(63 * a)] = MARKS[number % len(MARKS)]
    names, place = list(curves), np.inf
    for y, number, color in sorted(ends, reverse=True):
        place = min(y, place - 15)  # names of curves that end together stand one above the other
        body += label(456, place, names[number], color)
    left, right, low, high = (f"{v:,.0f}" if v == round(v) else f"{v:.3g}" for v in (left, right, low, high))
    body += label(50, 16, title) + label(46, 34, high, GREY, "end") + label(46, 224, low, GREY, "end")
    body += label(50, 242, left, GREY) + label(450, 242, right, GREY, "end")
    legend = ", ".join(f"{MARKS[number % len(MARKS)]} {name}" for number, name in enumerate(names))
    text = [title, *("".join(row).rstrip() for row in grid), f"{legend}; across {left} … {right}, up {low} … {high}"]
    return Drawing(470 + LETTER * max(map(len, names)), 250, body, "\n".join(text))
