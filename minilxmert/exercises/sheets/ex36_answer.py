"""Project 6, the head: from the state of [CLS] to a score for every answer, and back.

30 minutes; chapter 8."""

import numpy as np

from ...core import heads
from ...core.params import classifier_shapes, linear_shape
from ..ways import gelu, layer_norm, linear, random_gradients, tanh
from . import parameters, sized

E = 6


def answer(lang, p):
    """The pooler and the answer head: a score for every answer, read off the first word's state.

    lang (B, N, E), p {pooler, answer: {inner, norm, outer}}
    -> scores (B, A), and the way back: back(dscores) -> dlang (B, N, E), dp

        pooled = tanh(pooler(lang[:, 0]))
        scores = outer(layer_norm(gelu(inner(pooled))))

    Hints
    - gelu, layer_norm, linear and tanh are there already.
    - Only the first word is read. What is the gradient of the others?
    """
    head = p["answer"]
    x, back_pooler = linear(lang[:, 0], p["pooler"])
    x, back_tanh = tanh(x)
    x, back_inner = linear(x, head["inner"])
    x, back_gelu = gelu(x)
    x, back_norm = layer_norm(x, head["norm"])
    scores, back_outer = linear(x, head["outer"])

    def back(dscores):
        dx, douter = back_outer(dscores)
        dx, dnorm = back_norm(dx)
        dx, dinner = back_inner(back_gelu(dx))
        dx, dpooler = back_pooler(back_tanh(dx))
        dlang = np.zeros_like(lang)
        dlang[:, 0] = dx
        return dlang, {"pooler": dpooler, "answer": {"inner": dinner, "norm": dnorm, "outer": douter}}

    return scores, back


@sized((2, 3, 4), (1, 1, 1), (3, 5, 6))
def draws(rng, b, n, answers):
    p = parameters(rng, {"pooler": linear_shape(E, E), "answer": classifier_shapes(E, 2 * E, answers)})
    return random_gradients(rng, np.zeros((b, answers))), rng.standard_normal((b, n, E)), p


IMPORTS = "import numpy as np\n\nfrom minilxmert.exercises.ways import gelu, layer_norm, linear, tanh"
SOLVED = (heads.pool, heads.classify)
OUTPUTS = ("scores", "dlang", "dp")
WAY_BACK = True
SLIPS = """
the mean over all words is read; read the first one, [CLS]
    lang[:, 0], => lang.mean(1),
the tanh of the pooler is missing
    x, back_tanh = tanh(x) => back_tanh = lambda dy: dy
every word gets the gradient; only the first one was read
    dlang[:, 0] = dx => dlang[:] = dx[:, None]
the tanh is missing on the way back
    back_tanh(dx) => dx
the GELU is missing on the way back
    back_gelu(dx) => dx
"""
