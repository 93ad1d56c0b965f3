# %% [markdown]
# # 8 · Gradients by hand, checked
#
# **You will be able to** read any backward of this package as its forward upside down, write one yourself, prove it
# right with two forward calls, recognise a broken one, and find the parameters that cannot learn at all.
#
# A **gradient** says how much a loss changes when one number becomes a little larger. Training needs it for every
# parameter. Most frameworks derive it automatically (autograd). Here each is written out beside its forward.

# %%
import inspect

import numpy as np

from minilxmert import LxmertForQuestionAnswering, LxmertTokenizer
from minilxmert.ask import call_arguments
from minilxmert.core import ops
from minilxmert.core.attention import cross_attention, cross_attention_backward
from minilxmert.core.gradients import both_sides
from minilxmert.core.params import flatten, unflatten, zeros_like
from minilxmert.scenes.detector import detect
from minilxmert.scenes.language import explain
from minilxmert.teaching import BOTH, QUESTION, SCENE, draw_bars, draw_curves, example_picture, show, weights

rng = np.random.default_rng(0)

# %% [markdown]
# ## The picture: where the answer's gradient goes
#
# Our question, our scene, and the true answer as the label. `add_gradients` runs the model forward, then backward, and
# adds the gradient of every parameter into a tree. Here is how large it is in each part (the root of the sum of
# squares), from the head, where the backward begins, down to the embeddings. (In float64, because we need the digits.)

# %%
model = LxmertForQuestionAnswering.from_pretrained(weights(), dtype="float64")
tokenizer = LxmertTokenizer.from_pretrained(weights())
call = call_arguments(model, tokenizer, [QUESTION], [detect(example_picture())])
answer = explain(QUESTION, SCENE).answer
call["labels"] = np.array([model.answers.index(answer)])

g = zeros_like(model.params)  # the gradients: a tree of the same form as the parameters
output = model.add_gradients(g, **call)
print(f"{QUESTION} {answer}: the loss is {output.loss:.3g}, the model gives it {np.exp(-output.loss):.1%}\n")


# %%
def size(tree):
    """The length of all gradients of a tree together."""
    return float(np.sqrt(sum((leaf**2).sum() for leaf in flatten(tree).values())))


stacks = {f"{name} {i}": tree for name in ("language", "vision", "cross") for i, tree in g[name].items()}
parts = {"answer": g["answer"], "pooler": g["pooler"], **dict(reversed(stacks.items()))}
parts |= {"objects": g["objects"], "embeddings": g["embeddings"]}
show(draw_bars(list(parts), [size(tree) for tree in parts.values()], BOTH, unit=""))

# %% [markdown]
# ## One backward, on paper
#
# A linear map with one row: $y = x w^T + b$. Let `dy` say how much the loss changes with y. Then
#
# * y grows by w when x grows by 1, so $dx = dy \, w$;
# * y grows by x when w grows by 1, so $dw = dy^T x$;
# * y grows by 1 when b does, so $db = dy$, summed over the rows that share b.
#
# That is the chain rule. With numbers:

# %%
x, p = np.array([[2.0, 3.0]]), {"w": np.array([[1.0, -1.0]]), "b": np.array([0.5])}
dy, cache, gradient = np.array([[10.0]]), {}, {"w": np.zeros((1, 2)), "b": np.zeros(1)}

print("y  =", ops.linear(x, p, cache))  # 2·1 - 3·1 + 0.5
print("dx =", ops.linear_backward(dy, p, cache, gradient))  # 10·w
print("dw =", gradient["w"], " db =", gradient["b"])  # 10·x and 10

# %% [markdown]
# Every pair of this package works like this one:
#
# 1. The forward keeps what its backward needs in a dict, the **cache**, that the caller owns. `cache=None` is
#    inference: nothing is kept.
# 2. The gradient of the *input* is **returned**; gradients of *parameters* are **added** into `g`. A weight that is
#    used twice (cross-attention, in both directions) collects both gradients without a special case.
# 3. Forward and backward are neighbours in the file, and the backward goes through the forward from its end.

# %%
print(inspect.getsource(ops.linear))
print(inspect.getsource(ops.linear_backward))

# %% [markdown]
# [Chapter 13](13_backwards_derived.py) derives the backwards of softmax, LayerNorm, cross-entropy and attention, step
# by step.
#
# ## Is it right? Ask the forward
#
# Move one number a little each way and see what the loss does. This is the **central difference**:
#
# $$\frac{f(x + ε) - f(x - ε)}{2 ε}$$
#
# How small should ε be? If it is too large, the curve bends. If it is too small, the difference of two nearly equal
# numbers is only rounding noise. Below is the error of the check itself, for GELU, by ε: it falls, then rises again.
# In float32 even the best ε gives only a few digits. **So gradients are checked in float64.**

# %%
exponents = np.arange(1, 11)
errors = {}
for dtype in (np.float64, np.float32):
    x = np.linspace(-2, 2, 50).astype(dtype)
    dy, cache = np.sin(np.arange(50)).astype(dtype), {}
    ops.gelu(x, cache)
    dx = ops.activation_backward(dy, cache)
    pairs = [both_sides(ops.gelu, x, dx, dy, np.random.default_rng(1), 10.0**-k) for k in exponents]
    errors[dtype.__name__] = [np.log10(abs(numeric / exact - 1) + 1e-16) for exact, numeric in pairs]
show(draw_curves(-exponents, errors, "log10 of the relative error, by log10 of ε"))

# %% [markdown]
# ## Every number at once
#
# Two forward calls for each of 800,000 parameters would take long. One **random direction** v is enough: move *all*
# numbers along v. If `dx` is right, ⟨dx, v⟩ equals the change of the loss. A wrong number anywhere in dx shows, unless
# v is perpendicular to the mistake, and for a random v that has probability 0. `both_sides` returns the two numbers.
# Here for *all parameters of the model*, through the three encoders and the head:

# %%
params, all_gradients = model.params, flatten(g)


def loss_of(changed):
    """The loss of our question as a function of some of the parameters, {path: array}."""
    model.params = unflatten({**flatten(params), **changed})
    return np.array(model(**call).loss)


def compare(what, chosen):
    x = {path: leaf for path, leaf in flatten(params).items() if chosen(path)}
    exact, numeric = both_sides(loss_of, x, {path: all_gradients[path] for path in x}, np.array(1.0), rng)
    model.params = params
    print(f"{what:<21} by the backward {exact:13.9f}, by two forward calls {numeric:13.9f}")


compare("all parameters", lambda path: True)
compare("all but three tables", lambda path: not path.endswith(("word.w", "position.w", "token_type.w")))

# %% [markdown]
# The check has found something. With all parameters it disagrees; without the embedding tables it agrees to nine
# decimals. Is the backward of the tables wrong? [ops.py](../minilxmert/core/ops.py) says: *"Row 0 never learns, as
# published (padding_idx=0)"*. The published model drops the gradient of row 0 of all three tables. For [PAD] that
# makes sense. It also freezes the first *place* of every sentence and the only *segment* that is used. We do the same.
#
# ## Breaking it
#
# A check must catch mistakes. Here are the right backward of a softmax and four wrong ones:


# %%
def right(da, a):
    return ops.softmax_backward(da, a)


def no_correction(da, a):  # forgets that the probabilities of a row compete
    return a * da


def all_zero(da, a):
    return np.zeros_like(a)


def wrong_axis(da, a):
    return a * (da - (da * a).sum(0, keepdims=True))


def scaled(da, a):  # a forgotten 1/√D would look like this
    return ops.softmax_backward(da, a) * 8**0.5


scores = rng.standard_normal((4, 6))
a = ops.softmax(scores)
for name, dy in (("random dy", rng.standard_normal((4, 6))), ("dy of ones", np.ones((4, 6)))):
    for backward in (right, no_correction, all_zero, wrong_axis, scaled):
        exact, numeric = both_sides(ops.softmax, scores, backward(dy, a), dy, rng)
        caught = abs(exact - numeric) > 1e-6 * max(1, abs(numeric))
        print(f"{name:<11} {backward.__name__:<14} {exact:10.6f} {numeric:10.6f}  {'CAUGHT' if caught else 'passes'}")

# %% [markdown]
# With a random `dy` every mistake is caught. With a `dy` of ones, a backward that returns **only zeros passes**: the
# rows of a softmax always sum to 1, so for ones the true gradient is 0.
#
# ## Where gradients die
#
# Which parameters cannot learn from this question at all? Those whose gradient is exactly 0:


# %%
def shown(path):
    """A path without its last steps: "cross.2.vision.attention.query.w" -> "cross.2.vision" """
    return ".".join(path.split(".")[:3] if path.startswith("cross") else path.split(".")[:2])


dead = [path for path, leaf in flatten(g).items() if not leaf.any()]
groups = {name: sum(shown(path) == name for path in dead) for name in dict.fromkeys(map(shown, dead))}
print(f"{len(dead)} of {len(flatten(g))} arrays get no gradient:", groups)
rows = {name: g["embeddings"][name]["w"].any(1) for name in ("word", "position", "token_type")}
print("rows of the tables that do:", {name: f"{moved.sum()} of {len(moved)}" for name, moved in rows.items()})

# %% [markdown]
# * The **vision half of the last cross layer**: the answer is read from the last state of [CLS]. The last states of
#   the objects do not reach it. (The object losses of pre-training use them: chapter 9.) So that half
#   need not be computed, neither forward nor backward: [short.py](../minilxmert/core/short.py).
# * Rows of the **word table** that the question does not use, and **row 0** of all three tables, as we have just
#   found. Only segment 0 is used here, so the whole table of segments does not learn.
#
# One more is easily overlooked: the **bias of the keys**. It adds the same number to every score of a row, and softmax
# ignores such a number. So its true gradient is 0. What you see below is rounding noise, far smaller than its
# neighbours.

# %%
first = g["language"]["0"]["attention"]
for name in ("query", "key", "value"):
    print(f"gradient of the {name} bias: {np.abs(first[name]['b']).max():.1e}")

# %% [markdown]
# ## Shared weights collect both shares
#
# In a cross layer, words look at objects and objects at words with *one* set of weights (chapter 6). Each direction
# gives a gradient, and the weights learn from their sum. We take the value matrix of the first cross layer and switch
# off one direction at a time, by zeroing its half of the incoming gradient.

# %%
c = model.config
p = params["cross"]["0"]["cross"]
lang, visn = rng.standard_normal((1, 5, c.hidden_size)), rng.standard_normal((1, 3, c.hidden_size))
cache = {}
ends = cross_attention(lang, visn, np.zeros((1, 1, 1, 5)), np.zeros((1, 1, 1, 3)), p, c, cache=cache)
dlang, dvisn = (rng.standard_normal(end.shape) for end in ends)

shares = {}
for name, used in (("words", (1, 0)), ("objects", (0, 1)), ("both", (1, 1))):
    shares[name] = zeros_like(p)
    cross_attention_backward(dlang * used[0], dvisn * used[1], p, cache, shares[name])
w = {name: tree["value"]["w"] for name, tree in shares.items()}
print("words alone + objects alone = both:", np.allclose(w["words"] + w["objects"], w["both"], rtol=1e-12, atol=1e-12))

# %% [markdown]
# ## Try it yourself
#
# [Exercises](exercises/README.md) 13 (the backward of LayerNorm) and 14 (of attention) belong to this chapter. After it
# you can also begin [the project](exercises/README.md#the-project-an-lxmert-of-your-own), exercises 31 to 38: each of
# its functions comes with its backward.
#
# ## Files of this chapter
#
# [ops.py](../minilxmert/core/ops.py): every forward with its backward below it ·
# [attention.py](../minilxmert/core/attention.py), [encoder.py](../minilxmert/core/encoder.py): the same for whole
# blocks · [gradients.py](../minilxmert/core/gradients.py): the check
#
# ## Questions
#
# **1.** `softmax_backward` is `a * (da - (da * a).sum(-1))`. What is subtracted, in words, and what would go wrong
# without?
#
# <details><summary>Answer</summary>
#
# The mean of `da` under the probabilities. Raising one score takes probability from the others, and the gradient must
# include that. Without it, every score would seem to grow at no cost (`no_correction` above).
# </details>
#
# **2.** `layer_norm_backward` subtracts *two* means. Where does each come from?
#
# <details><summary>Answer</summary>
#
# LayerNorm subtracts the row's mean and divides by its deviation, and both depend on x. The first term is the
# derivative through the mean, the second through the deviation. They make dx perpendicular to ones and to the
# normalised row: shifting or stretching the input does not change the result, so the gradient cannot point in these
# directions.
# </details>
#
# **3.** A colleague checks gradients in float32 with ε = 1e-6 and finds 20 % errors everywhere. Is the backward wrong?
#
# <details><summary>Answer</summary>
#
# That cannot be said: at ε = 1e-6 a float32 difference has lost all its digits (see the curve). Check in float64.
# </details>
