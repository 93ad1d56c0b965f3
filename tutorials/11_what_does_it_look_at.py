# %% [markdown]
# # 11 · What does it look at?
#
# **You will be able to** look into every attention head, compute which words and objects an answer rests on, *test*
# such an explanation, find a model that only reads the text, and check what the paper says about heads on any weights.
#
# An **attention map** says where a head looked. A **relevance** estimates what the answer rests on. They are not the
# same, and neither is true because it looks plausible. Both must be tested.

# %%
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: products of so small a model are too small to share

import numpy as np

from minilxmert import LxmertForQuestionAnswering, LxmertTokenizer
from minilxmert.explain.attention import FAMILIES, attention
from minilxmert.explain.observations import head_marks
from minilxmert.scenes.detector import describe, detect
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

model = LxmertForQuestionAnswering.from_pretrained(weights())
tokenizer = LxmertTokenizer.from_pretrained(weights())
objects = detect(example_picture())
names = describe(objects)

# %% [markdown]
# ## The picture: where the words look
#
# Our question and our scene. Rows are words, columns are objects, and each row sums to 1. This is the mean of all
# heads of the last cross layer. The paper draws it as lines between a sentence and a picture. Find the rows of `blue`
# and `square`.

# %%
maps = attention(model, tokenizer, QUESTION, objects, names)
show(draw_matrix(maps["words_to_objects"][-1].mean(0), maps.words, maps.objects, OBJECTS, "words look at objects"))
print({name: f"{value.shape[0]} layers × {value.shape[1]} heads" for name, value in maps.maps.items()})

# %% [markdown]
# There are six families of maps, one for each meeting of words and objects in the model:

# %%
named = total = 0
for name, family in FAMILIES.items():
    marks = [mark or "no name" for layer in head_marks(maps, name) for mark in layer]
    best = maps.strongest(name, 0, 0, 1)[0] if len(maps[name]) else ("-", "-", 0.0)
    print(f"{family.title:<48} strongest of its first head: {best[0]} → {best[1]} {best[2]:.0%}")
    counted = [f"{mark} ({marks.count(mark)})" for mark in sorted(set(marks))]
    print(f"{'':<48} what its heads mostly do: {', '.join(counted)}")
    named, total = named + sum(mark != "no name" for mark in marks), total + len(marks)
print(f"{named} of {total} heads have a name")

# %% [markdown]
# A head gets a name if it gives half of its attention or more to one kind of place: the next word, the previous one,
# itself, [CLS] or [SEP]; or if its largest weight is 0.9 or more on average ("one-hot"). **With the shipped weights
# hardly any head has a name**, and that is a result. In BERT some heads do have such habits (Clark et al. 2019).
# Here nearly every head spreads its attention, and no single map explains the answer. With a lower
# threshold more heads would get a name, but a name for 30 % of a head's attention would mislead.
#
# It is tempting to say now: "it looked at the red circle, *because* …". But a mean over heads hides single heads. A
# map of one layer shows nothing of the layers before, which have mixed the objects' rows. And a head may look at
# something and multiply it by nearly zero.
#
# ## Relevance: what the answer rests on
#
# Chefer, Gur & Wolf (2021) follow all layers. Take the score of one answer and its gradient with respect to every
# attention map A. Where gradient times map is large, the attention mattered for this score. The mean over heads of its
# positive part is the update of a layer:
#
# $$\bar{A} = \text{mean}_h \max(∇A ⋅ A, 0)$$
#
# The relevances start from "every word and object is relevant to itself" and collect these updates, layer by layer:
# [relevance.py](../minilxmert/explain/relevance.py).

# %%
from minilxmert.ask import ask, call_arguments
from minilxmert.explain.relevance import relevance
from minilxmert.scenes.language import explain

call = call_arguments(model, tokenizer, [QUESTION], [objects])
found = relevance(model, **call)
print(f"{QUESTION} {model.answers[found.targets[0]]} (true: {explain(QUESTION, SCENE).answer})\n")
share = found.objects[0] / max(found.objects[0].sum(), 1e-12)
show(draw_picture(example_picture(), objects, names, share))
show(draw_bars(maps.words, found.words[0] / max(found.words[0].sum(), 1e-12), WORDS))

# %% [markdown]
# The red circle has by far the largest share. The blue square, which the question names, has the second one, a
# sixth of all. Test it: hide one object at a time and ask again.

# %%
for number, name in enumerate(names):
    without = dict(call, visual_attention_mask=call["visual_attention_mask"].copy())
    without["visual_attention_mask"][0, number] = 0
    scores = model(**without).question_answering_score[0]
    print(f"without the {name:<13} {model.answers[scores.argmax()]:>6}")

# %% [markdown]
# With the shipped weights one object alone changes the answer when it is hidden: the red circle, which had the largest
# share. Without it nothing is left of the square, and the model says "blue", the color of the square itself. Without
# the square it still says "red": in this picture the circle is the only thing on the left. So the answer does not need
# the square *in this picture*, and relevance is right to give it little. This is no proof that the model can do without
# the square in general; in another picture the answer may need it.
#
# Relevance always belongs to one *target*. The same model and picture with other answers:

# %%
for answer in ask(model, tokenizer, [QUESTION], [objects], top=3)[0]:
    other = relevance(model, answer.number, **call).objects[0]
    ranked = [f"{names[i]} {other[i] / max(other.sum(), 1e-12):.0%}" for i in np.argsort(-other)[:3]]
    print(f"{answer.text:>8} {answer.probability:6.1%}  rests on {', '.join(ranked)}")

# %% [markdown]
# ## Does it mean anything? Take things away
#
# The test: remove objects, the **least** relevant first. A good order keeps the answers right for long. Compare it
# with a random order and with the raw attention of the last layer. The pictures are of the test split, and the
# questions are about colour and shape, whose answers need an object:

# %%
from minilxmert.explain.perturbation import removal_curves
from minilxmert.scenes.world import SMALL
from minilxmert.training.miniature import Miniature

data = Miniature(SMALL, "test", 40)
task = data.task("vqa")
chosen = [i for i, kind in enumerate(task.kinds) if kind in ("color", "shape")]
records = [task.records[i] for i in chosen]
inputs = call_arguments(model, tokenizer, [r.sent for r in records], [data.pictures[r.img_id] for r in records])
answers = np.array([model.answers.index(next(iter(r.label))) for r in records])

curves = removal_curves(model, inputs, answers, "objects", "least", np.random.default_rng(0))
shares = next(iter(curves.values())).shares
drawn = {name: curve.accuracy for name, curve in curves.items()}
show(draw_curves(shares, drawn, f"{len(records)} questions: accuracy, by the share of objects removed"))
show(draw_bars(list(curves), [curve.area for curve in curves.values()], BOTH))

# %% [markdown]
# The bars are the areas under the curves: with the least relevant first, larger is better. With the *most* relevant
# first, a good order loses the answers at once, and smaller is better:

# %%
turned = removal_curves(model, inputs, answers, "objects", "most", np.random.default_rng(0))
show(draw_bars(list(turned), [curve.area for curve in turned.values()], BOTH))
print("relevance beats random in both directions:", all(
    sign * (kind["relevance"].area - kind["random"].area) > 0 for sign, kind in ((1, curves), (-1, turned))
))  # fmt: skip
one = 1 / len(records)
print(f"relevance - attention: {curves['relevance'].area - curves['attention'].area:+.3f}; one answer weighs {one:.3f}")

# %% [markdown]
# Both orders beat chance clearly. **But relevance does not beat raw attention here**: with the least relevant first the
# two are level, with the most relevant first they differ by less than one of the few answers that we asked for. Why?
# The model is small, it has three cross layers, and its last one looks nearly only at the object in question (the
# matrix at the top). So there the raw map already has the right order. In the paper, with the published model,
# relevance is ahead of raw attention (Chefer et al. 2021, section 4). Our test does not contradict that, and it does
# not confirm it. To decide, take more questions and look at the differences question by question.
#
# ## Is it looking at all? The blind baseline
#
# Before asking *where* it looks, ask *whether*. Hide the objects, or the words, and measure again. The rest is what
# can be guessed.

# %%
from minilxmert.training.tasks import predict

shares_right = {}
for name, hidden in (("sees and reads", None), ("objects hidden", "objects"), ("words hidden", "words")):
    shares_right[name] = task.report(predict(model, tokenizer, task, hidden=hidden))["Overall"].share
show(draw_bars(list(shares_right), list(shares_right.values()), BOTH))

# %% [markdown]
# ## Foils: one wrong word
#
# A **foil** is a true caption with one word changed, so that it is false. A model that connects words with objects
# gives the true one the higher score. One that only knows good sentences is right in half the cases. By what was
# changed:

# %%
from minilxmert import LxmertForPreTraining
from minilxmert.experiments.probing import foil_report

matcher = LxmertForPreTraining.from_pretrained(weights() / "pretrained")
pair = data.foils[0]
print(f"true: {pair[1]}\nfoil: {pair[2]}   ({pair[3]})\n")
report = foil_report(matcher, LxmertTokenizer.from_pretrained(weights() / "pretrained"), data)
show(draw_bars([f"{row.name} ({row.total})" for row in report.rows], [row.share for row in report.rows], BOTH))

# %% [markdown]
# It notices nearly every wrong word, of relations and numbers too. After the paper's pre-training it did not: there the
# wrong sentences are those of other pictures, which hardly ever differ in one fact alone. What has changed it is told
# in [weights/README.md](../weights/README.md). (Some groups have few foils: see the counts.)
#
# ## The paper's observations, tested
#
# The paper's appendix looks at attention graphs. It says, among other things: some language heads look at the next or
# the previous word; in the object encoder some heads look at single objects; in the cross layers objects look at nouns
# and pronouns more than at articles. Those are observations of *that* model on *some* examples. Here they are measured
# on ours. A **lift** is a share divided by what even attention would give: 1 means "no more than by chance".

# %%
from minilxmert.explain.observations import observe

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
# The first bars show, for each habit, the head that has it most. No head of ours gives half of its attention to the
# next or the previous word, so this observation is **not** confirmed on our model. Nouns do get more than articles,
# but the lifts are near 1. What holds for the published model need not hold for a small one. `minilxmert analyze`
# prints these tables for any weights and any questions.
#
# ## A window
#
# All of this in one page: point at a word, and the objects it looks at light up. In a notebook the line below shows
# it. In a terminal, `minilxmert show --image picture.png --question "…" --out page.html` writes it.

# %%
from minilxmert.explain.page import window
from minilxmert.vision.pictures import encode_png

page = window(model, tokenizer, QUESTION, objects, encode_png(example_picture()), names)
print(page)
page

# %% [markdown]
# ## Try it yourself
#
# [Exercises](exercises/README.md) 24 (relevance of words) and 25 (relevance across modalities) belong to this chapter.
#
# ## Files of this chapter
#
# [explain/attention.py](../minilxmert/explain/attention.py): every map by name ·
# [explain/relevance.py](../minilxmert/explain/relevance.py): the rules, with the numbers of the paper's equations ·
# [explain/perturbation.py](../minilxmert/explain/perturbation.py): the test ·
# [explain/observations.py](../minilxmert/explain/observations.py): what heads do ·
# [experiments/probing.py](../minilxmert/experiments/probing.py): foils
#
# ## Questions
#
# **1.** A head looks at [SEP] with 95 %, at every word. Is [SEP] important?
#
# <details><summary>Answer</summary>
#
# Not necessarily. A row must sum to 1, so a head that has nothing to do must look somewhere. Clark et al. (2019) found
# in BERT that [SEP] serves for that: changing the attention to it hardly changes the output. Relevance multiplies by
# the gradient. Test it.
# </details>
#
# **2.** Why is the *least* relevant removed first, and not only the most relevant?
#
# <details><summary>Answer</summary>
#
# Removing the most relevant first shows that these objects are needed. Removing the least relevant first shows that
# the others are not. A method that puts one needed object first and the others in a wrong order passes the first test
# and fails the second.
# </details>
#
# **3.** The blind model, with objects hidden, is right in four of ten questions. Is that a fault of the model?
#
# <details><summary>Answer</summary>
#
# No, it comes from the questions: the most frequent answer of a kind is right that often. A seeing model must be
# compared with this number. It is also a reason to make data in which every statement is true of one picture and false
# of another.
# </details>
