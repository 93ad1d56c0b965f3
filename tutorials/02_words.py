# %% [markdown]
# # 2 · Words: from a sentence to vectors
#
# **You will be able to** cut any sentence into the tokens of a vocabulary by hand, say when a word becomes [UNK], read
# the three arrays that a tokenizer returns, and explain why a word needs its place.
#
# A network computes with numbers, so a sentence must become numbers first. That takes two steps. The **tokenizer**
# turns text into whole numbers, one for each token. The **embedding** turns each number into a vector.
#
# Letters: **B** sentences, **N** tokens of a sentence, **E** numbers a token, **V** tokens of the vocabulary.

# %%
import numpy as np

from minilxmert import LxmertForQuestionAnswering, LxmertTokenizer
from minilxmert.ask import call_arguments
from minilxmert.core.encoder import embed_words
from minilxmert.core.ops import embedding, layer_norm
from minilxmert.scenes.detector import detect
from minilxmert.teaching import QUESTION, WORDS, draw_matrix, draw_tiles, example_picture, show, weights
from minilxmert.words.text import split_words
from minilxmert.words.vocabulary import build_vocabulary

tokenizer = LxmertTokenizer.from_pretrained(weights())
ids = tokenizer(QUESTION)["input_ids"]
show(draw_tiles(tokenizer.convert_ids_to_tokens(ids), ids))

# %% [markdown]
# Under each **token** stands its number: its line in the vocabulary file. Two tokens were not in the sentence.
# **[CLS]** stands at the beginning; the answer is read from it later. **[SEP]** ends a sentence.
#
# ## First: words
#
# The text is cleaned up and split. Capitals and accents go, punctuation marks become words of their own.

# %%
for text in (QUESTION, "What COLOR is the Square?", "Où est l'étoile ?"):
    print(f"{text:<52} {split_words(text)}")

# %% [markdown]
# ## Second: pieces
#
# A vocabulary cannot hold every word. **WordPiece** spells a word with the pieces that it has. It takes the longest
# beginning that is in the vocabulary, then the longest beginning of the rest, and so on. A piece inside a word is
# marked with `##`. Here is the search for one word: longest first, until a piece is found.

# %%
word = "circles"
for end in range(len(word), 0, -1):
    found = word[:end] in tokenizer.ids
    print(f"  {word[:end]:<8} {'is token ' + str(tokenizer.ids[word[:end]]) if found else '-'}")
    if found:
        break
print("what remains:", "##" + word[end:])
show(draw_tiles(tokenizer.tokenize("how many red circles ?")))

# %% [markdown]
# That was the first turn of `longest_matches` in [spelling.py](../minilxmert/words/spelling.py). It is a dozen lines:
# set a breakpoint there. If *no* beginning is found at some point, the whole word becomes one **[UNK]**, even the part
# that could be spelled: half a word would mislead.

# %%
for text in ("a circlet", "the thingy", "a reddish star"):
    print(f"{text:<16} {tokenizer.tokenize(text)!s:<32} unknown: {tokenizer.unknown_words(text)}")

# %% [markdown]
# ## Where a vocabulary comes from
#
# It is learnt from text by counting. Begin with single characters, and join the two neighbours that occur most often,
# again and again. The published vocabulary has 30,522 tokens. We grow tiny ones from our question and see how they
# spell one of its words.

# %%
texts = [QUESTION, "the square is left of the thing", "what color is the square ?", "what is the thing left of ?"]
for size in (28, 38, 40, 42):
    tokens = build_vocabulary(texts, size)
    small = LxmertTokenizer(tokens)
    print(f"{len(tokens):>3} tokens: {' '.join(small.tokenize('square'))}")

# %% [markdown]
# ## A batch: padding and mask
#
# Several sentences are computed at once, as one array of **shape** (B, N). Shorter sentences are filled up with [PAD].
# The **attention mask** says what is real: 1 for a token, 0 for padding.

# %%
batch = tokenizer([QUESTION, "is there a red star ?"], padding=True, return_tensors="np")
for name, array in batch.items():
    print(name, array.shape)
rows = [" ".join(tokenizer.convert_ids_to_tokens(row)) for row in batch["input_ids"]]
print(*rows, sep="\n")
show(draw_matrix(batch["attention_mask"], ["first", "second"], color=WORDS, title="attention_mask"))

# %% [markdown]
# (`token_type_ids` tells a first sentence from a second one. LXMERT reads one sentence, so they are all 0.)
#
# ## Numbers become vectors
#
# The **word embedding** is a table with a row of E numbers for every token of the vocabulary. Token 17 is row 17:
# embedding is looking up. The rows are learnt. Here are those of our question. Every line is a token, every column one
# of its E numbers; the deeper the colour, the larger the number.

# %%
model = LxmertForQuestionAnswering.from_pretrained(weights())
p = model.params["embeddings"]
print("table (V, E):", p["word"]["w"].shape)

row = np.array([ids])  # (B, N) with B = 1
word_rows = embedding(row, p["word"])  # (B, N, E)
np.testing.assert_array_equal(word_rows[0, 1], p["word"]["w"][ids[1]])
show(draw_matrix(word_rows[0], tokenizer.convert_ids_to_tokens(ids), color=WORDS))

# %% [markdown]
# "the" occurs twice, and its two rows are the same: the table knows nothing of place. But "left of the square" is not
# "the square left of". So every place 0, 1, 2 … has a row in a second table, the **position embedding**, and the first
# or second sentence has one in a third, the **segment embedding**. The three rows are **added**. A **LayerNorm** then
# brings each sum to mean 0 and variance 1 and scales it (chapter 5 says why).

# %%
places, types = np.arange(len(ids))[None], np.zeros_like(row)
total = word_rows + embedding(places, p["position"]) + embedding(types, p["token_type"])
by_hand = layer_norm(total, p["norm"], model.config.layer_norm_eps)
ready = embed_words(row, places, types, p, model.config)  # the package's way: the same steps
print("largest difference:", float(np.abs(ready - by_hand).max()))

first, second = (i for i, token in enumerate(tokenizer.convert_ids_to_tokens(ids)) if token == "the")
for what, x in (("in the word table", word_rows[0]), ("after adding places", by_hand[0])):
    print(f"the two 'the' {what:<20} differ by at most {np.abs(x[first] - x[second]).max():.2g}")

# %% [markdown]
# The model does the same. Ask it for its hidden states, and it returns the embeddings too.

# %%
call = call_arguments(model, tokenizer, [QUESTION], [detect(example_picture())])
output = model(**call, output_hidden_states=True)
np.testing.assert_allclose(output.language_embeddings, by_hand, rtol=1e-4, atol=1e-5)
print("language_embeddings (B, N, E):", output.language_embeddings.shape)

# %% [markdown]
# ## Which words resemble each other?
#
# The **cosine** of two vectors is 1 where they point the same way and 0 where they are perpendicular. In a fresh,
# random table only the diagonal is deep. Training changes that. Look for groups: are colours more like each other than
# like shapes? (A small model need not form neat groups. It only has to tell words apart.)

# %%
names = ["red", "green", "blue", "yellow", "circle", "disc", "square", "star", "left", "right", "above", "below"]
vectors = p["word"]["w"][tokenizer.convert_tokens_to_ids(names)]
unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
show(draw_matrix(unit @ unit.T, names, names, WORDS, "cosines"))

# %% [markdown]
# ## Try it yourself
#
# [Exercises](exercises/README.md) 2 (a word in pieces) and 3 (words become vectors) belong to this chapter.
#
# ## Files of this chapter
#
# [text.py](../minilxmert/words/text.py) · [tokenizer.py](../minilxmert/words/tokenizer.py) ·
# [vocabulary.py](../minilxmert/words/vocabulary.py) · `embed_words` in [encoder.py](../minilxmert/core/encoder.py)
#
# ## Questions
#
# **1.** Why does "circles" become two tokens here, and why is that better than [UNK]?
#
# <details><summary>Answer</summary>
#
# The vocabulary has "circle" and "##s" but not "circles". The pieces keep what the word shares with "circle" and with
# other plurals; [UNK] is the same for every unknown word.
# </details>
#
# **2.** What happens to a sentence of 50 tokens if the model has rows for 40 places?
#
# <details><summary>Answer</summary>
#
# `ask` cuts it off at 40, keeping [CLS] and [SEP]; the model called directly refuses and says which size is too
# small. There is no row to add for place 40.
# </details>
#
# **3.** Could one leave out the mask, as [PAD] is a token with a row of its own?
#
# <details><summary>Answer</summary>
#
# No. Words would attend to [PAD] like to any token, and a sentence would get another answer in a batch with a longer
# one. With the mask it gets the same answer, up to rounding. Chapter 5 shows it.
# </details>
#
# Next: [3 Pictures](03_pictures.py).
