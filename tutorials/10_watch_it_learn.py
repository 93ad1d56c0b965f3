# %% [markdown]
# # 10 · Watch it learn
#
# **You will be able to** run a pre-training of your own, stop it with Ctrl-C and go on to the very same bits, read its
# curves (also the long flat part), start from good weights instead of from nothing, and measure what that is worth.
#
# A **step** of training is four things: take a batch, run it forward, run it backward, and move every parameter a
# little against its gradient. The rest is how large "a little" is, and patience.

# %%
import signal
import tempfile
from pathlib import Path

import numpy as np

from minilxmert import LxmertForPreTraining, LxmertForQuestionAnswering, LxmertTokenizer
from minilxmert.core import ops
from minilxmert.scenes.world import SMALL
from minilxmert.teaching import BOTH, draw_bars, draw_curves, show, weights
from minilxmert.training.batches import PretrainingBatches, StatementBatches
from minilxmert.training.curves import curves_of, read_log, text_curves
from minilxmert.training.loop import Training
from minilxmert.training.metrics import soft_scores
from minilxmert.training.miniature import Miniature, miniature_config, spread_boxes
from minilxmert.training.optimizer import Adam
from minilxmert.training.recipes import GENTLE, RECIPES, finetune, miniature_tokenizer, start_model
from minilxmert.training.tasks import majority, predict

runs = Path(tempfile.mkdtemp())  # where this chapter's runs go
tokenizer = miniature_tokenizer(SMALL)

# %% [markdown]
# ## The picture: a run of your own
#
# Some scenes are drawn and looked at by the detector; a *thumbnail* of a model, smaller than the miniature, learns the
# five tasks of chapter 9 on them for a few seconds. The training keeps a log, and here are its curves.

# %%
SIZES = {"hidden_size": 48, "intermediate_size": 96, "l_layers": 1, "r_layers": 1, "x_layers": 1}
data = Miniature(SMALL, "train", 160)
batches = PretrainingBatches(data.pictures, data.first_words, tokenizer, data.answers, **GENTLE)


def fresh():
    """A thumbnail that knows nothing yet."""
    model = LxmertForPreTraining(miniature_config(SMALL, **SIZES), seed=0)
    model.answers = data.answers
    spread_boxes(model, np.random.default_rng(1))
    return model


run = Training(fresh(), batches, Adam(3e-3, 120, corrected=True), 16, folder=runs / "thumbnail", log_every=4).run()
curves = curves_of(read_log(runs / "thumbnail"))
steps, _ = curves["loss matched"]
losses = {name.removeprefix("loss "): values for name, (_, values) in curves.items() if name.startswith("loss")}
show(draw_curves(steps, losses, f"{run.model.num_parameters():,} parameters, {run.step} steps, losses by step"))
print(*text_curves(runs / "thumbnail"), sep="\n")

# %% [markdown]
# Three of the four fall at once. What falls so early is *grammar*: which words are frequent, which follow which, what
# colours objects tend to have. `matched` is soon flat. It cannot be helped by grammar, for a foreign sentence is a
# good sentence, too. All it learns is how many are foreign; always giving that share, without looking, costs:

# %%
for share in (GENTLE["foreign"], 0.5):
    blind = -share * np.log(share) - (1 - share) * np.log(1 - share)
    print(f"{share:.0%} foreign: a matched loss of {blind:.3f} without looking")

# %% [markdown]
# ## One step, slowly
#
# The optimizer (Adam) keeps two running means for every parameter: of its gradient, and of the gradient's square. A
# step is the first divided by the root of the second, times the **learning rate**. So a parameter whose gradient is
# small but steady moves as far as one whose gradient is large. The rate itself rises from 0 (**warm-up**: the running
# means know nothing yet) and then falls in a line:

# %%
adam = Adam(1e-3, 100, warmup=0.1)
show(draw_curves(np.arange(100), {"rate": [1000 * adam.rate_at(step) for step in range(100)]}, "rate · 1000, by step"))

parameters, gradients = np.zeros(3, np.float32), np.array([1.0, 0.01, -0.0001], np.float32)
for step in range(10, 13):
    adam.update(parameters, gradients.copy(), step)
print("after three steps along the gradients", gradients, "the parameters are", parameters)

# %% [markdown]
# Ten thousand times smaller a gradient, and nearly the same step.
#
# ## Interrupted, and gone on
#
# A run that takes an hour must survive a closed laptop. Press Ctrl-C: it finishes its step, saves, and the same
# command goes on from there. All randomness comes from (seed, step), so that the result is the same *to the last bit*.
# We press Ctrl-C by program, at step 8, and compare with a run that nobody disturbed:


# %%
def short(folder, progress=None):
    return Training(fresh(), batches, Adam(3e-3, 16, corrected=True), 16, folder=folder, log_every=4).run(progress)


def press_ctrl_c(step, steps, losses, left):
    if step == 8:
        signal.raise_signal(signal.SIGINT)


undisturbed = short(runs / "undisturbed")
first = short(runs / "disturbed", press_ctrl_c)
print(f"interrupted: {first.interrupted}, at step {first.step}")
second = short(runs / "disturbed")
print(f"gone on to step {second.step}; equal in every bit: {np.array_equal(undisturbed.parameters, second.parameters)}")

# %% [markdown]
# ## The plateau, and first words
#
# Why does `matched` lie there for so long? To gain anything there, the model must find *at once* that a word means a
# colour, that a number in the features means the same colour, and that cross-attention may bring the two together. Any
# one of the three alone is worth nothing, so that no gradient points there; by and by chance brings the pieces near
# enough, and then the loss drops within a few hundred steps. Shown all kinds of sentences at once, the miniature stays
# on this plateau for thousands of steps.
#
# The cure is a **curriculum**: *first words*, what single things are like and where they are, with little hidden and
# few sentences exchanged; only then everything. It is in the recipe:

# %%
for name, recipe in RECIPES.items():
    print(name, recipe)
print("of first words is hidden or exchanged:", GENTLE)
for examples in (data.first_words, data.pretraining):
    print(len(examples), "for example:", *(f"\n    {e.text}  {next(iter(e.answers or {}), '')}" for e in examples[-3:]))

# %% [markdown]
# The shipped weights were trained so, and brought their logs along. First the first words, from nothing; then all
# sentences. Look at where `matched` begins to fall:

# %%
pretrained = weights() / "pretrained"
for name in ("first_words.jsonl", "log.jsonl"):
    if (pretrained / name).exists():  # weights of your own may have come without
        curves = curves_of(read_log(pretrained, name))
        steps, _ = curves["loss matched"]
        show(draw_curves(steps, {"matched": curves["loss matched"][1]}, f"{name}: the loss of matching, by step"))

# %% [markdown]
# The whole run and its fine-tunings are these commands. On two cores `quick` takes minutes, `full` three quarters of an
# hour; what they gave, kind by kind of question, stands in [weights/README.md](../weights/README.md).
#
# ```bash
# minilxmert pretrain --world small --out runs/pretrained
# minilxmert plot-run runs/pretrained
# minilxmert finetune questions --world small --weights runs/pretrained --out runs/questions
# minilxmert finetune nlvr2 --world small --weights runs/pretrained --out runs/nlvr2
# minilxmert finetune questions --world small --out runs/scratch     # without --weights: from scratch
# minilxmert evaluate vqa --world small --weights runs/questions
# ```
#
# ## LayerNorm erases the scale of a box
#
# A small model had a hard time with sizes ("is it large?"), for a reason that three lines show. A box goes through a
# linear map and then a LayerNorm. The published start has a bias of 0, and LayerNorm divides every row by its own
# size. So a box, and one twice as large at twice the place, become *the same vector*:

# %%
boxes = np.array([[0.1, 0.1, 0.2, 0.2], [0.2, 0.2, 0.4, 0.4]], np.float32)


def box_codes(model):
    p, eps = model.params["objects"], model.config.layer_norm_eps
    return ops.layer_norm(ops.linear(boxes, p["boxes"]), p["boxes_norm"], eps)


as_published = LxmertForPreTraining(miniature_config(SMALL, **SIZES))
for name, model in (("published start", as_published), ("spread_boxes", fresh())):
    one, two = box_codes(model)
    print(f"{name:<16} the codes of the two boxes differ by at most {np.abs(one - two).max():.2g}")

# %% [markdown]
# It can be learnt (the bias grows), but late. `spread_boxes` starts the map with a bias that is not 0, and that is
# all. The published model, with far more data, does without.
#
# ## What is pre-training worth?
#
# The paper's main table says: much. Here is the smallest version of that experiment. Two models of the same form learn
# to answer the same few hundred questions, for the same few steps. One starts from the shipped pre-trained weights,
# the other from nothing. Beside them the answer that is most frequent for each kind of question, which needs no model
# at all.

# %%
task, test = data.task("vqa"), Miniature(SMALL, "test", 60).task("vqa")


def right(predictions):
    return test.report(predictions)["Overall"].share


def tuned(name, start, vocabulary):
    """Forty steps of fine-tuning, measured on pictures that nobody has learnt from."""
    model = start_model(task, start, data.answers)
    finetune(model, task, vocabulary, runs / name, Adam(1e-3, 40, corrected=True), 32)
    return right(predict(model, vocabulary, test))


known = LxmertTokenizer.from_pretrained(pretrained)
found = {
    "most frequent answer": right(majority(task, test)),
    "from scratch": tuned("scratch", LxmertForPreTraining.from_pretrained(pretrained).config, known),
    "pre-trained": tuned("pretrained", pretrained, known),
}
shipped = LxmertForQuestionAnswering.from_pretrained(weights())
found["shipped, fine-tuned"] = right(predict(shipped, LxmertTokenizer.from_pretrained(weights()), test))
show(draw_bars(list(found), list(found.values()), BOTH))

# %% [markdown]
# From scratch, the few steps go into finding out which answers belong to which kind of question; the pictures have not
# come in yet. (The pre-trained model had a head start in one more respect: labelled questions, about other pictures,
# are one of its five tasks. So it is in the paper.) To see where the shipped model is strong and where it guesses,
# look at the kinds:

# %%
answers = predict(shipped, LxmertTokenizer.from_pretrained(weights()), test)
rows = test.report_by_kind(answers).rows
show(draw_bars([row.name for row in rows], [row.share for row in rows], BOTH))

# %% [markdown]
# ## Two pictures, one statement
#
# For NLVR2 a statement is about *two* pictures. Nothing new is needed in the encoders: each picture is read with the
# statement as if it were alone, and one head judges both pooled states side by side. The shapes tell it all: B
# statements become 2B rows, and 2B pooled states of width E become B of width 2E.

# %%
statements = data.task("nlvr2").cut(8)
model = start_model(statements, pretrained)
pairs = StatementBatches(statements.pictures, statements.examples, known).batch(range(8), None)
inputs, _ = model.read(**pairs)
_, scores, _, _ = model.compute(inputs, {})
print("pictures", pairs["visual_feats"].shape, "-> rows", inputs.feats.shape, "-> verdicts", scores["logits"].shape)
for row in (0, 2):
    image, text, truth = statements.examples[row].image, statements.examples[row].text, statements.examples[row].answers
    print(f"{text!r} of pictures {image}: {next(iter(truth))}")

# %% [markdown]
# Every statement comes with pairs of which it is true and pairs of which it is false, so that reading alone is worth
# exactly nothing.
#
# ## Answers are texts, scores are shares
#
# An answer head is a list of texts, one row each. To go on with another list, rows must move **by text**, not by
# position; and where ten people answered, a VQA label is a share, 0.3 for one who said it up to 1 for four or more.

# %%
print(shipped.answers[:6], "…")
print(shipped.move_answers(["no", "yes", "turquoise", "red"]))
print(soft_scores(["red"] * 6 + ["dark red"] * 3 + ["pink"]))

# %% [markdown]
# ## Rooms of this chapter
#
# [training/loop.py](../minilxmert/training/loop.py): the loop · [optimizer.py](../minilxmert/training/optimizer.py) ·
# [recipes.py](../minilxmert/training/recipes.py): how much of what · [tasks.py](../minilxmert/training/tasks.py) and
# [metrics.py](../minilxmert/training/metrics.py): VQA, GQA, NLVR2 ·
# [miniature.py](../minilxmert/training/miniature.py): the world as data
#
# Exercises 20 (BertAdam), 21 (VQA accuracy), 22 (moving answers), 23 (two pictures): [exercises](exercises/README.md).
#
# ## Questions
#
# **1.** Half of your sentences are foreign, and `matched` is at 0.693 after 200 steps. A friend says the code is
# broken. How do you find out?
#
# <details><summary>Answer</summary>
#
# Check the gradients (chapter 8), and that the labels are right; then let it run. Or give it eight examples only: a
# sound model and loop learn them by heart within a few hundred steps, a broken one does not.
# </details>
#
# **2.** Why is a comparison of "pre-trained" and "from scratch" unfair if the scratch run gets ten times the steps,
# and why might it be unfair if it does not?
#
# <details><summary>Answer</summary>
#
# With more steps it has seen more; without, the other one has had its pre-training steps on top. Say what is held
# equal: here, the labelled questions and the steps on them, which is what costs people money.
# </details>
#
# **3.** The optimizer divides by the root of the mean square gradient. What happens to a word that occurs in one of a
# thousand batches?
#
# <details><summary>Answer</summary>
#
# Its mean square is tiny most of the time, so that the rare gradient makes a step of nearly full size (up to the
# factor that the first mean, equally rare, takes away again). Between, weight decay pulls the row towards 0.
# </details>
