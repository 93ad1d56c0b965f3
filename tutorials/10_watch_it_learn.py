# %% [markdown]
# # 10 · Watch it learn
#
# **You will be able to** run a pre-training of your own, stop it with Ctrl-C and continue to the same bits, read its
# curves (also the long flat part), start from pre-trained weights, and measure what they are worth.
#
# A **step** of training has four parts: take a batch, run it forward, run it backward, and move every parameter a
# little against its gradient.

# %%
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: products of so small a model are too small to share

import numpy as np

from minilxmert import LxmertForPreTraining
from minilxmert.scenes.world import SMALL
from minilxmert.teaching import BOTH, draw_bars, draw_curves, show, weights
from minilxmert.training import recipes
from minilxmert.training.batches import PretrainingBatches
from minilxmert.training.loop import Training
from minilxmert.training.miniature import Miniature
from minilxmert.training.optimizer import Adam

# %% [markdown]
# ## The picture: a run of your own
#
# The detector looks at some drawn scenes. A *thumbnail* of a model, smaller than the miniature, learns the five tasks
# of chapter 9 on them for a few seconds. The curves are its losses.

# %%
SIZES = {"hidden_size": 48, "intermediate_size": 96, "l_layers": 1, "r_layers": 1, "x_layers": 1}
data = Miniature(SMALL, "train", 160)
tokenizer = recipes.miniature_tokenizer(SMALL)
batches = PretrainingBatches(data.pictures, data.first_words, tokenizer, data.answers, **recipes.GENTLE)


def train(steps, folder=None, progress=None):
    """Train a fresh thumbnail. -> its Training"""
    model = recipes.fresh_miniature(LxmertForPreTraining, SMALL, **SIZES)
    optimizer = Adam(3e-3, steps, corrected=True)
    return Training(model, batches, optimizer, 16, folder=folder, log_every=4).run(progress)


seen = []
run = train(120, progress=lambda step, steps, losses, left: seen.append((step, losses)))
curves = {task: [losses[task] for _, losses in seen] for task in seen[0][1]}
title = f"{run.model.num_parameters():,} parameters, {run.step} steps, losses by step"
show(draw_curves([step for step, _ in seen], curves, title))

# %% [markdown]
# Three of the four losses fall at once. What the model learns so early is *grammar*: which words are frequent, which
# follow which, which colours are common. `matched` is soon flat. Grammar cannot help there, because a foreign sentence
# is a good sentence, too. The model only learns how many are foreign. Always giving that share, without looking,
# costs:

# %%
for share in (recipes.GENTLE["foreign"], 0.5):
    blind = -share * np.log(share) - (1 - share) * np.log(1 - share)
    print(f"{share:.0%} foreign: a matched loss of {blind:.3f} without looking")

# %% [markdown]
# ## One step, slowly
#
# The optimizer (Adam) keeps two running means for every parameter: of its gradient, m, and of the gradient's square,
# v. A step is
#
# $$Δ = -η \frac{m}{\sqrt{v} + ε}$$
#
# with the **learning rate** η. So a parameter whose gradient is small but steady moves as far as one whose gradient is
# large. The rate rises from 0 (**warm-up**, because the running means have seen little yet) and then falls in a line:

# %%
adam = Adam(1e-3, 100, warmup=0.1)
show(draw_curves(np.arange(100), {"rate": [1000 * adam.rate_at(step) for step in range(100)]}, "rate · 1000, by step"))

parameters, gradients = np.zeros(3, np.float32), np.array([1.0, 0.01, -0.0001], np.float32)
for step in range(10, 13):
    adam.update(parameters, gradients.copy(), step)
print("after three steps along the gradients", gradients, "the parameters are", parameters)

# %% [markdown]
# The gradients differ by a factor of ten thousand, and the steps are nearly the same.
#
# ## Interrupted and resumed
#
# A run that takes an hour must survive a closed laptop. Press Ctrl-C: it finishes its step and saves, and the same
# command resumes it. All randomness comes from (seed, step), so the result is the same *to the last bit*. Here a
# program presses Ctrl-C at step 8. We compare with an undisturbed run:

# %%
import signal
import tempfile
from pathlib import Path

runs = Path(tempfile.mkdtemp())  # for the runs of this chapter


def press_ctrl_c(step, steps, losses, left):
    if step == 8:
        signal.raise_signal(signal.SIGINT)


undisturbed = train(16)
first = train(16, runs / "disturbed", press_ctrl_c)
print(f"interrupted: {first.interrupted}, at step {first.step}")
second = train(16, runs / "disturbed")
print(f"resumed to step {second.step}; equal in every bit: {np.array_equal(undisturbed.parameters, second.parameters)}")

# %% [markdown]
# ## The plateau, and first words
#
# Why is `matched` flat for so long? A reading of the curves: to gain anything, the model must find three things
# together. A word means a colour; a number in the features means the same colour; and cross-attention can connect
# them. Each of the three alone does not lower the loss, so its gradient is small. Once all three are near, the loss
# drops within a few hundred steps. When the miniature saw all kinds of sentences at once, it stayed on this plateau
# for thousands of steps.
#
# A **curriculum** helps. *First words* come first: what single things are like and where they are, with little hidden
# and few sentences exchanged. Then everything. The recipes:

# %%
for name, recipe in recipes.RECIPES.items():
    print(name, recipe)
print("of first words is hidden or exchanged:", recipes.GENTLE)
for examples in (data.first_words, data.pretraining):
    print(len(examples), "for example:", *(f"\n    {e.text}  {next(iter(e.answers or {}), '')}" for e in examples[-3:]))

# %% [markdown]
# The shipped weights were trained in this way, and their logs are shipped too: first the first words, then all
# sentences. Where does `matched` begin to fall?

# %%
from minilxmert.training.log import curves_of, read_log

pretrained = weights() / "pretrained"
for name in ("first_words.jsonl", "earlier.jsonl"):
    if (pretrained / name).exists():  # weights of your own may have come without
        curves = curves_of(read_log(pretrained, name))
        steps, _ = curves["loss matched"]
        show(draw_curves(steps, {"matched": curves["loss matched"][1]}, f"{name}: the loss of matching, by step"))

# %% [markdown]
# These commands make the whole run and its fine-tunings. On two cores the recipe `quick` takes minutes and `full`
# about an hour. [weights/README.md](../weights/README.md) has the results for every kind of question.
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
# Our small model learnt sizes ("is it large?") late, and three lines show why. A box goes through a linear map and
# then a LayerNorm. The published start has a bias of 0, and LayerNorm divides every row by its own size. So a box, and
# one twice as large at twice the place, become *the same vector*:

# %%
from minilxmert.core import ops
from minilxmert.training.miniature import miniature_config

boxes = np.array([[0.1, 0.1, 0.2, 0.2], [0.2, 0.2, 0.4, 0.4]], np.float32)


def box_codes(model):
    p, eps = model.params["objects"], model.config.layer_norm_eps
    return ops.layer_norm(ops.linear(boxes, p["boxes"]), p["boxes_norm"], eps)


as_published = LxmertForPreTraining(miniature_config(SMALL, **SIZES))
spread = recipes.fresh_miniature(LxmertForPreTraining, SMALL, **SIZES)
for name, model in (("published start", as_published), ("spread_boxes", spread)):
    one, two = box_codes(model)
    print(f"{name:<16} the codes of the two boxes differ by at most {np.abs(one - two).max():.2g}")

# %% [markdown]
# The model can learn a bias, but late. `spread_boxes` in [miniature.py](../minilxmert/training/miniature.py) starts
# the map with a bias that is not 0. The published model does not need it: it has far more data.
#
# ## What is pre-training worth?
#
# Table 3 of the paper compares models with and without pre-training. Here is a small version of that experiment. Two
# models of the same form learn to answer the same few hundred questions in the same few steps. One starts from the
# shipped pre-trained weights, the other from random ones. For comparison: always saying the most frequent answer for
# each kind of question.

# %%
from minilxmert import LxmertForQuestionAnswering, LxmertTokenizer
from minilxmert.training.tasks import majority, predict

task, test = data.task("vqa"), Miniature(SMALL, "test", 40).task("vqa")


def right(predictions):
    return test.report(predictions)["Overall"].share


def tuned(name, start, vocabulary):
    """Forty steps of fine-tuning, measured on pictures of the test split."""
    model = recipes.start_model(task, start, data.answers)
    recipes.finetune(model, task, vocabulary, runs / name, Adam(1e-3, 40, corrected=True), 32)
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
# From scratch, so few steps are not even enough to learn which answers belong to which kind of question.
#
# The gain is not that of the paper's five tasks alone. One of them is labelled questions about other pictures, as in
# the paper; but the encoders of the shipped pre-trained weights had then learnt the questions alone, in 13,000 steps,
# before they were pre-trained again. What pre-training by itself is worth, [ablation.md](ablation.md) tells. The
# shipped model, by kind of question:

# %%
answers = predict(shipped, LxmertTokenizer.from_pretrained(weights()), test)
rows = test.report_by_kind(answers).rows
show(draw_bars([row.name for row in rows], [row.share for row in rows], BOTH))

# %% [markdown]
# ## Two pictures, one statement
#
# In NLVR2 a statement is about *two* pictures. The encoders stay as they are: each picture is read with the statement
# as if it were alone. One head then judges both pooled states side by side. So B statements become 2B rows, and 2B
# pooled states of width E become B of width 2E.

# %%
from minilxmert.training.batches import StatementBatches

statements = data.task("nlvr2").cut(8)
model = recipes.start_model(statements, pretrained)
pairs = StatementBatches(statements.pictures, statements.examples, known).batch(range(8), None)
inputs, _ = model.read(**pairs)
_, scores, _, _ = model.compute(inputs, {})
print("pictures", pairs["visual_feats"].shape, "-> rows", inputs.feats.shape, "-> verdicts", scores["logits"].shape)
for row in (0, 2):
    image, text, truth = statements.examples[row].image, statements.examples[row].text, statements.examples[row].answers
    print(f"{text!r} of pictures {image}: {next(iter(truth))}")

# %% [markdown]
# Every statement comes with pairs for which it is true and pairs for which it is false. So a model that only reads the
# statement is right in half the cases.
#
# ## Answers are texts, scores are shares
#
# An answer head has one row for each text of a list. With another list, rows must move **by text**, not by position.
# For VQA ten people answered each question. The label of an answer is a share: 0.3 if one of them gave it, up to 1 for
# four or more.

# %%
from minilxmert.training.metrics import soft_scores

print(shipped.answers[:6], "…")
print(shipped.move_answers(["no", "yes", "turquoise", "red"]))
print(soft_scores(["red"] * 6 + ["dark red"] * 3 + ["pink"]))

# %% [markdown]
# ## Try it yourself
#
# [Exercises](exercises/README.md) 20 (BertAdam), 21 (VQA accuracy), 22 (moving answers), 23 (two pictures) and 30 (the
# learning rate of a step) belong to this chapter.
#
# ## Files of this chapter
#
# [training/loop.py](../minilxmert/training/loop.py): the loop · [optimizer.py](../minilxmert/training/optimizer.py) ·
# [recipes.py](../minilxmert/training/recipes.py): data, steps and rates · [tasks.py](../minilxmert/training/tasks.py)
# and [metrics.py](../minilxmert/training/metrics.py): VQA, GQA, NLVR2 ·
# [miniature.py](../minilxmert/training/miniature.py): the world as data
#
# ## Questions
#
# **1.** Half of your sentences are foreign, and `matched` is at 0.693 after 200 steps. A friend says the code is
# broken. How do you find out?
#
# <details><summary>Answer</summary>
#
# Check the gradients (chapter 8) and the labels, then let it run. Or give it eight examples only: a right model and
# loop can learn so few by heart, a broken one usually cannot.
# </details>
#
# **2.** Why is a comparison of "pre-trained" and "from scratch" unfair if the scratch run gets ten times the steps,
# and why might it be unfair if it does not?
#
# <details><summary>Answer</summary>
#
# With more steps it has seen more. Without them, the other one has had its pre-training steps on top. Say what is
# equal: here the labelled questions and the steps on them.
# </details>
#
# **3.** The optimizer divides by the root of the mean square gradient. What happens to a word that occurs in one of a
# thousand batches?
#
# <details><summary>Answer</summary>
#
# Its mean square is tiny most of the time. So even a rare gradient makes a large step: (1 - β₁) / √(1 - β₂), about 3
# times the rate with β₁ = 0.9 and β₂ = 0.999. In between, weight decay pulls the row towards 0.
# </details>
