# %% [markdown]
# # 14 · From a photograph to objects
#
# **You will be able to** follow a photograph through a detector: the blocks of a JPEG, the feature map, anchors,
# proposals, suppression, RoI pooling, classes; and say where the time goes.
#
# The miniature's own detector (chapter 3) knows plain shapes on a plain ground. LXMERT's objects come from a large
# network, a **Faster R-CNN** with 65 million parameters that has learnt from some 100,000 photographs. Here we walk
# through its stages with a tiny one. Its weights are **random**, so it finds nothing sensible. What each stage does can
# be seen all the same.
#
# Letters: **H, W** rows and columns of a map, **C** channels, **A** anchors a cell, **N** boxes, **F** numbers of a
# feature.

# %%
from types import SimpleNamespace

import numpy as np

from minilxmert import FasterRcnn
from minilxmert.detector import arithmetic, network, recipes
from minilxmert.detector.recipes import resized
from minilxmert.detector.weights import random_params
from minilxmert.teaching import OBJECTS, draw_bars, draw_matrix, draw_picture, show
from minilxmert.vision.jpeg import to_samples

y, x = np.mgrid[:120, :160].astype(np.float32)
picture = np.stack([90 + 0.5 * y, 110 + 0.4 * x, 150 - 0.3 * y], 2)  # a ground that changes slowly
balls = {
    "left": (45, 50, 24, (200, 60, 40)),
    "right": (115, 70, 30, (40, 90, 190)),
    "small": (80, 24, 11, (220, 190, 60)),
}
for cx, cy, r, color in balls.values():
    depth = np.sqrt(np.maximum(1 - ((x - cx) ** 2 + (y - cy) ** 2) / r**2, 0))[..., None]  # light falls from the front
    picture = np.where(depth > 0, (0.3 + 0.7 * depth) * np.array(color), picture)
grain = np.random.default_rng(0).normal(0, 3, picture.shape)
picture = (picture + grain).clip(0, 255).astype(np.uint8)
things = np.array([(cx - r, cy - r, cx + r, cy + r) for cx, cy, r, _ in balls.values()], np.float32)
show(draw_picture(picture))

# %% [markdown]
# Three balls that somebody might have photographed: nothing in it has one colour.
#
# ## 8 × 8 pixels of a JPEG
#
# A photograph comes as a JPEG. Each plane of it is cut into blocks of 8 × 8 pixels, and a block is kept as a **sum of
# 64 cosines**: how much of each, rounded to whole steps. The first cosine is constant, so it holds the mean; the later
# ones change quickly, and most of them are so faint that they round to 0. That is what makes the file small.

# %%
k, n = np.mgrid[:8, :8]
cosines = np.cos((2 * n + 1) * k * np.pi / 16) * np.where(k == 0, np.sqrt(1 / 8), 0.5)  # (8, 8), a cosine a row
block = picture[66:74, 100:108].mean(2) - 128  # on the right ball
amounts = cosines @ block @ cosines.T  # down, then across
kept = np.rint(amounts / 6) + 0.0  # no -0
show(draw_matrix(kept, title=f"steps of 6: {int((kept == 0).sum())} of 64 are 0"))
back = to_samples(kept.astype(np.int16).reshape(1, 1, 64), np.full(64, 6))  # as the reader does it, in whole numbers
again = cosines.T @ (6 * kept) @ cosines + 128
print("the reader and the sum of cosines differ by at most", round(float(np.abs(back - again).max()), 2))
print("the picture and what came back differ by at most", round(float(np.abs(back - block - 128).max()), 1), "of 255")

# %% [markdown]
# ## A map instead of pixels
#
# The picture is made larger (for LXMERT: 600 pixels on the short side), its channels are turned round to blue, green,
# red, and a mean is subtracted. Then a **ResNet** makes it smaller and deeper, stage by stage. What it leaves is a
# **map**: a cell for each 16 × 16 pixels, with C numbers that describe what is there and around it. The published one
# has 1,024 channels; ours has 32.

# %%
widths = {"backbone.res2": (1, 8), "backbone.res3": (1, 8), "backbone.res4": (2, 8), "roi_heads.res5": (2, 16)}
params = random_params(np.random.default_rng(7), stages=widths, sides=(24, 48, 96), hidden=16, classes=5, attributes=4)
small = recipes.Settings(shortest=240, longest=400, candidates=300, proposals=30, resolution=6, least=5, most=5)
recipe = SimpleNamespace(**{**vars(recipes.AUTHORS), "shortest": 240, "longest": 400})
image, factors = resized(picture, small, recipe)  # (H, W, 3) float32
seen = image[None]
print("picture", picture.shape, "→ input", image.shape, "of", round(float(image.min())), "…", round(float(image.max())))
for name, step in (
    ("stem", lambda m: network.stem(m, params["stem"])),
    ("res2", lambda m: network.stage(m, params["res2"])),
    ("res3", lambda m: network.stage(m, params["res3"], 2)),
    ("res4", lambda m: network.stage(m, params["res4"], 2)),
):
    seen = step(seen)
    print(f"{name} → {seen.shape}")
show(draw_matrix(seen[0, :, :, 0], color=OBJECTS, title="one channel of the map (H, W)"))

# %% [markdown]
# The balls can be seen in it even with random weights: a convolution answers to edges whatever its numbers are.
#
# ## Anchors
#
# A thing may be anywhere and of any size. So the network does not invent boxes; it starts from **anchors**: around
# every cell stand the same A boxes, of several sizes, each wide, square and tall. Here are the nine of one cell.

# %%
anchors = network.place_anchors(params["anchors"], seen.shape[1:3])  # (H · W · A, 4), pixels of the input
print(f"{seen.shape[1]} × {seen.shape[2]} cells × {len(params['anchors'])} = {len(anchors)} anchors")
height, width = image.shape[:2]
cell = (seen.shape[1] // 2) * seen.shape[2] + seen.shape[2] // 2
nine = anchors[cell * 9 : cell * 9 + 9].clip(0, [width, height, width, height])
show(draw_picture(picture, SimpleNamespace(boxes=nine * factors[0]), [""] * 9))

# %% [markdown]
# ## Proposals
#
# A small network, the RPN, looks at each cell and says for each of its anchors two things: a number, how much the
# anchor looks like *some* thing, and four **deltas**, how to move and stretch it. Its weights are random here, so its
# numbers mean nothing. But we know what training would make of them: high numbers where an anchor lies well on a
# thing. We have drawn the things, so we can compute that: the **overlap** (intersection over union) with the best one.

# %%
logits, deltas = network.rpn(seen, params["rpn"])
print("numbers", logits.shape, "and deltas", deltas.shape, "by the network")


def overlap(a, b):
    """Intersection over union of boxes a (A, 4) with each of b (B, 4) -> (A, B)"""
    sides = np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])
    shared = np.maximum(sides, 0).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (a, b)]
    return shared / (areas[0][:, None] + areas[1] - shared)


scores = overlap(anchors, things / factors[0]).max(1)
order = np.argsort(-scores, kind="stable")
boxes, scores = anchors[order], scores[order]
print("best overlaps:", scores[:6].round(2), "; above one half:", int((scores > 0.5).sum()), "of", len(scores))
best = SimpleNamespace(boxes=boxes[:12] * factors[0])
show(draw_picture(picture, best, [f"{s:.2f}" for s in scores[:12]]))

# %% [markdown]
# ## Suppression
#
# Good boxes come in heaps: the neighbours of a good anchor are good, too. **Suppression** keeps the best box, drops all
# that overlap it by more than a threshold, keeps the best of those that are left, and so on. The proposals are thinned
# out at 0.7, the results at 0.3: so strictly that one box a thing should stay.

# %%
for threshold in (0.7, 0.5, 0.3, 0.1):
    kept = arithmetic.suppress(boxes[:60], threshold, 60)
    print(f"threshold {threshold}: of 60 boxes {len(kept):>2} stay, the best of them {kept[:6]}")
three = arithmetic.suppress(boxes, 0.1, 3)
show(draw_picture(picture, SimpleNamespace(boxes=boxes[three] * factors[0]), [f"{s:.2f}" for s in scores[three]]))

# %% [markdown]
# The first of equal scores stays. And a box is *not* dropped because of one that has been dropped itself: in a chain of
# boxes, each overlapping only its neighbours, every second one stays.

# %%
chain = np.array([[10 * i, 0, 10 * i + 20, 20] for i in range(5)], np.float32)  # neighbours overlap by a third
print(
    "overlaps of neighbours:",
    overlap(chain, chain)[0, :3].round(2),
    "→ stay at 0.3:",
    arithmetic.suppress(chain, 0.3, 5),
)

# %% [markdown]
# ## RoI pooling
#
# Boxes differ in size, the next stage wants one size. So each box is laid on the map and cut into bins, 14 × 14 as
# published, and of each bin the **largest** value is taken, channel by channel. Corners are rounded to whole cells
# first, and bins to whole cells outwards, so that they may share cells. Below, a map of 6 × 8 whose values tell the
# place: 12 is row 1, column 2.

# %%
stride = network.STRIDE  # 16 pixels a cell
places = (10 * np.arange(6)[:, None] + np.arange(8)).astype(np.float32)[..., None]  # (H, W, 1)
box = np.array(
    [[0.6 * stride, 1.4 * stride, 5.5 * stride, 4.2 * stride]], np.float32
)  # corners in cells: 0.6 1.4 5.5 4.2
pooled = arithmetic.roi_pool(places, box, 3, 1 / stride)[0, :, :, 0]
show(
    draw_matrix(places[..., 0], title="the map"), draw_matrix(pooled, color=OBJECTS, title="rows 1 … 4, columns 1 … 6")
)

# %% [markdown]
# Rows 1 … 4 make three bins of 4/3 rows: 1–2, 2–3, 3–4. Rows 2 and 3 are in two of them. Half a cell rounds away from
# zero, so 5.5 became column 6. (NumPy's `rint` takes the even number: 6 here, but 4 for 4.5.)
#
# ## What is in the box
#
# The last stage, res5, looks at each pooled box by itself. The mean of its output is the **feature**: the row that
# LXMERT reads, 2,048 numbers wide as published. Linear maps turn it into classes and attributes. The last class means
# "background", no thing at all; it takes part in the softmax and is then left out.

# %%
found = network.features(seen[0], boxes[three], params["res5"], small.resolution)  # (N, F)
probabilities, _ = network.classify(found, params)
print("features (N, F):", found.shape, "→ classes (N, K):", probabilities.shape)
print("what is missing to 1 is background:", (1 - probabilities.sum(1)).round(2))
detector = FasterRcnn(params, small)
objects = detector(picture, "huggingface")
print(objects.summary())
print(", ".join(detector.names(objects)))

# %% [markdown]
# That is the whole road in one call. With the published weights the call is the same and the names are words:
# `minilxmert answer --detector frcnn-vg-finetuned --image photo.jpg --question "…"`.
#
# ## Where the time goes
#
# Multiplications of the published network for a photograph of 600 × 800 and 150 proposals, in 10⁹:

# %%
res5 = 196 * (1024 * 512 + 1024 * 2048 + 2 * 2048 * 512 + 3 * (9 * 512 * 512 + 512 * 2048)) / 1e9  # a box
costs = {"stem": 1.1, "res2": 6.4, "res3": 9.1, "res4": 49.4, "proposals": 9.0, "res5": 150 * res5}
show(draw_bars(list(costs), list(costs.values()), unit=""))

# %% [markdown]
# res5 works on 14 × 14 cells for every box; that is five sixths of everything. So with half as many proposals there is
# little more than half as much to multiply.
#
# ## Try it yourself
#
# [Exercises](exercises/README.md) 27 (suppression), 28 (RoI pooling) and 29 (the inverse cosine transform) belong to
# this chapter.
#
# ## Files of this chapter
#
# [detector/](../minilxmert/detector/): [recipes](../minilxmert/detector/recipes.py), with the resizing, and
# [network](../minilxmert/detector/network.py), a stage a function;
# [frcnn](../minilxmert/detector/frcnn.py), which puts them together; the
# [arithmetic](../minilxmert/detector/arithmetic.py) that they share. JPEG:
# [vision/jpeg.py](../minilxmert/vision/jpeg.py), and its [loops](../minilxmert/kernels/jpeg.py): bits and cosines.
#
# ## Questions
#
# **1.** Somebody feeds the network with red, green, blue instead of blue, green, red. Is there an error message?
#
# <details><summary>Answer</summary>
#
# No. Shapes and sizes are right, and even the features look plausible. Only the answers get worse. A published program
# did just that; a user saw the accuracy on GQA fall from 59 % to 33 % (transformers #8769;
# [differences](differences.md)).
# </details>
#
# **2.** Two boxes have the same score and overlap by 0.8. Which one stays, and why must that be fixed?
#
# <details><summary>Answer</summary>
#
# The first. If it were left to the sorting, the same picture could give other objects on another machine, and nobody
# could compare features.
# </details>
#
# **3.** Why does RoI pooling take the largest value of a bin and not the mean?
#
# <details><summary>Answer</summary>
#
# A channel answers to a pattern. The strongest answer says whether the pattern is in the bin; a mean would
# depend on how many cells the bin has, and so on the size of the box.
# </details>
