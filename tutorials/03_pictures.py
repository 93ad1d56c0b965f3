# %% [markdown]
# # 3 · Pictures: from pixels to objects
#
# **You will be able to** say what a detector hands to LXMERT, compute a box in 0…1 and a feature by hand, recognise
# the usual mistakes with boxes, and explain how an object becomes a vector as wide as a word's.
#
# LXMERT does not read pixels. A **detector** finds the objects first. For each it gives a **box** (where it is) and a
# **feature** (a row of numbers: what it looks like). For photographs the detector is a large network, Faster R-CNN.
# For our drawn world a small program does the same job.
#
# Letters: **M** objects, **F** numbers of a feature, **E** numbers of a token or object inside the model.

# %%
from dataclasses import replace

import numpy as np

from minilxmert import LxmertForQuestionAnswering, LxmertTokenizer, MinilxmertError
from minilxmert.ask import call_arguments
from minilxmert.core.boxes import check_boxes, normalise_boxes
from minilxmert.core.encoder import embed_objects
from minilxmert.core.ops import layer_norm, linear
from minilxmert.scenes.detector import CELLS, describe, detect, find_regions
from minilxmert.teaching import OBJECTS, QUESTION, SCENE, draw_matrix, draw_picture, example_picture, show, weights

picture = example_picture()
show(draw_picture(picture))
print("picture (height, width, 3):", picture.shape, picture.dtype)

# %% [markdown]
# A picture is an array of whole numbers, three for each pixel: how much red, green and blue, each 0 … 255. Here are
# two of the three around the little star. Yellow has much red and little blue; the grey ground has much of both. In
# which part can you see the star?

# %%
for color, part in (("red", 0), ("blue", 2)):
    show(draw_matrix(picture[22:35, 99:114, part], title=f"{color}, rows 22 to 34, columns 99 to 113"))

# %% [markdown]
# ## Regions of one colour
#
# In the red part the star is only a little brighter than the ground. In the blue part it stands out. So a detector
# must look at all three parts. Ours looks for **connected** pixels of nearly one colour. Each such region gets a
# number. Regions along much of the border are background. Below, every region is painted in a colour of its own.

# %%
labels, found = find_regions(picture)
chosen = np.isin(labels, list(found))
paint = np.random.default_rng(3).integers(40, 220, (labels.max() + 1, 3)).astype(np.uint8)
show(draw_picture(np.where(chosen[..., None], paint[labels], np.uint8(255))))
for number, box in found.items():
    print(f"region {number:>3}: {int((labels == number).sum()):>4} pixels, box {box}")

# %% [markdown]
# ## Boxes
#
# A box is four numbers: **x0 y0 x1 y1**, the left, upper, right and lower edge in pixels. x counts from the left, y
# from the *top*. LXMERT takes them as parts of the picture, 0 … 1: x divided by the width and y by the height. A box
# then means the same in a picture of any size.

# %%
objects = detect(picture)
show(draw_picture(picture, objects, describe(objects)))
boxes = normalise_boxes(objects.boxes, objects.width, objects.height)
show(draw_matrix(boxes, describe(objects), ["x0", "y0", "x1", "y1"], OBJECTS))

# %% [markdown]
# Wrong boxes are a silent mistake: a model that is given pixels or (x, y, width, height) still answers, only badly.
# This package refuses what cannot be right:

# %%
wide = np.stack([boxes[:, 0], boxes[:, 1], boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]], axis=1)
for what, wrong in (("pixels", objects.boxes), ("x, y, width, height", wide)):
    try:
        check_boxes(wrong)
    except MinilxmertError as problem:
        print(f"{what}: {problem}")
try:
    normalise_boxes(objects.boxes, objects.height, objects.width)
except MinilxmertError as problem:
    print(f"width and height swapped: {problem}")

# %% [markdown]
# ## Features
#
# The contents of the box are cut out and shrunk to 6 × 6 fields. Each field keeps four numbers: mean red, green and
# blue, shifted and scaled to be around 0, and the share of the field that belongs to the object. That makes F numbers
# for each object. Here they are as tiny pictures, and the shares of the red circle as numbers:

# %%
fields = objects.features.reshape(-1, CELLS, CELLS, 4)  # (M, 6, 6, 4)
print("features (M, F):", objects.features.shape)
outside = 1 - fields[..., 3:]
tiny = np.clip(fields[..., :3] * 64 + 128 + 127 * outside, 0, 255).astype(np.uint8)  # what is outside shows white
framed = np.pad(tiny, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=255)
show(draw_picture(np.concatenate(list(framed), axis=1)))
circle = describe(objects).index("red circle")
show(draw_matrix(fields[circle, :, :, 3], color=OBJECTS, title="red circle: share of each field that is covered"))

# %% [markdown]
# Size and place are *gone* from the feature: a large and a small circle look alike in 6 × 6. That is on purpose. The
# feature says what a thing is, the box says where. We move, shrink and paint the circle, and see which of the two
# changes.

# %%
first, *others = SCENE.things
for what, change in (("moved", {"x": 40, "y": 76}), ("shrunk", {"r": 5}), ("painted green", {"color": "green"})):
    scene = replace(SCENE, things=(replace(first, **change), *others))
    seen = detect(scene.picture(np.random.default_rng(0)))
    here = int(np.abs(seen.boxes.mean(1) - np.mean(scene.things[0].box)).argmin())
    feature = np.abs(seen.features[here] - objects.features[circle]).mean()
    box = np.abs(seen.normalised_boxes[here] - boxes[circle]).mean()
    print(f"{what:<14} feature changes by {feature:.3f}, box by {box:.3f} (means of absolute differences)")

# %% [markdown]
# ## Objects become vectors
#
# Feature and box differ in width (F and 4) and in scale. Each gets its own **linear map** to E numbers and its own
# LayerNorm. Then the two are averaged, so both count alike.

# %%
model = LxmertForQuestionAnswering.from_pretrained(weights())
p, eps = model.params["objects"], model.config.layer_norm_eps
feats, places = objects.features[None], boxes[None]  # (B, M, F) and (B, M, 4), B = 1
by_feature = layer_norm(linear(feats, p["feats"]), p["feats_norm"], eps)  # (B, M, E)
by_box = layer_norm(linear(places, p["boxes"]), p["boxes_norm"], eps)  # (B, M, E)
ready = embed_objects(feats, places, p, model.config)
print("largest difference:", float(np.abs(ready - (by_feature + by_box) / 2).max()))
show(draw_matrix(ready[0], describe(objects), color=OBJECTS, title="objects (M, E)"))

# %% [markdown]
# Now objects are rows of E numbers, exactly like words. So the two can meet in one model.
#
# Because of the LayerNorm, the *scale* of features hardly matters, but their order does:

# %%
louder = embed_objects(10 * feats, places, p, model.config)
print("all features × 10 changes the vectors by at most", f"{np.abs(louder - ready).max():.2g}")
mixed = embed_objects(feats[..., ::-1], places, p, model.config)
print("the features in reverse order changes them by up to", f"{np.abs(mixed - ready).max():.2g}")

# %% [markdown]
# The second line is a mistake that no check of shapes can find. Features in another order, or of a detector that was
# given BGR instead of RGB, have the right shape and plausible values, and the answers are nonsense.
# `objects.summary()` prints what can be seen at a glance:

# %%
print(objects.summary())

# %% [markdown]
# ## A set, not a sequence
#
# Unlike words, objects have no order. Shuffle features and boxes together, and the answer stays.

# %%
tokenizer = LxmertTokenizer.from_pretrained(weights())
order = np.random.default_rng(1).permutation(len(objects))
shuffled = replace(objects, boxes=objects.boxes[order], features=objects.features[order])
scores = [
    model(**call_arguments(model, tokenizer, [QUESTION], [one])).question_answering_score for one in (objects, shuffled)
]
print("order", order, "changes the scores by at most", f"{np.abs(scores[0] - scores[1]).max():.1g}")

# %% [markdown]
# ## Try it yourself
#
# [Exercises](exercises/README.md) 1 (boxes in 0…1), 4 (objects become vectors), 15 (overlap of boxes) and 16
# (connected components) belong to this chapter. Or draw a picture in any program, save it as PNG, and ask about it:
# `minilxmert answer --image my.png --question "what color is the circle ?"`.
#
# ## Files of this chapter
#
# [scenes/detector.py](../minilxmert/scenes/detector.py) · [objects.py](../minilxmert/vision/objects.py) ·
# [boxes.py](../minilxmert/core/boxes.py) · `embed_objects` in [encoder.py](../minilxmert/core/encoder.py)
#
# ## Questions
#
# **1.** Two circles of one colour and size stand in a picture. What tells their vectors apart?
#
# <details><summary>Answer</summary>
#
# Their boxes alone; their features are nearly the same. Without the box half the model could not answer "left of".
# </details>
#
# **2.** The picture is 128 × 96. Someone divides both x and y by 128. What goes wrong, and would the check notice?
#
# <details><summary>Answer</summary>
#
# Everything moves up: the bottom of the picture is at 0.75. All values are in 0…1 and in order, so no check can
# notice. Only the answers to questions about above and below get worse. In a square picture nobody would see the
# mistake at all; that is why our canvas is not square.
# </details>
#
# **3.** Why is the mean of two LayerNorms better than one LayerNorm over the sum of the two maps?
#
# <details><summary>Answer</summary>
#
# If one of the two is a hundred times larger, the sum is nearly that one alone, and one LayerNorm over the sum cannot
# bring the other back. With a LayerNorm each, both enter with equal weight, whatever their scales.
# </details>
#
# Next: [4 Attention](04_attention.py).
