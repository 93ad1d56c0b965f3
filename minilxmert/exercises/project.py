"""The project: eight functions of a student's, exercises 31 to 38, become an LXMERT of their own, which is trained.

    minilxmert exercise start my-lxmert 31 32 33 34 35 36 37 38      # write, and check one after the other
    minilxmert project train my-lxmert                               # minutes; into my-lxmert/model
    minilxmert project report my-lxmert                              # my-lxmert/report.html
minilxmert gives the tree of parameters, the drawn world and the loop; every number of the model is the student's."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from ..core.params import map_tree
from ..errors import MinilxmertError
from ..published.model import LxmertForQuestionAnswering
from ..scenes.world import SMALL
from ..training.batches import QuestionBatches
from ..training.loop import Training
from ..training.miniature import Miniature
from ..training.optimizer import Adam, norm_of
from ..training.recipes import fresh_miniature, miniature_tokenizer, save
from . import function_name
from .answering import answer_file
from .student import Wrong, read_student

MILESTONES = range(31, 39)
SIZES = {
    "hidden_size": 48,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "l_layers": 1,
    "r_layers": 1,
    "x_layers": 2,
}
SCENES, STEPS, BATCH, RATE = 1500, 2000, 32, 3e-3


class OwnModel(LxmertForQuestionAnswering):
    """minilxmert's parameters, and a student's functions for everything that is done with them."""

    pieces = None  # {"embed": function, …}

    def learn(self, inputs, targets, g, rng=None, shares=None):
        """Add the gradients of a batch to g. -> the losses"""
        heads = self.config.num_attention_heads
        scores, back = assemble(self.pieces, inputs, self.weights.look(), heads)
        loss, back_loss = self.pieces["loss"](scores, targets["ans"])
        map_tree(lambda total, found: np.add(total, found, out=total), g, in_order(back(back_loss(1.0)), g))
        return SimpleNamespace(losses={"ans": float(loss)})


class OwnAdam(Adam):
    """The schedule and the clipping of Adam, and a student's step."""

    step_of = None

    def update(self, p, g, step):
        if self.first is None:
            self.first, self.second = np.zeros_like(p), np.zeros_like(p)
        norm = norm_of(g)
        if np.isfinite(norm):
            g *= min(1.0, self.max_norm / (norm + 1e-6))
            p[:], self.first[:], self.second[:] = self.step_of(p, g, self.first, self.second, step, self.rate_at(step))
        return norm


def assemble(pieces, inputs, p, heads):
    """The whole model of eight functions: scores (B, A), and the way back: dscores -> the gradients of all parameters.

    inputs: as the package's models read them (core/inputs.py)"""
    layer, crossing = pieces["layer"], pieces["crossing"]
    masks, ways = (inputs.lang_mask, inputs.visn_mask), {"language": {}, "vision": {}, "cross": {}}
    (lang, visn), back_embed = pieces["embed"](inputs.words, inputs.feats, inputs.boxes, p)
    for name, q in p["language"].items():
        lang, ways["language"][name] = layer(lang, masks[0], q, heads)
    for name, q in p["vision"].items():
        visn, ways["vision"][name] = layer(visn, masks[1], q, heads)
    for name, q in p["cross"].items():
        (lang, visn), ways["cross"][name] = crossing(lang, visn, *masks, q, heads)
    scores, back_answer = pieces["answer"](lang, p)

    def back(dscores):
        dlang, g = back_answer(dscores)
        dvisn, g = np.zeros_like(visn), {**g, "language": {}, "vision": {}, "cross": {}}
        for name in reversed(ways["cross"]):
            dlang, dvisn, g["cross"][name] = ways["cross"][name](dlang, dvisn)
        for name in reversed(ways["vision"]):
            dvisn, g["vision"][name] = ways["vision"][name](dvisn)
        for name in reversed(ways["language"]):
            dlang, g["language"][name] = ways["language"][name](dlang)
        return {**g, **back_embed(dlang, dvisn)}

    return scores, back


def in_order(tree, like):
    """A tree with the names of another, in its order, as map_tree wants them."""
    return {name: in_order(tree[name], like[name]) for name in like} if isinstance(like, dict) else tree


def pieces_of(folder):
    """{name: function} of the eight files in a folder, which are run. Raises MinilxmertError."""
    found = {}
    for number in MILESTONES:
        path = answer_file(number, folder)
        try:
            found[function_name(number)] = read_student(path, function_name(number)).function
        except Wrong as wrong:
            raise MinilxmertError.at(path, None, f"exercise {number} solved", wrong) from None
    return found


def train(folder, steps=STEPS, scenes=SCENES, seed=0, progress=None, data_progress=None):
    """Train the model of the functions in a folder on questions about drawn things, into folder/model. -> Training

    An interrupted run continues. Raises MinilxmertError."""
    pieces = pieces_of(folder)
    data, tokenizer = Miniature(SMALL, "train", scenes, seed, data_progress), miniature_tokenizer(SMALL)
    model = fresh_miniature(OwnModel, SMALL, seed, **SIZES)
    model.pieces = pieces
    examples = [example for example in data.first_words if example.answers]
    batches = QuestionBatches(data.pictures, examples, tokenizer, model.answers)
    optimizer = OwnAdam(RATE, steps, corrected=True)
    optimizer.step_of = pieces["adam"]
    training = Training(model, batches, optimizer, BATCH, seed, Path(folder) / "model", log_every=20)
    try:
        training.run(progress)
    except NotImplementedError as unwritten:
        raise MinilxmertError.at(folder, None, "eight functions that are written", unwritten) from None
    return training if training.interrupted else save(training, tokenizer)
