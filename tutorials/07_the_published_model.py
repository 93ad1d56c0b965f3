# %% [markdown]
# # 7 · The published model
#
# **You will be able to** say where the 224 million parameters of the published LXMERT sit and what each group is for,
# load a published checkpoint without torch or TensorFlow, prove that your copy computes what the published one
# computes, and tell where the paper, the authors' code and `transformers` disagree.
#
# Letters, as everywhere: **B** batch, **N** words, **M** objects, **E** the width of a hidden state.

# %%
import numpy as np

from minilxmert import LxmertConfig, LxmertForPreTraining, LxmertForQuestionAnswering, LxmertModel, LxmertTokenizer
from minilxmert.checkpoints.names import published_name
from minilxmert.core.params import count, encoder_shapes, flatten
from minilxmert.errors import MinilxmertError
from minilxmert.experiments.verification import verify_against
from minilxmert.teaching import QUESTION, WORDS, draw_bars, draw_tiles, reference, show

REFERENCE = reference()  # a small checkpoint in several formats, and what it should compute

# %% [markdown]
# ## The picture: 224 million numbers, part by part
#
# A model's parameters are a nested dict of arrays. Their number follows from their **shapes** alone. So we can take
# the published model apart without using its 900 megabytes.

# %%
config = LxmertConfig()  # the defaults are the published base model
shapes = LxmertForQuestionAnswering.shapes(config)
total = count(shapes)
parts = {part: count(tree) for part, tree in shapes.items()}

print(f"LxmertForQuestionAnswering, as published: {total:,} parameters, {4 * total / 1e6:.0f} MB in float32\n")
show(draw_bars(list(parts), [n / 1e6 for n in parts.values()], unit=" million"))

# %% [markdown]
# | part | what it is | chapter |
# |---|---|---|
# | `embeddings` | tables of 30,522 word pieces, 512 places and 2 segments, each row E = 768 wide | 2 |
# | `objects` | a detector's 2,048 numbers, and the 4 of its box, brought to the width E | 3 |
# | `language` | 9 layers in which words look at words | 5 |
# | `vision` | 5 layers in which objects look at objects | 5 |
# | `cross` | 5 layers in which words and objects look at each other | 6 |
# | `pooler` | one linear map and a tanh on the state of [CLS] | 6 |
# | `answer` | two linear maps that score 9,500 answers | 6 |
#
# One layer up close. `flatten` gives every leaf of a tree a path; layer 0 of the language encoder has sixteen leaves:

# %%
layer = shapes["language"]["0"]
for path, shape in flatten(layer).items():
    print(f"{path:<20} {' × '.join(map(str, shape)):>12} {int(np.prod(shape)):>10,}")
print(f"{'one layer':<20} {'':>12} {count(layer):>10,}")

# %% [markdown]
# The feed-forward half (`ffn`) has twice as many numbers as the attention half, 8·E² against 4·E². Nothing depends on
# the *length* of a sentence or the number of objects: the same layer serves any N and any M.
#
# A cross layer is one attention, used in *both* directions and so counted once, and an ordinary layer on each side.
# With weights of its own for every direction, the model would grow by:

# %%
crossing = count(shapes["cross"]["0"]["cross"])
print(
    f"one cross-attention: {crossing:,}; a second one in each of {config.x_layers}: {config.x_layers * crossing:,} more"
)

# %% [markdown]
# "LXMERT has 224 million parameters" is true of the model that answers questions. The encoders alone, and the model
# with all pre-training heads, have other sizes. (The masked-word head has no large matrix of its own: it uses the word
# table, transposed. The two are "tied".)

# %%
faces = {face.__name__: count(face.shapes(config)) for face in (LxmertModel, LxmertForQuestionAnswering)}
faces["LxmertForPreTraining"] = count(LxmertForPreTraining.shapes(config))
show(draw_bars(list(faces), [n / 1e6 for n in faces.values()], unit=" million"))
assert count(encoder_shapes(config)) == faces["LxmertModel"]

# %% [markdown]
# ## Names: theirs and ours
#
# A checkpoint is a list of names with arrays. `transformers`, TensorFlow and the authors each chose other names; ours
# are shorter. One table ([names.py](../minilxmert/checkpoints/names.py)) has exactly one rule for each module. Every
# array keeps its published layout (outputs, inputs), so loading only renames.

# %%
for path in (
    "embeddings.word.w", "objects.boxes.w", "language.0.attention.query.w", "vision.4.ffn.inner.w",
    "cross.0.cross.key.w", "cross.0.vision.attention.value.b", "answer.outer.w",
):  # fmt: skip
    print(f"{path:<34} {published_name(path)}")

# %% [markdown]
# ## Load a checkpoint
#
# The real file has 900 MB. `minilxmert download unc-nlp/lxmert-base-uncased` fetches it. Here we open a small
# checkpoint of the same kind, which the course brings along. `transformers` wrote it, with random weights and every
# part of the architecture. The calls are those for the real one.

# %%
model = LxmertForPreTraining.from_pretrained(REFERENCE)
print(model.load_report)

# %% [markdown]
# The report says where every tensor went. If one is missing or has another shape, loading *raises* an error: a model
# with one fresh layer would still answer, only badly. Try it:

# %%
state = model.state_dict()
name = "lxmert.encoder.visn_fc.box_fc.weight"
try:
    model.load_state_dict({**state, name: state[name][:, :3]})
except MinilxmertError as problem:
    print(problem)

# %% [markdown]
# The same weights lie beside it in the older torch format and in TensorFlow's HDF5. One call reads all of them. It
# never executes anything in them, though a torch file is a *pickle*, which could hold any program. They agree:

# %%
for file in ("pytorch_model.bin", "pytorch_model.legacy.bin", "tf_model.h5"):
    copy = LxmertForPreTraining.from_pretrained(REFERENCE / file)
    same = all(np.array_equal(a, b) for a, b in zip(copy.state_dict().values(), state.values(), strict=True))
    print(f"{file:<26} {count(copy.params):,} parameters, equal to the first: {same}")

# %% [markdown]
# ## Verify it
#
# A model that loads may still compute something else: another epsilon, a transposed matrix, an inverted mask. Only
# numbers show it: fixed inputs, and the outputs that the *published implementation* gave for them. `verify_against`
# compares each by name, hidden states, attention maps and losses included.

# %%
tables = verify_against(model, REFERENCE)
for file, rows, _ in tables:
    worst = max(rows, key=lambda row: row.difference)
    good = sum(row.agrees for row in rows)
    print(f"{file.name}: {good} of {len(rows)} values agree; worst {worst.difference:.1e}, {worst.name}")
assert all(row.agrees for _, rows, _ in tables for row in rows)

# %% [markdown]
# Can the check fail? We change *one* number of the second layer by one part in a hundred and see which values move.
# Nothing before the change should move, and everything after it should. (The array belongs to a mapped file and cannot
# be written, so we put a changed *copy* in its place.)

# %%
query = model.params["language"]["1"]["attention"]["query"]
kept, query["w"] = query["w"], query["w"].copy()
query["w"][0, 0] *= 1.01
for file, rows, _ in verify_against(model, REFERENCE):
    hidden = {row.name: row.difference for row in rows if row.name.startswith("language_hidden_states")}
    print(f"{file.name}: {sum(row.agrees for row in rows)} of {len(rows)} values agree")
    if hidden:
        show(draw_bars(list(hidden), list(hidden.values()), WORDS, unit=""))
query["w"] = kept

# %% [markdown]
# For the real checkpoint, `minilxmert verify lxmert-base-uncased` does this with the nine values that `transformers`
# itself publishes in its integration test.
#
# ## Our question, as the published model would read it
#
# The published vocabulary has 30,522 pieces, the one of our small world fewer than a hundred. The same question has
# other numbers: **ids mean nothing without their vocabulary**. A vocabulary of another size is refused.

# %%
published = LxmertTokenizer(REFERENCE / "bert_uncased_vocab.txt")
ids = published(QUESTION)["input_ids"]
show(draw_tiles(published.convert_ids_to_tokens(ids), ids))

# %% [markdown]
# ## Where paper, authors and transformers differ
#
# LXMERT was described once and published twice, and the three do not always agree. [differences.md](differences.md)
# lists every case we know. Here are four:

# %%
inputs = {name: np.load(REFERENCE / "inputs.npz")[name] for name in ("input_ids", "visual_feats", "visual_pos")}
output = model(**inputs, output_attentions=True)

print("1 column 1 of the match score says 'belongs together':", np.round(output.match_probability, 3))
maps = {name: len(value) for name, value in vars(output).items() if name.endswith("attentions") and value}
theirs = [name for name in output.keys() if name.endswith("attentions")]
print(f"2 attention maps: {sum(maps.values())} here, {sum(maps[name] for name in theirs)} in transformers")

# %%
attempts = {
    "3 boxes in pixels": {"visual_pos": inputs["visual_pos"] * 400},
    "4 one-hot answers": {"ans": np.eye(model.config.num_qa_labels, dtype=int)[: len(inputs["input_ids"])]},
}
for what, change in attempts.items():
    try:
        model(**{**inputs, **change})
    except MinilxmertError as problem:
        print(f"{what}: {problem}")

# %% [markdown]
# The published classes accept number 3 without a warning; their documentation even calls boxes "(x, y, width,
# height)". Their documentation asks for number 4, and their code does not accept it.
#
# ## Try it yourself
#
# [Exercise](exercises/README.md) 11 (the answer head) belongs to this chapter.
#
# ## Files of this chapter
#
# [config.py](../minilxmert/core/config.py): every size · [params.py](../minilxmert/core/params.py): the tree ·
# [checkpoints/](../minilxmert/checkpoints/): one reader a file format, one table of names ·
# [verification.py](../minilxmert/experiments/verification.py): found against expected
#
# ## Questions
#
# **1.** The published model has 9 language, 5 object and 5 cross layers. Which of the three stacks has the most
# parameters, and why is it not the one with the most layers?
#
# <details><summary>Answer</summary>
#
# The cross stack. Each of its layers has two whole layers (one for each side) and one cross-attention, so 5 of them
# have more parameters than 9 single ones.
# </details>
#
# **2.** You halve E, and the inner width 4·E with it. By about what factor does one layer shrink, by what the word
# table?
#
# <details><summary>Answer</summary>
#
# A layer by 4: its matrices are E × E or E × 4E. The word table by 2: it is V × E. So in small models the table is a
# larger part.
# </details>
#
# **3.** `verify` compares to within 1e-4 relative. Why not exactly?
#
# <details><summary>Answer</summary>
#
# float32 rounds every sum, and a sum of 768 products rounds differently in another order. Libraries and processors add
# in different orders. So different implementations can agree only up to rounding.
# </details>
