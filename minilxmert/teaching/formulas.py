r"""Formulas in a small part of LaTeX as MathML, which browsers typeset themselves: a page needs no other host for them.

    typeset(r"the mean $\frac{1}{E} \sum_i x_i$")
Greek letters and signs stand as themselves (σ, ∂, ⋅). Notebooks keep the dollars: Jupyter and VS Code bring what
typesets them."""

import re
from html import escape

from ..errors import MinilxmertError

TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\S")
FORMULA = re.compile(r"```.*?```|`[^`]*`|\$\$(.+?)\$\$|\$((?:[^$\n]|\n(?!\n))+)\$", re.DOTALL)
SIGNS = {
    r"\,": '<mspace width="0.2em"/>',
    r"\quad": '<mspace width="2em"/>',
    r"\sum": "<mo>∑</mo>",
    "-": "<mo>−</mo>",
    r"\{": "<mo>{</mo>",
    r"\}": "<mo>}</mo>",
}
FUNCTIONS = {r"\log", r"\exp", r"\max"}
ACCENTS = {r"\bar": "¯", r"\hat": "^"}


def typeset(markdown):
    """Markdown whose formulas, $…$ in a line and $$…$$ by themselves, are MathML. Code stays as it is."""

    def formula(found):
        text = found[1] or found[2]
        return mathml(text, bool(found[1])) if text else found[0]

    return FORMULA.sub(formula, markdown)


def mathml(latex, display=False):
    """A formula as an element <math>. Raises MinilxmertError for LaTeX beyond the small part."""
    tokens = TOKEN.findall(latex)[::-1]  # the next one is the last
    try:
        inner = row(tokens, None)
    except IndexError:
        raise MinilxmertError(f"formula {latex!r}: it ends too early") from None
    return f'<math display="{"block" if display else "inline"}">{inner}</math>'


def row(tokens, end):
    """All up to a closing brace (or, with None, to the end of the formula)."""
    parts = []
    while tokens if end is None else tokens[-1] != end:
        parts.append(add_scripts(tokens))
    if end:
        tokens.pop()
    return f"<mrow>{''.join(parts)}</mrow>"


def add_scripts(tokens):
    """An atom with what stands below and above it."""
    base, scripts = atom(tokens), {}
    while tokens and tokens[-1] in "_^":
        sign = tokens.pop()
        scripts[sign] = atom(tokens)
    kind = {"": "", "_": "sub", "^": "sup", "^_": "subsup"}["".join(sorted(scripts))]
    if "∑" in base:
        kind = kind.replace("sub", "under").replace("sup", "over")
    inner = base + scripts.get("_", "") + scripts.get("^", "")
    return f"<m{kind}>{inner}</m{kind}>" if kind else base


def atom(tokens):
    token = tokens.pop()
    if token == "{":
        return row(tokens, "}")
    if token in SIGNS:
        return SIGNS[token]
    if token in FUNCTIONS:
        return f"<mi>{token[1:]}</mi>"
    if token == r"\frac":
        return f"<mfrac>{atom(tokens)}{atom(tokens)}</mfrac>"
    if token == r"\sqrt":
        return f"<msqrt>{atom(tokens)}</msqrt>"
    if token in ACCENTS:
        return f'<mover accent="true">{atom(tokens)}<mo>{ACCENTS[token]}</mo></mover>'
    if token == r"\text":
        return f"<mtext>{re.sub('<[^>]*>', '', atom(tokens))}</mtext>"
    if token[0] in "\\}_^":
        raise MinilxmertError(f"formula: expected the LaTeX of formulas.py, found {token}")
    kind = "mi" if token.isalpha() else "mn" if token[0].isdigit() else "mo"
    return f"<{kind}>{escape(token)}</{kind}>"
