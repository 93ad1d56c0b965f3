"""Formulas as MathML, and chapter 13: every line beside a formula is the gradient it says."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from gradients import check_direction

from minilxmert import MinilxmertError
from minilxmert.core.ops import softmax
from minilxmert.teaching.chapters import chapters
from minilxmert.teaching.formulas import mathml, typeset

CHAPTERS = {int(chapter.path.stem[:2]): chapter for chapter in chapters(Path(__file__).parents[2] / "tutorials")}


@pytest.mark.parametrize(
    "latex, inner",
    [
        ("x", "<mi>x</mi>"),
        (r"\frac{1}{2}", "<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>"),
        ("x_i^2", "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>"),
        ("x^2_i", "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>"),
        ("σ < 3.5", "<mi>σ</mi><mo>&lt;</mo><mn>3.5</mn>"),
        (r"\sum_k", "<munder><mo>∑</mo><mi>k</mi></munder>"),
        (r"\sqrt{D}", "<msqrt><mrow><mi>D</mi></mrow></msqrt>"),
        (r"\bar{A}", '<mover accent="true"><mrow><mi>A</mi></mrow><mo>¯</mo></mover>'),
        (r"\text{mean}_h", "<msub><mtext>mean</mtext><mi>h</mi></msub>"),
    ],
)
def test_formulas_become_mathml(latex, inner):
    assert mathml(latex) == f'<math display="inline"><mrow>{inner}</mrow></math>'
    ET.fromstring(mathml(latex))


@pytest.mark.parametrize("latex", [r"\begin{matrix}", "x_", "{x", r"\frac{1}", "x}", "^2"])
def test_formulas_beyond_the_small_part_are_refused(latex):
    with pytest.raises(MinilxmertError, match="formula"):
        mathml(latex)


def test_code_keeps_its_dollars():
    text = "`$a$` and\n```bash\necho $HOME $x\n```\n$y$"
    assert typeset(text) == text.replace("$y$", mathml("y"))


def test_every_formula_of_the_chapters_is_typeset():
    texts = [typeset(chapter.prose) for chapter in CHAPTERS.values()]
    found = [math for text in texts for math in re.findall("<math.*?</math>", text, re.DOTALL)]
    assert len(found) > 40
    for math in found:
        ET.fromstring(math)
    assert not any("$" in re.sub("`[^`]*`|```.*?```", "", text, flags=re.DOTALL) for text in texts)


# of every line in chapter 13 that computes a gradient: what it is the gradient of, as a function of its variable
DERIVED = {
    "Softmax": {
        "dz": lambda n, z: n["e"] / z,
        "de": lambda n, e: e / e.sum(),
        "ds": lambda n, s: np.exp(s) / np.exp(s).sum(),
        "ds_short": lambda n, s: np.exp(s) / np.exp(s).sum(),
    },
    "LayerNorm": {
        "dw": lambda n, w: w * n["u"] + n["b"],
        "db": lambda n, b: n["w"] * n["u"] + b,
        "du": lambda n, u: n["w"] * u + n["b"],
        "dr": lambda n, r: n["w"] * r * n["c"] + n["b"],
        "dv": lambda n, v: n["w"] * n["c"] / np.sqrt(v + n["eps"]) + n["b"],
        "dc": lambda n, c: n["w"] * c / np.sqrt((c * c).mean() + n["eps"]) + n["b"],
        "dx": lambda n, x: n["w"] * (x - x.mean()) / np.sqrt(x.var() + n["eps"]) + n["b"],
        "dx_short": lambda n, x: n["w"] * (x - x.mean()) / np.sqrt(x.var() + n["eps"]) + n["b"],
    },
    "Cross-entropy": {
        "dfirst": lambda n, s: np.log(np.exp(s).sum()),
        "ds": lambda n, s: np.log(np.exp(s).sum()) - s[n["t"]],
        "dscores": lambda n, x: np.mean([np.log(np.exp(x[i]).sum()) - x[i][n["labels"][i]] for i in (0, 2)]),
    },
    "Attention": {
        "dV": lambda n, V: n["A"] @ V,
        "dA": lambda n, A: A @ n["V"],
        "dS": lambda n, S: softmax(S) @ n["V"],
        "dQ": lambda n, Q: softmax(Q @ n["K"].T / np.sqrt(n["D"])) @ n["V"],
        "dK": lambda n, K: softmax(n["Q"] @ K.T / np.sqrt(n["D"])) @ n["V"],
    },
}
ENDS = {"Softmax": "da", "LayerNorm": "dy", "Attention": "dY"}  # the gradients that come in


@pytest.mark.parametrize("section", DERIVED)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_derived_line_is_the_gradient_it_says(section, seed, capsys):
    """The code beside each formula, run with other numbers, agrees with finite differences."""
    names, here = {}, None
    for cell in CHAPTERS[13].cells:
        if cell.markdown:
            heading = re.search("^## (.+)$", cell.text, re.MULTILINE)
            here = heading[1] if heading else here
        elif here in (None, section):
            exec(cell.text, names)  # noqa: S102
            if here is None:
                names["rng"] = np.random.default_rng(seed)
    computed = {name for name in names if re.fullmatch("d[A-Za-z]+(_short)?", name)}
    assert computed - {ENDS.get(section)} == set(DERIVED[section])
    for name, f in DERIVED[section].items():
        variable = {"dfirst": "s"}.get(name, name[1:].removesuffix("_short"))
        x, end = np.asarray(names[variable]), np.asarray(names[ENDS[section]] if section in ENDS else 1.0)
        check_direction(lambda value, f=f: np.asarray(f(names, value)), x, names[name], end, names["rng"])
