# %% [markdown]
# # 5 · A layer, and the two encoders of one kind
#
# **You will be able to** name the four parts of a transformer layer and what each is for, compute a LayerNorm and a
# GELU by hand, follow a word through the language encoder, and say why padding changes nothing.
#
# Attention lets rows look at each other (chapter 4). A **layer** puts two things around it that make it learnable in
# depth, the residual sum and the LayerNorm, and adds a small network that works on each row alone, the feed-forward
# part. An **encoder** is layers on top of each other, nothing else.
#
# Letters: **B** sentences, **N** words, **M** objects, **E** numbers a row, **I** the inner width of the feed-forward
# part.

# %%
import numpy as np

from minilxmert import LxmertForQuestionAnswering, LxmertTokenizer
from minilxmert.ask.asking import call_arguments
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
# Here is what one layer holds: the learnt arrays of the first language layer, and how many numbers each has. Two
# thirds of them are in the feed-forward part (`ffn`).

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
# After sums, rows grow. LayerNorm brings each row to mean 0 and variance 1: subtract the mean, divide by the root of
# the variance. Then two learnt rows scale and shift it again, so that the network keeps the choice. By hand, for
# three numbers:

# %%
row = np.array([[1.0, 2.0, 6.0]])
mean, variance = row.mean(), row.var()  # 3 and (4 + 1 + 9) / 3
plain = {"w": np.ones(3), "b": np.zeros(3)}
print("by hand   ", (row - mean) / np.sqrt(variance))
print("layer_norm", layer_norm(row, plain, eps=1e-12))
print("a row of equal numbers has no variance; eps saves it:", layer_norm(np.full((1, 3), 5.0), plain, eps=1e-12))

# %% [markdown]
# The mean of 768 numbers 3.3 is not quite 3.3 in float32. What is left is tiny, but so is the variance that it is
# divided by. One line helps: of what is left, the package subtracts the mean *once more*.

# %%
equal = np.full(768, 3.3, np.float32)
once = equal - equal.mean()
twice = once - once.mean()
for name, centred in (("centred once ", once), ("centred twice", twice)):
    print(name, "leaves", centred[0], "and becomes", centred[0] / np.sqrt((centred * centred).mean() + 1e-12))

# %% [markdown]
# ## The residual sum
#
# The layer does not replace a row, it adds to it. So there is a straight road from the first layer to the last, and
# each layer need only learn a *correction*. How large is the correction in our model, against what was there before?

# %%
cache = {}
after = self_attention(lang, inputs.lang_mask, first["attention"], config, cache=cache)
gathered = linear(cache["output"]["x"], first["attention"]["output"])  # what attention adds
share = np.linalg.norm(gathered, axis=-1) / np.linalg.norm(lang, axis=-1)  # (B, N)
np.testing.assert_allclose(after, add_norm(gathered, lang, first["attention"]["norm"], eps), rtol=1e-4, atol=1e-5)
tokens = tokenizer.convert_ids_to_tokens(inputs.words[0].tolist())
show(draw_bars(tokens, share[0].tolist(), WORDS, unit=""))

# %% [markdown]
# (`cache` is a dict in which every step leaves what its backward will need, chapter 8. It is a fine window to look in.)
#
# ## GELU
#
# Without something bent between two linear maps, the two would be one linear map. **GELU** multiplies x by Φ(x), the
# share of a normal distribution below x: large numbers pass, very negative ones become 0, and in between it is
# smooth.

# %%
x = np.linspace(-4, 4, 65)
show(draw_curves(x, {"gelu": gelu(x), "relu": np.maximum(x, 0)}, "gelu, and the simpler relu"))

# %% [markdown]
# Φ needs the error function erf, which NumPy has not; [erf.py](../minilxmert/core/erf.py) builds it to the last digit.
# A formula with tanh is often used instead. It is near, but not equal, and a published checkpoint was trained with one
# of the two:

# %%
approximate = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
far = np.abs(gelu(x) - approximate)
print(f"largest difference of the tanh formula: {far.max():.2e}, at x = {x[far.argmax()]:.2f}")

# %% [markdown]
# ## Feed-forward
#
# Out to I numbers, GELU, back to E, for every row alone: no word knows of another here. So it does not matter in which
# order the rows come, or which others are there.

# %%
done = feed_forward(after, first["ffn"], config)
backwards = feed_forward(after[:, ::-1], first["ffn"], config)[:, ::-1]
alone = feed_forward(after[:, 3:4], first["ffn"], config)
print("inner width I:", first["ffn"]["inner"]["w"].shape[0])
print(f"rows in reverse order: {np.abs(done - backwards).max():.1g}")
print(f"one row alone:         {np.abs(done[:, 3:4] - alone).max():.1g}")

# %% [markdown]
# Both halves together are the layer, and nothing else is in it:

# %%
whole = layer(lang, inputs.lang_mask, first, config)
print(f"layer against its two halves: {np.abs(whole - done).max():.1g}")

# %% [markdown]
# ## The language encoder and the object encoder
#
# LXMERT has two encoders of this kind: one in which words look at words, and one in which objects look at objects. Same
# layer, other weights. Neither knows of the other yet.

# %%
lang_states, visn_states = [lang], [visn]
for name in p["language"]:
    lang_states.append(layer(lang_states[-1], inputs.lang_mask, p["language"][name], config))
for name in p["vision"]:
    visn_states.append(layer(visn_states[-1], inputs.visn_mask, p["vision"][name], config))
print(len(p["language"]), "language layers,", len(p["vision"]), "object layers")

# %% [markdown]
# How alike are two words after the language encoder? In the word table the two "the" were the same. Now each has
# gathered from its neighbours. The cosines between the words of our question, at the end of the encoder:

# %%
unit = lang_states[-1][0] / np.linalg.norm(lang_states[-1][0], axis=1, keepdims=True)
show(draw_matrix(unit @ unit.T, tokens, tokens, WORDS, "cosines after the language encoder"))

# %% [markdown]
# The same for the objects: red things, circles, neighbours in the picture; what has become alike?

# %%
unit = visn_states[-1][0] / np.linalg.norm(visn_states[-1][0], axis=1, keepdims=True)
show(draw_matrix(unit @ unit.T, describe(objects), describe(objects), OBJECTS, "cosines after the object encoder"))

# %% [markdown]
# ## Padding changes nothing
#
# Now the promise of chapter 2. Our question alone, and the same beside a longer one, which pads it. The mask hides the
# padding from every attention, so that the rows of our question come out the same.

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
# ## How far does a word travel?
#
# Layer by layer, the cosine of each row with what it was at the beginning, the mean over all words and all objects.
# The last layers are the crossing ones, the matter of the next chapter.

# %%
output = model(**call_arguments(model, tokenizer, [QUESTION], [objects]), output_hidden_states=True)


def travelled(start, states):
    """The mean cosine of the rows of each state with those of the start, all (B, N, E)."""
    lengths = [np.linalg.norm(state, axis=-1) * np.linalg.norm(start, axis=-1) for state in states]
    return [float(((state * start).sum(-1) / length).mean()) for state, length in zip(states, lengths, strict=True)]


for name, start, states, color in (
    ("words", output.language_embeddings, output.language_hidden_states, WORDS),
    ("objects", output.vision_embeddings, output.vision_hidden_states, OBJECTS),
):
    kept = travelled(start, (start, *states))
    print(name)
    show(draw_bars([f"after layer {i}" for i in range(len(kept))], [max(k, 0) for k in kept], color, unit=""))

# %% [markdown]
# ## Try it yourself
#
# [Exercises](exercises/README.md) 6 (layer normalisation) and 10 (GELU and its slope) belong to this chapter.
#
# ## Rooms of this chapter
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
# Nothing: A(Bx) = (AB)x, and AB is a matrix. That is what the GELU is for.
# </details>
#
# **3.** Words have places and objects have none. In which encoder can you permute the rows and get the same rows
# permuted?
#
# <details><summary>Answer</summary>
#
# In both. The layer itself knows of no order: places are added once, in the embedding, and travel with the rows. What
# makes language different is that "word 3" is written into the row itself.
# </details>
#
# Next: [6 Crossing](06_crossing.py).
