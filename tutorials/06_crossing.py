# %% [markdown]
# # 6 · Crossing: where words meet objects
#
# **You will be able to** follow a cross-attention in both directions, explain what it means that both share one set of
# weights, recognise the commonest mistake in writing it, and show at which layer the picture reaches the words.
#
# So far two encoders have worked side by side. The **cross-modality encoder** gave LXMERT its name. In each of its
# layers words look at objects and objects look at words. Then each side works on what it has gathered.
#
# Letters: **B** sentences, **N** words, **M** objects, **E** numbers a row, **H** heads.

# %%
import numpy as np

from minilxmert import LxmertForQuestionAnswering, LxmertTokenizer
from minilxmert.ask import call_arguments
from minilxmert.core.attention import cross_attention
from minilxmert.core.encoder import cross_layer
from minilxmert.core.heads import classify, pool
from minilxmert.core.ops import linear, softmax
from minilxmert.core.params import flatten
from minilxmert.explain.attention import attention
from minilxmert.scenes.detector import describe, detect
from minilxmert.teaching import BOTH, OBJECTS, QUESTION, WORDS, draw_bars, draw_matrix, example_picture, show, weights

model = LxmertForQuestionAnswering.from_pretrained(weights())
tokenizer = LxmertTokenizer.from_pretrained(weights())
objects = detect(example_picture())
maps = attention(model, tokenizer, QUESTION, objects, describe(objects))
into_picture, into_words = maps["words_to_objects"][0].mean(0), maps["objects_to_words"][0].mean(0)
show(draw_matrix(into_picture, maps.words, maps.objects, WORDS, "words look at objects (N, M)"))
show(draw_matrix(into_words, maps.objects, maps.words, OBJECTS, "objects look at words (M, N)"))

# %% [markdown]
# Both maps are means over the heads of the first cross layer. In the first map each *word* shares out 100 % among the
# objects, in the second each *object* among the words.
#
# ## One set of weights, two directions
#
# Both directions use the *same* query, key and value matrices. Words and objects make their queries with one matrix.
# A cross-attention has learnt one set of arrays, not two:

# %%
p, config = model.params, model.config
cross = p["cross"]["0"]["cross"]
for name, array in flatten(cross).items():
    print(f"{name:<10} {array.shape}")

# %% [markdown]
# Words and objects go through the same matrices. So the package puts their rows one below the other and multiplies
# them at once, (B, N + M, E). We take the states at the end of the two encoders of chapter 5:

# %%
call = call_arguments(model, tokenizer, [QUESTION], [objects])
inputs, _ = model.read(**call)
output = model(**call, output_hidden_states=True)
lang = output.language_hidden_states[config.l_layers - 1]  # (B, N, E): words that have seen words only
visn = output.vision_hidden_states[config.r_layers - 1]  # (B, M, E): objects that have seen objects only

cache = {}
masks = inputs.lang_mask, inputs.visn_mask
new_lang, new_visn = cross_attention(lang, visn, *masks, cross, config, cache=cache)
print("in ", lang.shape, visn.shape)
print("out", new_lang.shape, new_visn.shape)
print("maps", cache["lang"]["a"].shape, "and", cache["visn"]["a"].shape, "(B, H, who looks, at what)")
np.testing.assert_allclose(cache["lang"]["a"].mean(1)[0], into_picture, rtol=1e-3, atol=1e-5)

# %% [markdown]
# Is one map the transpose of the other? No. One direction compares the query of "square" with the key of the blue
# square, the other compares the query of the blue square with the key of "square". These are different numbers:

# %%
q_words, k_objects = linear(lang, cross["query"]), linear(visn, cross["key"])  # (B, N, E), (B, M, E)
q_objects, k_words = linear(visn, cross["query"]), linear(lang, cross["key"])
there = (q_words @ k_objects.swapaxes(-1, -2))[0]  # (N, M), all heads together
back = (q_objects @ k_words.swapaxes(-1, -2))[0].T  # (M, N), turned over
word = maps.words.index("square")
for name, row in (("word asks object", there), ("object asks word", back)):
    print(f"{maps.words[word]}: {name}", row[word].round(2))

# %% [markdown]
# ## Both directions read the old states
#
# An easy mistake: let the words look first, and then let the objects look at the *new* words. The shapes are right and
# it trains, but it is another model. In LXMERT both directions read the states that came *in*. What does the mistake
# change here? The second result of this call is the wrong one:

# %%
_, wrong_visn = cross_attention(new_lang, visn, *masks, cross, config)
change = np.linalg.norm(wrong_visn - new_visn, axis=-1) / np.linalg.norm(new_visn, axis=-1)  # (B, M)
print("error of the objects' rows, as a part of their length:")
show(draw_bars(describe(objects), change[0].tolist(), OBJECTS, unit=""))

# %% [markdown]
# Sharing halves the numbers to learn. Chapter 8 shows how one set of weights learns from both directions.
#
# ## The rest of a cross layer
#
# After crossing, each side has an ordinary layer of its own, as in chapter 5. Words that have seen the picture look at
# words; objects that have read the question look at objects. Then comes the next cross layer.

# %%
lang_states, visn_states = [lang], [visn]
for name in p["cross"]:
    pair = cross_layer(lang_states[-1], visn_states[-1], *masks, p["cross"][name], config)
    lang_states.append(pair[0])
    visn_states.append(pair[1])
for ours, theirs in ((lang_states, output.language_hidden_states), (visn_states, output.vision_hidden_states)):
    np.testing.assert_allclose(ours[-1], theirs[-1], rtol=1e-3, atol=1e-4)
print(len(p["cross"]), "cross layers; the last states are those of the model")

# %% [markdown]
# ## When does the picture reach the words?
#
# An experiment: we hide the red circle by its mask and measure after each layer how much each word's row changes.
# Before the first crossing nothing may change, because the words have not seen the picture yet.

# %%
hidden = dict(call, visual_attention_mask=call["visual_attention_mask"].copy())
hidden["visual_attention_mask"][0, describe(objects).index("red circle")] = 0
without = model(**hidden, output_hidden_states=True)
changes = [
    np.linalg.norm(a - b, axis=-1)[0] / np.linalg.norm(a, axis=-1)[0]
    for a, b in zip(output.language_hidden_states, without.language_hidden_states, strict=True)
]
assert not np.any(changes[: config.l_layers])  # exactly nothing
names = [f"language {i + 1}" for i in range(config.l_layers)] + [f"cross {i + 1}" for i in range(config.x_layers)]
show(draw_matrix(changes, names, maps.words, BOTH, "change of each word's row when the red circle is hidden"))

# %% [markdown]
# ## From the crossing to an answer
#
# The row of [CLS] has now gathered from words and objects. The **pooler**, a linear map and a tanh, takes this row.
# The **answer head** turns it into a score for each answer. This is the end of the road of chapter 1.

# %%
pooled = pool(output.language_hidden_states[-1][:, 0], p["pooler"])  # (B, E)
scores = classify(pooled, p["answer"], config)  # (B, answers)
np.testing.assert_allclose(scores, output.question_answering_score, rtol=1e-3, atol=1e-4)
probabilities = softmax(scores)[0]
best = np.argsort(-probabilities)[:5]
show(draw_bars([model.answers[i] for i in best], probabilities[best].tolist()))

# %% [markdown]
# ## Try it yourself
#
# [Exercise](exercises/README.md) 9 (cross-attention in both directions) belongs to this chapter; its check knows the
# mistake above. `minilxmert show` draws all maps of a question as a page to explore.
#
# ## Files of this chapter
#
# `cross_attention` in [attention.py](../minilxmert/core/attention.py) · `cross_layer` and `encode` in
# [encoder.py](../minilxmert/core/encoder.py) · [heads.py](../minilxmert/core/heads.py)
#
# ## Questions
#
# **1.** How many attention maps does a model with 9 language, 5 object and 5 cross layers compute for one question?
#
# <details><summary>Answer</summary>
#
# 9 + 5 + 5 · 4 = 34 (each with H heads): a cross layer has two crossing maps and a self-attention on each side.
# </details>
#
# **2.** A picture has no object at all (M = 0). What do the words gather in the crossing?
#
# <details><summary>Answer</summary>
#
# Zeros. A mean of nothing would be 0/0; the package returns zeros. The residual sum and the bias of the output map
# remain, so the model can still guess an answer.
# </details>
#
# **3.** In the last cross layer, which parts need not be computed if only the answer is wanted?
#
# <details><summary>Answer</summary>
#
# Everything on the objects' side, and after the crossing the rows of all words but [CLS]. The package leaves them out:
# see [short.py](../minilxmert/core/short.py).
# </details>
#
# Next: [7 The published model](07_the_published_model.py): the same parts, only larger.
