# %% [markdown]
# # 1 · A question and a picture, answered
#
# **You will be able to** ask LXMERT a question about a picture, name the stops on its road from pixels and letters to
# an answer, say what shape the numbers have at each stop, and walk in with a debugger.
#
# LXMERT (Tan & Bansal, 2019) is a neural network that looks at a picture and reads a sentence *together*. This course
# takes a small one apart. One picture and one question come with us through all chapters: here they are.
#
# This page is a program: run it as it stands, or one cell after the other.

# %%
from dataclasses import replace

import numpy as np

from minilxmert import LxmertForQuestionAnswering, LxmertTokenizer, backend
from minilxmert.ask import ask, call_arguments
from minilxmert.core.ops import softmax
from minilxmert.scenes.detector import describe, detect
from minilxmert.scenes.language import explain
from minilxmert.teaching import QUESTION, SCENE, draw_bars, draw_picture, draw_road, example_picture, show, weights

picture = example_picture()
objects = detect(picture)
show(draw_picture(picture, objects, describe(objects)))
print(QUESTION)

# %% [markdown]
# A small **detector** found the boxes. It sees only the pixels; the names beside the boxes are its guesses, for us to
# read. LXMERT itself never sees pixels or names. It is given the **objects**: each is a box and a row of numbers that
# describe what is in the box (chapter 3).
#
# The colours mean the same in all drawings of the course: vermilion is language, blue is vision, and green is where
# they meet.
#
# Asking takes a model, a tokenizer (chapter 2), and one call:

# %%
model = LxmertForQuestionAnswering.from_pretrained(weights())
tokenizer = LxmertTokenizer.from_pretrained(weights())
answers = ask(model, tokenizer, [QUESTION], [objects])[0]
show(draw_bars([answer.text for answer in answers], [answer.probability for answer in answers]))

# %% [markdown]
# The bars are **probabilities**: all answers of the model's list share 100 %, and these are the likeliest five. The
# answer is *chosen* from that list. LXMERT does not write text.
#
# Is it right? A program drew the scene, so it can show step by step how the true answer follows. The model was not
# given any of these steps.

# %%
print(explain(QUESTION, SCENE))
print("\nthe model says:", answers[0].text)

# %% [markdown]
# ## The whole road
#
# `ask` is short. Below is all it does, one stop a line. Every array has a **shape**. The whole package uses the letters
# of [ops.py](../minilxmert/core/ops.py): **B** sentences in the batch (here 1), **N** tokens of the sentence, **M**
# objects of the picture, **E** numbers that describe each token or object inside the model.

# %%
tokens = tokenizer(QUESTION)["input_ids"]  # N whole numbers
print("tokens   ", tokenizer.convert_ids_to_tokens(tokens))
print("boxes    ", objects.normalised_boxes.shape, "x0 y0 x1 y1, parts of the width and height")
print("features ", objects.features.shape, "numbers that describe each object")

inputs = call_arguments(model, tokenizer, [QUESTION], [objects])
for name, value in inputs.items():
    print(f"  {name:<22} {value.shape}")

output = model(**inputs, output_hidden_states=True)
print("language ", [state.shape for state in output.language_hidden_states], "(B, N, E) after each layer")
print("vision   ", [state.shape for state in output.vision_hidden_states], "(B, M, E) after each layer")

scores = output.question_answering_score  # (B, answers): any numbers, larger is likelier
probabilities = softmax(scores)[0]  # positive, and together 1
best = int(probabilities.argmax())
print("answer   ", model.answers[best], f"{probabilities[best]:.1%}")
assert model.answers[best] == answers[0].text  # the same road, by hand

# %% [markdown]
# The same road as a map, drawn from the model's own configuration. Two roads run side by side, one for words and one
# for objects. Then come layers in which each side looks at the other.

# %%
show(draw_road(model.config, len(tokens), len(objects)))

# %% [markdown]
# ## Does it look at the picture at all?
#
# A model could answer by guessing, with the commonest colour. A first test: keep the question and change the picture.
# We paint the thing left of the square in other colours.

# %%
for color in ("red", "green", "yellow", "purple"):
    circle, *others = SCENE.things
    painted = replace(SCENE, things=(replace(circle, color=color), *others))
    seen = detect(painted.picture(np.random.default_rng(0)))
    said = ask(model, tokenizer, [QUESTION], [seen])[0][0]
    print(f"{color:>7} circle: the model says {said.text} ({said.probability:.0%})")

# %% [markdown]
# A model that has learnt follows the paint. Chapter 11 asks how far to believe it, and what it looked at.
#
# ## Step inside
#
# One switch says what runs under the model. `numba`, the default, is compiled and fast. `numpy` is plain Python that a
# debugger can follow to the last line. Both give the same numbers. Set a breakpoint in the next cell, or write
# `breakpoint()` before the call, and step into `model(…)`: you come to `run_encoders` in
# [core/model.py](../minilxmert/core/model.py), and from there to every part of the model.

# %%
with backend("numpy"):
    plain = model(**inputs, output_hidden_states=True).question_answering_score
print("largest difference between the two ways:", float(np.abs(plain - scores).max()))

# %% [markdown]
# ## Files of this chapter
#
# [ask](../minilxmert/ask/__init__.py) · [model.py](../minilxmert/published/model.py) ·
# [config.py](../minilxmert/core/config.py) · [scenes/world.py](../minilxmert/scenes/world.py), where the picture comes
# from
#
# ## Questions
#
# **1.** The model has a fixed list of answers. What does it say to "what is the circle called ?"
#
# <details><summary>Answer</summary>
#
# The likeliest entry of its list, whatever that is: softmax always shares out 100 %, even where no entry fits. `ask`
# does not refuse. `minilxmert answer` says when the best probability is low or a word is unknown.
# </details>
#
# **2.** The picture comes in as a *set* of objects. What changes if you change their order?
#
# <details><summary>Answer</summary>
#
# Only rounding. The box alone says where a thing is; the model does not number its objects. Reorder features and boxes
# in the same way, and the scores stay. Words are different: each carries its place (chapter 2).
# </details>
#
# **3.** The probability of the best answer is high. Is the answer then right?
#
# <details><summary>Answer</summary>
#
# Not necessarily. The probability says how clearly this answer beats the others *in the model's view*. A model that
# is right in 90 of 100 cases when it says 90 % is called calibrated, and that must be measured. On pictures unlike
# those of its training a model can be sure and wrong.
# </details>
#
# Next: [2 Words](02_words.py).
