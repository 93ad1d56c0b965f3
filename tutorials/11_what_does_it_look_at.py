# %% [markdown]
# # 11 · What does it look at?
#
# **You will be able to** look into every attention head, compute which words and objects an answer rests on, *test*
# whether such an explanation means anything, catch a model that only reads the text, and check what the paper says
# about heads on any weights.
#
# An **attention map** says where a head looked. A **relevance** says what the answer would not have come out without.
# The two are not the same, and neither is true because it looks plausible: both are claims, to be tested.

# %%
import numpy as np

from minilxmert import LxmertForPreTraining, LxmertForQuestionAnswering, LxmertTokenizer
from minilxmert.ask.asking import ask, call_arguments
from minilxmert.experiments.probing import foil_report
from minilxmert.explain.attention import FAMILIES, attention
from minilxmert.explain.observations import head_marks, observe
from minilxmert.explain.page import window
from minilxmert.explain.perturbation import compare
from minilxmert.explain.relevance import relevance
from minilxmert.scenes.detector import describe, detect
from minilxmert.scenes.language import explain
from minilxmert.scenes.world import SMALL
from minilxmert.teaching import (
    BOTH,
    OBJECTS,
    QUESTION,
    SCENE,
    WORDS,
    draw_bars,
    draw_curves,
    draw_matrix,
    draw_picture,
    example_picture,
    show,
    weights,
)
from minilxmert.training.miniature import Miniature
from minilxmert.training.tasks import predict
from minilxmert.vision.pictures import encode_png

# %%
model = LxmertForQuestionAnswering.from_pretrained(weights())
tokenizer = LxmertTokenizer.from_pretrained(weights())
objects = detect(example_picture())
names = describe(objects)

# %% [markdown]
# ## The picture: where the words look
#
# Our question and our scene. Rows are words, columns objects; each row sums to 1. This is the last cross layer, all
# heads averaged: what the paper draws as lines between a sentence and a picture. Find the rows of `blue` and `square`.

# %%
maps = attention(model, tokenizer, QUESTION, objects, names)
show(draw_matrix(maps["words_to_objects"][-1].mean(0), maps.words, maps.objects, OBJECTS, "words look at objects"))
print({name: f"{value.shape[0]} layers × {value.shape[1]} heads" for name, value in maps.maps.items()})

# %% [markdown]
# There are six families of maps, one for each meeting of words and objects in the model:

# %%
for name, family in FAMILIES.items():
    marks = [mark or "nothing with a name" for layer in head_marks(maps, name) for mark in layer]
    best = maps.strongest(name, 0, 0, 1)[0] if len(maps[name]) else ("-", "-", 0.0)
    print(f"{family.title:<48} strongest of its first head: {best[0]} → {best[1]} {best[2]:.0%}")
    counted = [f"{mark} ({marks.count(mark)})" for mark in sorted(set(marks))]
    print(f"{'':<48} what its heads mostly do: {', '.join(counted)}")

# %% [markdown]
# It is tempting to say now: "it looked at the red circle, *because* ...". But an average over heads hides what single
# heads do, a map of one layer knows nothing of the layers before (by the last layer, "the red circle" has long been
# mixed into its neighbours), and a head may look at something and then multiply it by zero.
#
# ## Relevance: what the answer rests on
#
# Chefer, Gur & Wolf (2021) follow the whole road. Take the score of one answer and its gradient with respect to every
# attention map: gradient times map is large where a look *mattered* for this score. Then carry it through the layers,
# starting from "every word is relevant to itself". The rules are four lines each in
# [relevance.py](../minilxmert/explain/relevance.py).

# %%
call = call_arguments(model, tokenizer, [QUESTION], [objects])
told = relevance(model, **call)
print(f"{QUESTION} {model.answers[told.targets[0]]} (true: {explain(QUESTION, SCENE).answer})\n")
share = told.objects[0] / max(told.objects[0].max(), 1e-12)
show(draw_picture(example_picture(), objects, names, share))
show(draw_bars(maps.words, told.words[0] / max(told.words[0].sum(), 1e-12), WORDS))

# %% [markdown]
# The same model, the same picture, another *target*: why did it not say something else? Relevance is always relevance
# for one answer, and each has its own.

# %%
for answer in ask(model, tokenizer, [QUESTION], [objects], top=3)[0]:
    other = relevance(model, answer.number, **call).objects[0]
    ranked = [f"{names[i]} {other[i] / max(other.sum(), 1e-12):.0%}" for i in np.argsort(-other)[:3]]
    print(f"{answer.text:>8} {answer.probability:6.1%}  rests on {', '.join(ranked)}")

# %% [markdown]
# ## Does it mean anything? Take things away
#
# The test: remove objects, the **least** relevant first. A good order keeps the answers right for long. A random order
# is the floor, the raw attention of the last layer a rival. On pictures that nobody has learnt from, with questions
# about colour and shape, whose answers need an object:

# %%
data = Miniature(SMALL, "test", 40)
task = data.task("vqa")
chosen = [i for i, kind in enumerate(task.kinds) if kind in ("color", "shape")]
records = [task.records[i] for i in chosen]
inputs = call_arguments(model, tokenizer, [r.sent for r in records], [data.pictures[r.img_id] for r in records])
answers = np.array([model.answers.index(next(iter(r.label))) for r in records])

curves = compare(model, inputs, answers, "objects", "least", np.random.default_rng(0))
shares = next(iter(curves.values())).shares
drawn = {name: curve.accuracy for name, curve in curves.items()}
show(draw_curves(shares, drawn, f"{len(records)} questions: accuracy, by the share of objects removed"))
show(draw_bars(list(curves), [curve.area for curve in curves.values()], BOTH))

# %% [markdown]
# The bars are the areas under the curves, for the least relevant first: longer is better. Turned round, with the
# *most* relevant first, a good order destroys the answers at once, and the smaller area is the better one:

# %%
turned = compare(model, inputs, answers, "objects", "most", np.random.default_rng(0))
show(draw_bars(list(turned), [curve.area for curve in turned.values()], BOTH))
print("relevance beats random in both directions:", all(
    sign * (found["relevance"].area - found["random"].area) > 0 for sign, found in ((1, curves), (-1, turned))
))  # fmt: skip

# %% [markdown]
# ## Is it looking at all? The blind baseline
#
# Before asking *where* it looks, ask *whether*. Hide the objects, or the words, and measure again. What is left is
# what can be guessed: a data set in which most questions can be answered blind teaches nobody to see.

# %%
found = {}
for name, hidden in (("sees and reads", None), ("objects hidden", "objects"), ("words hidden", "words")):
    found[name] = task.report(predict(model, tokenizer, task, hidden=hidden))["Overall"].share
show(draw_bars(list(found), list(found.values()), BOTH))

# %% [markdown]
# ## Foils: one wrong word
#
# A **foil** is a true caption with one word changed, so that it is false of the picture. A model that connects words
# with objects finds the true one more fitting; one that only knows good sentences cannot tell (50 %). By what was
# changed:

# %%
matcher = LxmertForPreTraining.from_pretrained(weights() / "pretrained")
pair = data.foils[0]
print(f"true: {pair[1]}\nfoil: {pair[2]}   ({pair[3]})\n")
report = foil_report(matcher, LxmertTokenizer.from_pretrained(weights() / "pretrained"), data)
show(draw_bars([f"{row.name} ({row.total})" for row in report.rows], [row.share for row in report.rows], BOTH))

# %% [markdown]
# ## The paper's observations, tested
#
# The paper's appendix looks at attention graphs and says, among others: some language heads look at the next or the
# previous word; in the object encoder some heads look at single objects; in the cross layers, objects look at nouns
# and pronouns more than at articles. Observations of *that* model on *some* examples. Here they are measured, on ours.
# A **lift** is a share divided by what even attention would give: 1 means "no more than by chance".

# %%
asked = records[:60]
seen = [data.pictures[r.img_id] for r in asked]
observed = observe(model, tokenizer, [r.sent for r in asked], seen, [describe(o) for o in seen])
habits = observed.habits["language"]
show(draw_bars(list(habits), [float(np.nanmax(heads)) for heads in habits.values()], WORDS))
known = {name: lift for name, (lift, count) in observed.word_classes.items() if count}
show(draw_bars(list(known), list(known.values()), BOTH, unit=" × even"))
one_hot = {name: f"{(heads >= 0.9).sum()} of {heads.size}" for name, heads in observed.sharpness.items()}
print("one-hot heads (largest weight 0.9 or more, on average):", one_hot)

# %% [markdown]
# The first bars are, for each habit, the head that has it most. What holds for the published model need not hold for a
# small one, and the other way round: `minilxmert analyze` prints these tables for any weights and any questions.
#
# ## A window
#
# All of this in one page, with the mouse: point at a word, and the objects it looks at light up. In a notebook the
# line below shows it; in a terminal, `minilxmert show --weights weights --image picture.png --question "…" --out
# page.html` writes it.

# %%
page = window(model, tokenizer, QUESTION, objects, encode_png(example_picture()), names)
print(page)
page

# %% [markdown]
# ## Rooms of this chapter
#
# [explain/attention.py](../minilxmert/explain/attention.py): every map by name ·
# [explain/relevance.py](../minilxmert/explain/relevance.py): the rules, with the numbers of the paper's equations ·
# [explain/perturbation.py](../minilxmert/explain/perturbation.py): the test ·
# [explain/observations.py](../minilxmert/explain/observations.py): what heads do ·
# [training/probing.py](../minilxmert/experiments/probing.py): foils
#
# Exercises 24 and 25 (relevance, within and across): [exercises](exercises/README.md).
#
# ## Questions
#
# **1.** A head looks at [SEP] with 95 %, at every word. Is [SEP] important?
#
# <details><summary>Answer</summary>
#
# Hardly. A row must sum to 1, and a head that finds nothing to do needs a place to look at that changes little. [SEP]
# is always there and always the same, and so becomes a parking place. Its relevance, which multiplies by the gradient,
# is usually small: test it.
# </details>
#
# **2.** Why is the *least* relevant removed first, and not only the most relevant?
#
# <details><summary>Answer</summary>
#
# Removing the most relevant first shows that these objects are needed; removing the least first shows that the others
# are not. A method that calls everything near the truth relevant passes the first test and fails the second.
# </details>
#
# **3.** The blind model, with objects hidden, is right in four of ten questions. Is that a fault of the model?
#
# <details><summary>Answer</summary>
#
# No, of the questions: their answers are not evenly spread, and the most frequent answer of a kind is right that
# often. It is the floor that a seeing model must be compared with, and a reason to make data in which every statement
# is true of one picture and false of another.
# </details>
