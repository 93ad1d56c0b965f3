"""The shapes that our drawings are made of, drawn by matplotlib (extra "tutorials"): PNG and PDF for papers."""

import base64
import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path

from ..errors import MinilxmertError
from ..files import replacing

POINT = 0.75  # of an SVG unit, 1/96 inch
ANCHORS = {"start": "left", "middle": "center", "end": "right"}


def print_svg(svg, path):
    """Write the SVG of a Drawing as .png, .pdf or whatever else matplotlib writes. Raises MinilxmertError."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        found = "matplotlib is missing"
        needed = '.svg, or: pip install "minilxmert[tutorials]"'
        raise MinilxmertError.at(path, None, needed, found) from None
    root = ET.fromstring(svg)
    width, height = (float(root.get(side)) for side in ("width", "height"))
    figure = Figure(figsize=(width / 96, height / 96))
    kind = Path(path).suffix.removeprefix(".") or "png"
    if kind not in figure.canvas.get_supported_filetypes():
        raise MinilxmertError.at(path, None, "a picture as .svg, .png or .pdf", f".{kind}")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0), autoscale_on=False)
    axes.set_axis_off()
    draw_children(axes, root, 0, 0, 0)
    with replacing(path) as temporary:
        figure.savefig(temporary, format=kind, dpi=200)


def draw_children(axes, parent, left, top, turned):
    """Draw the elements below a group that is moved by (left, top); turned: degrees against the clock, of its texts."""
    from matplotlib.patches import Rectangle

    for shape in parent:
        name, number = shape.tag.rpartition("}")[2], lambda key, default=0.0, of=shape: float(of.get(key, default))
        x, y = left + number("x"), top + number("y")
        if name == "g":
            kind, *values = re.split(r"[( )]+", shape.get("transform"))
            moved = (left + float(values[0]), top + float(values[1])) if kind == "translate" else (left, top)
            draw_children(axes, shape, *moved, -float(values[0]) if kind == "rotate" else turned)
        elif name == "rect" and "%" not in shape.get("width"):
            look = {"facecolor": shape.get("fill"), "edgecolor": shape.get("stroke", "none")}
            faint = number("opacity", 1) * number("fill-opacity", 1)
            thick = number("stroke-width", 1) * POINT
            axes.add_patch(Rectangle((x, y), number("width"), number("height"), alpha=faint, linewidth=thick, **look))
        elif name == "text":
            anchor = ANCHORS[shape.get("text-anchor")]
            style = {"fontsize": number("font-size") * POINT, "rotation": turned, "rotation_mode": "anchor"}
            axes.text(x, y, shape.text or "", color=shape.get("fill"), ha=anchor, parse_math=False, **style)
        elif name == "polyline":
            points = [pair.split(",") for pair in shape.get("points").split()]
            across, down = ([start + float(pair[i]) for pair in points] for i, start in enumerate((left, top)))
            axes.plot(across, down, color=shape.get("stroke"), linewidth=2 * POINT)
        elif name == "image":
            draw_image(axes, shape.get("href"), (x, x + number("width"), y + number("height"), y))


def draw_image(axes, uri, extent):
    from matplotlib.image import imread

    head, _, data = uri.partition(",")
    kind = head.removeprefix("data:image/").partition(";")[0]
    axes.imshow(imread(io.BytesIO(base64.b64decode(data)), format=kind), extent=extent, aspect="auto")
