# %% [markdown]
# # 9 · Five tasks on one sentence
#
# **You will be able to** name the five tasks of LXMERT's pre-training, hide words and objects the way it was trained,
# compute each of the five losses, and say over what each is averaged.
#
# **Pre-training** means learning from sentences with their pictures, before any particular task. Words and objects are
# hidden, sentences are exchanged, questions are asked. The model must fill in, notice, or answer. To do so it learns
# which word goes with which object, and that helps in later tasks.

# %%
import numpy as np

from minilxmert import LxmertForPreTraining, LxmertTokenizer
from minilxmert.core.losses import cross_entropy, pretraining_losses
from minilxmert.core.ops import softmax
from minilxmert.scenes.detector import describe, detect
from minilxmert.scenes.language import explain
from minilxmert.scenes.world import SMALL
from minilxmert.teaching import QUESTION, SCENE, draw_bars, draw_picture, draw_tiles, example_picture, show, weights
from minilxmert.training.batches import Example, PretrainingBatches
from minilxmert.training.masking import by_picture, mask_words, mismatch

model = LxmertForPreTraining.from_pretrained(weights() / "pretrained")
tokenizer = LxmertTokenizer.from_pretrained(weights() / "pretrained")
print(model)

# %% [markdown]
# ## The picture: one example as a card
#
# Two pictures, a question with its answer, and three captions. `PretrainingBatches` turns them into the arguments of
# the model. Here is our question as the model sees it: some words are hidden or exchanged (below: what they were), and
# some objects are blanked (0 %, drawn thin). We hide 40 % instead of 15 % to have something to see, and exchange no
# sentence yet.

# %%
other = SMALL.scene(np.random.default_rng(7))
pictures = {
    "ours": detect(example_picture(), "ours"),
    "other": detect(other.picture(np.random.default_rng(7)), "other"),
}
examples = [
    Example("ours", QUESTION, {explain(QUESTION, SCENE).answer: 1.0}),
    Example("ours", "the red circle is left of the blue square"),
    Example("other", f"there is a {describe(pictures['other'])[0]}"),
    Example("other", f"one can see {['zero', 'one', 'two', 'three', 'four', 'five'][len(pictures['other'])]} things"),
]
batches = PretrainingBatches(pictures, examples, tokenizer, model.answers, word_rate=0.4, object_rate=0.4, foreign=0)
call = batches.batch([0, 1, 2, 3], np.random.default_rng(31))


def card(call, row, names):
    """The words of one example with what is to be guessed, and its picture with the objects that are left."""
    ids, labels = call["input_ids"][row], call["labels"][row]
    tokens = [token for token in tokenizer.convert_ids_to_tokens(ids.tolist()) if token != "[PAD]"]
    truth = [tokenizer.convert_ids_to_tokens([int(label)])[0] if label >= 0 else "" for label in labels[: len(tokens)]]
    hidden = call["obj_labels"]["feat"][1][row, : len(names)]
    show(draw_tiles(tokens, truth), draw_picture(example_picture(), pictures["ours"], names, 1 - hidden))


card(call, 0, describe(pictures["ours"]))

# %% [markdown]
# The model must guess the words below the tiles. A hidden object loses its *features* and keeps its *box*: the model
# knows where something is, not what.
#
# ## Hiding words: 15 %, and then 80 / 10 / 10
#
# 15 % of the words are chosen. Of those, 80 % become [MASK], 10 % another word, and 10 % stay as they are. Why not
# [MASK] for all? In later use there is no [MASK], and a model could learn to predict only where it sees one. A chosen
# word that looks unchanged makes it predict from every word (Devlin et al. 2019, section 3.1). The shares, counted
# over many draws:

# %%
ids = np.tile(tokenizer(QUESTION)["input_ids"], (3000, 1))
maskable = np.isin(ids, batches.ordinary)  # never [CLS] or [SEP]
seen, labels = mask_words(ids, maskable, tokenizer.mask_token_id, batches.ordinary, np.random.default_rng(0))

chosen = labels >= 0
fates = {
    "chosen, of all words": chosen.sum() / maskable.sum(),
    "… now [MASK]": (seen[chosen] == tokenizer.mask_token_id).mean(),
    "… now another word": ((seen[chosen] != tokenizer.mask_token_id) & (seen[chosen] != ids[chosen])).mean(),
    "… as it was": (seen[chosen] == ids[chosen]).mean(),
}
show(draw_bars(list(fates), list(fates.values())))
assert (labels[~chosen] == -1).all()  # where nothing was chosen there is nothing to learn

# %% [markdown]
# (The last share is a little over 10 %: "another word" is drawn from all words and is sometimes the same one.)
#
# Objects are treated in the same way: 15 % are chosen; of those 80 % become zeros, and 10 % get the features of
# another object.
#
# ## Foreign sentences
#
# With probability ½ a picture gets the sentence of *another* picture (in the paper: a mismatched one), and the model
# must notice. `mismatch` never takes a sentence of the same picture: its label would be wrong.

# %%
source, own = mismatch(
    by_picture([example.image for example in examples]), range(len(examples)), np.random.default_rng(3)
)
for row, (place, mine) in enumerate(zip(source, own, strict=True)):
    print(f"{examples[row].image:<6} gets {examples[place].text!r:<54} {'its own' if mine else 'FOREIGN'}")

# %% [markdown]
# The **words** of a foreign sentence are hidden and learnt like those of any other. (The paper says: only of matching
# pairs. The authors' code takes all; [differences.md](differences.md).) Its **answer** does not count: the question is
# about another picture.
#
# ## Five losses
#
# One pass gives all losses. The paper's five tasks are: masked words, matching, the detected labels of the objects
# (class and attribute), the objects' features, and the answer. `read` checks the call, `compute` computes the scores,
# and `pretraining_losses` takes one task at a time:

# %%
inputs, targets = model.read(**call)
run, scores, losses, _ = model.compute(inputs, targets)

alone = {task: {task: target} for task, target in targets.items() if task != "visual"}
alone |= {f"visual: {kind}": {"visual": {kind: target}} for kind, target in targets["visual"].items()}
values = {}
for name, target in alone.items():
    found, _ = pretraining_losses(scores, target, model.config.visual_loss_normalizer)
    values[name] = float(sum(found.values()))
show(draw_bars(list(values), list(values.values()), unit=""))
print(f"together {sum(values.values()):.4f}, as the model says {float(sum(losses.values())):.4f}")

# %% [markdown]
# ## What each is averaged over
#
# A "mean loss" must say what the mean is over. This table is computed from the labels of the batch. The means are
# those of the published code:

# %%
b, m = inputs.feats.shape[:2]
visible = int(call["visual_attention_mask"].sum())
counts = {
    "masked_lm": f"{(targets['masked_lm'] >= 0).sum()} chosen words of {inputs.words.size} places",
    "matched": f"{b} pairs",
    "ans": f"{(targets['ans'] >= 0).sum()} of {b} examples have an answer that counts",
    "visual: obj": f"ALL {b}·{m} = {b * m} places, weighted by the detector's confidence; {visible} hold an object",
    "visual: attr": f"the same {b * m}",
    "visual: feat": f"ALL {b * m} places, weight 1 for the {int(targets['visual']['feat'][1].sum())} chosen, else 0",
}
for name, count in counts.items():
    print(f"{name:<13} {values[name]:7.4f}  mean over {count}")

# %% [markdown]
# There are two kinds of mean. The loss of the words is a mean over the *chosen* words: hide more, and it stays about
# the same. The losses of the objects are means over *all places of the batch*, hidden or not, empty or not. So the
# same objects count less when another picture of the batch has many objects. Here is the first example alone, and then
# with empty places added:


# %%
def object_loss(call):
    return float(model(**call).losses["visual"])


def alone_with(call, empty):
    """The first example, with some hidden places behind its objects, as in the company of a crowded picture."""
    count = int(call["visual_attention_mask"][0].sum())

    def grow(x, fill=0):
        around = [(0, 0), (0, empty)] + [(0, 0)] * (x.ndim - 2)
        return np.pad(x[:1, :count], around, constant_values=fill)

    labels = {kind: (grow(y, -1 if kind != "feat" else 0), grow(w)) for kind, (y, w) in call["obj_labels"].items()}
    places = {name: grow(call[name]) for name in ("visual_feats", "visual_pos", "visual_attention_mask")}
    return {
        "input_ids": call["input_ids"][:1],
        "attention_mask": call["attention_mask"][:1],
        **places,
        "obj_labels": labels,
    }


for empty in (0, len(pictures["ours"])):
    print(f"{empty} empty places: object losses {object_loss(alone_with(call, empty)):.5f}")

# %% [markdown]
# Twice the places, half the loss, though the scores are the same. (The published weight 6.67 = 1 / 0.15 makes up for
# the 15 % in the feature loss. The label losses get the same weight.)
#
# The loss of masked words by hand is minus the log of the probability of the true word, as a mean over the chosen words
# $1 … R$:
#
# $$L = -\frac{1}{R} \sum_r \log p_r$$

# %%
words = targets["masked_lm"].reshape(-1)
rows = np.flatnonzero(words >= 0)
probability = softmax(scores["prediction_logits"].reshape(len(words), -1))[rows, words[rows]]
print(f"by hand {-np.log(probability).mean():.6f}, cross_entropy {values['masked_lm']:.6f}")

nothing, gradient = cross_entropy(scores["prediction_logits"][0], np.full(inputs.words.shape[1], -1))
print(f"a batch in which nothing was chosen: loss {abs(nothing)}, largest gradient {np.abs(gradient).max()}")

# %% [markdown]
# A mean over no rows is 0/0, which is NaN in PyTorch, and one NaN in the loss makes every weight NaN. Here the loss is
# 0, and so is its gradient.
#
# ## What it is good for
#
# Hide one word of a caption and ask. With our picture, with another one, and with no object to see:

# %%
caption = "the [MASK] circle is left of the blue square"
nobody = detect(np.full_like(example_picture(), 205))
for name, objects in (("our picture", pictures["ours"]), ("the other", pictures["other"]), ("nothing to see", nobody)):
    ids = tokenizer(caption, return_tensors="np")
    seen = {"visual_feats": objects.features[None], "visual_pos": objects.normalised_boxes[None]}
    output = model(**ids, **seen)
    place = int(np.flatnonzero(ids["input_ids"][0] == tokenizer.mask_token_id)[0])
    guesses = softmax(output.prediction_logits[0, place])
    best = np.argsort(-guesses)[:4]
    told = ", ".join(
        f"{w} {guesses[i]:.0%}" for i, w in zip(best, tokenizer.convert_ids_to_tokens(best.tolist()), strict=True)
    )
    print(f"{name:<15} {told:<52} match {output.match_probability[0]:.0%}")

# %% [markdown]
# Grammar says that a size or a colour is missing. Only the picture says which. *Cross-modality* pre-training teaches
# the model to look there.
#
# ## Try it yourself
#
# [Exercises](exercises/README.md) 12 (cross-entropy), 17 (hiding words), 18 (object losses) and 19 (matched pairs)
# belong to this chapter.
#
# ## Files of this chapter
#
# [training/masking.py](../minilxmert/training/masking.py): what is hidden ·
# [training/batches.py](../minilxmert/training/batches.py): from examples to a call ·
# [core/losses.py](../minilxmert/core/losses.py): labels, loss functions with their gradients, and the named sums of
# them. In the paper: section 3.1.
#
# ## Questions
#
# **1.** Why may [CLS], [SEP] and [PAD] never be chosen for hiding?
#
# <details><summary>Answer</summary>
#
# They have no content to guess: their places are fixed. And matching and answers are read from [CLS].
# </details>
#
# **2.** You see `matched` at 0.693 for hundreds of steps. What does the model do, and is it broken?
#
# <details><summary>Answer</summary>
#
# 0.693 is ln 2: it says 50 % to everything. It has not yet found the connection of words and objects. In our runs this
# plateau is long and ends suddenly: chapter 10.
# </details>
#
# **3.** Somebody averages the feature loss over the hidden objects only. By what factor is theirs larger, on average?
#
# <details><summary>Answer</summary>
#
# By 1 / 0.15 = 6.67, if no place is empty: only 15 % of the places contribute. The published weight makes up for that.
# </details>
