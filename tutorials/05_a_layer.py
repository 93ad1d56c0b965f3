# %% [markdown]
# # 5 · A layer, and the single-modality encoders
#
# **You will be able to** name the four parts of a transformer layer and what each is for, compute a LayerNorm and a
# GELU by hand, follow a word through the language encoder, and say why padding changes nothing.
#
# Attention lets rows look at each other (chapter 4). A **layer** adds two things that make many layers trainable, the
# residual sum and the LayerNorm, and a small network that works on each row alone, the feed-forward part. An
# **encoder** is a stack of layers.
#
# Letters: **B** sentences, **N** words, **M** objects, **E** numbers a row, **I** the inner width of the feed-forward
# part.

# %%
import numpy as np

from minilxmert import LxmertForQuestionAnswering, LxmertTokenizer
from minilxmert.ask import call_arguments
from minilxmert.core.attention import self_attention
from minilxmert.core.encoder import embed_objects, embed_words, feed_forward, layer
from minilxmert.core.ops import add_norm, gelu, layer_norm, linear
from minilxmert.core.params import flatten
from minilxmert.scenes.detector import describe, detect
from minilxmert.teaching import (
    OBJECTS,
    QUESTION,
    WORDS,
    draw_bars,
    draw_curves,
    draw_matrix,
    example_picture,
    show,
    weights,
)

model = LxmertForQuestionAnswering.from_pretrained(weights())
tokenizer = LxmertTokenizer.from_pretrained(weights())
p, config, eps = model.params, model.config, model.config.layer_norm_eps
objects = detect(example_picture())
inputs, _ = model.read(**call_arguments(model, tokenizer, [QUESTION], [objects]))
lang = embed_words(inputs.words, inputs.places, inputs.types, p["embeddings"], config)  # (B, N, E)
visn = embed_objects(inputs.feats, inputs.boxes, p["objects"], config)  # (B, M, E)
print("words", lang.shape, "objects", visn.shape)

# %% [markdown]
# These are the learnt arrays of the first language layer, and how many numbers each has. Two thirds of the numbers are
# in the feed-forward part (`ffn`).

# %%
first = p["language"]["0"]
sizes = {name: array.size for name, array in flatten(first).items() if name.endswith(".w")}
show(draw_bars(list(sizes), list(sizes.values()), WORDS, unit=""))

# %% [markdown]
# Its work is four steps, in this order:
#
# 1. **attention**: every row gathers from all rows, then a linear map (`output`);
# 2. **residual sum and LayerNorm**: what was gathered is *added* to what was there, then normalised;
# 3. **feed-forward**: each row by itself through a wider inner layer with a GELU, and back;
# 4. **residual sum and LayerNorm** again.
#
# ## LayerNorm
#
# Sums make rows grow. LayerNorm brings each row to mean 0 and variance 1: subtract the mean, then divide by the root
# of the variance. Two learnt rows, w and b, then scale and shift it:
#
# $$y_i = w_i \frac{x_i - μ}{\sqrt{σ^2 + ε}} + b_i$$
#
# μ is the mean of the row, σ² its variance, and ε a tiny number. By hand, for three numbers:

# %%
row = np.array([[1.0, 2.0, 6.0]])
mean, variance = row.mean(), row.var()  # 3 and (4 + 1 + 9) / 3
plain = {"w": np.ones(3), "b": np.zeros(3)}
print("by hand   ", (row - mean) / np.sqrt(variance))
print("layer_norm", layer_norm(row, plain, eps=1e-12))
print("a row of equal numbers has no variance; eps saves it:", layer_norm(np.full((1, 3), 5.0), plain, eps=1e-12))

# %% [markdown]
# In float32 the mean of 768 numbers 3.3 is not quite 3.3. The rest after subtracting is tiny, but it is divided by a
# tiny deviation. The package subtracts the mean of the rest *once more*:

# %%
equal = np.full(768, 3.3, np.float32)
once = equal - equal.mean()
twice = once - once.mean()
for name, centred in (("centred once ", once), ("centred twice", twice)):
    print(name, "leaves", centred[0], "and becomes", centred[0] / np.sqrt((centred * centred).mean() + 1e-12))

# %% [markdown]
# ## The residual sum
#
# The layer does not replace a row, it adds to it. Each layer need only learn a *correction*. How large is the
# correction in our model, compared with the row?

# %%
cache = {}
after = self_attention(lang, inputs.lang_mask, first["attention"], config, cache=cache)
gathered = linear(cache["output"]["x"], first["attention"]["output"])  # what attention adds
share = np.linalg.norm(gathered, axis=-1) / np.linalg.norm(lang, axis=-1)  # (B, N)
np.testing.assert_allclose(after, add_norm(gathered, lang, first["attention"]["norm"], eps), rtol=1e-4, atol=1e-5)
tokens = tokenizer.convert_ids_to_tokens(inputs.words[0].tolist())
show(draw_bars(tokens, share[0].tolist(), WORDS, unit=""))

# %% [markdown]
# (`cache` is a dict in which every step keeps what its backward needs, chapter 8. Here we read it to look inside.)
#
# ## GELU
#
# Two linear maps in a row are one linear map. A function that is not linear must stand between them. **GELU**
# multiplies x by Φ(x), the share of a normal distribution below x. Large numbers pass, very negative ones become 0,
# and between them it is smooth.

# %%
x = np.linspace(-4, 4, 65)
show(draw_curves(x, {"gelu": gelu(x), "relu": np.maximum(x, 0)}, "gelu, and the simpler relu"))

# %% [markdown]
# Φ needs the error function erf. NumPy does not have it, so [ops.py](../minilxmert/core/ops.py) computes it. Some
# models use a formula with tanh instead. It is close but not equal, and a checkpoint must be run with the one it was
# trained with:

# %%
approximate = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
far = np.abs(gelu(x) - approximate)
print(f"largest difference of the tanh formula: {far.max():.2e}, at x = {x[far.argmax()]:.2f}")

# %% [markdown]
# ## Feed-forward
#
# A linear map to I numbers, a GELU, a linear map back to E, for every row alone. Neither the order of the rows nor the
# other rows matter:

# %%
done = feed_forward(after, first["ffn"], config)
backwards = feed_forward(after[:, ::-1], first["ffn"], config)[:, ::-1]
alone = feed_forward(after[:, 3:4], first["ffn"], config)
print("inner width I:", first["ffn"]["inner"]["w"].shape[0])
print(f"rows in reverse order: {np.abs(done - backwards).max():.1g}")
print(f"one row alone:         {np.abs(done[:, 3:4] - alone).max():.1g}")

# %% [markdown]
# Both halves together are the layer:

# %%
whole = layer(lang, inputs.lang_mask, first, config)
print(f"layer against its two halves: {np.abs(whole - done).max():.1g}")

# %% [markdown]
# ## The language encoder and the object encoder
#
# LXMERT begins with two encoders that each read one modality. In one, words look at words; in the other, objects look
# at objects. Their layers have the same form and different weights. The two encoders do not meet yet.

# %%
lang_states, visn_states = [lang], [visn]
for name in p["language"]:
    lang_states.append(layer(lang_states[-1], inputs.lang_mask, p["language"][name], config))
for name in p["vision"]:
    visn_states.append(layer(visn_states[-1], inputs.visn_mask, p["vision"][name], config))
print(len(p["language"]), "language layers,", len(p["vision"]), "object layers")

# %% [markdown]
# How alike are two words after the language encoder? In the word table the two "the" were the same. Now each has
# gathered from the other words. The cosines between the words of our question:

# %%
unit = lang_states[-1][0] / np.linalg.norm(lang_states[-1][0], axis=1, keepdims=True)
show(draw_matrix(unit @ unit.T, tokens, tokens, WORDS, "cosines after the language encoder"))

# %% [markdown]
# The same for the objects. Which have become alike: red things, circles, neighbours in the picture?

# %%
unit = visn_states[-1][0] / np.linalg.norm(visn_states[-1][0], axis=1, keepdims=True)
show(draw_matrix(unit @ unit.T, describe(objects), describe(objects), OBJECTS, "cosines after the object encoder"))

# %% [markdown]
# ## Padding changes nothing
#
# Chapter 2 said that padding changes nothing. Here is our question alone, and again in a batch with a longer one. The
# mask hides the padding from every attention, so the rows of our question stay the same.

# %%
longer = QUESTION.replace("the thing", "the small red thing that is")
call = call_arguments(model, tokenizer, [QUESTION, longer], [objects, objects])
output = model(**call, output_hidden_states=True)
n = len(tokens)
padded = output.language_hidden_states[config.l_layers - 1][:1, :n]
print("shapes", call["input_ids"].shape, "and", inputs.words.shape)
print(f"with the mask the rows differ by at most {np.abs(padded - lang_states[-1]).max():.1g}")
call["attention_mask"] = np.ones_like(call["attention_mask"])  # the mistake: forget it
seen = model(**call, output_hidden_states=True).language_hidden_states[config.l_layers - 1][:1, :n]
print(f"without it by up to                    {np.abs(seen - lang_states[-1]).max():.2g}")

# %% [markdown]
# ## How much does a row change?
#
# For every layer: the cosine of each row with the row at the beginning, as the mean of all words and of all objects.
# The last layers are cross layers, which the next chapter explains.

# %%
output = model(**call_arguments(model, tokenizer, [QUESTION], [objects]), output_hidden_states=True)


def mean_cosines(start, states):
    """The mean cosine of the rows of each state with those of the start, all (B, N, E)."""
    lengths = [np.linalg.norm(state, axis=-1) * np.linalg.norm(start, axis=-1) for state in states]
    return [float(((state * start).sum(-1) / length).mean()) for state, length in zip(states, lengths, strict=True)]


for name, start, states, color in (
    ("words", output.language_embeddings, output.language_hidden_states, WORDS),
    ("objects", output.vision_embeddings, output.vision_hidden_states, OBJECTS),
):
    kept = mean_cosines(start, (start, *states))
    print(name)
    show(draw_bars([f"after layer {i}" for i in range(len(kept))], [max(k, 0) for k in kept], color, unit=""))

# %% [markdown]
# ## Try it yourself
#
# [Exercises](exercises/README.md) 6 (layer normalisation) and 10 (GELU and its slope) belong to this chapter.
#
# ## Files of this chapter
#
# [attention.py](../minilxmert/core/attention.py) · `feed_forward`, `layer` and `encode` in
# [encoder.py](../minilxmert/core/encoder.py) · `layer_norm` and `gelu` in [ops.py](../minilxmert/core/ops.py)
#
# ## Questions
#
# **1.** A layer has E = 80 and I = 320. How many learnt numbers are in its matrices, without biases and norms?
#
# <details><summary>Answer</summary>
#
# Attention: query, key, value and output are 80 × 80 each, 25,600 together. Feed-forward: 320 × 80 twice, 51,200.
# Together 76,800, of which two thirds are feed-forward.
# </details>
#
# **2.** What would two linear layers with nothing between them be able to compute that one cannot?
#
# <details><summary>Answer</summary>
#
# Nothing: A(Bx) = (AB)x, and AB is a matrix. That is why a GELU stands between them.
# </details>
#
# **3.** Words have places and objects have none. In which encoder can you permute the rows and get the same rows
# permuted?
#
# <details><summary>Answer</summary>
#
# In both. A layer does not use the order of its rows. A word's place is added once, in the embedding, and is then part
# of its row.
# </details>
#
# Next: [6 Crossing](06_crossing.py).
