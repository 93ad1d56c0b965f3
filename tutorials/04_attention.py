# %% [markdown]
# # 4 · Attention, with your own hands
#
# **You will be able to** compute an attention on paper, say what query, key, value, score, mask and head mean, and
# read an attention map of the model.
#
# Attention lets one thing gather what it needs from others. It is **a weighted mean** whose weights come from a
# comparison. We first compute it for two words and three objects, small enough for paper. Then the model does the
# same.
#
# Letters: **N** words that look, **M** objects that are looked at, **H** heads, **D** numbers a head works with, E =
# H·D.

# %%
import numpy as np

from minilxmert import LxmertForQuestionAnswering, LxmertTokenizer, backend
from minilxmert.ask import call_arguments
from minilxmert.core.inputs import added_mask
from minilxmert.core.ops import attend, merge_heads, softmax, split_heads
from minilxmert.explain.attention import attention
from minilxmert.scenes.detector import describe, detect
from minilxmert.teaching import (
    BOTH,
    OBJECTS,
    QUESTION,
    WORDS,
    draw_curves,
    draw_matrix,
    draw_picture,
    example_picture,
    show,
    weights,
)

# %%
model = LxmertForQuestionAnswering.from_pretrained(weights())
tokenizer = LxmertTokenizer.from_pretrained(weights())
picture = example_picture()
objects = detect(picture)
maps = attention(model, tokenizer, QUESTION, objects, describe(objects))
word = maps.words.index("square")
looks = maps["words_to_objects"][0].mean(0)[word]  # first cross layer, mean of its heads
print(f"where the word {maps.words[word]!r} looks, in the first cross layer:")
show(draw_picture(picture, objects, maps.objects, looks))

# %% [markdown]
# (The numbers are shares of 100 %. The box with the largest share has the thickest line.)
#
# ## On paper: two words, three objects
#
# Every word has a **query**: what am I looking for? Every object has a **key**: what do I offer? And a **value**: what
# do I give to those who look? All are rows of D numbers. Here D = 4, and most numbers are zero. Keys are multiples of
# ln 2 = 0.693, so that e to the power of a score is a whole number.

# %%
ln2 = np.log(2)
words, things = ["circle", "left"], ["red circle", "blue square", "yellow star"]
queries = np.array([[2.0, 0, 0, 0], [0, 2, 0, 0]])  # (N, D): one word looks for roundness, the other for leftness
keys = ln2 * np.array([[2.0, 3, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])  # (M, D): round and left, a little round, neither
values = np.array([[7.0, 0, 0, 0], [0, 7, 0, 0], [0, 0, 7, 0]])  # (M, D): each gives something of its own
show(draw_matrix(queries, words, color=WORDS, title="queries"), draw_matrix(keys / ln2, things, title="keys, in ln 2"))

# %% [markdown]
# **Take a pencil now.**
#
# 1. *Scores.* Compare each query with each key: multiply number by number and add up, then divide by √D = 2. "circle"
#    and the red circle: (2·2 + 0·3) / 2 = 2, in units of ln 2. You get a table of 2 × 3.
# 2. *Softmax.* Raise e to the power of each score: 2 ln 2 becomes 4, 1 ln 2 becomes 2, 0 becomes 1. Divide each row by
#    its sum. "circle": 4, 2, 1 with the sum 7, so the weights are 4/7, 2/7, 1/7.
# 3. *Mix.* The weighted mean of the values: 4/7 · (7, 0, 0, 0) + 2/7 · (0, 7, 0, 0) + 1/7 · (0, 0, 7, 0) = (4, 2, 1,
#    0).
#
# Do the second row yourself before you go on. With the rows of Q the queries, of K the keys and of V the values, the
# three steps are one formula (Vaswani et al. 2017, section 3.2):
#
# $$Y = \text{softmax}(\frac{1}{\sqrt{D}} Q K^T) V$$

# %%
scores = queries @ keys.T / np.sqrt(4)  # (N, M)
chosen = softmax(scores)  # (N, M), rows sum to 1
show(draw_matrix(scores / ln2, words, things, title="scores, in ln 2"))
show(draw_matrix(chosen, words, things, title="weights"))
show(draw_matrix(chosen @ values, words, color=BOTH, title="the mix"))

# %% [markdown]
# The package has one call for this, `attend`, for a whole batch and many heads. With B = 1 sentence and 1 head:

# %%
nothing_hidden = np.zeros((1, 1, 1, 3))
mix = attend(queries[None], keys[None], values[None], nothing_hidden, heads=1)  # (B, N, E)
np.testing.assert_allclose(mix[0], chosen @ values)
print(mix[0])

# %% [markdown]
# ## Softmax, carefully
#
# e to the power of 1000 is too large for a float. The package first subtracts the largest score of the row. That does
# not change the quotient, and every power is then at most 1. Compare:

# %%
large = np.array([1000.0, 999, 0])
with np.errstate(over="ignore", invalid="ignore"):
    print("as the formula is written:", np.exp(large) / np.exp(large).sum())
print("as the package does it:   ", softmax(large))

# %% [markdown]
# ## The mask: what must not be looked at
#
# Padding must get no weight. So a large negative number is added to its *score*, before the softmax: its weight
# becomes exactly 0, and the others still sum to 1. Setting weights to 0 *afterwards* is a common mistake. The sums of
# the rows show it:

# %%
visible = np.array([[1.0, 1, 0]])  # the star is padding
hidden = added_mask(visible)  # (B, 1, 1, M): 0 or the lowest float
right = softmax(scores + hidden[0, 0])
wrong = softmax(scores) * visible
for name, w in (("mask added to the scores", right), ("mask after the softmax", wrong)):
    print(f"{name:<26} rows sum to {w.sum(1).round(3)}")
show(draw_matrix(right, words, things, title="weights, the star hidden"))

# %% [markdown]
# ## Why divide by √D?
#
# A score is a sum of D products. The larger D, the farther apart scores lie by chance. Softmax then puts nearly all
# weight on one object, and the gradients of the others become tiny. The experiment: random queries and keys, and the
# mean of the largest weight among 8 objects.

# %%
rng = np.random.default_rng(0)
sizes = 2 ** np.arange(9)
largest = {"divided by √D": [], "as they are": []}
for d in sizes:
    q, k = rng.standard_normal((2, 400, 8, d))
    s = (q * k).sum(-1)  # (400, 8): 400 times the scores of 8 objects
    largest["divided by √D"].append(softmax(s / np.sqrt(d)).max(1).mean())
    largest["as they are"].append(softmax(s).max(1).mean())
show(draw_curves(np.log2(sizes), largest, "mean largest weight, by log2 of D"))

# %% [markdown]
# ## Heads
#
# One weighted mean can follow one idea. So the E numbers of a row are cut into H **heads** of D numbers. Each head
# compares and mixes by itself, and the results are put side by side again. Which numbers belong to which head?

# %%
x = np.arange(12).reshape(1, 2, 6)  # (B, N, E): two words, E = 6
heads = split_heads(x, 3)  # (B, H, N, D): three heads with D = 2
for h in range(3):
    print(f"head {h}: first word {heads[0, h, 0]}, second word {heads[0, h, 1]}")
np.testing.assert_array_equal(merge_heads(heads), x)
print("a reshape alone has the right shape and mixes the words up:", x.reshape(1, 3, 2, 2)[0, 0].tolist())

# %% [markdown]
# ## The model's own maps
#
# Queries, keys and values come from the rows of the words and objects, by three linear maps with learnt weights
# (`query`, `key`, `value` in [attention.py](../minilxmert/core/attention.py)). Here the words of our question look at
# the objects, in each head of the first cross layer. Every row sums to 1.

# %%
family = maps["words_to_objects"]
print("(layers, H, N, M):", family.shape)
for h, weights_of_head in enumerate(family[0]):
    np.testing.assert_allclose(weights_of_head.sum(1), 1, rtol=1e-5)
    show(draw_matrix(weights_of_head, maps.words, maps.objects, OBJECTS, title=f"head {h}"))

# %% [markdown]
# All heads have the same form. They differ because they started from different random numbers. Do not read too much
# into one map. A large weight says that much was *gathered* from there, not that the answer depends on it (chapter
# 11).
#
# The largest weights of head 0, as a list:

# %%
for who, what, weight in maps.strongest("words_to_objects", 0, 0, count=5):
    print(f"{who:>8} → {what:<14} {weight:.0%}")

# %% [markdown]
# ## Step inside
#
# Run the next cell in a debugger and step into `model(…)` until you are in `attend` of
# [ops.py](../minilxmert/core/ops.py). `a` in it is the map you have just seen.

# %%
with backend("numpy"):
    output = model(**call_arguments(model, tokenizer, [QUESTION], [objects]), output_attentions=True)
print("the same map again:", np.allclose(output.cross_encoder_attentions[0][0], family[0], atol=1e-5))

# %% [markdown]
# ## Try it yourself
#
# [Exercises](exercises/README.md) 5 (softmax with a mask), 7 (split into heads) and 8 (attention) belong to this
# chapter.
#
# ## Files of this chapter
#
# `softmax`, `split_heads` and `attend` in [ops.py](../minilxmert/core/ops.py) ·
# [attention.py](../minilxmert/core/attention.py) · [explain/attention.py](../minilxmert/explain/attention.py)
#
# ## Questions
#
# **1.** All scores of a row grow by 5. What happens to the weights?
#
# <details><summary>Answer</summary>
#
# Nothing: e^(s+5) = e^5 · e^s, and the factor stands above and below the line. Only differences of scores matter.
# </details>
#
# **2.** There is only one object. What are the weights of every word, whatever the query?
#
# <details><summary>Answer</summary>
#
# All are 1: a softmax over one score. Every word gathers the same value. The rest of the layer decides what to do with
# it.
# </details>
#
# **3.** Queries are (N, D) and keys (M, D). Must N and M be equal? Must the two D?
#
# <details><summary>Answer</summary>
#
# N and M need not be equal: there may be 13 words and 5 objects. The D must be equal, because queries and keys are
# multiplied number by number.
# </details>
#
# Next: [5 A layer](05_a_layer.py).
