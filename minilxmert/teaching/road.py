"""The map of the whole model, drawn from its config: what meets what, in which order, with which shapes."""

from ..vision.drawings import BOTH, GREY, OBJECTS, WORDS, Drawing, label, rectangle

WIDE, HIGH = 190, 44


def draw_road(config, words="N", objects="M"):
    """The road from words and objects to an answer, as a model with this config takes it. words, objects: how many."""
    e, a = config.hidden_size, config.num_qa_labels
    lang, visn = f"({words}, {e})", f"({objects}, {e})"
    stops = (  # text, shape behind it; for the words, the objects, or both
        ((f"{words} tokens: word + place", lang), (f"{objects} objects: feature + box", visn)),
        ((layers(config.l_layers, "language"), lang), (layers(config.r_layers, "object"), visn)),
        (f"{layers(config.x_layers, 'cross')}: look across, then at your own side", f"{lang} and {visn}"),
        ("the state of [CLS], pooled", f"({e})"),
        ("answer head", f"({a}) scores"),
    )
    body, text = "", []
    for row, stop in enumerate(stops):
        y = 10 + row * (HIGH + 22)
        if isinstance(stop[0], tuple):
            body += box(10, y, WIDE, *stop[0], WORDS) + box(30 + WIDE, y, WIDE, *stop[1], OBJECTS)
            text.append("   ".join(f"{' → '.join(side):<42}" for side in stop).rstrip())
            arrows = (10 + WIDE / 2, 30 + 1.5 * WIDE)
        else:
            body += box(10, y, 2 * WIDE + 20, *stop, BOTH)
            text.append(f"{' → '.join(stop):^87}".rstrip())
            arrows = (20 + WIDE,)
        if row < len(stops) - 1:
            body += "".join(label(x, y + HIGH + 16, "↓", GREY, "middle", 16) for x in arrows)
    return Drawing(2 * WIDE + 40, len(stops) * (HIGH + 22) - 2, body, "\n".join(text))


def layers(count, kind):
    return f"{count} {kind} layer{'s' * (count != 1)}"


def box(x, y, width, text, shape, color):
    """A stop of the road: what happens in it, and the shape of what leaves it."""
    frame, middle = rectangle(x, y, width, HIGH, "white", stroke=color, stroke_width=2, rx=6), x + width / 2
    return frame + label(middle, y + 19, text, color, "middle") + label(middle, y + 36, shape, GREY, "middle", 11)
